"""What a checkpoint holds, and how one is opened (lesson 09).

A text-to-picture model is a folder in the layout that Stable Diffusion v1 made common: a
``model_index.json`` that names a class for each component, and a subfolder per component. riffedu
reads the names and never asks which checkpoint it is, so the model that ships in ``data/models``
and Riffusion v1 take the same road::

    tokenizer ──▶ text_encoder ──▶ unet (with scheduler) ──▶ vae
    words         token states     latents out of noise      picture
"""

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from riffedu.errors import RiffeduError

NETWORKS = ("vae", "unet", "text_encoder")
COMPONENTS = (*NETWORKS, "tokenizer", "scheduler")
LIBRARIES = ("diffusers", "transformers")
PICKLED = ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass
class Checkpoint:
    """The five components of a latent diffusion model, ready to run.

    ``vae`` turns pictures into latents and back, ``unet`` predicts the noise in latents,
    ``text_encoder`` with its ``tokenizer`` turns words into token states, ``scheduler`` holds the
    noise schedule. ``defaults`` is what the folder's optional ``riffedu.json`` recommends
    (``guidance_scale``, ``guidance_below``, ``num_inference_steps``). Notebook: 09_latents.
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
        """Numbers per latent position: 4 for Stable Diffusion v1, 32 for riffedu's model."""
        return self.vae.config.latent_channels

    @property
    def device(self):
        """Where the U-Net lives, and so where latents must be (a ``torch.device``)."""
        return next(self.unet.parameters()).device


def load_checkpoint(name_or_path: str | Path = "default", device: str = "cpu") -> Checkpoint:
    """Open a checkpoint: weights in float32, in evaluation mode, from safetensors only.

    ``name_or_path`` is a folder in ``data/models`` by its name (``"default"``), any folder in
    Stable Diffusion v1 layout, or a hub id such as ``"riffusion/riffusion-model-v1"`` (looked up
    in the local cache first when the hub can't be reached). A safety checker and a feature
    extractor are ignored, present or not.

    Raises RiffeduError when it is missing, damaged, pickled (``.bin`` and ``.ckpt`` files can run
    code when they are opened), or when its components don't fit one another.
    Notebook: 09_latents.
    """
    folder = find_folder(name_or_path)
    index = _read_json(folder / "model_index.json")
    import torch

    with _quiet_libraries():
        parts = {name: _load_component(folder, name, index) for name in COMPONENTS}
    for name in NETWORKS:
        parts[name].requires_grad_(False).eval().float().to(device)
    for name in ("vae", "unet"):  # 3 to 5 % faster on a CPU
        parts[name].to(memory_format=torch.channels_last)
    checkpoint = Checkpoint(**parts, path=folder, defaults=_read_defaults(folder))
    _check_fit(checkpoint)
    return checkpoint


def find_folder(name_or_path: str | Path) -> Path:
    """The folder of a checkpoint given by name, path or hub id.

    Raises RiffeduError, with what can be had instead, when there is none.
    """
    text, path = str(name_or_path), Path(name_or_path).expanduser()
    models = _models_folder()
    if text and models and path.name == text and (models / text).is_dir():
        return models / text
    if path.is_file():
        raise RiffeduError(
            f"the checkpoint {text!r} is a file: give the folder that holds model_index.json "
            "(single files and pickled weights are not opened)"
        )
    if text and path.is_dir():
        return path
    if HUB_ID.fullmatch(text) and not text.startswith("."):
        return _from_hub(text)
    known = ", ".join(sorted(p.name for p in models.iterdir() if p.is_dir())) if models else ""
    raise RiffeduError(
        f"no checkpoint {text!r}: it is not a folder, nor one of data/models ({known or 'empty'}), "
        "nor a hub id like riffusion/riffusion-model-v1"
    )


def _models_folder() -> Path | None:
    from riffedu.paths import models_folder

    try:
        folder = models_folder()
    except RiffeduError:
        return None
    return folder if folder.is_dir() else None


def _from_hub(hub_id: str) -> Path:
    """Fetch (or find in the local cache) only the files that a checkpoint needs."""
    import os

    from huggingface_hub import snapshot_download

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    names = ("diffusion_pytorch_model", "model")
    weights = [f"{folder}/{name}.safetensors" for folder in NETWORKS for name in names]
    texts = [f"{name}/*{ending}" for name in COMPONENTS for ending in (".json", ".txt", ".model")]
    try:
        return Path(
            snapshot_download(
                hub_id,
                local_files_only=offline,
                allow_patterns=["model_index.json", "riffedu.json", *weights, *texts],
            )
        )
    except Exception as error:
        raise RiffeduError(
            f"the checkpoint {hub_id!r} is not on this machine and can't be fetched "
            f"({type(error).__name__}): connect once and try again, or copy its folder here and "
            "give that as the model"
        ) from error


def _load_component(folder: Path, name: str, index: dict[str, Any]) -> Any:
    library, class_name = _named_class(folder, name, index)
    where = folder / name
    if not where.is_dir():
        raise RiffeduError(f"the checkpoint {folder} lacks the folder {name}/ of its {class_name}")
    if name in NETWORKS:
        _refuse_pickles(where)
    try:
        module = import_module(library)
        if name == "tokenizer":
            loader = getattr(module, class_name, None) or module.AutoTokenizer
            return loader.from_pretrained(where, local_files_only=True)
        loader = getattr(module, class_name)
        if name == "scheduler":
            return loader.from_pretrained(where, local_files_only=True)
        return _load_network(loader, library, where)
    except RiffeduError:
        raise
    except Exception as error:
        raise RiffeduError(
            f"the {name} of the checkpoint {folder} can't be read: {_first_line(error)}; "
            "fetch the checkpoint again"
        ) from error


def _load_network(loader: Any, library: str, where: Path) -> Any:
    options: dict[str, Any] = {}
    if library == "diffusers":
        from diffusers.utils import is_accelerate_available

        options["low_cpu_mem_usage"] = is_accelerate_available()
    network, report = loader.from_pretrained(
        where, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
    )
    # Token states leave BERT before its pooler, so a text encoder may be saved without one.
    if missing := sorted(k for k in report["missing_keys"] if not k.startswith("pooler.")):
        raise RiffeduError(
            f"the weights in {where} are incomplete: {len(missing)} missing, among them "
            f"{missing[0]}; fetch the checkpoint again"
        )
    return network


def _named_class(folder: Path, name: str, index: dict[str, Any]) -> tuple[str, str]:
    entry = index.get(name)
    if not (isinstance(entry, list) and len(entry) == 2 and all(entry)):
        raise RiffeduError(f"{folder / 'model_index.json'} names no {name}: riffedu needs one")
    library, class_name = entry
    if library not in LIBRARIES:
        raise RiffeduError(
            f"the {name} of {folder} comes from {library!r}: riffedu opens classes of "
            "diffusers and transformers only"
        )
    return library, class_name


def _refuse_pickles(where: Path) -> None:
    if any(where.glob("*.safetensors")):
        return
    pickled = sorted(p.name for pattern in PICKLED for p in where.glob(pattern))
    if pickled:
        raise RiffeduError(
            f"{where} holds pickled weights ({pickled[0]}), which can run code when they are "
            "opened: riffedu reads safetensors only, so get or convert to model.safetensors"
        )
    raise RiffeduError(f"{where} holds no weights (*.safetensors): fetch the checkpoint again")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RiffeduError(f"{path.parent} is not a checkpoint: it has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise RiffeduError(f"{path} can't be read: {_first_line(error)}") from error
    if not isinstance(content, dict):
        raise RiffeduError(f"{path} should hold one JSON object")
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
                f"the parts of the checkpoint {checkpoint.path} don't fit ({what}: {ours} and "
                f"{theirs}): riffedu runs plain text-to-picture checkpoints"
            )
    if vae.in_channels not in (1, 3):
        raise RiffeduError(
            f"the vae of {checkpoint.path} has {vae.in_channels} picture channels: 1 or 3 work"
        )
    if not hasattr(checkpoint.scheduler, "alphas_cumprod"):
        raise RiffeduError(
            f"the scheduler {type(checkpoint.scheduler).__name__} of {checkpoint.path} has no "
            "noise schedule ᾱ: riffedu runs variance-preserving diffusion, not flow matching"
        )


@contextmanager
def _quiet_libraries():
    """Hold back loading bars and notes: a missing weight is an error here, never a log line."""
    import diffusers.utils.logging as diffusers_log
    import transformers.utils.logging as transformers_log

    logs = (diffusers_log, transformers_log)
    levels = [log.get_verbosity() for log in logs]
    bar = transformers_log.is_progress_bar_enabled()
    for log in logs:
        log.set_verbosity_error()
    transformers_log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in zip(logs, levels):
            log.set_verbosity(level)
        if bar:
            transformers_log.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(". ")
