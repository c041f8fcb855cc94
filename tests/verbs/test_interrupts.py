"""Ctrl-C, SIGTERM and a full disk at any moment: whole files or none, and the work goes on."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.numpy import load_file
from tiny import ours, write_riffedu_checkpoint  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.output import DiskFull, write_whole
from riffedu.signal import audio, synth
from riffedu.signal.image import load_image

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
RATE = 44100
MOMENTS = 5
"""Random moments for each of four verbs."""


def whole(folder: Path) -> list[Path]:
    """The files in a folder, all of which can be read to their end; none is a temporary one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        assert not path.name.endswith(".part"), path
        if path.suffix in (".wav", ".flac", ".mp3", ".ogg"):
            with soundfile.SoundFile(path) as sound:
                assert len(sound.read()) == sound.frames > 0
        elif path.suffix in (".png", ".jpg"):
            load_image(path)
        elif path.suffix == ".safetensors":
            load_file(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".npy":
            np.load(path)
    return files


class Zygote:
    """A process that runs command lines in forks of itself."""

    def __init__(self, warm_up: list[str]):
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.said: list[str] = []
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()
        self._send(warm_up)
        while (line := self.process.stdout.readline().strip()) != "ready":
            assert line or self.process.poll() is None, "".join(self.said)

    def _send(self, args) -> None:
        self.process.stdin.write(json.dumps([str(arg) for arg in args]) + "\n")
        self.process.stdin.flush()

    def _number(self) -> int:
        while not (line := self.process.stdout.readline().strip()).lstrip("-").isdigit():
            assert self.process.poll() is None, "".join(self.said)
        return int(line)

    def run(self, args, number: int | None = None, after: float = 0.0) -> tuple[int, float]:
        """Run a command line; send a signal after some seconds; return code and duration."""
        self._send(args)
        child, start = self._number(), time.perf_counter()
        if number is not None:
            time.sleep(after)
            try:
                os.kill(child, number)
            except ProcessLookupError:
                pass
        return self._number(), time.perf_counter() - start

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture(scope="module")
def zygote(ours, tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    quick = ["--model", str(ours), "--steps", "1", "--quiet", "--duration", "0.32"]
    made = Zygote(["generate", "piano", "-o", str(folder / "a.wav"), *quick])
    yield made
    made.close()


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    for name in ("a.wav", "b.wav", "c.flac", "sub/a.wav", "sub/b.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, synth.pluck(220, 1.5), RATE)
    return folder


def moments(zygote, args, undo) -> None:
    """Interrupt a command at random moments; ``undo`` checks and prepares the next run."""
    seed = random.randrange(10**9)
    print("seed", seed)
    draw = random.Random(seed)
    code, seconds = zygote.run(args)
    assert code == 0, "".join(zygote.said)
    undo(code)
    for moment in range(MOMENTS):
        number = (signal.SIGINT, signal.SIGTERM)[moment % 2]
        code, _ = zygote.run(args, number, draw.uniform(0.05, 1.05) * seconds)
        # The negative code: the work was done, and Python was closing down.
        assert code in (0, 128 + number, -number), (moment, code, "".join(zygote.said[-30:]))
        undo(code)
    assert "Traceback" not in "".join(zygote.said), "".join(zygote.said)


def test_generate(zygote, ours, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    args = ["generate", "piano", "-o", out / "a.wav", "--image", out / "a.png", "--count", 3]
    args += ["--model", ours, "--steps", 4, "--duration", 1.28, "--quiet"]

    def undo(code: int) -> None:
        names = {path.name for path in whole(out)}
        if code == 0:
            assert names == {f"a-{n}.{ending}" for n in range(3) for ending in ("wav", "png")}
            for path in list(out.iterdir()):
                path.unlink()

    moments(zygote, args, undo)
    assert zygote.run(args)[0] == 0  # goes on with what is missing
    undo(0)


def test_batch(zygote, sounds, tmp_path):
    out = tmp_path / "out"
    args = ["audio-to-images-batch", "--audio-dir", sounds, "--output-dir", out]
    args += ["--glob", "**/*", "--image-extension", "png", "--num-threads", 2]
    wanted = {"a.png", "b.png", "c.png", "sub/a.png", "sub/b.png"}

    def undo(code: int) -> None:
        names = {str(path.relative_to(out)) for path in whole(out)}
        assert names <= wanted and (code or names == wanted)
        if code == 0:
            shutil.rmtree(out)

    moments(zygote, args, undo)
    assert zygote.run(args)[0] == 0
    undo(0)


def test_extend(zygote, ours, sounds, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    args = ["extend", sounds / "a.wav", "organ", "-o", out / "a.flac", "--seconds", 4]
    args += ["--model", ours, "--steps", 4, "--quiet"]

    def undo(code: int) -> None:
        made = whole(out)
        assert len(made) <= 1 and (code or made)
        if made:
            assert len(audio.load(made[0])[0]) == 4 * RATE
            made[0].unlink()

    moments(zygote, args, undo)


def test_train(zygote, tmp_path):
    data, model = tmp_path / "data", write_riffedu_checkpoint(tmp_path / "model")
    data.mkdir()
    pixels = np.random.default_rng(5).integers(0, 256, (8, 512, 512), np.uint8)
    np.save(data / "shard-00000.npy", pixels)
    lines = [json.dumps({"split": "train" if i < 6 else "validation", "id": i}) for i in range(8)]
    (data / "shard-00000.jsonl").write_text("\n".join(lines))
    args = ["train", "denoiser", "--data", data, "--output", model, "--minutes", 0.02]
    done = [0]

    def undo(code: int) -> None:
        whole(data)
        whole(model)
        state = model / "training" / "denoiser" / "state.json"
        steps = json.loads(state.read_text())[-1][0] if state.exists() else 0
        assert steps >= done[0]  # nothing is lost that was saved, and the run goes on
        done[0] = steps

    moments(zygote, args, undo)
    from riffedu.diffusion.checkpoint import load_checkpoint

    load_checkpoint(model)


@pytest.mark.parametrize("after", [0.3, 1.5])
def test_a_cold_start(ours, tmp_path, after):
    args = ["generate", "piano", "-o", "a.wav", "--model", ours, "--steps", "2", "--quiet"]
    started = subprocess.Popen([sys.executable, "-m", "riffedu", *args], cwd=tmp_path)
    time.sleep(after)
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) != 0 and whole(tmp_path) == []


class Slow:
    """A sequence that Ctrl-C reaches when torch reads its first item."""

    def __len__(self):
        return 1

    def __getitem__(self, _):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("failing", [torch.asarray, lambda slow: load_or_refuse(slow)])
def test_an_interrupt_that_torch_turns_into_an_error(failing, monkeypatch, capsys, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr("riffedu.verbs.check.run", lambda args: failing(Slow()))
    assert cli.main(["check"]) == 130
    assert "riffedu: interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def load_or_refuse(slow: Slow) -> None:
    try:
        torch.asarray(slow)
    except ValueError as error:
        raise RiffeduError("the file is damaged") from error


def test_a_thread_that_an_interrupt_left_behind_is_not_waited_for():
    code = (
        "import threading, riffedu.cli as cli, riffedu.verbs.check as check\n"
        "def run(args):\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    raise KeyboardInterrupt\n"
        "check.run = run\n"
        "cli.program(['check'])\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 130


def test_a_full_disk_during_the_end_of_an_interrupt(monkeypatch, capsys, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def run(args):
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            raise OSError(errno.ENOSPC, "No space left on device", "state.json")

    monkeypatch.setattr("riffedu.verbs.check.run", run)
    assert cli.main(["check"]) == 2
    assert "state.json: No space left on device" in capsys.readouterr().err


# A full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB, already half full; skipped where mounting is not permitted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        (place / "filler").write_bytes(bytes(1000 * 1024))
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


WRITING = {
    "generate": ["generate", "piano", "-o", "{disk}/a.wav", *["--duration", "1.28"]],
    "generate count": [
        "generate",
        "a",
        "-o",
        "{disk}/a.flac",
        "--count",
        "2",
        "--duration",
        "1.28",
    ],
    "generate picture": ["generate", "a", "-o", "{disk}/a.mp3", "--image", "{disk}/a.png"],
    "transform": ["transform", "{tune}", "organ", "-o", "{disk}/a.wav"],
    "transform folder": ["transform", "{sounds}", "organ", "-o", "{disk}/out"],
    "extend": ["extend", "{tune}", "organ", "-o", "{disk}/a.ogg", "--seconds", "6"],
    "loop": ["loop", "organ", "-o", "{disk}/a.opus"],
    "interpolate": ["interpolate", "organ", "piano", "-o", "{disk}/a.wav", "--pieces", "1"],
    "audio-to-image": ["audio-to-image", "--audio", "{tune}", "--image", "{disk}/a.tiff"],
    "image-to-audio": ["image-to-audio", "--image", "{picture}", "-o", "{disk}/a.wav"],
    "images batch": [
        "audio-to-images-batch",
        "--audio-dir",
        "{sounds}",
        "--output-dir",
        "{disk}/o",
    ],
    "sample-clips": ["sample-clips", "--audio", "{tune}", "--output-dir", "{disk}/o"],
    "clips batch": ["sample-clips-batch", "--audio-dir", "{sounds}", "--output-dir", "{disk}"],
}
MODEL = {"generate", "transform", "extend", "loop", "interpolate"}


@pytest.mark.parametrize("name", WRITING)
def test_a_full_disk(small_disk, ours, sounds, tmp_path, name, capsys):
    tune, picture = sounds / "a.wav", tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 255, (512, 200, 3), np.uint8)
    Image.fromarray(pixels).save(picture)
    places = {"disk": small_disk, "tune": tune, "sounds": sounds, "picture": picture}
    args = [part.format(**places) for part in WRITING[name]]
    if args[0] in MODEL:
        args += ["--model", str(ours), "--steps", "1", "--quiet"]
    if "clips" in name:
        args += ["--duration-ms", "1200", "--extension", "wav"]
    before = {path: path.read_bytes() for path in [*sounds.rglob("*.*"), picture]}
    assert cli.main(args) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if "riffedu:" in line]
    assert len(said) == 1 and "No space left on device" in said[0]
    whole(small_disk)
    assert before == {path: path.read_bytes() for path in before}


def save_a_state(disk: Path, tmp_path: Path) -> None:
    """The weights and the state of a training run."""
    from riffedu.training.loop import MovingAverage, save_state

    module = torch.nn.Linear(100, 100)
    average, optimizer = MovingAverage(module, 0.9), torch.optim.SGD(module.parameters())
    save_state(disk, module, average, optimizer, [])


def save_half_a_network(disk: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    from riffedu.training.loop import save_half

    save_half(AutoencoderKL(), disk)


def save_a_classifier(disk: Path, tmp_path: Path) -> None:
    from riffedu.evaluate.classifier import Classifier, build_network

    Classifier(build_network(3), [("a", "b")] * 3).save(disk)


def convert_a_pickle(disk: Path, tmp_path: Path) -> None:
    from riffedu.diffusion.weights import unpickle

    torch.save({"a": torch.zeros(10000)}, tmp_path / "a.ckpt")
    (disk / "a.ckpt").symlink_to(tmp_path / "a.ckpt")
    unpickle(disk / "a.ckpt")


def save_an_array(disk: Path, tmp_path: Path) -> None:
    with write_whole(disk / "a.npy") as part, open(part, "wb") as file:
        np.save(file, np.zeros(10000))


@pytest.mark.parametrize(
    "save",
    [save_a_state, save_half_a_network, save_a_classifier, convert_a_pickle, save_an_array],
)
def test_a_full_disk_for_weights(small_disk, tmp_path, save):
    with pytest.raises(DiskFull, match="No space left on device"):
        save(small_disk, tmp_path)
    assert [path.name for path in small_disk.iterdir() if not path.is_symlink()] == ["filler"]
