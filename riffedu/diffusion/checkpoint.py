"""Lesson 09: the components of a checkpoint, and loading them.

A text-to-picture model is a folder in the layout of Stable Diffusion v1: a ``model_index.json``
that names a class for each component, and a subfolder per component. riffedu loads the classes
that the index names, so the model that ships in ``data/models`` and Riffusion v1 use the same
code::

    tokenizer ──▶ text_encoder ──▶ unet (with scheduler) ──▶ vae
    words         token states     latents from noise        picture
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riffedu.diffusion.devices import likes_half, pick_device, run_in_half
from riffedu.diffusion.finding import find_checkpoint
from riffedu.diffusion.single_file import open_single_file
from riffedu.diffusion.weights import COMPONENTS, NETWORKS, find_weights, first_line
from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    import torch

LIBRARIES = ("diffusers", "transformers")


@dataclass
class Checkpoint:
    """The five components of a latent diffusion model, ready to run.

    ``vae`` encodes pictures to latents and decodes them, ``unet`` predicts the noise in latents,
    ``tokenizer`` and ``text_encoder`` turn a prompt into token states, and ``scheduler`` holds the
    noise schedule. ``defaults`` are the settings recommended by the folder's optional
    ``riffedu.json`` (``guidance_scale``, ``guidance_below``, ``num_inference_steps``).
    Notebook: 09_latents.
    """

    vae: Any
    unet: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any
    path: Path
    defaults: dict[str, float] = field(default_factory=dict)

    @property
    def compression(self) -> int:
        """Pixels per latent along each side: 8 for Stable Diffusion v1, 32 for riffedu's model."""
        stated = getattr(self.vae, "spatial_compression_ratio", None)
        return stated or 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def latent_channels(self) -> int:
        """Values per latent position: 4 for Stable Diffusion v1, 32 for riffedu's model."""
        return self.vae.config.latent_channels

    @property
    def device(self) -> torch.device:
        """The device of the U-Net, where latents must be."""
        return next(self.unet.parameters()).device


PREPARED: dict[Path, Callable[[], Checkpoint]] = {}
"""What makes a checkpoint of this path without reading it; see `riffedu.diffusion.shared`."""


def load_checkpoint(
    name_or_path: str | Path = "default",
    device: str | torch.device = "cpu",
    half: bool | None = None,
) -> Checkpoint:
    """Load a checkpoint in evaluation mode, from safetensors files only.

    ``name_or_path`` is the name of a folder in ``data/models`` (``"default"``), the path of any
    folder in Stable Diffusion v1 layout (``*.fp16.safetensors`` are read if there are no others), a
    single ``.safetensors`` file of Stable Diffusion v1, or a hub id such as
    ``"riffusion/riffusion-model-v1"`` (read from the local cache if the hub can't be reached). A
    safety checker and a feature extractor are ignored.

    ``device`` is a name for `riffedu.diffusion.devices.pick_device`. Weights are float32, but with
    ``half`` those of the U-Net are float16 (default: if the device is faster that way).

    Raises RiffeduError if the checkpoint is missing, damaged or pickled (``.bin`` and ``.ckpt``
    files can run code when they are loaded), if its components are incompatible, or if the device
    is not available. Notebook: 09_latents.
    """
    path = find_checkpoint(name_or_path)
    import torch

    place = pick_device(device)
    if path in PREPARED and place.type == "cpu" and not half:
        return PREPARED[path]()
    with _quiet_libraries():
        components = open_single_file(path) if path.is_file() else _open_folder(path)
    for name in NETWORKS:
        components[name].requires_grad_(False).eval().float().to(place)
    for name in ("vae", "unet"):  # 3 to 5 % faster on a CPU
        components[name].to(memory_format=torch.channels_last)
    if likes_half(place) if half is None else half:
        run_in_half(components["unet"])
    checkpoint = Checkpoint(**components, path=path, defaults=_read_defaults(path))
    _check_fit(checkpoint)
    return checkpoint


def _open_folder(folder: Path) -> dict[str, Any]:
    index = _read_json(folder / "model_index.json")
    return {name: _load_component(folder, name, index) for name in COMPONENTS}


def _load_component(folder: Path, name: str, index: dict[str, Any]) -> Any:
    library, class_name = _named_class(folder, name, index)
    where = folder / name
    if not where.is_dir():
        raise RiffeduError(
            f"the checkpoint {folder} has no folder {name}/ for its {class_name}: "
            "download the checkpoint again"
        )
    if name != "tokenizer":
        _read_json(where / ("scheduler_config.json" if name == "scheduler" else "config.json"))
    variant = find_weights(where, library) if name in NETWORKS else None
    try:
        module = import_module(library)
        if name == "tokenizer":
            loader = getattr(module, class_name, None) or module.AutoTokenizer
            return loader.from_pretrained(where, local_files_only=True)
        loader = getattr(module, class_name)
        if name == "scheduler":
            return loader.from_pretrained(where, local_files_only=True)
        return _load_network(loader, library, where, variant)
    except RiffeduError:
        raise
    except Exception as error:
        raise RiffeduError(
            f"the {name} of the checkpoint {folder} can't be read: {first_line(error)}; "
            "download the checkpoint again"
        ) from error


def _load_network(loader: Any, library: str, where: Path, variant: str | None) -> Any:
    options: dict[str, Any] = {"variant": variant} if variant else {}
    if library == "diffusers":
        from diffusers.utils import is_accelerate_available

        options["low_cpu_mem_usage"] = is_accelerate_available()
    network, report = loader.from_pretrained(
        where, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
    )
    # riffedu doesn't use BERT's pooler, so a text encoder may be saved without one.
    if missing := sorted(k for k in report["missing_keys"] if not k.startswith("pooler.")):
        raise RiffeduError(
            f"the weights in {where} are incomplete: {len(missing)} missing, among them "
            f"{missing[0]}; download the checkpoint again"
        )
    return network


def _named_class(folder: Path, name: str, index: dict[str, Any]) -> tuple[str, str]:
    entry = index.get(name)
    if not (isinstance(entry, list) and len(entry) == 2 and all(entry)):
        raise RiffeduError(
            f"{folder / 'model_index.json'} names no {name}: riffedu needs all of "
            f"{', '.join(COMPONENTS)}"
        )
    library, class_name = entry
    if library not in LIBRARIES:
        raise RiffeduError(
            f"the {name} of {folder} is a class of {library!r}: riffedu loads classes of "
            "diffusers and transformers only"
        )
    return library, class_name


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        single = sorted(path.parent.glob("*.safetensors"))
        advice = f"; did you mean the file {single[0]}?" if len(single) == 1 else ""
        raise RiffeduError(
            f"{path.parent} is not a checkpoint: it has no {path.name}{advice}"
        ) from None
    except (OSError, ValueError) as error:
        raise RiffeduError(f"{path} can't be read: {first_line(error)}") from error
    if not isinstance(content, dict):
        raise RiffeduError(f"{path} must contain one JSON object")
    return content


def _read_defaults(folder: Path) -> dict[str, float]:
    path = folder / "riffedu.json"
    return _read_json(path) if path.is_file() else {}


def _check_fit(checkpoint: Checkpoint) -> None:
    unet, vae = checkpoint.unet.config, checkpoint.vae.config
    width = unet.get("encoder_hid_dim") or unet.cross_attention_dim
    pairs = {
        "latent channels, unet and vae": (unet.in_channels, vae.latent_channels),
        "width of token states, unet and text_encoder": (
            width,
            checkpoint.text_encoder.config.hidden_size,
        ),
        "channels, vae in and out": (
            vae.in_channels,
            vae.get("out_channels", vae.in_channels),
        ),
    }
    for what, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise RiffeduError(
                f"the components of the checkpoint {checkpoint.path} don't match ({what}: {ours} "
                f"and {theirs}): riffedu supports plain text-to-picture checkpoints"
            )
    if vae.in_channels not in (1, 3):
        raise RiffeduError(
            f"the vae of {checkpoint.path} has {vae.in_channels} picture channels: "
            "riffedu supports 1 or 3"
        )
    if not hasattr(checkpoint.scheduler, "alphas_cumprod"):
        raise RiffeduError(
            f"the scheduler {type(checkpoint.scheduler).__name__} of {checkpoint.path} has no "
            "noise schedule ᾱ: riffedu supports variance-preserving diffusion, not flow matching"
        )


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Suppress progress bars and log messages; `_load_network` reports missing weights itself."""
    import diffusers.utils.logging as diffusers_log
    import transformers.utils.logging as transformers_log

    logs = (diffusers_log, transformers_log)
    levels = [log.get_verbosity() for log in logs]
    bar = transformers_log.is_progress_bar_enabled()
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in zip(logs, levels):
            log.set_verbosity(level)
        if bar:
            for log in logs:
                log.enable_progress_bar()
