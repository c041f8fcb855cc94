"""The frame: quick to import, one line for bad input, and set-up files that agree."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from safetensors.numpy import save_file

import riffedu
from riffedu import cli, paths
from riffedu.errors import RiffeduError
from riffedu.verbs import check

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "diffusers", "transformers", "librosa", "scipy", "matplotlib", "IPython"}
EXTRAS = frozenset({"test", "train", "lint", "browser", "hub", "web", "docs"})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def python(*args, **options):
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=60, **options
    )


# --- import riffedu ---------------------------------------------------------------------------


def test_import_brings_nothing_heavy():
    code = "import sys, riffedu; dir(riffedu); print(*sys.modules)"
    assert not HEAVY & set(python("-c", code).stdout.split())


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["lab", "--help"],
        ["app", "--help"],
        ["class", "--help"],
        ["check", "--help"],
        ["generate", "--help"],
        ["evaluate", "--help"],
        ["train", "data", "--help"],
        ["train", "autoencoder", "--help"],
        ["train", "denoiser", "--help"],
    ],
    ids=" ".join,
)
def test_help_brings_nothing_heavy(args):
    code = (
        f"import sys; from riffedu.cli import main\ntry: main({args!r})\n"
        "except SystemExit as end: print('code', end.code, *sys.modules)"
    )
    out = python("-c", code).stdout
    assert "code 0" in out and ("usage: riffedu" in out or args == ["--version"])
    assert not HEAVY & set(out.split("code 0")[1].split())


def test_public_names():
    for name in riffedu.__all__:
        assert name in dir(riffedu)
        assert getattr(riffedu, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'stfft'"):
        _ = riffedu.stfft


def test_stft_is_the_function():
    """The module ``riffedu.signal.stft`` has the name of its function and must not replace it."""
    code = "import riffedu.signal.stft; from riffedu import stft; print(stft.__name__)"
    assert python("-c", code).stdout == "stft\n"
    assert riffedu.stft is import_module("riffedu.signal.stft").stft


def test_version():
    assert riffedu.__version__ == PROJECT["version"]
    assert python("-m", "riffedu", "--version").stdout == f"riffedu {PROJECT['version']}\n"


# --- the shell --------------------------------------------------------------------------------


def run_cli(monkeypatch, capsys, action):
    """``riffedu check`` with ``action`` in place of what it does: (code, stdout, stderr)."""
    monkeypatch.setattr(check, "run", action)
    code = cli.main(["check"])
    return code, *capsys.readouterr()


def raiser(error):
    def action(args):
        raise error

    return action


@pytest.mark.parametrize(
    "error, line",
    [
        (
            RiffeduError("the prompt is empty: say what to play"),
            "the prompt is empty: say what to play",
        ),
        (RiffeduError("two\n  lines"), "two lines"),
        (PermissionError(13, "Permission denied", "out.wav"), "out.wav: Permission denied"),
        (OSError("disk is full"), "disk is full"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bad_input_is_one_line(monkeypatch, capsys, error, line):
    assert run_cli(monkeypatch, capsys, raiser(error)) == (2, "", f"riffedu: error: {line}\n")


def test_interrupt(monkeypatch, capsys):
    code, out, err = run_cli(monkeypatch, capsys, raiser(KeyboardInterrupt()))
    assert (code, out, err.strip()) == (130, "", "riffedu: interrupted")


def test_an_interrupt_that_an_import_swallowed(monkeypatch, capsys):
    """What a C extension does if Ctrl-C arrives while it is initialised."""

    def action(args):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise ImportError("initialization failed") from stop

    code, out, err = run_cli(monkeypatch, capsys, action)
    assert (code, out, err.strip()) == (130, "", "riffedu: interrupted")


def test_programming_errors_are_not_hidden(monkeypatch, capsys):
    with pytest.raises(TypeError):
        run_cli(monkeypatch, capsys, raiser(TypeError("a bug")))


@pytest.mark.parametrize(
    "args",
    [
        ["sing"],
        ["train"],
        ["train", "bass"],
        ["check", "--loud"],
        ["lab", "--port", "x"],
    ],
    ids=" ".join,
)
def test_bad_arguments_are_one_line(capsys, args):
    assert cli.main(args) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("riffedu: error: ") and err.count("\n") == 1
    assert "--help" in err


def test_no_arguments_is_help(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for verb in cli.VERBS:
        assert re.search(rf"^    {verb} +\w", out, re.MULTILINE), verb


@pytest.mark.skipif(os.name != "posix", reason="uses a shell's pipe")
def test_broken_pipe_is_silent():
    done = subprocess.run(
        f'"{sys.executable}" -c "from riffedu import cli; from riffedu.verbs import check; '
        "check.run = lambda args: [print('x' * 1000) for _ in range(1000)] and 0; "
        "raise SystemExit(cli.main(['check']))\" | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == "" and done.stdout == "x" * 1000 + "\n"


# --- riffedu check ----------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    """A checkpoint's outline: an index, one part with weights, sums."""
    folder = tmp_path / "default"
    (folder / "unet").mkdir(parents=True)
    (folder / "tokenizer").mkdir()
    index = {
        "_class_name": "X",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "tokenizer": ["transformers", "BertTokenizer"],
        "safety_checker": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({"a": np.arange(6.0), "b": np.ones((2, 3), np.float32)}, weights)
    name = weights.relative_to(folder).as_posix()
    (folder / "SHA256SUMS").write_text(f"{check.sha256(weights)}  {name}\n")
    return folder


def test_whole_model(model):
    assert list(check.damaged_files(model)) == []
    assert check.check_model(model).ok


def shorten(file):
    file.write_bytes(file.read_bytes()[:-1])


def alter(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def empty(file):
    file.write_bytes(b"")


def point(file):
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")


@pytest.mark.parametrize("damage", [shorten, alter, empty, point, Path.unlink])
def test_damaged_weights_are_named(model, damage):
    name = "unet/diffusion_pytorch_model.safetensors"
    damage(model / name)
    line = check.check_model(model)
    assert not line.ok and name in line.to_do


def test_missing_parts_are_named(model):
    (model / "tokenizer").rmdir()
    assert list(check.damaged_files(model)) == ["tokenizer/"]
    (model / "model_index.json").write_text("{")
    assert list(check.damaged_files(model)) == ["model_index.json"]
    (model / "model_index.json").unlink()
    assert list(check.damaged_files(model)) == ["model_index.json"]


def test_package_lines():
    fine = check.check_package(Requirement("jupyterlab_widgets>=3"))
    assert fine.ok and str(fine).startswith("OK     jupyterlab_widgets 3.")
    missing = check.check_package(Requirement("no-such-package-at-all>=1"))
    assert str(missing) == (
        "TO DO  no-such-package-at-all is missing: "
        'run `pip install -c constraints.txt "no-such-package-at-all>=1"`'
    )
    old = check.check_package(Requirement("numpy<1"))
    assert not old.ok and "is not <1" in old.what


def test_check_covers_every_declared_package():
    declared = {canonicalize_name(Requirement(r).name) for r in PROJECT["dependencies"]}
    said = {canonicalize_name(line.what.split()[0]) for line in check.check_packages()}
    assert said == declared and "jupyterlab-widgets" in said


def test_blank_widgets_are_foreseen(monkeypatch, tmp_path):
    assert check.check_lab_widgets().ok
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    assert not check.check_lab_widgets().ok


def test_sound_memory_disk(monkeypatch):
    assert check.check_sound().ok
    monkeypatch.setattr(check, "MEMORY_GB", 1e6)
    monkeypatch.setattr(check, "DISK_GB", 1e9)
    assert not check.check_memory().ok and not check.check_disk().ok


def test_check_says_ok_or_what_to_do(monkeypatch, capsys):
    good, bad = check.Line(True, "ears"), check.Line(False, "hands", "wash them")
    monkeypatch.setattr(check, "lines", lambda: iter([good]))
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out.startswith("OK     ears\nAll OK")
    monkeypatch.setattr(check, "lines", lambda: iter([good, bad]))
    assert cli.main(["check"]) == 1
    assert capsys.readouterr().out == "OK     ears\nTO DO  hands: wash them\n1 to do.\n"


def test_check_is_ok_here():
    """The whole of it, on the machine that runs the tests."""
    wanting = [str(line) for line in check.lines() if not line.ok]
    assert wanting == []


# --- where the files lie ----------------------------------------------------------------------


def test_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("RIFFEDU_DATA", raising=False)
    assert paths.data_folder() == ROOT / "data"
    assert paths.models_folder() == ROOT / "data" / "models"
    monkeypatch.setenv("RIFFEDU_DATA", str(tmp_path))
    assert paths.data_folder() == tmp_path
    monkeypatch.setenv("RIFFEDU_DATA", str(tmp_path / "none"))
    with pytest.raises(RiffeduError, match="RIFFEDU_DATA names"):
        paths.data_folder()


def test_package_apart_from_its_clone(monkeypatch, tmp_path):
    monkeypatch.delenv("RIFFEDU_DATA", raising=False)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "riffedu" / "paths.py"))
    with pytest.raises(RiffeduError, match="RIFFEDU_DATA"):
        paths.data_folder()


# --- set-up files -----------------------------------------------------------------------------


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert all(len(pair) == 2 and re.fullmatch(r"[\w.]+", pair[1]) for pair in pairs)
    return {canonicalize_name(name): version for name, version in pairs}


def closure(name: str, extras: frozenset, seen: set) -> set:
    """Every installed package that ``name`` with ``extras`` pulls in."""
    try:
        requires = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return seen
    for requirement in map(Requirement, requires):
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": e}) for e in extras | {""}):
            continue
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key not in seen:
            seen.add(key)
            closure(*key, seen)
    return seen


@pytest.mark.skipif(sys.platform != "linux", reason="other systems pull in packages of their own")
def test_constraints_pin_all_that_riffedu_needs():
    pulled = {name for name, _ in closure("riffedu", EXTRAS, set())}
    # torch's CUDA build pins these itself.
    pulled = {name for name in pulled if not re.match("nvidia-|cuda-|triton", name)}
    assert len(pulled) > 100
    assert pulled <= set(pins())


def test_constraints_lie_within_the_ranges():
    ranges = PROJECT["dependencies"] + sum(PROJECT["optional-dependencies"].values(), [])
    for requirement in map(Requirement, ranges):
        assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_environment_yml_is_the_same_set_up():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == "riffedu"
    *conda, pip = environment["dependencies"]
    python_version = conda[0].removeprefix("python=")
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python_version)
    assert "pip" in conda
    assert pip == {
        "pip": [
            "--extra-index-url https://download.pytorch.org/whl/cpu",
            "-c constraints.txt",
            "-e .[test]",
        ]
    }


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/benchmarks.md"])
def test_links_lead_somewhere(page):
    file = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_check_says_why_torch_cannot_be_imported(monkeypatch):
    assert check.check_torch().what.startswith("torch runs on ")
    for code, words in {
        "raise ImportError('no libgomp.so.1')": "reinstall it (ImportError: no libgomp.so.1)",
        "import os; os.abort()": "reinstall it (exit code -6)",
    }.items():
        monkeypatch.setattr(check, "TORCH", code)
        line = check.check_torch()
        assert not line.ok and line.to_do == words


def test_check_does_not_import_torch_itself():
    code = (
        "import sys; from riffedu.verbs import check; "
        "check.start_torch = lambda: None; check.check_torch = lambda _: check.Line(True, ''); "
        "list(check.lines()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
