"""Text to music: the whole road, from words to a clip (lesson 11).

    words ──▶ token states ─┐
    seed ──▶ noise ──▶ denoise, step by step ──▶ latents ──▶ picture ──▶ sound

``load_pipeline()`` opens a checkpoint, and every arrow above is a method of the pipeline that it
returns. ``pipeline.generate`` walks them all, and so does ``riffedu generate`` from a shell.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu import limits
from riffedu.checkpoint import Checkpoint, load_checkpoint
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Generator, Tensor

DURATION = 5.12
STEPS = 25
GUIDANCE = 7.0
BATCH = 8
RMS_DB, PEAK_DB = -20.0, -1.0
_RULE_OF = {
    "DDPMScheduler": "ddpm", "DDIMScheduler": "ddim", "EulerDiscreteScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler_ancestral", "HeunDiscreteScheduler": "heun",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
}  # fmt: skip


@dataclass
class State:
    """One moment of a denoising run, just after its step.

    ``step`` counts from 1 to ``total``; ``timestep`` is where the U-Net looked (1000 is noise, 0
    is clean); ``latents (n, c, h, w)`` is what the step left; ``x0``, of the same shape, is what
    the U-Net took for the finished latents when it looked. ``image()`` draws that guess,
    ``noisy_image()`` the latents themselves. Notebook: 11_text_to_music.
    """

    step: int
    total: int
    timestep: float
    latents: "Tensor"
    x0: "Tensor"
    draw: Callable[["Tensor"], list["Image"]] = field(repr=False)

    def image(self) -> "Image":
        """The picture that the U-Net had in mind at this step (of the first item of a batch)."""
        return self.draw(self.x0[:1])[0]

    def noisy_image(self) -> "Image":
        """The picture that the latents show, noise and all (of the first item of a batch)."""
        return self.draw(self.latents[:1])[0]

    def item(self, index: int, draw: Callable[["Tensor"], list["Image"]]) -> "State":
        """This moment of one item of a batch."""
        one = slice(index, index + 1)
        latents, x0 = self.latents[one].clone(), self.x0[one].clone()
        return State(self.step, self.total, self.timestep, latents, x0, draw)


@dataclass
class Result:
    """A generated clip: its sound, its picture, and all that is needed to make it again.

    ``waveform`` is float32 ``(samples,)`` in [-1, 1] at ``sample_rate`` Hz, set to the level that
    ``parameters`` states (−20 dBFS RMS unless that would lift the peak over −1 dBFS). ``image``
    carries the same level, so ``image_to_audio(result.image)`` gives this sound back.
    """

    waveform: "np.ndarray"
    sample_rate: int
    image: "Image"
    parameters: dict[str, Any]
    states: list[State] | None = field(default=None, repr=False)

    def steps(self) -> list[State]:
        """Every state on the way, first to last; needs ``generate(..., keep_states=True)``."""
        if self.states is None:
            raise RiffeduError("the states were not kept: generate with keep_states=True")
        return self.states


class Pipeline:
    """The road from words to sound over one checkpoint. Notebook: 11_text_to_music.

    ``params`` says what the pictures mean (a SpectrogramParams; Riffusion's by default).
    """

    def __init__(self, checkpoint: Checkpoint, params: Any = None):
        from riffedu.image import SpectrogramParams

        self.checkpoint = checkpoint
        self.params = params or SpectrogramParams()

    def encode_prompt(self, texts: str | Sequence[str]) -> "Tensor":
        """Words → token states ``(prompts, tokens, width)``; ``""`` is no words at all.

        Weights as in ``"piano, (soft:1.3)"`` count, and a prompt may be longer than the encoder reads at
        once: then all of them get as many tokens as the longest.
        """
        import torch

        from riffedu.guidance import encode_weighted, same_length

        texts = [texts] if isinstance(texts, str) else list(texts)
        encoder, tokenizer = self.checkpoint.text_encoder, self.checkpoint.tokenizer
        known = {text: encode_weighted(encoder, tokenizer, text) for text in {*texts, ""}}
        longest = max((known[text] for text in texts), key=lambda states: states.shape[1])
        return torch.cat([same_length(known[text], longest, known[""])[0] for text in texts])

    def initial_noise(self, seed: "int | Generator" = 0, duration: float = DURATION) -> "Tensor":
        """Seed → Gaussian noise ``(1, c, h, w)`` of unit variance, as wide as ``duration`` asks.

        Drawn on the CPU, one generator per item, so a seed means the same clip on every device,
        alone or in a batch.
        """
        import torch

        generator = seed if isinstance(seed, torch.Generator) else _generator(seed)
        factor = self.checkpoint.compression
        height = math.ceil(self.params.num_frequencies / factor)
        width = math.ceil(self.columns(duration) / factor)
        shape = (1, self.checkpoint.latent_channels, height, width)
        return torch.randn(shape, generator=generator).to(self.checkpoint.device)

    def levels(self, num_inference_steps: int | None = None) -> list:
        """Where the lessons' own samplers look: `riffedu.schedule.levels` of this checkpoint.

        Its scheduler's ᾱ, at times spaced as its scheduler spaces them. Notebook: 08_denoising.
        """
        from riffedu import schedule

        steps, _ = self.settings(num_inference_steps, None)
        config = self.checkpoint.scheduler.config
        spacing = config.get("timestep_spacing", "leading")
        times = schedule.timesteps(steps, config.num_train_timesteps, spacing)
        if spacing == "leading":
            times = times + config.get("steps_offset", 0)
        return schedule.levels(self.checkpoint.scheduler.alphas_cumprod, times)

    def predictor(self, text: "Tensor", negative: "Tensor | None" = None,
                  guidance_scale: float | None = None,
                  guidance_below: float | None = None, rescaled: float = 0.0) -> Callable:
        """``predict(x, timestep)`` for `riffedu.samplers.sample`: the U-Net, guided.

        Guidance acts where the time, as a share of all, is at most ``guidance_below`` (default: what the
        checkpoint recommends, else 1, everywhere): see `riffedu.guidance.scale_at`. ``rescaled`` is the share of
        `riffedu.guidance.rescale`. ``text`` and ``negative`` (default: no words) are token states of one
        item or several; x may have a multiple of them, item by item and again. Notebook: 10_text_and_guidance.
        """
        import torch

        from riffedu.guidance import guided_prediction, scale_at

        _, scale = self.settings(None, guidance_scale)
        below = self.guidance_below if guidance_below is None else guidance_below
        below = limits.number("guidance_below", below, 0, 1) * self.longest
        both = self.both_ways(text, negative)

        def predict(x: "Tensor", timestep: float) -> "Tensor":
            states = (each.repeat(len(x) // len(each), 1, 1) for each in both)
            with torch.no_grad():
                return guided_prediction(
                    self.checkpoint.unet, x, torch.tensor(timestep), *states,
                    scale_at(timestep, scale, below), rescaled,
                )

        return predict

    def both_ways(self, text: "Tensor", negative: "Tensor | None") -> "tuple[Tensor, Tensor]":
        """Token states of what is wanted and of what is not (default: no words), of one shape."""
        from riffedu.guidance import same_length

        empty = self.encode_prompt("")
        text, negative = same_length(text, empty if negative is None else negative, empty)
        return text, negative.expand(len(text), -1, -1) if len(negative) == 1 else negative

    @property
    def prediction_type(self) -> str:
        """What the U-Net answers with: "epsilon", "sample" or "v_prediction"."""
        return self.checkpoint.scheduler.config.prediction_type

    def sampler(self, name: str | None = None) -> str:
        """A name in `riffedu.samplers.RULES`; None: what stands for the checkpoint's scheduler.

        DPM-Solver++ where the lessons have no rule of its own for it (PNDM, LMS …): from the same noise
        it ends at much the same picture. Raises RiffeduError for an unknown name.
        """
        from riffedu.samplers import RULES

        if name is None:
            return _RULE_OF.get(type(self.checkpoint.scheduler).__name__, "dpmpp_2m")
        return limits.one_of("sampler", name, RULES)

    def columns(self, duration: float = DURATION) -> int:
        """Picture columns of ``duration`` seconds: 512 for 5.12 s at 10 ms each."""
        return max(1, round(limits.duration(duration) * 1000 / self.params.step_size_ms))

    def denoise(
        self, noise: "Tensor", text: "Tensor", negative: "Tensor | None" = None,
        num_inference_steps: int | None = None, guidance_scale: float | None = None,
        generator: "Generator | list[Generator] | None" = None, sampler: str | None = None,
        guidance_below: float | None = None,
    ) -> Iterator[State]:
        """Noise → latents, a step at a time: yields the State after every step.

        ``noise (n, c, h, w)`` has unit variance, ``text`` and ``negative`` are token states
        ``(n, tokens, width)``; without ``negative`` guidance pulls away from the empty prompt.
        ``sampler`` is a name in `riffedu.samplers.RULES`, by default the checkpoint's own;
        ``generator`` feeds those that add noise on the way. Latents wider than the U-Net learned
        are done in windows, see `riffedu.edit.windowed`; ``guidance_below`` as in `predictor`.
        Stop reading and it stops working.
        Notebook: 11_text_to_music.
        """
        from riffedu.edit import windowed
        from riffedu.samplers import RULES, sample

        levels, rule = self.levels(num_inference_steps), RULES[self.sampler(sampler)]
        predict = self.predictor(text, negative, guidance_scale, guidance_below)
        predict = windowed(predict, self.window)
        for step in sample(predict, noise, levels, rule, self.prediction_type, generator):
            yield State(step.step, step.total, step.level.timestep, step.latents, step.x0,
                        self.decode_latents)

    def decode_latents(self, latents: "Tensor", columns: int | None = None) -> "list[Image]":
        """Latents ``(n, c, h, w)`` → ``n`` RGB pictures, cut to ``columns`` columns if given."""
        import torch

        vae = self.checkpoint.vae
        _check_finite(latents)
        pictures = []
        for one in latents.split(1):
            with torch.no_grad():
                pixels = vae.decode(one / vae.config.scaling_factor).sample[0]
            pixels = pixels[:, : self.params.num_frequencies, :columns]
            pictures.append(_to_picture(pixels, self.params))
        return pictures

    def encode_image(self, image: "Image", generator: "Generator | None" = None) -> "Tensor":
        """Picture → latents ``(1, c, h, w)``, the inverse of ``decode_latents``.

        Sides that are no multiple of the compression are filled up with white (silence). An
        autoencoder that answers with a distribution gives its mode, or a sample when
        ``generator`` is given.
        """
        import torch

        vae = self.checkpoint.vae
        pixels = _to_pixels(image, vae.config.in_channels, self.checkpoint.compression)
        with torch.no_grad():
            encoded = vae.encode(pixels.to(self.checkpoint.device))
        return _pick_latents(encoded, generator) * vae.config.scaling_factor

    def generate(
        self, prompt: str | Sequence[str], negative_prompt: str | Sequence[str] | None = None,
        seed: int | Sequence[int] = 0, num_inference_steps: int | None = None,
        guidance_scale: float | None = None, duration: float = DURATION, progress: bool = True,
        keep_states: bool = False, callback: Callable[[State], Any] | None = None,
        sampler: str | None = None,
    ) -> "Result | list[Result]":
        """Words → music: one Result, or a list when ``prompt`` or ``seed`` is a list.

        A list of prompts and one seed gives every prompt the same noise; one prompt and a list of
        seeds gives variations; two lists go pairwise. ``num_inference_steps`` (1 to 1000) and
        ``guidance_scale`` (0 to 30; 1 is no guidance) default to what the checkpoint recommends,
        else 25 and 7. ``duration`` in seconds, up to 60, is the picture's width. ``sampler`` is a
        name in `riffedu.samplers.RULES`, by default the checkpoint's own. ``callback`` sees every
        State as it comes. The same call gives the same samples again.

        Raises RiffeduError for an empty prompt (for music without words set ``guidance_scale``
        0) and for numbers out of range; warns when a prompt is too long or not in Latin letters.
        Notebook: 11_text_to_music.
        """
        from tqdm.auto import tqdm

        from riffedu.guidance import warn_about_prompt

        steps, scale = self.settings(num_inference_steps, guidance_scale)
        asked = limits.pair_up(prompt, negative_prompt, seed)
        request = {"num_inference_steps": steps, "guidance_scale": scale,
                   "duration": limits.duration(duration), "sampler": self.sampler(sampler)}
        for text in dict.fromkeys(text for item in asked for text in item[:2]):
            warn_about_prompt(self.checkpoint.tokenizer, text)
        batches = [asked[i : i + BATCH] for i in range(0, len(asked), BATCH)]
        results: list[Result] = []
        with tqdm(total=len(batches) * steps + len(asked), disable=not progress) as bar:
            for batch in batches:
                bar.set_description("noise → picture")
                states = []
                for state in self._denoise_batch(batch, **request):
                    bar.update()
                    if callback:
                        callback(state)
                    states = [*states, state] if keep_states else [state]
                bar.set_description("picture → sound")
                for i, item in enumerate(batch):
                    kept = states if keep_states else None
                    results.append(self._finish(i, item, request, state.latents, kept))
                    bar.update()
        return results if any(map(limits.is_list, (prompt, negative_prompt, seed))) else results[0]

    def _denoise_batch(
        self, batch: list[tuple[str, str, int]], num_inference_steps: int, guidance_scale: float,
        duration: float, sampler: str,
    ) -> Iterator[State]:
        """Words and seeds of up to BATCH clips → the states of their common run."""
        import torch

        words, unwanted, seeds = zip(*batch)
        generators = [_generator(seed) for seed in seeds]
        noise = torch.cat([self.initial_noise(g, duration) for g in generators])
        text, negative = self.encode_prompt(words), self.encode_prompt(unwanted)
        yield from self.denoise(
            noise, text, negative, num_inference_steps, guidance_scale, generators, sampler
        )

    def _finish(
        self, index: int, item: tuple[str, str, int], request: dict[str, Any], latents: "Tensor",
        states: list[State] | None,
    ) -> Result:
        """Latents of one item of a batch → its picture and its sound, at the stated level."""
        columns = self.columns(request["duration"])
        [image] = self.decode_latents(latents[index : index + 1], columns)
        told = {**dict(zip(("prompt", "negative_prompt", "seed"), item)), **request}
        result = self.play_picture(image, told)
        if states is not None:
            draw = partial(self.decode_latents, columns=columns)
            result.states = [state.item(index, draw) for state in states]
        return result

    def play_picture(self, image: "Image", parameters: dict[str, Any],
                     rms_db: float | None = RMS_DB,
                     raw: "np.ndarray | None" = None) -> Result:
        """A picture → a Result: its sound, set to ``rms_db`` or to a peak of −1 dBFS if that comes
        first, and a copy of the picture that carries the same level. None: as loud as the picture says.

        ``raw`` is the picture's sound where it has been found already. What was done is added to
        ``parameters``: model, gain, levels.
        """
        from riffedu import audio, convert

        rate = self.params.sample_rate
        if raw is None:
            raw, rate = convert.image_to_audio(image, self.params, progress=False)
        rms_db = float(audio.rms_db(raw)) if rms_db is None else rms_db
        waveform = audio.set_level(raw, rms_db=rms_db, peak_db=PEAK_DB)
        gain = _gain(raw, waveform)
        told = {
            **parameters, "model": self.checkpoint.path.name, "gain_db": 20 * math.log10(gain),
            "rms_db": float(audio.rms_db(waveform)), "peak_db": float(audio.peak_db(waveform)),
        }
        return Result(waveform, rate, _with_tags(image, self.params, gain), told)

    @property
    def guidance_below(self) -> float:
        """Up to which share of the way into noise guidance acts, where nobody says: 1 is everywhere."""
        return self.checkpoint.defaults.get("guidance_below", 1.0)

    @property
    def longest(self) -> int:
        """Timesteps of the noise schedule: 1000, and the most steps that a run can have."""
        return self.checkpoint.scheduler.config.num_train_timesteps

    @property
    def window(self) -> int:
        """How many latent columns the U-Net learned to see at once: 16 here, 64 in Riffusion."""
        size = self.checkpoint.unet.config.sample_size
        return size if isinstance(size, int) else size[-1]

    def transform(self, clip, prompt: str, strength: float = 0.6, mask=None, **options) -> Result:
        """A sound, remade by words: see `riffedu.edit.transform`."""
        from riffedu import edit

        return edit.transform(self, clip, prompt, strength, mask, **options)

    def extend(self, clip, prompt: str, seconds: float, **options) -> Result:
        """A sound goes on to ``seconds`` in all: see `riffedu.edit.extend`."""
        from riffedu import edit

        return edit.extend(self, clip, prompt, seconds, **options)

    def loop(self, prompt: str, bpm: float = 120.0, beats: int = 8, **options) -> Result:
        """A loop without a seam: see `riffedu.edit.loop`."""
        from riffedu import edit

        return edit.loop(self, prompt, bpm, beats, **options)

    def interpolate(self, prompts: Sequence[str], pieces: int = 3, easing: str = "linear",
                    seed: int = 0, progress: bool = True, **options) -> Result:
        """One piece of music that goes from prompt to prompt: see `riffedu.stream.travel`."""
        from tqdm.auto import tqdm

        from riffedu import stream

        way = stream.travel(self, prompts, pieces, easing, seed, **options)
        first = next(way)  # after this all that was asked for has been checked
        total = (len(prompts) - 1) * pieces + 1
        rest = tqdm(way, total=total, initial=1, desc="pieces", disable=not progress)
        made = [first, *rest]
        return stream.join(self, made, {"prompt": list(prompts), "seed": seed, **options})

    def morph(self, clip_a, clip_b, alpha: float | Sequence[float],
              **options) -> "Result | list[Result]":
        """What lies between two sounds: see `riffedu.interpolate.morph`."""
        from riffedu import interpolate

        return interpolate.morph(self, clip_a, clip_b, alpha, **options)

    def riffuse(self, start, end, alpha: float, init_image, mask_image=None, **options) -> Result:
        """Riffusion's own way between two prompts: see `riffedu.riffuse.riffuse`."""
        from riffedu import riffuse

        return riffuse.riffuse(self, start, end, alpha, init_image, mask_image, **options)

    def settings(self, steps: int | None, scale: float | None) -> tuple[int, float]:
        """Steps and guidance scale, each the checkpoint's own where None, or a RiffeduError."""
        told = self.checkpoint.defaults
        steps = told.get("num_inference_steps", STEPS) if steps is None else steps
        scale = told.get("guidance_scale", GUIDANCE) if scale is None else scale
        return limits.whole("num_inference_steps", steps, 1, self.longest), limits.guidance(scale)


def load_pipeline(name_or_path: str | Path = "default", device: str = "cpu") -> Pipeline:
    """Open a checkpoint (see ``load_checkpoint``) and get the road from words to sound.

    >>> load_pipeline().generate("a calm solo piano").waveform   # doctest: +SKIP
    """
    return Pipeline(load_checkpoint(name_or_path, device))


def _check_finite(latents: "Tensor") -> None:
    if not latents.isfinite().all():
        raise RiffeduError(
            "the latents hold NaN or infinite numbers: lower the guidance scale, take more steps, "
            "or fetch the checkpoint again"
        )


def _generator(seed: int) -> "Generator":
    import torch

    return torch.Generator().manual_seed(limits.seed_of(seed))


def _pick_latents(encoded: Any, generator: "Generator | None") -> "Tensor":
    """An autoencoder answers with latents, or with a distribution over them."""
    if hasattr(encoded, "latent"):
        return encoded.latent
    spread = encoded.latent_dist
    return spread.mode() if generator is None else spread.sample(generator)


def _to_picture(pixels: "Tensor", params: Any) -> "Image":
    """Channels-first [-1, 1] → an RGB picture that says what its pixels mean."""
    import numpy as np
    from PIL import Image

    values = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().cpu().numpy().astype(np.uint8)
    three = np.broadcast_to(values.transpose(1, 2, 0), (*values.shape[1:], 3))
    return _with_tags(Image.fromarray(np.ascontiguousarray(three)), params, 1.0)


def _to_pixels(image: "Image", channels: int, factor: int) -> "Tensor":
    """A picture → ``(1, channels, h, w)`` in [-1, 1], filled with white to multiples of factor."""
    import numpy as np
    import torch

    values = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.float32)
    pixels = torch.from_numpy(values.reshape(*values.shape[:2], channels)).permute(2, 0, 1)
    height, width = pixels.shape[1:]
    filled = torch.nn.functional.pad(pixels, (0, -width % factor, 0, -height % factor), value=255)
    return filled[None] / 127.5 - 1


def _gain(before: "np.ndarray", after: "np.ndarray") -> float:
    """The factor between two waveforms that differ in level only (1 for silence)."""
    import numpy as np

    loudest = np.unravel_index(np.abs(before).argmax(), before.shape)
    return float(after[loudest] / before[loudest]) if before[loudest] else 1.0


def _with_tags(image: "Image", params: Any, gain: float) -> "Image":
    """A copy that says what its pixels mean, black ``gain`` times as loud as it was."""
    from riffedu.image import DEFAULT_MAX_VALUE, MAX_VALUE_TAG

    image = image.copy()
    exif = image.getexif()
    loudest = float(exif.get(MAX_VALUE_TAG, DEFAULT_MAX_VALUE)) * gain
    exif.update({**params.to_exif(), MAX_VALUE_TAG: loudest})
    image.info["exif"] = exif.tobytes()
    return image
