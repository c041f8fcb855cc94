"""What came after, as the table of notebooks/15_measure_and_compare.ipynb, with sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from riffedu.music.pipeline import Pipeline

COLUMNS = (
    "representation",
    "generator",
    "conditioning",
    "length",
    "rate",
    "parameters",
    "open?",
    "year",
)
UNKNOWN = "not published"

# key: title and address; an empty address is shown without a link
SOURCES = {
    "card": ("riffedu's model card and configuration files", "../data/models/default/README.md"),
    "riffusion": (
        "riffusion-hobby, README and SpectrogramParams",
        "https://github.com/riffusion/riffusion-hobby",
    ),
    "sd": (
        "Stable Diffusion v1, README: 860 M U-Net and 123 M text encoder",
        "https://github.com/CompVis/stable-diffusion",
    ),
    "riffusion-card": (
        "riffusion-model-v1, model card",
        "https://huggingface.co/riffusion/riffusion-model-v1",
    ),
    "musiclm": (
        "Agostinelli et al., MusicLM: Generating Music From Text (2023)",
        "https://arxiv.org/abs/2301.11325",
    ),
    "musicgen": (
        "Copet et al., Simple and Controllable Music Generation (2023)",
        "https://arxiv.org/abs/2306.05284",
    ),
    "audiocraft": (
        "AudioCraft, docs/MUSICGEN.md",
        "https://github.com/facebookresearch/audiocraft/blob/main/docs/MUSICGEN.md",
    ),
    "musicgen-card": (
        "musicgen-small, model card",
        "https://huggingface.co/facebook/musicgen-small",
    ),
    "bark": ("Bark, README", "https://github.com/suno-ai/bark"),
    "bark-card": (
        "Bark, model-card.md",
        "https://github.com/suno-ai/bark/blob/main/model-card.md",
    ),
    "bark-docs": (
        "transformers' documentation, Bark",
        "https://huggingface.co/docs/transformers/model_doc/bark",
    ),
    "sao-card": (
        "stable-audio-open-1.0, model card",
        "https://huggingface.co/stabilityai/stable-audio-open-1.0",
    ),
    "audioldm2": (
        "Liu et al., AudioLDM 2 (2023)",
        "https://arxiv.org/abs/2308.05734",
    ),
    "audioldm2-docs": (
        "diffusers' documentation, AudioLDM 2",
        "https://huggingface.co/docs/diffusers/api/pipelines/audioldm2",
    ),
    "audioldm2-card": ("audioldm2, model card", "https://huggingface.co/cvssp/audioldm2"),
    "sao": ("Evans et al., Stable Audio Open (2024)", "https://arxiv.org/abs/2407.14358"),
    "sao-docs": (
        "diffusers' documentation, Stable Audio",
        "https://huggingface.co/docs/diffusers/api/pipelines/stable_audio",
    ),
    "ace": (
        "ACE-Step 1.5, README",
        "https://github.com/ace-step/ACE-Step-1.5",
    ),
    "ace-docs": (
        "diffusers' documentation, ACE-Step 1.5",
        "https://huggingface.co/docs/diffusers/api/pipelines/ace_step",
    ),
    "ace-xl": (
        "acestep-v15-xl-base-diffusers, model card",
        "https://huggingface.co/ACE-Step/acestep-v15-xl-base-diffusers",
    ),
    "sa3": (
        "Stable Audio 3, technical report (2026)",
        "https://arxiv.org/abs/2605.17991",
    ),
    "sa3-docs": (
        "diffusers' documentation, Stable Audio 3",
        "https://huggingface.co/docs/diffusers/api/pipelines/stable_audio_3",
    ),
    "sa3-repo": (
        "Stable Audio 3, repository",
        "https://github.com/Stability-AI/stable-audio-3",
    ),
    "suno": ("Suno, its own site", "https://suno.com"),
    "udio": ("Udio, its own site", "https://www.udio.com"),
}


@dataclass(frozen=True)
class Model:
    """A row: ``cells`` maps each of `COLUMNS` to (text, key in `SOURCES`)."""

    name: str
    cells: dict[str, tuple[str, str]]


def _model(name: str, *cells: tuple[str, str]) -> Model:
    return Model(name, dict(zip(COLUMNS, cells, strict=True)))


def _closed(name: str, source: str, year: tuple[str, str]) -> Model:
    hidden = (UNKNOWN, source)
    words = ("text, lyrics, own recordings", source)
    return _model(
        name, hidden, hidden, words, ("whole songs", source), hidden, hidden, ("no", source), year
    )


def ours(pipeline: Pipeline) -> Model:
    """Return the row of the checkpoint that is loaded, read from the checkpoint itself."""
    checkpoint = pipeline.checkpoint
    weights = sum(weight.numel() for weight in checkpoint.unet.parameters())
    params, latents = pipeline.params, checkpoint.latent_channels
    cells = (
        f"mel picture, {latents} latents for {checkpoint.compression}×{checkpoint.compression}",
        f"diffusion, U-Net, {pipeline.prediction_type}",
        f"text ({type(checkpoint.text_encoder).__name__})",
        "5.1 s, longer in windows",
        f"{params.sample_rate / 1000:g} kHz, picture to {params.max_frequency / 1000:g} kHz",
        f"{weights / 1e6:.0f} M U-Net",
        "weights, code and data recipe",
        "see the card",
    )
    return _model(f"{checkpoint.path.name}, loaded here", *((text, "card") for text in cells))


MODELS = (
    _model(
        "Riffusion v1",
        ("mel picture in image latents", "riffusion"),
        ("diffusion, U-Net", "sd"),
        ("text (CLIP), a seed picture", "riffusion"),
        ("5.1 s", "riffusion"),
        ("44.1 kHz, picture to 10 kHz", "riffusion"),
        ("860 M U-Net", "sd"),
        ("weights, OpenRAIL-M", "riffusion-card"),
        ("2022", "riffusion"),
    ),
    _model(
        "MusicLM",
        ("semantic and codec tokens", "musiclm"),
        ("autoregressive, in stages", "musiclm"),
        ("text (MuLan), a melody", "musiclm"),
        ("minutes", "musiclm"),
        ("24 kHz", "musiclm"),
        ("430 M each stage", "musiclm"),
        ("no", "musiclm"),
        ("2023", "musiclm"),
    ),
    _model(
        "Bark",
        ("semantic and codec tokens, 8 books", "bark-card"),
        ("semantic → coarse → fine", "bark-card"),
        ("text, voice presets", "bark"),
        ("about 13 s", "bark"),
        ("24 kHz", "bark-docs"),
        ("3 × 80 M", "bark-card"),
        ("weights, MIT", "bark"),
        ("2023", "bark-card"),
    ),
    _model(
        "MusicGen",
        ("codec tokens, 4 books, 50 Hz", "audiocraft"),
        ("autoregressive, delay pattern", "musicgen"),
        ("text (T5), a melody", "musicgen"),
        ("30 s", "musicgen"),
        ("32 kHz", "audiocraft"),
        ("300 M, 1.5 B, 3.3 B", "audiocraft"),
        ("weights, CC BY-NC 4.0", "musicgen-card"),
        ("2023", "musicgen"),
    ),
    _model(
        "AudioLDM 2",
        ("mel latents, vocoder", "audioldm2"),
        ("diffusion, U-Net; a language model before it", "audioldm2-docs"),
        ("text (CLAP, Flan-T5)", "audioldm2-docs"),
        ("10 s", "audioldm2"),
        ("16 kHz", "audioldm2"),
        ("350 M U-Net, 1.1 B in all", "audioldm2-docs"),
        ("weights, CC BY-NC-SA 4.0", "audioldm2-card"),
        ("2023", "audioldm2"),
    ),
    _model(
        "Stable Audio Open",
        ("waveform latents", "sao"),
        ("diffusion, transformer, v", "sao"),
        ("text (T5), start and length in seconds", "sao"),
        ("up to 47 s", "sao-docs"),
        ("44.1 kHz stereo", "sao-docs"),
        ("1.06 B transformer", "sao"),
        ("weights, Stability Community", "sao-card"),
        ("2024", "sao"),
    ),
    _model(
        "ACE-Step 1.5",
        ("waveform latents, 25 Hz", "ace-docs"),
        ("flow matching, transformer; a planner before it", "ace-docs"),
        ("text, lyrics, tempo, key, a recording", "ace"),
        ("10 s to 10 min", "ace-docs"),
        ("48 kHz stereo", "ace-docs"),
        ("XL: 5 B transformer", "ace-xl"),
        ("weights, MIT", "ace"),
        ("2026", "ace"),
    ),
    _model(
        "Stable Audio 3",
        ("waveform latents", "sa3-docs"),
        ("flow matching, transformer, 8 steps", "sa3-docs"),
        ("text (T5Gemma), length in seconds", "sa3-docs"),
        ("medium: up to 380 s", "sa3-repo"),
        ("44.1 kHz stereo", "sa3-docs"),
        ("433 M, 1.4 B", "sa3-repo"),
        ("weights, Stability Community", "sa3-repo"),
        ("2026", "sa3"),
    ),
    _closed("Suno", "suno", ("2023 on", "suno")),
    _closed("Udio", "udio", ("2024 on", "udio")),
)
