"""The exercises of notebooks/11_text_to_music.ipynb."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from riffedu.widgets.verdict import Verdict, check, hint, right, run


@check
def check_guidance(guide: Callable) -> Verdict:
    """Check that ``guide(conditional, unconditional, scale)`` returns u + s (c - u)."""
    rng = np.random.default_rng(0)
    u, c = rng.standard_normal((2, 1, 4, 8, 8)).astype(np.float32)
    s = 3.0
    answer = np.asarray(run(guide, c, u, s))
    if answer.shape != u.shape:
        return hint(f"The answer must keep the shape {u.shape}; yours is {answer.shape}.")
    mistakes = {
        "That is guidance turned round: it walks away from the words. Begin at the unconditional "
        "guess and go towards the conditional one: c − u.": (c + s * (u - c), u + s * (u - c)),
        "You scaled the difference, and forgot to start somewhere: add the unconditional guess.": (
            s * (c - u),
        ),
        "You start at the conditional guess, so that scale 1 already goes too far (some papers "
        "write it so, with w = s − 1). Here scale 1 must give the conditional guess itself.": (
            c + s * (c - u),
        ),
        "You are one short: scale 1 must give the conditional guess, and scale 0 the other.": (
            u + (s - 1) * (c - u),
        ),
        "You left the unconditional guess out. Guidance needs both.": (s * c,),
        "The scale has no effect: multiply the difference by it.": (c, u, c - u),
        "A plus where a minus belongs: what counts is the difference of the two guesses.": (
            u + s * (c + u),
            u + s * c,
        ),
    }
    for message, values in mistakes.items():
        if any(np.allclose(answer, value, atol=1e-4) for value in values):
            return hint(message)
    if not np.allclose(answer, u + s * (c - u), atol=1e-4):
        return hint("Try it on numbers: with u = 1, c = 2 and scale 3 the answer is 4.")
    for scale in (0.0, 1.0, 7.5):
        if not np.allclose(run(guide, c, u, scale), u + scale * (c - u), atol=1e-4):
            return hint(f"Right for scale 3, wrong for scale {scale}: use scale, not a number.")
    return right("Scale 0 ignores the words, 1 takes them as they are, more exaggerates them.")


@check
def check_width(shape: Callable) -> Verdict:
    """Check that ``shape(seconds, compression)`` returns (picture columns, latent columns)."""
    answer = run(shape, 3.0, 32)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return hint("Return two numbers: the picture's columns and the latents' columns.")
    if tuple(answer) == (300, 300 / 32) or tuple(answer) == (300, 9):
        return hint(
            "A latent column stands for 32 whole picture columns, and 300 is not a multiple of 32. "
            "Round up, or the end of the clip is missing."
        )
    if tuple(answer) == (10, 320):
        return hint("Exchanged: the picture's columns come first, then those of the latents.")
    if tuple(answer) == (288, 9):
        return hint("You rounded down: the clip would be 0.12 s too short. Round up, crop later.")
    if tuple(answer) == (300, 10):
        return hint("10 latent columns is right; but the decoder draws 10 × 32 of the picture's.")
    if answer[0] in (30, 30.0) or answer[0] == 3000:
        return hint("One column is 10 ms, so a second is 100 columns.")
    for seconds, compression in ((3.0, 32), (5.12, 8), (2.24, 32), (0.1, 32), (7.5, 8), (10.0, 16)):
        columns = math.ceil(round(seconds * 100) / compression) * compression
        want = (columns, columns // compression)
        got = tuple(run(shape, seconds, compression))
        if got != want:
            float_trap = " (2.24 * 100 is a little more than 224 to a computer: round it first)"
            return hint(
                f"For {seconds} s and compression {compression} you say {got}; a picture of whole "
                f"latents is needed, rounded up{float_trap if seconds == 2.24 else ''}."
            )
        if not all(isinstance(number, (int, np.integer)) for number in got):
            return hint("The numbers are right, but shapes are whole numbers: return ints.")
    return right("100 columns a second, rounded up to whole latents; what is too much is cropped.")


@check
def check_grid(results: dict[tuple[str, int], Any]) -> Verdict:
    """Check that ``results[prompt, seed]`` holds a result for every pair of prompt and seed."""
    if not isinstance(results, dict) or not results:
        return hint("Make a dictionary whose keys are pairs (prompt, seed).")
    if any(not isinstance(key, tuple) or len(key) != 2 for key in results):
        return hint("Each key must be a pair: (prompt, seed).")
    prompts = list(dict.fromkeys(prompt for prompt, _ in results))
    seeds = list(dict.fromkeys(seed for _, seed in results))
    if len(prompts) < 2 or len(seeds) < 2:
        few = "prompt" if len(prompts) < 2 else "seed"
        return hint(f"With one {few} only you can't see what a {few} changes: take two.")
    missing = [(p, s) for p in prompts for s in seeds if (p, s) not in results]
    if missing:
        return hint(
            f"{missing[0]} is missing. If prompt and seed change together, you can't tell which of "
            "the two made the difference: every prompt with every seed."
        )
    for (prompt, seed), result in results.items():
        if (result.parameters["prompt"], result.parameters["seed"]) != (prompt, seed):
            return hint(f"The clip under {(prompt, seed)} was made with other words or seed.")
    settings = {
        tuple(str(r.parameters.get(k)) for k in ("num_inference_steps", "guidance_scale"))
        for r in results.values()
    }
    if len(settings) > 1:
        return hint("Steps or guidance differ between the clips: keep everything else the same.")
    return right("A fair comparison: one thing changes along a row, the other along a column.")


@check
def check_generate(own: Callable, pipeline: Any) -> Verdict:
    """Check that ``own(prompt, seed, steps, seconds)`` draws the picture of `pipeline.generate`."""
    asked = ("a calm solo piano", 3, 4, 1.0)
    answer = run(own, *asked)
    if hasattr(answer, "latents"):
        return hint("That is a state of the denoising: decode its latents to a picture.")
    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        return hint("decode_latents gives a list of pictures: take the only one out of it.")
    if hasattr(answer, "waveform"):
        return hint(
            "That is a whole result. Build the picture yourself, without pipeline.generate."
        )
    if not hasattr(answer, "convert"):
        return hint(f"Return a picture, not {type(answer).__name__}.")
    wanted = _picture(pipeline, *asked)
    if answer.size != wanted.size:
        return hint(
            f"Your picture is {answer.width} columns wide, generate's {wanted.width}: 1 s is 100 "
            "columns. Tell initial_noise the seconds and decode_latents the columns."
        )
    if _same(answer, wanted):
        again = ("techno", 0, 2, 0.64)
        if _same(run(own, *again), _picture(pipeline, *again)):
            return right("That is all of it: what remains of `generate` checks its arguments.")
        return hint("Right once, but not for another prompt, seed or length: use the arguments.")
    prompt, seed, steps, seconds = asked
    mistakes = {
        "the seed is not used: give it to initial_noise.": (prompt, 0, steps, seconds),
        "the steps are not used: give them to denoise.": (prompt, seed, None, seconds),
        "the words are not used: give encode_prompt(prompt) to denoise.": (
            "",
            seed,
            steps,
            seconds,
        ),
    }
    for message, instead in mistakes.items():
        if _same(answer, _picture(pipeline, *instead)):
            return hint(f"Nearly: {message}")
    return hint("The size is right, the picture is another one: decode the *last* state's latents.")


def _picture(pipeline: Any, prompt: str, seed: int, steps: int | None, seconds: float) -> Any:
    """The picture that the pipeline's own methods give; an empty prompt is allowed."""
    noise, text = pipeline.initial_noise(seed, seconds), pipeline.encode_prompt(prompt)
    *_, last = pipeline.denoise(noise, text, None, steps)
    return pipeline.decode_latents(last.latents, pipeline.columns(seconds))[0]


def _same(one: Any, other: Any) -> bool:
    """Whether two pictures have the same pixels."""
    return np.array_equal(np.asarray(one), np.asarray(other))
