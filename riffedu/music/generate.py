"""Lesson 11: text to music, from words to a clip.

    words ──▶ token states ─┐
    seed ──▶ noise ──▶ denoise, step by step ──▶ latents ──▶ picture ──▶ sound

Every arrow is a method of the pipeline that `riffedu.load_pipeline` returns; ``generate`` runs all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from riffedu import limits
from riffedu.diffusion import codec, guidance, schedule
from riffedu.diffusion.checkpoint import Checkpoint
from riffedu.diffusion.samplers import OF_SCHEDULER, SAMPLERS, sample
from riffedu.diffusion.windows import windowed
from riffedu.errors import RiffeduError
from riffedu.music import musical_key, pulse
from riffedu.music.prompt_schedule import joined, parse_schedule, scheduled
from riffedu.music.provenance import model_hash, record_of
from riffedu.music.result import PEAK_DB, RMS_DB, DenoisingState, Result
from riffedu.signal import audio, reconstruct
from riffedu.signal.files.tags import attach
from riffedu.signal.image import with_level
from riffedu.signal.params import SpectrogramParams

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Generator, Tensor

DURATION = 5.12
STEPS = 25
GUIDANCE = 7.0
BATCH = 8


class TextToMusic:
    """Text to music with one checkpoint. Notebook: 11_text_to_music.

    ``params`` defines what the pictures mean (default: Riffusion's parameters).
    """

    def __init__(self, checkpoint: Checkpoint, params: SpectrogramParams | None = None):
        self.checkpoint = checkpoint
        self.params = params or SpectrogramParams()

    def encode_prompt(self, texts: str | Sequence[str]) -> Tensor:
        """Encode prompts as token states ``(prompts, tokens, width)``; ``""`` is the empty prompt.

        Weights as in ``"piano, (soft:1.3)"`` apply. A prompt can be longer than the encoder's
        input; then all prompts get as many tokens as the longest.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        checkpoint = self.checkpoint
        return guidance.encode_all(checkpoint.text_encoder, checkpoint.tokenizer, texts)

    def initial_noise(
        self, seed: int | Generator = 0, duration: float = DURATION, tempo: float = 0, key: str = ""
    ) -> Tensor:
        """Draw Gaussian noise ``(1, c, h, w)`` of unit variance, as wide as ``duration`` requires.

        It is drawn on the CPU with one generator per item, so a seed gives the same noise on every
        device, alone or in a batch. ``tempo`` in beats per minute adds a faint pulse, ``key`` lines
        on its scale, see `riffedu.music.pulse` and `riffedu.music.musical_key`; 0 and "" add none.
        """
        import torch

        generator = seed if isinstance(seed, torch.Generator) else _generator(seed)
        factor = self.checkpoint.compression
        height = math.ceil(self.params.num_frequencies / factor)
        width = math.ceil(self.columns(duration) / factor)
        shape = (1, self.checkpoint.latent_channels, height, width)
        noise = torch.randn(shape, generator=generator).to(self.checkpoint.device)
        columns, step = width * factor, self.params.column_ms
        if tempo:
            beats = columns * step / 60000 * tempo
            drawn = pulse.pulse(self.params.num_frequencies, columns, beats, step, pulse.DECAY)
            noise = pulse.add_pulse(noise, self.encode_image(drawn), self.pulse or pulse.AMOUNT)
        if key:
            lines = musical_key.key_latents(self.encode_image, key, factor, self.params)
            noise = noise + (self.key_gain or musical_key.AMOUNT) * lines
        return noise

    def tempo(self, prompt: str, seed: int, tempo: float | None = None) -> float:
        """Return the tempo of the pulse in a clip's noise, in beats per minute; 0 is no pulse.

        ``tempo``, if given; else what the prompt names, or else what `pulse.seed_tempo` draws, if
        the checkpoint recommends a pulse. Only 0 and 30 to 300 are valid.
        """
        if tempo is not None:
            lowest = pulse.SLOWEST if tempo else 0
            return limits.number("tempo", tempo, lowest, pulse.FASTEST)
        if not self.pulse:
            return 0.0
        return pulse.named_tempo(prompt) or pulse.seed_tempo(seed, prompt)

    def key(self, prompt: str, seed: int, key: str | None = None) -> str:
        """Return the key in a clip's noise, such as "D minor"; "" is none.

        As `musical_key.chosen_key`; without ``key``, only a checkpoint that recommends a gain gets
        one. Raises RiffeduError for what is not a key. Notebook: 11_text_to_music.
        """
        return (
            "" if key is None and not self.key_gain else musical_key.chosen_key(prompt, seed, key)
        )

    def noise_levels(self, num_inference_steps: int | None = None) -> list:
        """Return the noise levels of a run: `riffedu.diffusion.schedule.noise_levels` of this
        checkpoint.

        ᾱ and the spacing of the timesteps are those of its scheduler. Notebook: 08_denoising.
        """
        steps, _ = self.settings(num_inference_steps, None)
        config = self.checkpoint.scheduler.config
        spacing = config.get("timestep_spacing", "leading")
        times = schedule.timesteps(steps, config.num_train_timesteps, spacing)
        if spacing == "leading":
            times = times + config.get("steps_offset", 0)
        return schedule.noise_levels(self.checkpoint.scheduler.alphas_cumprod, times)

    def predictor(
        self,
        text: Tensor,
        negative: Tensor | None = None,
        guidance_scale: float | None = None,
        guidance_below: float | None = None,
        rescaled: float = 0.0,
    ) -> Callable:
        """Return the guided U-Net as ``predict(x, timestep)``, for the samplers of lesson 08.

        Guidance applies at times up to ``guidance_below``, a share of all timesteps (default: the
        checkpoint's recommendation, else 1); see `riffedu.diffusion.guidance.scale_at`.
        ``rescaled`` is the share of `riffedu.diffusion.guidance.rescale`. ``text`` and ``negative``
        (default: the empty prompt) are token states of one or several items; x can have a multiple
        of them. Notebook: 10_text_and_guidance.
        """
        _, scale = self.settings(None, guidance_scale)
        below = self.guidance_below if guidance_below is None else guidance_below
        below = limits.number("guidance_below", below, 0, 1) * self.train_timesteps
        both = self.conditioning(text, negative)
        return guidance.predictor(self.checkpoint.unet, *both, scale, below, rescaled)

    def guided(
        self,
        text: Tensor | Sequence[str],
        columns: int,
        negative: Tensor | None = None,
        guidance_scale: float | None = None,
        guidance_below: float | None = None,
        overlap: int | None = None,
        circular: bool = False,
    ) -> Callable:
        """Return the `predictor` for latents ``columns`` wide, in windows (see
        `riffedu.diffusion.windows.windowed`).

        ``text`` are token states, or one prompt per item. A prompt can be a schedule, which
        `riffedu.music.prompt_schedule.scheduled` follows. Raises RiffeduError for a schedule that
        doesn't fit, and for any schedule on a circle. Notebook: 11_text_to_music.
        """

        def network(states: Tensor) -> Callable:
            predict = self.predictor(states, negative, guidance_scale, guidance_below)
            return windowed(predict, self.window, overlap, circular)

        if not isinstance(text, (list, tuple)):
            return network(text)
        second = self.params.column_ms * self.checkpoint.compression / 1000
        schedules = [parse_schedule(each, columns * second) for each in text]
        most = max(map(len, schedules))
        if most == 1:
            return network(self.encode_prompt([each for [(each, _)] in schedules]))
        if circular:
            raise RiffeduError("a loop can have only one prompt: remove the ->")
        filled = [(*each, *[("", 0.0)] * (most - len(each))) for each in schedules]
        predicts = [
            network(self.encode_prompt([each[k][0] for each in filled])) for k in range(most)
        ]
        weights = joined([[time for _, time in each] for each in schedules], columns, second)
        return scheduled(predicts, weights, self.window)

    def conditioning(self, text: Tensor, negative: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the token states of both prompts (default: empty), padded to the same shape."""
        empty = self.encode_prompt("")
        text, negative = guidance.same_length(text, empty if negative is None else negative, empty)
        return text, negative.expand(len(text), -1, -1) if len(negative) == 1 else negative

    @property
    def prediction_type(self) -> str:
        """The output type of the U-Net: "epsilon", "sample" or "v_prediction"."""
        return self.checkpoint.scheduler.config.prediction_type

    def sampler(self, name: str | None = None) -> str:
        """Return the name of a sampler in `riffedu.diffusion.samplers.SAMPLERS`.

        None selects the equivalent of the checkpoint's scheduler, or DPM-Solver++ for a scheduler
        that the lessons do not implement (PNDM, LMS …). Raises RiffeduError for an unknown name.
        """
        if name is None:
            return OF_SCHEDULER.get(type(self.checkpoint.scheduler).__name__, "dpmpp_2m")
        return limits.one_of("sampler", name, SAMPLERS)

    def columns(self, duration: float = DURATION) -> int:
        """Return the number of picture columns in ``duration`` seconds: 512 for 5.12 s."""
        return max(1, round(limits.duration(duration) * 1000 / self.params.column_ms))

    def denoise(
        self,
        noise: Tensor,
        text: Tensor | Sequence[str],
        negative: Tensor | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: Generator | list[Generator] | None = None,
        sampler: str | None = None,
        guidance_below: float | None = None,
    ) -> Iterator[DenoisingState]:
        """Denoise latents step by step; yield the state after every step.

        ``noise (n, c, h, w)`` has unit variance; ``text`` and ``negative`` are token states ``(n,
        tokens, width)``; ``text`` can also be a list of prompts or prompt schedules (see `guided`).
        Without ``negative``, guidance is relative to the empty prompt.
        ``sampler`` is a name in `riffedu.diffusion.samplers.SAMPLERS` (default: the checkpoint's
        own); ``generator`` is for samplers that add noise. Latents wider than the U-Net's training
        width are processed in windows, see `riffedu.diffusion.windows.windowed`; ``guidance_below``
        as in `predictor`. Notebook: 11_text_to_music.
        """
        levels, rule = self.noise_levels(num_inference_steps), SAMPLERS[self.sampler(sampler)]
        noise = noise.to(self.checkpoint.device)
        predict = self.guided(text, noise.shape[-1], negative, guidance_scale, guidance_below)
        for step in sample(predict, noise, levels, rule, self.prediction_type, generator):
            yield DenoisingState(
                step.step,
                step.total,
                step.level.timestep,
                step.latents,
                step.x0,
                self.decode_latents,
            )

    def decode_latents(self, latents: Tensor, columns: int | None = None) -> list[Image]:
        """Decode latents ``(n, c, h, w)`` as ``n`` RGB pictures, cut to ``columns`` if given."""
        return codec.decode_latents(self.checkpoint.vae, latents, self.params, columns)

    def encode_image(self, image: Image, generator: Generator | None = None) -> Tensor:
        """Encode a picture as latents ``(1, c, h, w)``, the inverse of ``decode_latents``.

        See `riffedu.diffusion.codec.encode_image`.
        """
        return codec.encode_image(self.checkpoint, image, generator)

    def generate(
        self,
        prompt: str | Sequence[str],
        negative_prompt: str | Sequence[str] | None = None,
        seed: int | None | Sequence[int | None] = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        duration: float = DURATION,
        progress: bool = True,
        keep_states: bool = False,
        callback: Callable[[DenoisingState], Any] | None = None,
        sampler: str | None = None,
        tempo: float | None = None,
        key: str | None = None,
    ) -> Result | list[Result]:
        """Generate music from text: one Result, or a list when ``prompt`` or ``seed`` is a list.

        A list of prompts and one seed give every prompt the same noise; one prompt and a list of
        seeds give variations; two lists are paired. ``num_inference_steps`` (1 to 1000) and
        ``guidance_scale`` (0 to 30; 1 is no guidance) default to the checkpoint's recommendation,
        else 25 and 7. ``duration`` is in seconds, up to 60. ``sampler`` is a name in
        `riffedu.diffusion.samplers.SAMPLERS` (default: the checkpoint's own). ``tempo`` is that of
        the pulse in the noise, in beats per minute, by default as `tempo` says; 0 is none. ``key``
        ("D minor", "any") is that of the lines in the noise, by default as `key` says; "" is none.
        ``callback`` is called with every state. The same call returns the same samples; the seed
        None is chosen at random and recorded in the result's parameters.

        A prompt can change with time: ``"a piano:0 -> an organ:2.5"`` plays a piano and from 2.5 s
        on an organ. Both are predicted at every step, and the predictions are cross-faded over half
        a second around the change (`riffedu.music.prompt_schedule`).

        A clip of a list and the same clip alone start from the same noise, but matrix products of
        another size round differently (relatively by about 1e-6): now and then a pixel changes by
        one grey level, and with it the phases of the sound, by up to a few hundredths of full
        scale. Results of a list therefore record their ``batch``, with which ``riffedu again``
        repeats them exactly.

        Raises RiffeduError for an empty prompt (for music without a prompt, set
        ``guidance_scale=0``) and for numbers out of range; warns about a prompt that is too long or
        not in Latin script. Notebook: 11_text_to_music.
        """
        steps, scale = self.settings(num_inference_steps, guidance_scale)
        asked = limits.pair_up(prompt, negative_prompt, seed)
        request: dict[str, Any] = {
            "num_inference_steps": steps,
            "guidance_scale": scale,
            "duration": limits.duration(duration),
            "sampler": self.sampler(sampler),
        }
        hints = [(self.tempo(words, n, tempo), self.key(words, n, key)) for words, _, n in asked]
        said = [part for item in asked for part, _ in parse_schedule(item[0], request["duration"])]
        for text in dict.fromkeys([*said, *(item[1] for item in asked)]):
            guidance.warn_about_prompt(self.checkpoint.tokenizer, text)
        clips = list(zip(asked, hints))
        batches = [clips[i : i + BATCH] for i in range(0, len(clips), BATCH)]
        results: list[Result] = []
        with tqdm(total=len(batches) * steps + len(asked), disable=not progress) as bar:
            for batch in batches:
                bar.set_description("noise → picture")
                states: list[DenoisingState] = []
                for state in self._denoise_batch(batch, **request):
                    bar.update()
                    if callback:
                        callback(state)
                    states = [*states, state] if keep_states else [state]
                bar.set_description("picture → sound")
                for i, (item, hint) in enumerate(batch):
                    kept = states if keep_states else None
                    told = {**request, "tempo": hint[0], "key": hint[1]}
                    if len(batch) > 1:
                        told["batch"] = [[*one, *its_hint] for one, its_hint in batch]
                    results.append(self._finish(i, item, told, state.latents, kept))
                    bar.update()
        return results if any(map(limits.is_list, (prompt, negative_prompt, seed))) else results[0]

    def _denoise_batch(
        self,
        batch: list[tuple[tuple[str, str, int], tuple[float, str]]],
        num_inference_steps: int,
        guidance_scale: float,
        duration: float,
        sampler: str,
    ) -> Iterator[DenoisingState]:
        """Denoise up to BATCH clips in one run; yield its states."""
        import torch

        asked, hints = zip(*batch)
        words, unwanted, seeds = zip(*asked)
        generators = [_generator(seed) for seed in seeds]
        drawn = [self.initial_noise(g, duration, *hint) for g, hint in zip(generators, hints)]
        noise, negative = torch.cat(drawn), self.encode_prompt(unwanted)
        yield from self.denoise(
            noise, words, negative, num_inference_steps, guidance_scale, generators, sampler
        )

    def _finish(
        self,
        index: int,
        item: tuple[str, str, int],
        request: dict[str, Any],
        latents: Tensor,
        states: list[DenoisingState] | None,
    ) -> Result:
        """Return the result for one item of a batch: its picture and its sound."""
        columns = self.columns(request["duration"])
        [image] = self.decode_latents(latents[index : index + 1], columns)
        named = dict(zip(("prompt", "negative_prompt", "seed"), item))
        recorded = {"verb": "generate", **named, **request}
        result = self.play_picture(image, recorded)
        if states is not None:
            draw = partial(self.decode_latents, columns=columns)
            result.states = [state.item(index, draw) for state in states]
        return result

    def play_picture(
        self,
        image: Image,
        parameters: dict[str, Any],
        rms_db: float | None = RMS_DB,
        raw: np.ndarray | None = None,
    ) -> Result:
        """Turn a picture into a Result at a stated level.

        The sound is set to ``rms_db`` dBFS, or to a peak of −1 dBFS if that is lower, and the
        picture's tags get the same level; None keeps the level of the picture. ``raw`` is the sound
        of the picture if it is already known. Model, gain and levels are added to ``parameters``.
        If they name the ``verb`` that made the picture, it carries them as a record, see
        `riffedu.music.provenance`.
        """
        rate = self.params.sample_rate
        if raw is None:
            raw, rate = reconstruct.image_to_audio(image, self.params, progress=False)
        rms_db = float(audio.rms_db(raw)) if rms_db is None else rms_db
        waveform = audio.set_level(raw, rms_db=rms_db, peak_db=PEAK_DB)
        gain = audio.gain(raw, waveform)
        recorded = {
            **parameters,
            **self.identity(),
            "gain_db": 20 * math.log10(gain),
            "rms_db": float(audio.rms_db(waveform)),
            "peak_db": float(audio.peak_db(waveform)),
        }
        image = with_level(image, self.params, gain)
        if "verb" in recorded:
            attach(image, record_of(recorded))
        return Result(waveform, rate, image, recorded)

    def identity(self) -> dict[str, Any]:
        """Return the model's name and the hash of its weights, for records; the device if a GPU."""
        path, device = self.checkpoint.path, self.checkpoint.device.type
        named = {"model": path.name, "model_hash": model_hash(path)}
        return named if device == "cpu" else {**named, "device": device}

    @property
    def guidance_below(self) -> float:
        """Default share of the timesteps, from the clean end, that use guidance: 1 means all."""
        return self.checkpoint.defaults.get("guidance_below", 1.0)

    @property
    def pulse(self) -> float:
        """Gain of the pulse that the checkpoint recommends in its noise; 0 is none."""
        return self.checkpoint.defaults.get("pulse", 0.0)

    @property
    def key_gain(self) -> float:
        """Gain of the key that the checkpoint recommends in its noise; 0 is none."""
        return self.checkpoint.defaults.get("key", 0.0)

    @property
    def train_timesteps(self) -> int:
        """Number of training timesteps: 1000, and the largest number of steps."""
        return self.checkpoint.scheduler.config.num_train_timesteps

    @property
    def window(self) -> int:
        """The U-Net's training width in latent columns: 16 here, 64 in Riffusion."""
        size = self.checkpoint.unet.config.sample_size
        return size if isinstance(size, int) else size[-1]

    def settings(self, steps: int | None, scale: float | None) -> tuple[int, float]:
        """Return steps and guidance scale, by default the checkpoint's own."""
        defaults: dict[str, Any] = self.checkpoint.defaults
        steps = defaults.get("num_inference_steps", STEPS) if steps is None else steps
        scale = defaults.get("guidance_scale", GUIDANCE) if scale is None else scale
        steps = limits.steps("num_inference_steps", steps, self.train_timesteps)
        return steps, limits.guidance(scale)


def _generator(seed: int) -> Generator:
    import torch

    return torch.Generator().manual_seed(limits.seed_of(seed))
