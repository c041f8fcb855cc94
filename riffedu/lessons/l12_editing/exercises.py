"""Exercises of notebooks/12_editing.ipynb."""

from __future__ import annotations

from typing import Any

import numpy as np

from riffedu.widgets.answers import as_numbers
from riffedu.widgets.verdict import check, hint, right, run


@check
def check_steps_taken(taken: Any) -> object:
    """Check that ``taken(steps, strength)`` returns round(steps · strength)."""
    answers = [
        run(taken, steps, strength)
        for steps, strength in ((20, 0.0), (20, 1.0), (20, 0.6), (25, 0.3), (8, 0.7), (10, 0.33))
    ]
    answers = [float(answer) for answer in answers]
    if np.allclose(answers, [20, 0, 8, 17.5, 2.4, 6.7]) or answers == [20, 0, 8, 18, 2, 7]:
        return hint("Those are the steps left out. Strength 1 is the whole way, from pure noise.")
    if answers[:3] == [0, 20, 12] and answers[3] % 1:
        return hint("7.5 steps can't be walked: round to a whole number.")
    if answers[:3] == [0, 20, 12] and answers[4] == 5:
        return hint("int() cuts off: 0.7 of 8 steps are 5.6, which is nearer to 6. Use round().")
    if answers == [0, 20, 12, 8, 6, 4]:
        return hint("That rounds up: 0.33 of 10 steps are 3.3, which is nearer to 3. Use round().")
    if answers[0] != 0:
        return hint("At strength 0 nothing changes: no step is taken.")
    if answers[1] != 20:
        return hint("At strength 1 all steps are taken.")
    if answers != [0, 20, 12, round(7.5), 6, 3]:
        return hint("A share `strength` of the steps, rounded to a whole number.")
    return right(
        "The steps before that are skipped: your noisy sound takes the place of their result."
    )


@check
def check_keep(keep: Any) -> object:
    """Check that ``keep(new, known, mask)`` gives mask · new + (1 − mask) · known."""
    new, known = np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])
    mask = np.array([1.0, 0.0, 0.25])
    answer = np.asarray(run(keep, new, known, mask), dtype=np.float64)
    if answer.shape != new.shape:
        return hint(f"One number for each place: shape {new.shape}, yours is {answer.shape}.")
    mistakes = {
        "Exchanged: the mask is 1 where new sound is wanted.": (1 - mask) * new + mask * known,
        "Nothing is kept: where the mask is 0, return `known`.": mask * new,
        "What is known is added on top everywhere: weight it by 1 − mask.": mask * new + known,
        "Between 0 and 1 the mask mixes; np.where knows only yes and no.": (
            np.where(mask > 0, new, known)
        ),
    }
    for message, values in mistakes.items():
        if np.allclose(answer, values):
            return hint(message)
    if np.allclose(answer, np.where(mask > 0.5, new, known)):
        return hint("Between 0 and 1 the mask mixes; np.where knows only yes and no.")
    if not np.allclose(answer, mask * new + (1 - mask) * known):
        return hint("A share `mask` of the new one, and the rest of what was there.")
    return right(
        "One line, and a model that was never taught to keep anything keeps what you like."
    )


@check
def check_after(after: Any) -> object:
    """Check ``after(columns, seconds)``: 1 for columns from ``seconds`` on, else 0."""
    answer = np.asarray(run(after, 512, 2.0), dtype=np.float64)
    if answer.shape != (512,):
        return hint(f"One number for each of the 512 columns; yours has shape {answer.shape}.")
    wanted = (np.arange(512) >= 200).astype(float)
    if np.array_equal(answer, 1 - wanted):
        return hint("Exchanged: 1 is where something new is made, here after 2 s.")
    if np.array_equal(answer, (np.arange(512) > 200).astype(float)):
        return hint("Column 200 begins at 2.00 s sharp, and belongs to what comes after.")
    if np.array_equal(answer, (np.arange(512) >= 2).astype(float)):
        return hint("That counts columns as seconds. A column lasts 10 ms.")
    if np.array_equal(answer, (np.arange(512) >= 20).astype(float)):
        return hint("A column lasts 10 ms, so a second has 100 of them, not 10.")
    if not np.array_equal(answer, wanted):
        return hint("Compare np.arange(columns) with the column that begins at that moment.")
    if not np.array_equal(run(after, 100, 0.5), (np.arange(100) >= 50).astype(float)):
        return hint("Right for 512 columns and 2 s only: use the arguments.")
    return right("np.outer(pitch, time) makes a rectangle of it and a mask of the rows.")


@check
def check_predictions(predictions: Any) -> object:
    """Five predictions about masks, windows and steps; the library is asked here."""
    names = ("taken", "kept", "windows", "questions", "strokes")
    said = as_numbers(predictions, names)
    found = _counted()
    usual: dict[str, dict[float, str]] = {
        "taken": {
            10: "taken: those are the steps left out. Strength 1 is the whole way.",
            25: "taken: only strength 1 takes all steps.",
        },
        "kept": {
            7: "kept: the border crosses the seventh column, so that column is mixed.",
            6.25: "kept: a column that the border crosses is mixed, so only whole columns count.",
            10: "kept: those are the columns that change, at least in part.",
            200: "kept: those are columns of the picture. One of the latents is 32 of them.",
        },
        "windows": {
            4: "windows: 4 are enough without an overlap; with it, each adds only 12 columns.",
            6: "windows: the first one covers 16 columns; only the others add 12 each.",
        },
        "questions": {
            40: "questions: each step is taken once, and then repeated four times.",
            10: "questions: that is plain replacement. A repetition asks the network again.",
        },
        "strokes": {
            600: "strokes: those are milliseconds. A column lasts 10 of them.",
            0.6: "strokes: those are seconds. A second has 100 columns.",
            166.67: "strokes: a beat lasts 60 / 100 s, not 100 / 60 s.",
            100: "strokes: that would be one beat a second, 60 beats a minute.",
        },
    }
    for name in names:
        if abs(said[name] - found[name]) < 0.05:
            continue
        for value, message in usual[name].items():
            if abs(said[name] - value) < 0.05:
                return hint(message)
        return hint(f"{name}: you predicted {said[name]:g}, the library gives {found[name]:g}.")
    listed = ", ".join(f"{name} {value:g}" for name, value in found.items())
    return right(f"The library agrees: {listed}.")


def _counted() -> dict[str, float]:
    """What the library does, counted: no model is needed."""
    import torch

    from riffedu.diffusion import windows
    from riffedu.diffusion.schedule import alphas_cumprod, betas, noise_levels, timesteps
    from riffedu.music import edit, masks, pulse
    from riffedu.signal.params import SpectrogramParams

    alpha_bars = alphas_cumprod(betas("cosine"))
    taken = edit.from_strength(noise_levels(alpha_bars, timesteps(25)), 0.6)
    mask = masks.latent_mask(masks.region((512, 512), SpectrogramParams(), after=2), 32)
    seen: list[int] = []

    def network(x: torch.Tensor, timestep: float) -> torch.Tensor:
        seen.append(len(x))
        return x

    windows.windowed(network, 16)(torch.zeros(1, 1, 1, 63), 0)  # 2000 columns / 32, rounded up
    count = sum(seen)
    seen.clear()
    z, levels = torch.zeros(1, 1, 1, 1), noise_levels(alpha_bars, timesteps(10))
    list(edit.repaint(network, z, levels, z, z, 4))
    grey = np.asarray(pulse.pulse(8, 480, 8).convert("L"))[-1]  # 8 beats at 100 a minute: 4.8 s
    return {
        "taken": len(taken) - 1,
        "kept": int((mask == 0).all(dim=2).sum()),
        "windows": count,
        "questions": sum(seen),
        "strokes": float(np.diff(np.flatnonzero(grey == grey.min()))[0]),
    }


@check
def check_masks(own: Any) -> object:
    """Check that ``own(tone, stroke)`` returns soft masks of power 2 that sum to 1."""
    tone, stroke = np.array([[3.0, 0.0, 1.0, 0.0]]), np.array([[4.0, 2.0, 1.0, 0.0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = run(own, tone.copy(), stroke.copy())
    if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != 2:
        return hint("Return both masks, that of the tones first: return mask, 1 - mask.")
    first, second = (np.asarray(each, dtype=np.float64) for each in answer)
    if first.shape != tone.shape or second.shape != tone.shape:
        return hint(f"One number for each place: shape {tone.shape}, yours is {first.shape}.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return hint("Where both medians are 0 you divide 0 by 0: give both masks ½ there.")
    wanted = np.array([[9 / 25, 0.0, 0.5, 0.5]])
    if np.allclose(first, 1 - wanted) and not np.allclose(first, wanted):
        return hint("Exchanged: the mask of the tones comes first.")
    if np.allclose(first[0, :3], [3 / 7, 0, 0.5]):
        return hint("That is power 1: square both medians.")
    if np.allclose(first[0, :3], [0.6, 0, np.sqrt(0.5)]):
        return hint("That is tone / √(tone² + stroke²): without the root, the masks sum to 1.")
    if set(np.unique(first)) <= {0.0, 1.0}:
        return hint("Those are hard masks, 0 or 1: divide a place in proportion.")
    if not np.allclose(first + second, 1):
        return hint("The masks sum to 1 everywhere, also where both medians are 0: ½ and ½.")
    if not np.allclose(first, wanted):
        return hint("tone² / (tone² + stroke²), and ½ where both are 0.")
    return right("So the stems add up to the sound, whatever is tone and what is stroke.")
