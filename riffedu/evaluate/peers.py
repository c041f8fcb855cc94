"""Lesson 15: other people's generators, run through transformers' and diffusers' own classes.

Weights are never downloaded: a peer is loaded from a folder, or from the Hub's cache on this
machine. `PEERS` says what each is, what to fetch and how big it is.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from riffedu.errors import RiffeduError

# (prompt, seconds, seed, steps, clip) → (waveform, rate); clip: a sound to continue, or None
Play = Callable[[str, float, int, "int | None", "tuple[np.ndarray, int] | None"], Any]


@dataclass(frozen=True)
class Peer:
    """A generator and what to know before its weights are loaded.

    ``hub_id`` and ``gigabytes``: what to fetch, and about how much; ``needs``: the library and the
    first version that has ``classes``; ``longest`` in seconds. ``kind`` is "tokens" or "diffusion";
    ``frames`` per second and ``passes`` through the network per frame (tokens) or per clip
    (diffusion) give the expected minutes. ``load(folder)`` returns a `Play`.
    """

    name: str
    title: str
    hub_id: str
    gigabytes: float
    licence: str
    needs: tuple[str, str]
    classes: tuple[str, ...]
    longest: float
    kind: str
    frames: float
    passes: int
    load: Callable[[Path], Play]


def missing_class(peer: Peer) -> str | None:
    """Say which class the installed library lacks and which version has it; None if all exist."""
    from importlib import import_module

    library, version = peer.needs
    module = import_module(library)
    for name in peer.classes:
        if not hasattr(module, name):
            return (
                f"{peer.title} needs {library}'s {name}, from version {version} on; installed is "
                f"{module.__version__}: pip install -U {library}"
            )
    return None


def find_weights(hub_id: str, title: str, gigabytes: float, given: str | None = None) -> Path:
    """Return the folder with a model's weights: ``given``, or the Hub's cache on this machine.

    Nothing is downloaded. Raises RiffeduError with one line that says what to fetch and how big it
    is.
    """
    if given and Path(given).expanduser().is_dir():
        return Path(given).expanduser()
    from huggingface_hub import snapshot_download

    wanted = given or hub_id
    try:
        return Path(snapshot_download(wanted, local_files_only=True))
    except Exception:
        size = f" (about {gigabytes:g} GB)" if gigabytes and wanted == hub_id else ""
        raise RiffeduError(
            f"the weights of {title} are not on this machine: fetch them{size} with `hf download "
            f"{wanted}`, or give a folder that holds them (NAME=FOLDER)"
        ) from None


def weights_in(folder: Path) -> tuple[int, int]:
    """Return (bytes on disk, number of weights) of a folder or file, without loading anything.

    The header of a safetensors file gives the shapes. For .bin files the number is the size divided
    by 4, as for 32-bit floats. A folder with both has the same weights twice; only one is counted.
    """
    found = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    found = [folder] if folder.is_file() else found
    found = [path for path in found if ".fp16." not in path.name] or found
    size = weights = 0
    for path in found:
        size += path.stat().st_size
        if path.suffix != ".safetensors":
            weights += path.stat().st_size // 4
            continue
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(length))
        shapes = (entry["shape"] for name, entry in head.items() if name != "__metadata__")
        weights += sum(int(np.prod(shape)) for shape in shapes)
    if not found:
        raise RiffeduError(f"{folder} holds no weights: neither .safetensors nor .bin files")
    return size, weights


def speed() -> tuple[float, float]:
    """Return what this machine does in a second: floating-point operations, bytes read."""
    import time

    import torch

    a, x = torch.ones(768, 768), torch.ones(16_000_000)
    a @ a, x.sum()  # the first call also starts the threads
    start = time.perf_counter()
    for _ in range(4):
        a @ a
    middle = time.perf_counter()
    x.sum()
    end = time.perf_counter()
    return 4 * 2 * 768**3 / (middle - start + 1e-9), 4 * len(x) / (end - middle + 1e-9)


def expected_minutes(
    peer: Peer, weights: int, seconds: float, machine: tuple[float, float]
) -> float:
    """Return about how many minutes one clip takes on ``machine``, see `speed`.

    A token model reads all its weights for every frame; a diffusion model multiplies them with
    every frame in every pass. Attention, text encoder and decoder are left out: expect a factor of
    two either way.
    """
    flops, bandwidth = machine
    frames = peer.frames * seconds
    if peer.kind == "tokens":
        return frames * peer.passes * 4 * weights / bandwidth / 60
    return frames * peer.passes * 2 * weights / flops / 60


# ---------------------------------------------------------------- how each is played


def _load(owner: str, name: str, folder: Path, **options: Any) -> Any:
    """Load a class of transformers or diffusers from a folder, offline, with plain errors."""
    from importlib import import_module

    cls = getattr(import_module(owner), name)
    try:
        return cls.from_pretrained(str(folder), local_files_only=True, **options)
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RiffeduError(f"{folder} cannot be loaded as {name}: {first}") from None


def _array(sound: Any) -> np.ndarray:
    """Return mono float32 samples of a tensor or array, (samples,) or (channels, samples)."""
    x = sound.detach().float().cpu().numpy() if hasattr(sound, "detach") else np.asarray(sound)
    x = x.squeeze()
    return (x.mean(axis=0) if x.ndim == 2 else x).astype(np.float32)


def _at_rate(clip: tuple[np.ndarray, int], rate: int) -> np.ndarray:
    from riffedu.signal.audio import resample

    return resample(np.atleast_2d(clip[0]).mean(axis=0).astype(np.float32), clip[1], rate)


def _musicgen(folder: Path) -> Play:
    import torch

    model = _load("transformers", "MusicgenForConditionalGeneration", folder).eval()
    processor = _load("transformers", "AutoProcessor", folder)
    audio = model.config.audio_encoder

    def play(prompt: str, seconds: float, seed: int, steps: Any, clip: Any) -> Any:
        torch.manual_seed(seed)
        given: dict[str, Any] = {}
        if clip is not None:  # continue it
            given = {
                "audio": _at_rate(clip, audio.sampling_rate),
                "sampling_rate": audio.sampling_rate,
            }
        inputs = processor(text=[prompt], padding=True, return_tensors="pt", **given)
        books = model.decoder.num_codebooks
        made = model.generate(
            **inputs,
            do_sample=True,
            guidance_scale=3.0,
            max_new_tokens=max(2 * books, round(seconds * audio.frame_rate) + books - 1),
        )
        new = _array(made[0])[-round(seconds * audio.sampling_rate) :]
        return new, audio.sampling_rate

    return play


def melody_features(waveform: np.ndarray, sample_rate: int, n_chroma: int = 12) -> np.ndarray:
    """Return what MusicGen-melody is told of a melody: one of twelve notes per frame.

    A chroma (lesson 15's `key`) of frames of 16384 samples, 4096 apart, at 32 kHz, of which only
    the strongest entry is kept: float32 (frames, 12), one 1 in each row. Timbre, octave and chords
    are gone, so the model must invent them. Source: Copet et al. (2023), §2.2.
    """
    import librosa.filters as filters

    from riffedu.signal.stft import stft

    power = np.abs(stft(np.asarray(waveform, np.float64), 16384, 4096)) ** 2
    bank = filters.chroma(sr=sample_rate, n_fft=16384, tuning=0, n_chroma=n_chroma)
    chroma = bank @ power
    return np.eye(n_chroma, dtype=np.float32)[chroma.argmax(axis=0)]


def _musicgen_melody(folder: Path) -> Play:
    import torch

    model = _load("transformers", "MusicgenMelodyForConditionalGeneration", folder).eval()
    tokenizer = _load("transformers", "AutoTokenizer", folder)
    audio = model.config.audio_encoder

    def play(prompt: str, seconds: float, seed: int, steps: Any, clip: Any) -> Any:
        torch.manual_seed(seed)
        inputs = dict(tokenizer([prompt], padding=True, return_tensors="pt"))
        if clip is not None:  # play its melody
            x = _at_rate(clip, audio.sampling_rate)
            features = melody_features(x, audio.sampling_rate, model.config.num_chroma)
            inputs["input_features"] = torch.from_numpy(features)[None]
        inputs = {k: inputs[k] for k in inputs if k != "token_type_ids"}
        books = model.decoder.num_codebooks
        made = model.generate(
            **inputs,
            do_sample=True,
            guidance_scale=3.0,
            max_new_tokens=max(2 * books, round(seconds * audio.frame_rate) + books - 1),
        )
        return _array(made[0]), audio.sampling_rate

    return play


def _bark(folder: Path) -> Play:
    import torch

    model = _load("transformers", "BarkModel", folder).eval()
    tokenizer = _load("transformers", "AutoTokenizer", folder)

    def play(prompt: str, seconds: float, seed: int, steps: Any, clip: Any) -> Any:
        torch.manual_seed(seed)
        text = f"♪ {prompt} ♪"  # notes around the text make it sing
        inputs = tokenizer(
            [text],
            padding="max_length",
            max_length=256,
            truncation=True,
            add_special_tokens=False,
            return_tensors="pt",
        )
        semantic = model.generation_config.semantic_config
        rate = semantic.get("semantic_rate_hz", 49.9) if isinstance(semantic, dict) else 49.9
        made = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            semantic_max_new_tokens=max(8, round(seconds * rate)),
            do_sample=True,
        )
        return _array(made[0]), model.generation_config.sample_rate

    return play


def _diffusers(pipe: Any, length: str, rate: int) -> Play:
    """Return the `Play` of a diffusers pipeline whose argument ``length`` is in seconds."""
    import torch

    pipe.set_progress_bar_config(disable=True)

    def play(prompt: str, seconds: float, seed: int, steps: int | None, clip: Any) -> Any:
        options = {} if steps is None else {"num_inference_steps": steps}
        generator = torch.Generator().manual_seed(seed)
        made = pipe(prompt=prompt, **{length: seconds}, generator=generator, **options)
        return _array(made.audios[0]), rate

    return play


def _stable_audio(folder: Path) -> Play:
    from importlib.util import find_spec

    options = {}
    if find_spec("torchsde") is None:  # its own scheduler draws noise with torchsde
        options["scheduler"] = _load(
            "diffusers", "EDMDPMSolverMultistepScheduler", folder, subfolder="scheduler"
        )
    pipe = _load("diffusers", "StableAudioPipeline", folder, **options)
    return _diffusers(pipe, "audio_end_in_s", int(pipe.vae.config.sampling_rate))


def _stable_audio_3(folder: Path) -> Play:
    pipe = _load("diffusers", "StableAudio3Pipeline", folder)
    return _diffusers(pipe, "duration", int(pipe.vae.config.sampling_rate))


def _audioldm2(folder: Path) -> Play:
    # Its weights name GPT2Model, which cannot generate in transformers 5; this class can.
    language = _load("transformers", "GPT2LMHeadModel", folder, subfolder="language_model")
    if getattr(language.config, "max_new_tokens", None) is None:
        language.config.max_new_tokens = 8
    pipe = _load("diffusers", "AudioLDM2Pipeline", folder, language_model=language)
    return _diffusers(pipe, "audio_length_in_s", int(pipe.vocoder.config.sampling_rate))


def _ace_step(folder: Path) -> Play:
    pipe = _load("diffusers", "AceStepPipeline", folder)
    return _diffusers(pipe, "audio_duration", int(pipe.vae.config.sampling_rate))


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "musicgen",
            "MusicGen small",
            "facebook/musicgen-small",
            2.4,
            "CC BY-NC 4.0",
            ("transformers", "4.31"),
            ("MusicgenForConditionalGeneration",),
            30,
            "tokens",
            50,
            2,
            _musicgen,
        ),
        Peer(
            "musicgen-melody",
            "MusicGen melody",
            "facebook/musicgen-melody",
            6.2,
            "CC BY-NC 4.0",
            ("transformers", "4.40"),
            ("MusicgenMelodyForConditionalGeneration",),
            30,
            "tokens",
            50,
            2,
            _musicgen_melody,
        ),
        Peer(
            "bark",
            "Bark small",
            "suno/bark-small",
            1.7,
            "MIT",
            ("transformers", "4.31"),
            ("BarkModel",),
            13,
            "tokens",
            150,
            1,
            _bark,
        ),
        Peer(
            "stable-audio",
            "Stable Audio Open",
            "stabilityai/stable-audio-open-1.0",
            5.3,
            "Stability AI Community (accept it on the Hub first)",
            ("diffusers", "0.30"),
            ("StableAudioPipeline", "EDMDPMSolverMultistepScheduler"),
            47,
            "diffusion",
            21.5,
            200,
            _stable_audio,
        ),
        Peer(
            "stable-audio-3",
            "Stable Audio 3 medium",
            "stabilityai/stable-audio-3-medium",
            6,
            "Stability AI Community (accept it, then convert with diffusers' script)",
            ("diffusers", "0.40"),
            ("StableAudio3Pipeline",),
            380,
            "diffusion",
            10.8,
            8,
            _stable_audio_3,
        ),
        Peer(
            "audioldm2",
            "AudioLDM 2 music",
            "cvssp/audioldm2-music",
            4.4,
            "CC BY-NC-SA 4.0",
            ("diffusers", "0.21"),
            ("AudioLDM2Pipeline",),
            10,
            "diffusion",
            100,
            400,
            _audioldm2,
        ),
        Peer(
            "ace-step",
            "ACE-Step 1.5",
            "ACE-Step/acestep-v15-xl-turbo-diffusers",
            12,
            "MIT",
            ("diffusers", "0.39"),
            ("AceStepPipeline",),
            600,
            "diffusion",
            12.5,
            8,
            _ace_step,
        ),
    )
}
