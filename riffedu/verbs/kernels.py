"""``riffedu kernels``: one copy of the model and the libraries for all notebooks on a machine.

The server imports what the lessons need, loads the model, and then forks itself for each notebook
(`riffedu.verbs.kernel_launcher` asks for it). A notebook therefore starts at once, and costs only
the memory that it writes to. Kernels go on if the server stops.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from riffedu.class_limits import class_limits
from riffedu.errors import RiffeduError
from riffedu.output import Terminated, say
from riffedu.syllabus import LESSONS
from riffedu.verbs.kernel_launcher import SOCKET, peer_user

LIBRARIES = ("ipykernel.kernelapp", "matplotlib.pyplot", "ipywidgets", "librosa", "nbformat")
SPEC = Path(__file__).parent / "jupyter_shared"
KEPT = re.compile(
    "PATH|HOME|LANG|LC_.*|TZ|TMPDIR|XDG_.*|LD_LIBRARY_PATH|VIRTUAL_ENV|CONDA_.*|PYTHON.*|OMP_.*|"
    "GOMP_.*|MPLCONFIGDIR|NUMBA_.*|RIFFEDU_(DATA|LIMITS)"
)
"""Variables that a server of root keeps: notebooks of others can read the rest in its memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``riffedu kernels``."""
    parser.add_argument(
        "--socket",
        metavar="FILE",
        help="the socket's file (default: riffedu-USERID/kernels in the temporary folder)",
    )
    parser.add_argument("--beside", action="store_true", help=argparse.SUPPRESS)  # see run_beside
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help="run this command with shared kernels, for example `-- riffedu lab`, and stop when "
        "it ends",
    )


def run(args: argparse.Namespace) -> int:
    """Serve kernels until Ctrl-C, or until the command ends."""
    if sys.platform != "linux":
        raise RiffeduError("notebooks can share one model on Linux only: use `riffedu lab`")
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    path = Path(args.socket).expanduser().absolute() if args.socket else default_socket()
    class_limits()  # a mistake in the file is reported now
    with listening(path):
        pass  # so is one in the path
    own = sys.orig_argv[1 : len(sys.orig_argv) - len(args.command)]
    if command:
        return run_beside(command, own, path)
    if os.getuid() == 0 and not all(map(KEPT.fullmatch, _first_environment())):
        become_server(own)
    with listening(path) as listener:
        say("Loading the model and the libraries …", sys.stderr, flush=True)
        prepare()
        if not args.beside:
            say(
                "To share them with notebooks, set\n"
                f"  export {SOCKET}={path}\n  export JUPYTER_PATH={SPEC}",
                sys.stderr,
                flush=True,
            )
        serve(listener, path)


def _first_environment() -> list[str]:
    """Return the names of the variables that this process was started with."""
    block = Path("/proc/self/environ").read_bytes().decode(errors="replace")
    return [each.partition("=")[0] for each in block.split("\0") if each]


def become_server(arguments: list[str]) -> NoReturn:
    """Replace this process by a kernel server; root's keeps no more variables than it needs."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if os.getuid() != 0 or KEPT.fullmatch(name)
    }
    os.execve(sys.executable, [sys.executable, *arguments], environment)


def default_socket() -> Path:
    """Return the usual path of the socket, in a folder that only this user can change."""
    folder = Path(tempfile.gettempdir()) / f"riffedu-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise RiffeduError(f"{folder} belongs to another user: choose another --socket")
    return folder / "kernels"


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Listen at ``path``; root's socket is open to all users, anyone else's to its owner."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise RiffeduError(f"a kernel server is running at {path}: stop it first")
    if path.exists() and not path.is_socket():
        raise RiffeduError(f"{path} exists and is not a socket: choose another --socket")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666 if os.getuid() == 0 else 0o600)
        listener.listen(64)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def prepare() -> None:
    """Import what the lessons import, and generate once: what is ready now is shared by all."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    import torch
    import tqdm.auto
    import tqdm.notebook

    tqdm.auto.tqdm = tqdm.notebook.tqdm  # what a kernel gets: here no notebook is running yet
    # A process with threads must not fork: a kernel would wait for a lock that one of them holds.
    torch.set_num_threads(1)
    tqdm.tqdm.monitor_interval = 0
    for name in LIBRARIES:
        import_module(name)
    for lesson in LESSONS:
        for name in lesson.modules:
            import_module(f"riffedu.{name}")
        import_module(f"riffedu.lessons.l{lesson.name}")
    from riffedu.diffusion.checkpoint import load_checkpoint
    from riffedu.diffusion.shared import share
    from riffedu.evaluate.rhythm import beat
    from riffedu.music.pipeline import load_pipeline

    share(load_checkpoint())
    made = load_pipeline().generate("music", num_inference_steps=1, progress=False)
    assert not isinstance(made, list)
    beat(made.waveform, made.sample_rate)  # librosa compiles its functions at their first call
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()  # a collection in a notebook would write to every object, and so copy it


def serve(listener: socket.socket, path: Path) -> NoReturn:
    """Fork a kernel for each launcher that connects."""

    def stop(*_: object) -> None:  # an exception could be lost in one of Python's hooks for a fork
        path.unlink(missing_ok=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
    running: set[int] = set()
    most = class_limits().kernels
    sys.stdout.flush()
    sys.stderr.flush()
    while True:
        line, _ = listener.accept()
        with line:
            running = {each for each in running if os.waitpid(each, os.WNOHANG) == (0, 0)}
            user = peer_user(line)
            if os.getuid() not in (0, user):
                continue
            try:
                kernel = os.fork() if not most or len(running) < most else None
            except OSError as error:  # the system's own limit
                say(f"riffedu: a notebook was refused: {error.strerror}", sys.stderr, flush=True)
                kernel = None
            if kernel is None:
                with suppress(OSError):
                    line.sendall(b"0")
                continue
            if kernel == 0:
                listener.close()
                from riffedu.verbs.kernel_process import become_kernel

                become_kernel(line, user)
            running.add(kernel)


def run_beside(command: list[str], own: list[str], path: Path) -> int:
    """Run a command beside a kernel server that ``own`` arguments start; return its exit code.

    The command gets the variables that the server would otherwise print.
    """
    theirs = os.environ.get("JUPYTER_PATH")
    paths = os.pathsep.join(filter(None, (str(SPEC), theirs)))
    environment = os.environ | {SOCKET: str(path), "JUPYTER_PATH": paths}
    server = os.fork()
    if server == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        become_server([*own, "--beside"])
    try:
        if code := _wait_until_ready(server, path):
            return code
        return _wait_for(subprocess.Popen(command, env=environment))
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(server, signal.SIGTERM)
            os.waitpid(server, 0)


def _wait_until_ready(server: int, path: Path) -> int:
    """Wait until a kernel server answers; return 0, or its exit code if it has ended."""
    while True:
        ended, status = os.waitpid(server, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) or 1
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(path))
            probe.shutdown(socket.SHUT_WR)
            probe.recv(1)  # returns when the server has seen that nothing is asked for
            return 0
        time.sleep(0.1)


def _wait_for(command: subprocess.Popen) -> int:
    """Wait until a command has ended in its own way, after Ctrl-C and SIGTERM too."""
    while True:
        try:
            return command.wait()
        except Terminated:
            command.terminate()
        except KeyboardInterrupt:
            pass  # the terminal has told the command itself
