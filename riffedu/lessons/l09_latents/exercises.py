"""Exercises of notebooks/09_latents.ipynb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.signal.mel import hz_to_mel, mel_to_hz
from riffedu.widgets.answers import as_array, as_number, as_words
from riffedu.widgets.verdict import check, hint, right, run

_SOUNDS_LIKE = {
    "picture": "From its picture alone, the flute's attacks stay clear.",
    "latents": "Through the latents, the tune is the same but blurred, with a flutter.",
    "one row up": "One row up, the tune is higher and its overtones no longer fit.",
    "mixed": "Mixed, strings sound along with the flute.",
}
TUNES = dict(zip("ABCD", map(str, np.random.default_rng(8).permutation(list(_SOUNDS_LIKE)))))


@check
def check_code(my_code: Callable[..., Any]) -> object:
    """Check that ``my_code(squares, count)`` gives the mean patch and the principal components."""
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((12, 12)))[0]
    strengths = np.geomspace(3, 0.1, 12)
    squares = (random.standard_normal((400, 12)) * strengths) @ basis.T + np.linspace(4, 9, 12)
    count = 4
    answer = run(my_code, squares.copy(), count)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return hint("Return two things: return mean, patterns.")
    mean = as_array(answer[0], None, "The mean")
    if mean.shape != (12,):
        return hint(
            f"The mean patch has 12 pixels here, shape (12,); yours has {mean.shape}. Take the "
            "mean over the squares: axis=0."
        )
    patterns = as_array(answer[1], None, "The array of patterns")
    if patterns.shape == (12, count):
        return hint("One pattern in each row: yours stand in columns. Transpose with .T.")
    if patterns.shape != (count, 12):
        return hint(
            f"There should be {count} patterns of 12 pixels, shape ({count}, 12); yours has "
            f"{patterns.shape}."
        )
    if not np.allclose(mean, squares.mean(axis=0)):
        if not mean.any():
            return hint("Your mean is all zeros: take the mean of the squares.")
        return hint("The mean patch is not the mean of the squares.")
    if not patterns.any():
        return hint("All patterns are zeros: they must have length 1.")
    if not np.allclose(np.linalg.norm(patterns, axis=1), 1, atol=1e-6):
        return hint("Every pattern must have length 1: divide it by its norm.")
    if not np.allclose(patterns @ patterns.T, np.eye(count), atol=1e-6):
        return hint("The patterns must be at right angles: eigenvectors or SVD give such ones.")
    centred = squares - mean
    _, _, directions = np.linalg.svd(centred, full_matrices=False)

    def error(rows: np.ndarray) -> float:
        return float(np.square(centred - centred @ rows.T @ rows).mean())

    best, yours = error(directions[:count]), error(patterns)
    if yours <= best * (1 + 1e-6):
        return right("These are the principal components: no other patterns leave less error here.")
    _, _, off_centre = np.linalg.svd(squares, full_matrices=False)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    mistakes = {
        "Those are the weakest directions. eigh sorts upwards: take the last ones.": (
            directions[-count:]
        ),
        "Subtract the mean before you look for directions: the first is now the mean.": (
            off_centre[:count]
        ),
        "eigh puts its eigenvectors in columns: take columns, not rows, and transpose.": (
            vectors[-count:]
        ),
        "Those are single pixels. Look for the directions in which the squares vary most.": (
            np.eye(12)[:count]
        ),
    }
    for message, rows in mistakes.items():
        if np.isclose(yours, error(rows)):
            return hint(message)
    if np.isclose(yours, error(np.linalg.svd(centred, full_matrices=False)[2].T[:count])):
        return hint("svd returns Vᵀ already: its rows are the directions, so don't transpose it.")
    return hint(
        f"They leave an error of {yours:.2f}, and {best:.2f} is possible: take the eigenvectors of "
        "the covariance with the largest eigenvalues."
    )


@check
def check_predictions(predictions: Any) -> object:
    """Check ``predictions`` (bytes, pixels, noise, seconds, hertz); they are computed here."""
    names = ("bytes", "pixels", "noise", "seconds", "hertz")
    if not isinstance(predictions, dict):
        return hint("Give a dict: dict(bytes=…, pixels=…, noise=…, seconds=…, hertz=…).")
    if missing := [n for n in names if predictions.get(n) is None or predictions[n] is ...]:
        return hint(f"“{missing[0]}” is missing: predict a number for each.")
    said = {name: as_number(predictions[name], f"“{name}”") for name in names}
    want = {
        "bytes": 8.0,
        "pixels": 1024.0,
        "noise": _noise_kept(),
        "seconds": 0.96,
        "hertz": float(mel_to_hz(hz_to_mel(440) + 500)),
    }
    slack = {"noise": 0.06, "hertz": 0.01}
    for name in names:
        if np.isclose(said[name], want[name], rtol=slack.get(name, 1e-3), atol=0):
            continue
        for (where, value), message in _PREDICTED.items():
            if where == name and np.isclose(said[name], value, rtol=0.004, atol=1e-9):
                return hint(f"“{name}”: {message}")
        return hint(f"“{name}”: you predicted {said[name]:g}. {_HOW[name]}")
    return right("Sizes, reach, noise, time and pitch: all of it follows from the code's layout.")


def _noise_kept() -> float:
    """The share of white noise's power that a code of 16 numbers for 64 pixels passes."""
    random = np.random.default_rng(0)
    patterns = np.linalg.qr(random.standard_normal((64, 16)))[0].T
    noise = random.standard_normal((4000, 64))
    return float(np.square(noise @ patterns.T @ patterns).sum() / np.square(noise).sum())


_PREDICTED = {
    ("bytes", 1 / 8): "that is upside down: the picture is the larger one.",
    ("bytes", 16): "that counts numbers. Each latent takes 2 bytes.",
    ("bytes", 64): "that counts places. Each holds 4 numbers of 2 bytes.",
    ("bytes", 32): "each of the 64 × 64 places holds 4 numbers.",
    ("bytes", 4): "a latent takes 2 bytes, not 4.",
    ("pixels", 1): "one latent stands for a pattern of a whole square, not for a pixel.",
    ("pixels", 32): "a square has 32 × 32 pixels.",
    ("pixels", 512 * 512): "a linear code of squares draws each square for itself.",
    ("pixels", 9 * 1024): "the neighbouring squares stay as they are.",
    ("noise", 16): "give a share: kept directions over all directions.",
    ("noise", 25): "give a share between 0 and 1.",
    ("noise", 1): "that would be all of it; 16 numbers can't hold 64.",
    ("noise", 1 / 32): "that is this lesson's code; here it is 16 numbers of 64.",
    ("noise", 0.5): "that is the share of the amplitude; the power's is its square.",
    ("noise", 0.75): "that is the share that is lost.",
    ("seconds", 0.32): "that is one column.",
    ("seconds", 0.03): "that is three pixel columns; a latent column is 32 of them.",
    ("seconds", 96): "that is the number of pixel columns, 10 ms each.",
    ("hertz", 940): "hertz and mel can't be added: go to mel, add, and go back.",
    ("hertz", 440 * 10 ** (500 / 2595)): "that multiplies only: a transposition. Mind the 700.",
    ("hertz", 440 + 700 * (10 ** (500 / 2595) - 1)): "that adds only: 440 is multiplied, too.",
    ("hertz", 1140 * 10 ** (500 / 2595)): "subtract the 700 again at the end.",
    ("hertz", 1140 * np.exp(500 / 2595) - 700): "the logarithm is to base 10.",
    ("hertz", float(hz_to_mel(440)) + 500): "that is mel: go back to hertz.",
    ("hertz", float(mel_to_hz(hz_to_mel(440) - 500))): "that goes down.",
}
_HOW = {
    "bytes": "Divide the picture's bytes by the latents' bytes.",
    "pixels": "Which squares does a latent of one place draw in?",
    "noise": "White noise is spread evenly over all 64 directions; how many are kept?",
    "seconds": "A latent column is 32 pixel columns, and each of these is 10 ms.",
    "hertz": "Go to mel, add 500, and go back.",
}


def four_tunes(pipeline: Any) -> dict[str, np.ndarray]:
    """Return the sounds A to D, 2.56 s at 44.1 kHz: the tune, treated in four ways."""
    import torch

    from riffedu.signal.audio import clip, set_level
    from riffedu.signal.convert import audio_to_image
    from riffedu.signal.reconstruct import image_to_audio

    image, other = (
        audio_to_image(clip(name)[0][: round(2.56 * 44100)], 44100)
        for name in ("tune", "sustained")
    )
    one, two = (pipeline.encode_image(each) for each in (image, other))
    higher = torch.cat([one[:, :, 1:], one[:, :, -1:]], dim=2)
    codes = {"latents": one, "one row up": higher, "mixed": (one + two) / 2}
    made = {name: pipeline.decode_latents(z, image.width)[0] for name, z in codes.items()}
    made["picture"] = image
    return {
        letter: set_level(image_to_audio(made[word], progress=False)[0], -23)
        for letter, word in TUNES.items()
    }


@check
def check_ears(heard: Any) -> object:
    """Check that ``heard`` maps A to D to picture, latents, one row up or mixed."""
    said = as_words(heard, "ABCD", tuple(_SOUNDS_LIKE))
    wrong = [letter for letter in TUNES if said[letter] != TUNES[letter]]
    if wrong:
        more = f" ({len(wrong)} of the four are not right yet.)"
        return hint(f"Listen to {wrong[0]} again. {_SOUNDS_LIKE[said[wrong[0]]]}{more}")
    return right("The picture costs little, the latents cost attacks, and a row is no semitone.")


@check
def check_pause(pause: Callable[..., Any]) -> object:
    """Check ``pause(latents, at, columns, silent)``: columns of silence put in, the end cut off."""
    latents = np.arange(1.0, 3 * 4 * 9 + 1).reshape(3, 4, 9)
    silent = np.array([-1.0, -2.0, -3.0])
    for at, columns in ((3, 2), (5, 1), (0, 4), (4, 0)):
        answer = as_array(run(pause, latents.copy(), at, columns, silent.copy()))
        quiet = np.broadcast_to(silent[:, None, None], (3, 4, columns))
        want = np.concatenate([latents[:, :, :at], quiet, latents[:, :, at : 9 - columns]], axis=2)
        if answer.shape == want.shape and np.allclose(answer, want):
            continue
        if columns and answer.shape == (3, 4, 9 + columns):
            return hint("The sound must keep its length: cut off what is pushed out at the end.")
        if answer.shape != want.shape:
            return hint(f"The shape must stay {latents.shape}, yours is {answer.shape}.")
        if columns == 0:
            return hint("For 0 columns nothing should change. A slice [:-0] is empty.")
        return hint(_pause_mistake(answer, want, latents, at, columns))
    return right(
        "0.32 s of silence for each column, and the pictures of all other columns stay the same."
    )


def _pause_mistake(
    answer: np.ndarray, want: np.ndarray, latents: np.ndarray, at: int, columns: int
) -> str:
    hole = slice(at, at + columns)
    rest = np.delete(np.arange(latents.shape[2]), np.r_[hole])
    muted = latents.copy()
    muted[:, :, hole] = want[:, :, hole]
    if np.allclose(answer, muted):
        return "That mutes what was there. It should come after the pause instead."
    if np.allclose(answer, latents):
        return "Nothing has changed."
    if np.allclose(answer[:, :, rest], want[:, :, rest]):
        if np.allclose(answer[:, :, hole], 0):
            return "Zeros aren't silence: they decode to a grey drone. Put `silent` there."
        if np.allclose(answer[:, :, hole], latents[:, :, hole]):
            return "The columns after `at` are there twice, and no silence: put `silent` first."
        return (
            "The sound is right, the silence is not: channel c of every place gets silent[c]. "
            "silent[:, None, None] has a shape that fits."
        )
    if np.allclose(answer[:, :, : at + columns], want[:, :, : at + columns]):
        return "Up to the pause it is right; after it the sound should go on where it stopped."
    return (
        "latents[:, :, :at] stays; then the silence; then latents[:, :, at:] as far as there "
        "is room. Time is the last axis."
    )
