"""Run one learner's notebook and write the verdicts of its checks: ``python -m … JOB.json``.

The process that `riffedu.verbs.grade` starts for each notebook. It has limits on memory, processor
time and file size. It may not write, rename or delete outside its own folder, start programs, open
connections or signal other processes. Linux enforces this (`riffedu.verbs.landlock`); everywhere an
audit hook (PEP 578) refuses what Python's own functions attempt and reports it. The hook cannot be
removed from Python, but native code can evade it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from riffedu.verbs.landlock import confine

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATH_EVENTS = {
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.rename": (0, 1),
    "os.mkdir": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
    "sqlite3.connect": (0,),
}
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
SIGNALS = ("os.kill", "os.killpg")
CONNECTIONS = ("socket.connect", "socket.sendto")
BACKGROUND = "/dev/null"


def guard(folder: Path, refused: list[str]) -> Callable[[str, tuple], None]:
    """Return an audit hook that allows changes to files only in ``folder`` and lists refusals."""
    own = (0, os.getpid())

    def outside(path: Any) -> bool:
        if isinstance(path, int) or path is None or os.fspath(path) in ("", BACKGROUND):
            return False  # a file that is open already
        return not Path(os.path.realpath(os.fsdecode(path))).is_relative_to(folder)

    def refuse(what: str) -> None:
        refused.append(what)
        raise PermissionError(f"not allowed while a notebook is graded: {what}")

    def hook(event: str, args: tuple) -> None:
        if event == "open" and isinstance(args[2], int) and args[2] & WRITES:
            if outside(args[0]):
                refuse(f"write {os.fsdecode(args[0])}")
        elif event in PATH_EVENTS:
            for place in PATH_EVENTS[event]:
                if outside(args[place]):
                    refuse(f"{event.rpartition('.')[2]} {os.fsdecode(args[place])}")
        elif event in PROGRAMS:
            started = next((each for each in args if isinstance(each, (str, bytes))), "a program")
            refuse(f"start {os.fsdecode(started)}")
        elif event in SIGNALS and args[0] not in own:
            refuse(f"signal process {args[0]}")
        elif event in CONNECTIONS:
            refuse(f"{event.rpartition('.')[2]} to {args[1]}")

    return hook


def forbid_spawning(refused: list[str]) -> None:
    """Refuse the one way to start a program that has no audit event: multiprocessing's "spawn"."""
    try:
        import _posixsubprocess
    except ImportError:
        return  # Windows: `_winapi.CreateProcess` has one

    def refuse(*_: Any) -> None:
        refused.append("start a program")
        raise PermissionError("not allowed while a notebook is graded: start a program")

    _posixsubprocess.fork_exec = refuse  # type: ignore[assignment]


def limit(memory: float, seconds: float) -> None:
    """Limit this process, where the system can: bytes of memory, seconds of work, 200 MB a file."""
    try:
        import resource
    except ImportError:
        return  # Windows: `grade` still stops the process after its time
    for what, most in (
        (resource.RLIMIT_AS, int(memory)),
        (resource.RLIMIT_CPU, int(2 * seconds) + 1),
        (resource.RLIMIT_FSIZE, 200_000_000),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def record(module: Any, verdicts: dict[str, list]) -> None:
    """Have every check of a lesson's exercises write its last verdict into ``verdicts``."""

    def recorded(name: str, own: Callable) -> Callable:
        def checked(*answer: Any) -> Any:
            verdict = own(*answer)
            verdicts[name] = [bool(verdict), str(verdict.message)]
            return verdict

        return checked

    for name in [name for name in dir(module) if name.startswith("check_")]:
        setattr(module, name, recorded(name, getattr(module, name)))


def main(job: Path) -> int:
    """Run the notebook that ``job`` names and write verdicts, errors and refusals beside it."""
    asked = json.loads(job.read_text("utf-8"))
    out, folder = job.with_name("marks.json"), Path(os.path.realpath(job.parent))
    result: dict[str, Any] = {"verdicts": {}, "errors": 0, "refused": [], "memory": False}

    def write() -> None:
        out.write_text(json.dumps(result), "utf-8")

    import matplotlib

    matplotlib.use("agg")
    import_module("matplotlib.pyplot")  # lists the fonts with a program
    confine(folder)  # before there are other threads
    from IPython.core.interactiveshell import InteractiveShell

    record(import_module(f"riffedu.lessons.{asked['package']}.exercises"), result["verdicts"])
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False  # type: ignore[union-attr]
    limit(asked["memory"], asked["seconds"])
    forbid_spawning(result["refused"])
    sys.addaudithook(guard(folder, result["refused"]))
    for source in asked["cells"]:
        write()
        ran = shell.run_cell(source, store_history=False)
        error = ran.error_before_exec or ran.error_in_exec
        result["errors"] += error is not None
        result["memory"] |= isinstance(error, MemoryError)
    write()
    sys.stdout.flush()
    os._exit(0)  # threads or exit handlers of the notebook must not hold the grader up


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
