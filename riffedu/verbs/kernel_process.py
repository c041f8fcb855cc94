"""What a process that `riffedu kernels` has forked does to become a notebook's kernel."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from riffedu.class_limits import ClassLimits, class_limits
from riffedu.verbs.kernel_launcher import LENGTH

LONGEST_REQUEST = 4 << 20
"""Bytes of arguments and environment, of which Linux allows a process some 2 MiB."""
NICE = 5  # Jupyter's own processes come first, so that pages stay responsive


def become_kernel(line: socket.socket, user: int) -> NoReturn:
    """Run the kernel that the launcher at the other end of ``line`` asks for, as its user."""
    try:
        if os.getuid() != user:
            _become(user)  # before anything that the user has sent is read
        wishes, streams = _receive(line)
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(wishes["environment"])
        os.chdir(wishes["folder"])
        _fresh_state(class_limits())
        line.sendall(str(os.getpid()).encode())
        threading.Thread(target=_end_with, args=(line,), daemon=True).start()
        _run_kernel(wishes["arguments"], class_limits())
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _receive(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    line.settimeout(20)
    start, streams, _, _ = socket.recv_fds(line, LENGTH.size, 3)
    if len(start) < LENGTH.size:
        raise SystemExit  # only a look whether the server is there
    (left,) = LENGTH.unpack(start)
    if left > LONGEST_REQUEST:
        raise ValueError(f"a request has at most {LONGEST_REQUEST} bytes, not {left}")
    message = bytearray()
    while len(message) < left:
        message += (part := line.recv(65536))
        if not part:
            raise EOFError("the launcher has ended")
    line.settimeout(None)
    return json.loads(message), streams


def _become(user: int) -> None:
    """Give up root's rights for those of a user. This cannot be undone."""
    import pwd

    account = pwd.getpwuid(user)
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(user)


def _fresh_state(limits: ClassLimits) -> None:
    """Give this process what it must not have in common with the others."""
    import numpy as np
    import torch

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    random.seed()
    np.random.seed()
    wanted = limits.threads or os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1
    torch.set_num_threads(int(wanted))
    os.nice(NICE)
    if limits.kernel_megabytes:
        most = _data_bytes() + limits.kernel_megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * next(int(row.split()[1]) for row in status.splitlines() if "VmData" in row)


def _end_with(line: socket.socket) -> None:
    """End this kernel, and what it has started, when its launcher ends."""
    with suppress(OSError):
        line.recv(1)
    os.killpg(0, signal.SIGKILL)


def _run_kernel(arguments: list[str], limits: ClassLimits) -> None:
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher", *arguments]
    app = IPKernelApp.instance(parent_handle=1)  # ipykernel has no parent to watch
    app.initialize(arguments)
    free = ctypes.CDLL(None).malloc_trim
    app.shell.events.register("post_run_cell", lambda _: free(0))
    if limits.cell_seconds:
        _limit_cells(app.shell.events, limits.cell_seconds)
    app.start()


def _limit_cells(events: Any, seconds: float) -> None:
    """Interrupt a cell that runs for longer than ``seconds``."""
    timers: list[threading.Timer] = []

    def interrupt() -> None:
        print(f"Stopped: the class limit for a cell is {seconds:g} s.")
        os.kill(os.getpid(), signal.SIGINT)

    def begin(_: Any) -> None:
        timers.append(threading.Timer(seconds, interrupt))
        timers[-1].daemon = True
        timers[-1].start()

    def end(_: Any) -> None:
        while timers:
            timers.pop().cancel()

    events.register("pre_run_cell", begin)
    events.register("post_run_cell", end)
