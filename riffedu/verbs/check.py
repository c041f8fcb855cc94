"""``riffedu check``: checks the installation and says how to fix what is wrong."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from riffedu.diffusion.weights import check_safetensors
from riffedu.errors import RiffeduError
from riffedu.output import say
from riffedu.paths import clone_folder, models_folder

if TYPE_CHECKING:
    from packaging.requirements import Requirement

MEMORY_GB = 2.0
DISK_GB = 1.0
IMPORT_NAMES = {"pillow": "PIL"}
TORCH = """
import torch
apple = torch.backends.mps.is_available()
device = "CUDA" if torch.cuda.is_available() else "an Apple GPU" if apple else "CPU"
print(f"torch runs on {device}, {torch.get_num_threads()} threads")
"""
REINSTALL = "pip install --force-reinstall --no-deps riffedu"


class Line(NamedTuple):
    """One requirement: whether it is met, what it is, and what to do if it is not."""

    ok: bool
    what: str
    to_do: str = ""

    def __str__(self) -> str:
        return f"OK     {self.what}" if self.ok else f"TO DO  {self.what}: {self.to_do}"


def check_python() -> Line:
    """Check the Python version."""
    version = "Python {}.{}.{}".format(*sys.version_info[:3])
    return Line(sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def check_packages() -> Iterator[Line]:
    """Check each dependency that riffedu's metadata declares, with its version range."""
    from packaging.requirements import Requirement

    try:
        declared = metadata.requires("riffedu") or []
    except metadata.PackageNotFoundError:
        yield Line(False, "riffedu is not installed", "run `pip install -e .` in the clone")
        return
    for requirement in map(Requirement, declared):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield check_package(requirement)


def check_package(requirement: Requirement) -> Line:
    """Check that one package is installed, importable and of a supported version."""
    name = requirement.name
    pins = "-c constraints.txt " if clone_folder() else ""
    to_do = f'run `pip install {pins}"{requirement}"`'
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Line(False, f"{name} is missing", to_do)
    if find_spec(IMPORT_NAMES.get(name, name.replace("-", "_"))) is None:
        return Line(
            False, f"{name} {version} is damaged", f"run `pip install --force-reinstall {name}`"
        )
    if not requirement.specifier.contains(version, prereleases=True):
        return Line(False, f"{name} {version} is not {requirement.specifier}", to_do)
    return Line(True, f"{name} {version}")


def start_torch() -> subprocess.Popen[str]:
    """Start a process that imports torch and prints a line about it.

    Importing torch takes longer than all other checks together, and on an unsupported processor it
    ends the process.
    """
    command = [sys.executable, "-c", TORCH]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check_torch(process: subprocess.Popen[str] | None = None) -> Line:
    """Check that torch can be imported: a wheel for another platform cannot."""
    process = process or start_torch()
    output, errors = process.communicate()
    if process.returncode:
        reason = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        return Line(False, "torch cannot be imported", f"reinstall it ({reason})")
    return Line(True, output.strip())


def check_lab_widgets() -> Line:
    """Check the JupyterLab extensions, without which panels and players stay blank."""
    from jupyter_core.paths import jupyter_path

    extensions = {
        "jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager",
        "anywidget": "anywidget",
    }
    missing = [
        name
        for name, extension in extensions.items()
        if not any(
            Path(folder, extension, "package.json").is_file()
            for folder in jupyter_path("labextensions")
        )
    ]
    return Line(
        not missing,
        "JupyterLab widget extensions",
        f"run `pip install --force-reinstall --no-deps {' '.join(missing)}`",
    )


def check_model(folder: Path | None = None) -> Line:
    """Check that the shipped checkpoint is complete and undamaged."""
    what = "the shipped model"
    try:
        folder = folder or models_folder() / "default"
        damaged = list(damaged_files(folder))
    except RiffeduError as error:
        return Line(False, what, str(error))
    if damaged:
        mend = f"git checkout -- {folder}" if clone_folder() else REINSTALL
        return Line(False, what, f"run `{mend}`; damaged: {', '.join(damaged)}")
    size = sum(f.stat().st_size for f in folder.rglob("*.safetensors"))
    return Line(True, f"{what}: {size / 1e6:.0f} MB in {folder}")


def damaged_files(folder: Path) -> Iterator[str]:
    """Yield the names of the checkpoint's missing, truncated or altered files.

    Every safetensors file must have the length that its header gives. If the folder holds a
    ``SHA256SUMS`` file (as ``sha256sum`` writes it), every file it lists must match.
    """
    index = folder / "model_index.json"
    if not index.is_file():
        yield "model_index.json"
        return
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except ValueError:
        yield "model_index.json"
        return
    for name, classes in parts.items():
        if isinstance(classes, list) and classes[0] is not None and not (folder / name).is_dir():
            yield f"{name}/"
    for file in sorted(folder.rglob("*.safetensors")):
        try:
            check_safetensors(file)
        except RiffeduError:
            yield str(file.relative_to(folder))
    sums = folder / "SHA256SUMS"
    for line in sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else ():
        digest, _, name = line.partition(" ")
        if sha256(folder / name.lstrip(" *")) != digest:
            yield name.lstrip(" *")


def sha256(file: Path) -> str | None:
    """Return the SHA-256 digest of a file in hex, or None if there is no such file."""
    import hashlib

    if not file.is_file():
        return None
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sound() -> Line:
    """Check that libsndfile writes a short tone and reads the same samples back."""
    try:
        import numpy as np
        import soundfile

        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4410) / 44100)
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("wav", "flac"):
                file = Path(folder, f"tone.{suffix}")
                soundfile.write(file, tone, 44100)
                back, _ = soundfile.read(file)
                if len(back) != len(tone) or abs(back - tone).max() > 1e-4:
                    raise OSError(f"{suffix} file did not read back the same")
    except (ImportError, OSError, RuntimeError) as error:
        return Line(False, "writing sound files", f"reinstall soundfile ({error})")
    return Line(True, "sound files can be written (wav, flac)")


def check_memory() -> Line:
    """Check that enough memory is free."""
    try:
        import psutil
    except ImportError:
        return Line(False, "free memory is unknown", "install psutil")
    free = psutil.virtual_memory().available / 1e9
    return Line(
        free >= MEMORY_GB,
        f"{free:.1f} GB of memory free",
        f"close programs until {MEMORY_GB:.0f} GB are free",
    )


def check_disk() -> Line:
    """Check that enough disk space is free for temporary files."""
    import shutil

    free = shutil.disk_usage(tempfile.gettempdir()).free / 1e9
    return Line(
        free >= DISK_GB,
        f"{free:.1f} GB of disk free",
        f"free {DISK_GB:.0f} GB on the disk of {tempfile.gettempdir()}",
    )


def lines() -> Iterator[Line]:
    """Check every requirement in turn, lazily."""
    torch = start_torch()
    yield check_python()
    try:
        yield from check_packages()
        yield check_lab_widgets()
    except ImportError as error:
        yield Line(False, f"{error.name} is missing", "run `pip install -c constraints.txt -e .`")
    yield check_model()
    yield check_sound()
    yield check_memory()
    yield check_disk()
    yield check_torch(torch)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments: ``riffedu check`` takes none."""


def run(args: argparse.Namespace) -> int:
    """Print one line per requirement; return 1 if any is not met."""
    unmet = 0
    for line in lines():
        say(line, flush=True)
        unmet += not line.ok
    say(f"{unmet} to do." if unmet else "All OK: `riffedu lab` opens the first lesson.")
    return 1 if unmet else 0
