"""Start a notebook's kernel: forked from `riffedu kernels`, or as usual if that is not running.

Jupyter starts this small process in place of the kernel (jupyter_shared/kernels/python3). It passes
on its folder, environment and output, forwards signals, and lives exactly as long as the kernel: if
Jupyter ends, both end.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path

SOCKET = "RIFFEDU_KERNELS"
"""Environment variable with the path of the kernel server's socket."""
CREDENTIALS = struct.Struct("3i")  # process, user and group, from the system: see unix(7)
LENGTH = struct.Struct("!I")


def peer_user(line: socket.socket) -> int:
    """Return the user id of the process at the other end of a Unix socket."""
    found = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return CREDENTIALS.unpack(found)[1]


def reach(path: str | None) -> socket.socket | None:
    """Connect to the kernel server, if it runs and belongs to this user or to root."""
    if not path or sys.platform != "linux":
        return None
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(path)
    except OSError:
        line.close()
        return None
    return line if peer_user(line) in (0, os.geteuid()) else None


def request_kernel(line: socket.socket, arguments: list[str]) -> int | None:
    """Ask for a kernel with ipykernel's ``arguments`` and return its process id.

    It is 0 if the limit on notebooks is reached, and None if the server failed.
    """
    wishes = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    message = json.dumps(wishes).encode()
    try:
        socket.send_fds(line, [LENGTH.pack(len(message))], [0, 1, 2])
        line.sendall(message)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before all was sent: the answer says why
    try:
        return int(line.recv(20))
    except (ConnectionResetError, ValueError):
        return None


def wait_for_end(line: socket.socket, kernel: int) -> None:
    """Forward signals to the kernel until it ends, or until Jupyter does."""
    jupyter = os.getppid()

    def forward(number: int, _: object) -> None:
        os.killpg(kernel, number)

    try:
        ended = os.pidfd_open(kernel)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, forward)
        while os.getppid() == jupyter and not select.select([ended, line.fileno()], [], [], 1)[0]:
            pass
    except ProcessLookupError:
        pass


def main(arguments: list[str]) -> int:
    """Run one kernel."""
    line = reach(os.environ.get(SOCKET))
    if line is None:
        os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", *arguments])
    kernel = request_kernel(line, arguments)
    if not kernel:
        full = "no more notebooks: the limit on this machine is reached"
        failed = "the notebook could not be started: the output of `riffedu kernels` says why"
        print(f"riffedu: {failed if kernel is None else full}", file=sys.stderr)
        return 1
    wait_for_end(line, kernel)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
