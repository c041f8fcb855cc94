"""Lesson 12: editing sound. Enter the road with a sound, go part of the way into noise, come back.

How far it goes is the strength: 0 comes back as the codec's own reconstruction, 1 has forgotten the
sound. A mask keeps parts as they are while the rest is made anew, and windows that overlap let a U-Net
that learned 5 seconds work on any length, or on a circle, which is a loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from riffedu import limits
from riffedu.errors import RiffeduError
from riffedu.samplers import Step, dpmpp_2m, fresh, sample
from riffedu.schedule import Level, add_noise

STRENGTH = 0.6
IN_TIME, QUIET_GREY, STROKE_GREY = 0.88, 230, 60
"""How far a loop may leave its `pulse`, and that one's greys."""
GOING_ON = 0.75
"""How far a sound that goes on may leave its own repetition."""
REGIONS = {"bass": {"below": 250}, "middle": {"above": 250, "below": 2000}, "treble": {"above": 2000}}
TOGETHER = 8
"""Windows that the U-Net sees at once: memory does not grow with the sound beyond that."""
ROLL = 16
"""Picture columns of a loop that are heard before and after it while its phases are sought."""
QUIETEST = -60.0
"""dBFS: what is made from silence is not turned down to silence."""


def from_strength(levels: Sequence[Level], strength: float) -> list[Level]:
    """The last part of the way: ``strength`` of its steps, rounded; all for 1, none for 0.

    Raises RiffeduError for a strength outside [0, 1]. Source: Meng et al., "SDEdit" (2022).
    Notebook: 12_editing.
    """
    strength = limits.number("strength", strength, 0, 1)
    steps = len(levels) - 1
    return list(levels[steps - round(strength * steps):])


def keeping(rule: Callable, known, noise, mask) -> Callable:
    """A rule that makes new only what ``mask`` names: the rest is put back after every step.

        x ← mask · x + (1 − mask) · (√ᾱ' · known + √(1 − ᾱ') · noise)

    ``mask`` is 1 where new sound is wanted and 0 where ``known`` stays; between them it mixes. What is
    put back has the noise of the level just reached, so that both halves match, and at the end none.
    Source: Lugmayr et al., "RePaint" (2022), eq. 8. Notebook: 12_editing.
    """

    def step(x, seen, then: Level, **told):
        new = rule(x, seen, then, **told)
        return mask * new + (1 - mask) * add_noise(known, noise, then.alpha_bar)

    return step


def windowed(predict: Callable, width: int, overlap: int | None = None, circular: bool = False) -> Callable:
    """The same network for latents wider than it learned: windows, and the mean where they overlap.

    ``width`` is what the network learned, ``overlap`` what neighbours share (default: a quarter of it),
    in latent columns. Near its edges a window counts less. Because every step takes the mean, the
    windows agree on one sound instead of being glued together. With ``circular`` the last window goes
    on at the beginning: what comes out has no beginning and no end. Latents ``(n, c, h, w)``.

    Source: Bar-Tal et al., "MultiDiffusion" (2023). Notebook: 12_editing.
    """
    import torch

    overlap = width // 4 if overlap is None else overlap
    if not 0 <= overlap < width:
        raise RiffeduError(f"overlap={overlap} must lie between 0 and width={width}, less than it")
    ramp = torch.arange(width)
    weight = torch.minimum(ramp + 1, width - ramp).clamp(max=max(1, overlap)).float()

    def look(x, timestep):
        total = x.shape[-1]
        if total <= width and not circular:
            return predict(x, timestep)
        windows = [torch.arange(s, s + width) % total for s in _starts(total, width, overlap, circular)]
        answers = [answer for first in range(0, len(windows), TOGETHER)
                   for answer in predict(
                       torch.cat([x[..., w] for w in windows[first:first + TOGETHER]]), timestep
                   ).split(len(x))]
        mean, heavy = torch.zeros_like(x), torch.zeros(total, dtype=x.dtype, device=x.device)
        for window, answer in zip(windows, answers):
            mean.index_add_(-1, window.to(x.device), answer * weight.to(x))
            heavy.index_add_(0, window.to(x.device), weight.to(x))
        return mean / heavy

    return look


def _starts(total: int, width: int, overlap: int, circular: bool) -> list[int]:
    """Where windows begin: as few as overlap by ``overlap`` at least, spread evenly."""
    way = total if circular else total - width
    count = max(1, math.ceil(way / (width - overlap)))
    if circular:
        return [round(i * total / max(2, count)) for i in range(max(2, count))]
    return [round(i * way / count) for i in range(count + 1)]


def region(shape: Sequence[int], params, after: float = 0.0, before: float = math.inf,
           above: float = 0.0, below: float = math.inf) -> np.ndarray:
    """A mask of a picture: 1 after and before these seconds, above and below these hertz.

    ``shape`` is (rows, columns) of the picture, row 0 at the top. "The bass" is ``below=250``; "after
    2 s" is ``after=2``. Returns float32. Raises RiffeduError where nothing is left.
    Notebook: 12_editing.
    """
    from riffedu.mel import hz_to_mel

    rows, columns = shape
    seconds = (np.arange(columns) + 0.5) * params.step_size_ms / 1000
    low, high = hz_to_mel([params.min_frequency, params.max_frequency], params.mel_scale_type)
    mels = low + (np.arange(rows)[::-1] + 0.5) / rows * (high - low)
    wanted = hz_to_mel([above, min(below, 1e9)], params.mel_scale_type)
    time = (seconds >= after) & (seconds < before)
    pitch = (mels >= wanted[0]) & (mels < wanted[1])
    mask = np.outer(pitch, time).astype(np.float32)
    if not mask.any():
        raise RiffeduError("the mask is empty: no part of the picture lies in these bounds")
    return mask


def named_region(name: str | Mapping[str, float], shape: Sequence[int], params) -> np.ndarray:
    """The `region` that a name in `REGIONS` stands for, or that its bounds describe."""
    if isinstance(name, str):
        name = REGIONS[limits.one_of("the mask", name.lower(), REGIONS)]
    if unknown := set(name) - {"after", "before", "above", "below"}:
        raise RiffeduError(
            f"a mask is bounded by after, before, above and below, not by {min(unknown)!r}"
        )
    return region(shape, params, **name)


def latent_mask(mask, factor: int):
    """A picture's mask as a mask of its latents, a tensor (1, 1, h, w): the mean of each patch.

    ``factor`` pixels make a latent along each side; a part of a patch at the right or below counts as
    a whole one. Raises RiffeduError where the mask isn't two-dimensional or has values outside [0, 1].
    """
    import torch

    mask = np.asarray(mask, dtype=np.float32)
    if mask.ndim != 2 or not mask.size or not (mask.min() >= 0 and mask.max() <= 1):
        raise RiffeduError("a mask is two-dimensional, with values from 0 (keep) to 1 (make new)")
    spare = (0, -mask.shape[1] % factor, 0, -mask.shape[0] % factor)
    filled = torch.nn.functional.pad(torch.from_numpy(mask)[None, None], spare, mode="replicate")
    return torch.nn.functional.avg_pool2d(filled, factor)


def transform_steps(pipeline, latents, prompt, strength: float = STRENGTH, mask=None,
                    negative_prompt: str = "", seed: int = 0,
                    num_inference_steps: int | None = None, guidance_scale: float | None = None,
                    overlap: int | None = None, circular: bool = False,
                    rule: Callable = dpmpp_2m) -> Iterator[Step]:
    """Latents of a sound → noise → back, by the words of a prompt; yields every `Step`.

    ``prompt`` is text, or token states that were mixed from texts.
    ``latents (1, c, h, w)`` of any width, ``mask`` of its latents (see `latent_mask`), ``strength`` in
    [0, 1]. ``overlap`` (latent columns, default: a quarter of the U-Net's width) is what windows
    share where the sound is longer than the U-Net learned. The same seed gives the same sound; at
    strength 0 there is no step. Notebook: 12_editing.
    """
    import torch

    if not torch.isfinite(latents).all():
        raise RiffeduError("the latents hold NaN or infinite numbers")
    levels = from_strength(pipeline.levels(num_inference_steps), strength)
    if len(levels) == 1:
        return
    if isinstance(prompt, torch.Tensor):
        text = prompt
    else:
        text = pipeline.encode_prompt(limits.text("prompt", prompt, empty=True))
    negative = pipeline.encode_prompt(negative_prompt)
    predict = pipeline.predictor(text, negative, guidance_scale)
    predict = windowed(predict, pipeline.window, overlap, circular)
    generator = torch.Generator().manual_seed(limits.seed_of(seed))
    noise = fresh(latents, 1.0, generator)
    start = add_noise(latents, noise, levels[0].alpha_bar)
    if mask is not None:
        rule = keeping(rule, latents, noise, mask)
    yield from sample(predict, start, levels, rule, pipeline.prediction_type, generator)


def last_latents(steps: Iterator[Step], otherwise, progress: bool = False,
                 callback: Callable[[Step], Any] | None = None) -> Any:
    """Where a run ends, ``otherwise`` where it has no steps; with a bar, or a look at each Step."""
    from tqdm.auto import tqdm

    latents, bar = otherwise, None
    try:
        for step in steps:
            bar = bar or tqdm(total=step.total, desc="noise → picture", disable=not progress)
            bar.update()
            if callback:
                callback(step)
            latents = step.latents
    finally:
        if bar is not None:
            bar.close()
    return latents


def transform(pipeline, clip, prompt: str, strength: float = STRENGTH, mask=None,
              progress: bool = True, callback: Callable[[Step], Any] | None = None, **options):
    """A sound, remade by words: a Result as long as the sound, tail included, at its level.

    With a mask the level is that of what is kept.
    ``clip`` is (waveform, sample_rate), as `riffedu.audio.load` and `riffedu.audio.clip` give it.
    ``mask`` is a picture's mask, 1 makes new and 0 keeps, or says which `region`: a name of `REGIONS`
    ("bass") or bounds ({"after": 2, "above": 500}). ``callback`` sees every Step.
    ``options`` go to `transform_steps`: negative_prompt, seed, num_inference_steps, guidance_scale,
    overlap, rule.
    Raises RiffeduError for an unfit sound, mask or strength. Notebook: 12_editing.
    """
    picture, loudness = to_picture(pipeline, clip)
    latents = pipeline.encode_image(picture)
    if mask is not None:
        if isinstance(mask, (str, Mapping)):
            mask = named_region(mask, (picture.height, picture.width), pipeline.params)
        if np.shape(mask) != (picture.height, picture.width):
            raise RiffeduError(
                f"the mask has shape {np.shape(mask)}, the sound's picture "
                f"{(picture.height, picture.width)}"
            )
        mask = latent_mask(mask, pipeline.checkpoint.compression)
    steps = transform_steps(pipeline, latents, prompt, strength, mask, **options)
    last = last_latents(steps, latents, progress, callback)
    told = {"prompt": prompt, "strength": strength, "masked": mask is not None,
            **_told(pipeline, **options)}
    [image] = pipeline.decode_latents(last, picture.width)
    return finish(pipeline, image, picture, told, loudness, kept=mask is not None)


def variations(pipeline, clip, count: int = 4, strength: float = 0.4,
               prompt: str = "", seed: int = 0, **options) -> list:
    """The same sound, ``count`` times a little different: `transform` with the seeds that follow.

    Without a prompt the words have no say (guidance 0). Notebook: 12_editing.
    """
    if count < 1:
        raise RiffeduError(f"count={count} must be at least 1")
    if not prompt:
        options = {"guidance_scale": 0.0, **options}
    return [transform(pipeline, clip, prompt, strength, seed=seed + i, **options)
            for i in range(count)]  # fmt: skip


def extend(pipeline, clip, prompt: str, seconds: float, strength: float = GOING_ON,
           progress: bool = True, callback: Callable[[Step], Any] | None = None, **options):
    """A sound goes on to ``seconds`` in all: a Result whose picture begins with the sound's own.

    The canvas is as wide as wanted. On it the sound is repeated, each time after its own `period`, so
    that beat falls on beat; then everything after the sound itself is remade with ``strength``, at
    once, through windows that overlap. At 1 the repeats are forgotten too (plain out-painting), and
    nothing but the last moments of the sound keeps the time. The last 0.32 s (a latent column) of the
    sound, where it fills its column partly only, is made anew. Notebook: 12_editing.
    """
    picture, loudness = to_picture(pipeline, clip)
    columns = pipeline.columns(seconds)
    if columns <= picture.width:
        raise RiffeduError(
            f"the sound lasts {picture.width / 100:g} s already: ask for more than that"
        )
    factor = pipeline.checkpoint.compression
    kept = picture.width // factor
    if kept == 0:
        raise RiffeduError(f"the sound is too short to go on from: {factor / 100:g} s are needed")
    canvas = repeated(picture, columns)
    latents = pipeline.encode_image(canvas)
    mask = np.ones((canvas.height, columns), np.float32)
    mask[:, : kept * factor] = 0
    mask = latent_mask(mask, factor)
    last = last_latents(
        transform_steps(pipeline, latents, prompt, strength, mask, **options),
        latents, progress, callback,
    )  # fmt: skip
    [image] = pipeline.decode_latents(last, columns)
    image.paste(picture.crop((0, 0, kept * factor, picture.height)))
    told = {"prompt": prompt, "duration": seconds, "strength": strength,
            **_told(pipeline, **options)}
    return finish(pipeline, image, picture, told, loudness, kept=True)


def period(pixels) -> int:
    """Columns after which a picture is most like itself: a bar, or some beats.

    Compares what *begins* at each place and pitch (where the next column is darker) with the same one
    ``lag`` columns later, by correlation; lags from one second to three quarters of the picture.
    Greys (rows, columns). A picture of under two seconds repeats as a whole. Notebook: 12_editing.
    """
    dark = 255 - np.asarray(pixels, dtype=np.float32)
    rows, columns = dark.shape
    lags = range(100, 3 * columns // 4)
    if columns < 200:
        return columns
    bands = np.add.reduceat(dark, np.arange(0, rows, 8), axis=0)
    begins = np.maximum(np.diff(bands, axis=1), 0)
    begins = begins[:, :-2] + 2 * begins[:, 1:-1] + begins[:, 2:]  # 10 ms early or late is the same
    begins -= begins.mean(axis=1, keepdims=True)

    def alike(lag: int) -> float:
        now, then = begins[:, :-lag], begins[:, lag:]
        return float((now * then).sum() / (np.linalg.norm(now) * np.linalg.norm(then) + 1e-9))

    return max(lags, key=alike)


def repeated(picture, columns: int):
    """The picture, then itself again after its `period`, until it is ``columns`` wide."""
    from PIL import Image

    pixels = np.asarray(picture.convert("RGB"))
    lag, places = period(pixels.mean(axis=2)), np.arange(columns)
    late = places >= pixels.shape[1]
    places[late] -= lag * -(-(places[late] - pixels.shape[1] + 1) // lag)
    return Image.fromarray(pixels[:, places])


def loop(pipeline, prompt: str, bpm: float = 120.0, beats: int = 8, strength: float = IN_TIME,
         seed: int = 0, progress: bool = True, callback: Callable[[Step], Any] | None = None,
         **options):
    """A loop without a seam: ``beats`` beats at ``bpm``, a Result that may follow itself for ever.

    It begins as a `pulse`, remade with ``strength`` (1 forgets it, and the length alone keeps the time).
    The windows go round a circle, so no moment is the first. The circle has a whole number of latent
    columns; its picture is then stretched in time (by 3 % at most for loops over 5 s; pitch stays) to
    have exactly 60 · beats / bpm seconds. Raises RiffeduError for less than one latent column.
    Notebook: 12_editing.
    """
    bpm, beats = limits.number("bpm", bpm, 1, 1000), limits.whole("beats", beats, 1, 1000)
    seconds = 60 * beats / bpm
    columns, factor = pipeline.columns(seconds), pipeline.checkpoint.compression
    size = round(columns / factor)
    if size < 1:
        raise RiffeduError(f"the loop is shorter than {factor / 100:g} s: give it more beats")
    start = pipeline.encode_image(pulse(pipeline.params.num_frequencies, size * factor, beats))
    options = {"overlap": pipeline.window // 2, "seed": seed, **options}
    steps = transform_steps(pipeline, start, prompt, strength, circular=True, **options)
    around = decode_circle(pipeline, last_latents(steps, start, progress, callback), columns)
    told = {"prompt": prompt, "bpm": bpm, "beats": beats, "strength": strength,
            **_told(pipeline, **options)}
    once = around.crop((ROLL, 0, ROLL + columns, around.height))
    return pipeline.play_picture(once, told, raw=close_circle(pipeline, around, seconds))


def pulse(rows: int, columns: int, beats: int):
    """A picture that holds nothing but the time: a stroke on every beat, a little stronger below.

    Riffusion's own way to keep a beat: its seed pictures. Notebook: 12_editing.
    """
    from PIL import Image

    since = np.arange(columns) % (columns / beats) * 0.01
    weight = 1 - 0.3 * np.linspace(1, 0, rows)[:, None]
    greys = QUIET_GREY - (QUIET_GREY - STROKE_GREY) * weight * np.exp(-since / 0.08)
    return Image.fromarray(greys.astype(np.uint8)).convert("RGB")


def decode_circle(pipeline, latents, columns: int):
    """Latents of a circle → its picture, ``columns`` wide, with `ROLL` more of it on either side.

    The autoencoder sees the circle go on at both ends, so its convolutions find no edge there.
    """
    import torch
    from PIL import Image

    size, factor = latents.shape[-1], pipeline.checkpoint.compression
    spare = -(-ROLL // factor) + 2
    window = torch.arange(-spare, size + spare) % size
    [image] = pipeline.decode_latents(latents[..., window])
    per_column = size * factor / columns
    left, right = spare * factor - ROLL * per_column, (spare + size) * factor + ROLL * per_column
    return image.resize(
        (columns + 2 * ROLL, image.height), Image.Resampling.BILINEAR, (left, 0, right, image.height)
    )


def close_circle(pipeline, around, seconds: float) -> np.ndarray:
    """A circle's picture with its `ROLL` → one turn of its sound, whose end leads into its start.

    Phases are found for more than one turn. The last moments of the turn fade into what was heard
    just before its start, which does lead into it.
    """
    from riffedu.convert import image_to_audio

    sound, rate = image_to_audio(around, pipeline.params, progress=False)
    start, length = ROLL * pipeline.params.hop_length, round(seconds * rate)
    turn, before = sound[start:start + length].copy(), sound[:start]
    fade = min(len(before), length // 4)
    ramp = (np.arange(fade) + 0.5) / fade * np.pi / 2
    turn[-fade:] = turn[-fade:] * np.cos(ramp) + before[-fade:] * np.sin(ramp)
    return turn


def seam(waveform, sample_rate: int) -> float:
    """How rough a loop is where its end meets its start, in dB against the roughest place nearby.

    Roughness is the power of the second difference, x[n+1] − 2 x[n] + x[n−1], in windows of 1 ms: a
    smooth sound has little of it, a click much. Nearby is within 0.1 s. Well above 0 dB a click is
    heard; below, something rougher hides it. ``waveform`` (samples,) of 0.2 s or more; RiffeduError
    for another. Notebook: 12_editing.
    """
    waveform, size = np.asarray(waveform, dtype=np.float64), max(1, round(0.001 * sample_rate))
    if waveform.ndim != 1 or len(waveform) < 0.2 * sample_rate:
        raise RiffeduError("a loop's seam is sought in one channel of at least 0.2 s, "
                           f"not in samples of shape {waveform.shape}")
    joint = len(waveform) // 2 - 1
    bend = np.diff(np.roll(waveform, joint + 1), 2)
    rough = np.convolve(bend**2, np.ones(size) / size, "same")
    away = np.abs(np.arange(len(rough)) - joint)
    beside = rough[(away > 2 * size) & (away < 0.1 * sample_rate)].max()
    return float(10 * np.log10((rough[away <= size].max() + 1e-20) / (beside + 1e-20)))


def _told(pipeline, num_inference_steps=None, guidance_scale=None, seed: int = 0,
          negative_prompt: str = "", **_) -> dict[str, Any]:
    """What a Result says of how it was made."""
    steps, scale = pipeline.settings(num_inference_steps, guidance_scale)
    return {"negative_prompt": negative_prompt, "seed": seed, "num_inference_steps": steps,
            "guidance_scale": scale}


def to_picture(pipeline, clip):
    """The picture of a clip, (waveform, sample_rate), its channels mixed; and its level in dBFS."""
    from riffedu.audio import as_waveform, rms_db
    from riffedu.convert import audio_to_image

    try:
        waveform, sample_rate = clip
    except (TypeError, ValueError):
        raise RiffeduError("a clip is a pair: (waveform, sample_rate), as audio.load gives") from None
    waveform = as_waveform(waveform)
    mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
    limits.number("the sample rate", sample_rate, 1)
    limits.sound_length(len(mono) / sample_rate)
    return audio_to_image(mono, sample_rate, pipeline.params), float(rms_db(mono))


def finish(pipeline, image, picture, parameters: dict, loudness: float, kept: bool = False):
    """A changed picture → a Result, as loud as the sound that ``picture`` was drawn of.

    Where a part was ``kept`` a grey means what it meant in ``picture``: that part stays as loud as it was.
    """
    from riffedu.image import MAX_VALUE_TAG

    exif = image.getexif()
    exif[MAX_VALUE_TAG] = picture.getexif()[MAX_VALUE_TAG]
    image.info["exif"] = exif.tobytes()
    as_drawn = kept and loudness > QUIETEST
    return pipeline.play_picture(image, parameters, None if as_drawn else max(loudness, QUIETEST))
