"""What is written is whole or not there, whatever happens; what is printed can be shown."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from riffedu import output
from riffedu.errors import RiffeduError
from riffedu.output import (
    DiskFull,
    check_folder,
    check_output,
    say,
    uninterrupted,
    write_files,
    write_tensors,
    write_text,
    write_whole,
)
from riffedu.signal import audio
from riffedu.signal.image import load_image, save_image

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")
TONE = 0.1 * np.sin(np.arange(4410) / 10).astype(np.float32)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Places


@pytest.mark.parametrize(
    "name, words",
    [
        ("a.xyz", "must end in one of .wav .flac"),
        ("a", "must end in"),
        (".", "is a folder"),
        ("", "is a folder"),
        ("none/a.wav", "there is no folder"),
        ("file/a.wav", "there is no folder"),
        ("x" * 250 + ".wav", "may not"),
        ("y" * 252 + ".wav", "too long"),
        ("é" * 130 + ".wav", "too long"),
        ("a\0.wav", "null"),
        ("there.wav", "already exists: choose another name, or replace it with --overwrite"),
    ],
)
def test_places_are_checked_before_the_work(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "there.wav").touch()
    before = left(tmp_path)
    if words == "may not":  # 254 letters are allowed: the temporary name is short
        assert check_output(name, [".wav"]) == Path(name)
        with write_whole(name) as part:
            part.write_bytes(b"x")
        assert Path(name).read_bytes() == b"x"
        return
    with pytest.raises(RiffeduError, match=words) as error:
        check_output(name, [".wav", ".flac"], "sound", overwrite=False)
    assert "\n" not in str(error.value) and left(tmp_path) == before


def test_folders_are_checked_and_not_made(tmp_path):
    (tmp_path / "file").touch()
    assert check_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    for name, words in {"file": "is a file", "file/a": "is a file", "x" * 300: "too long"}.items():
        with pytest.raises(RiffeduError, match=words):
            check_folder(tmp_path / name)
    assert left(tmp_path) == ["file"]


@posix
def test_a_loop_of_links_is_refused(tmp_path):
    os.symlink(tmp_path / "b.wav", tmp_path / "a.wav")
    os.symlink(tmp_path / "a.wav", tmp_path / "b.wav")
    with pytest.raises(RiffeduError, match="links"):
        check_output(tmp_path / "a.wav", [".wav"])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_said(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RiffeduError, match="Permission denied"):
            check_output(tmp_path / "a.wav")
    finally:
        tmp_path.chmod(0o700)


# Whole files


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_alone(tmp_path, error):
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(error), write_whole(path) as part:
        part.write_text("new")
        raise error
    assert path.read_text() == "old" and left(tmp_path) == ["a.txt"]


@posix
def test_links_and_modes_stay(tmp_path):
    (tmp_path / "far").mkdir()
    target = write_text(tmp_path / "far" / "real.txt", "old")
    target.chmod(0o600)
    link = tmp_path / "link.txt"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    dangling = tmp_path / "dangling.txt"
    dangling.symlink_to(tmp_path / "far" / "other.txt")
    write_text(dangling, "made")
    assert dangling.is_symlink() and (tmp_path / "far" / "other.txt").read_text() == "made"
    assert left(tmp_path / "far") == ["other.txt", "real.txt"]


@posix
def test_a_new_file_has_the_usual_mode(tmp_path):
    import torch
    from safetensors.torch import save_file

    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
        write_tensors(tmp_path / "b.safetensors", {"a": torch.zeros(1)})
        with write_files(tmp_path) as part:
            save_file({"a": torch.zeros(1)}, part / "c.safetensors")
    finally:
        os.umask(before)
    assert left(tmp_path) == ["a.txt", "b.safetensors", "c.safetensors"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}


@posix
@pytest.mark.parametrize("name", ["pipe", "pipe.wav", "pipe.flac"])
def test_a_named_pipe_gets_the_whole_sound_and_stays_a_pipe(tmp_path, name):
    os.mkfifo(tmp_path / name)
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / name).read_bytes()))
    reader.start()
    audio.save(tmp_path / name, TONE, 44100)
    reader.join(10)
    back, rate = soundfile.read(io.BytesIO(got[0]), dtype="float32")
    assert rate == 44100 and np.abs(back - TONE).max() < 1e-4
    assert stat.S_ISFIFO((tmp_path / name).stat().st_mode) and left(tmp_path) == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("kind", ["text", "sound", "picture"])
def test_a_full_disk_is_said(kind):
    from PIL import Image

    with pytest.raises(DiskFull, match="No space left on device"):
        if kind == "text":
            write_text("/dev/full", "x" * 100000)
        elif kind == "sound":
            audio.save("/dev/full", TONE, 44100)
        else:
            save_image(Image.new("RGB", (9, 512)), "/dev/full")


@posix
@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "opus", "png", "tiff", "txt"])
def test_a_file_that_may_not_grow_leaves_nothing(tmp_path, ending):
    """RLIMIT_FSIZE stands for a full disk, in a process of its own."""
    code = (
        "import resource, signal, numpy as np, sys; from PIL import Image\n"
        "from riffedu.signal.audio import save; from riffedu.signal.image import save_image\n"
        "from riffedu.output import DiskFull, write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "name = sys.argv[1]; noise = np.random.default_rng(0).uniform(-0.9, 0.9, 200000)\n"
        "try:\n"
        "    if name.endswith('txt'): write_text(name, 'x' * 9999)\n"
        "    elif name.endswith(('png', 'tiff')):\n"
        "        pixels = np.random.default_rng(0).integers(0, 255, (512, 99, 3), np.uint8)\n"
        "        save_image(Image.fromarray(pixels), name)\n"
        "    else: save(name, noise, 48000)\n"
        "except DiskFull as error: print('full', error)\n"
    )
    (tmp_path / f"a.{ending}").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", code, f"a.{ending}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == f"full a.{ending} cannot be written: File too large\n" and not done.stderr
    assert (tmp_path / f"a.{ending}").read_text() == "old"
    assert left(tmp_path) == [f"a.{ending}"]


def test_writers_of_one_file_never_mix(tmp_path):
    path, errors = tmp_path / "a.wav", []

    def write(level: float) -> None:
        try:
            for _ in range(10):
                audio.save(path, np.full(20000, level), 44100)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(level,)) for level in (0.1, 0.2, 0.3)]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        if path.exists():
            back = audio.load(path)[0]
            assert len(back) == 20000 and np.ptp(back) == 0
    assert not errors and left(tmp_path) == ["a.wav"]


def test_files_that_belong_together(tmp_path):
    with write_files(tmp_path / "new") as part:
        (part / "a").write_text("1")
        (part / "b").write_text("2")
    assert left(tmp_path / "new") == ["a", "b"]
    with pytest.raises(ZeroDivisionError), write_files(tmp_path / "new") as part:
        (part / "a").write_text("3")
        _ = 1 / 0
    assert left(tmp_path / "new") == ["a", "b"] and (tmp_path / "new" / "a").read_text() == "1"


def test_an_existing_file_is_kept_if_asked(tmp_path):
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RiffeduError, match="already exists"):
        write_text(path, "new", overwrite=False)
    assert path.read_text() == "old" and left(tmp_path) == ["a.txt"]


def test_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    audio.save("~/a.wav", TONE, 44100)
    assert check_output("~/b.wav") == tmp_path / "b.wav" and left(tmp_path) == ["a.wav"]


@posix
def test_names_outside_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9.wav")
    path = audio.save(tmp_path / name, TONE, 44100)
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.wav"] and path.exists()
    from PIL import Image

    save_image(Image.new("RGB", (3, 512)), tmp_path / os.fsdecode(b"caf\xe9.png"))


# Interrupts


@posix
def test_interrupts_wait_for_the_end_of_a_block(request):
    """Python's own handler, which a run in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("held")
        steps.append("never")
    assert steps == ["held"]


@posix
def test_sigterm_cleans_up(tmp_path):
    code = (
        "import time; from riffedu.output import *\n"
        "with ending_cleanly(), write_whole('a.txt') as part:\n"
        "    part.write_text('half'); print('ready', flush=True); time.sleep(30)\n"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        started = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert started.stdout.readline() == b"ready\n"
        started.send_signal(number)
        assert started.wait(20) and left(tmp_path) == []


def test_forgotten_files_are_removed_at_the_end(tmp_path):
    forgotten = tmp_path / ".left.part"
    forgotten.touch()
    output._unfinished.add(forgotten)
    output.remove_unfinished()
    assert left(tmp_path) == [] and not output._unfinished


# Text

TEXT = "512 × 512 … “Орган” 日本 \udce9"


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1251", "latin-1", "utf-8", "utf-16"])
def test_say_escapes_what_cannot_be_shown(encoding):
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    say(TEXT, file)
    file.flush()
    told = file.buffer.getvalue().decode(encoding)
    assert told.endswith("\\udce9" + os.linesep) and told.startswith("512 ")
    assert ("×" in told) == (encoding in ("latin-1", "utf-8", "utf-16"))


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1251"])
@pytest.mark.parametrize(
    "args, code, words",
    [
        (["--help"], 0, "usage: riffedu"),
        (["generate", "--help"], 0, "--overwrite"),
        (["audio-to-image", "--audio", "Орган×.wav", "--image", "a.png"], 2, "riffedu: error: "),
        (["audio-to-image", "--audio", "t.wav", "--image", "日×.png"], 0, "\\u65e5"),
        (["show", "日×.png"], 0, "verb: audio-to-image"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_shell_in_any_encoding(tmp_path, monkeypatch, encoding, args, code, words):
    soundfile.write(tmp_path / "t.wav", TONE, 44100)
    if args[0] == "show":
        audio_to_image = ["audio-to-image", "--audio", "t.wav", "--image", "日×.png"]
        from riffedu import cli

        monkeypatch.chdir(tmp_path)
        assert cli.main(audio_to_image) == 0
    done = subprocess.run(
        [sys.executable, "-m", "riffedu", *args],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    told = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == code and words in told and "Traceback" not in told


def test_reasons_of_the_system(tmp_path):
    for number, words in {
        errno.ENOSPC: "No space left on device",
        errno.EACCES: "Permission denied",
        errno.EROFS: "Read-only file system",
        errno.ENAMETOOLONG: "the name is too long for this disk",
    }.items():
        with pytest.raises(RiffeduError, match=words) as error, write_whole(tmp_path / "a"):
            raise OSError(number, os.strerror(number))
        assert isinstance(error.value, DiskFull) == (number == errno.ENOSPC)
    assert left(tmp_path) == []


@posix
def test_reasons_in_the_words_of_libraries(tmp_path):
    from safetensors import SafetensorError

    old = 'IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })'
    for given in (
        SafetensorError("Error while serializing: I/O error: … (os error 28)"),
        SafetensorError(f"Error while serializing: {old}"),
        OSError("80000 requested and 4096 written"),
    ):
        with pytest.raises(DiskFull, match="No space left on device"):
            with write_whole(tmp_path / "a"):
                raise given
        with pytest.raises(DiskFull, match="No space left on device"), write_files(tmp_path):
            raise given
    with pytest.raises(SafetensorError), write_whole(tmp_path / "a"):
        raise SafetensorError("a tensor is not contiguous")
    assert left(tmp_path) == []


def test_pictures_are_read_back(tmp_path):
    from PIL import Image

    for ending in ("png", "webp", "jpg", "tiff"):
        path = save_image(Image.new("RGB", (3, 512), "white"), tmp_path / f"a.{ending}")
        assert load_image(path).size == (3, 512)
