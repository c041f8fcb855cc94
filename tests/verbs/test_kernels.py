"""`riffedu kernels`: notebooks forked from one process, with a process and limits of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from riffedu import cli
from riffedu.verbs import kernel_launcher
from riffedu.verbs.kernels import SPEC, default_socket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels fork on Linux only")
# The server without the model: forking is what is tested here.
SERVER = """
import sys, ipykernel.kernelapp, matplotlib, numpy, torch
from riffedu import cli
from riffedu.verbs import kernels
kernels.prepare = lambda: setattr(sys, "shared", "by all")
cli.program(["kernels", "--socket", *sys.argv[1:]])
"""
LIMITS = "kernels = 2\nkernel_megabytes = 200\ncell_seconds = 4\nthreads = 1\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("kernels")
    (home / "class.toml").write_text(LIMITS)
    path = home / "socket"
    own = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(home / "ipython"), "RIFFEDU_LIMITS": str(home / "class.toml")}
    command = [sys.executable, "-c", SERVER, str(path)]
    with open(home / "said", "w") as said:
        started = subprocess.Popen(command, env=os.environ | own, stderr=said)
    until(lambda: path.is_socket() and started.poll() is None)
    os.environ.update(own | {"RIFFEDU_KERNELS": str(path), "JUPYTER_PATH": str(SPEC)})
    until(lambda: f"export RIFFEDU_KERNELS={path}\n" in (home / "said").read_text())
    yield psutil.Process(started.pid)
    started.send_signal(signal.SIGINT)
    assert started.wait(30) == 0
    assert not path.exists()
    for name in (*own, "RIFFEDU_KERNELS", "JUPYTER_PATH"):
        del os.environ[name]


def until(happened, seconds=60):
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@contextmanager
def kernel():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=60)

    def run(code):
        said = []
        client.execute_interactive(code, timeout=60, output_hook=lambda m: said.append(m))
        parts = [m["content"].get("text") or m["content"].get("evalue", "") for m in said]
        return "".join(parts).strip()

    run.manager, run.launcher = manager, psutil.Process(manager.provisioner.process.pid)
    try:
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_two_notebooks_of_one_process(server, tmp_path):
    with kernel() as one, kernel() as other:
        assert one("import os, sys; print(os.getppid(), sys.shared)") == f"{server.pid} by all"
        assert other("import os; print(os.getppid())") == str(server.pid)
        assert one("import os; print(os.getcwd())") == os.getcwd()
        dice = "import random, numpy; print(random.random(), numpy.random.rand())"
        assert one(dice) != other(dice), "each has random numbers of its own"
        one("x = 1; sys.shared = 'mine'")
        assert "not defined" in other("x") and other("print(__import__('sys').shared)") == "by all"
        # A third finds no place, and its launcher says so.
        third = subprocess.run(
            [sys.executable, "-m", "riffedu.verbs.kernel_launcher", "-f", str(tmp_path / "c.json")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert third.returncode == 1 and "the limit on this machine is reached" in third.stderr


def test_limits_of_time_and_memory(server):
    with kernel() as run:
        said = run("while True: pass")
        assert "the class limit for a cell is 4 s" in said, "an endless loop is stopped"
        assert "MemoryError" in run(
            "try: bytearray(10**9)\nexcept MemoryError as e: print(repr(e))"
        )
        assert run("print(len(bytearray(50_000_000)))") == "50000000", "and the notebook goes on"


def test_interrupt_restart_and_kill(server):
    with kernel() as run:
        first = run("import os; print(os.getpid())")
        timer = __import__("threading").Timer(0.5, run.manager.interrupt_kernel)
        timer.start()
        said = run("import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('stopped')")
        assert said == "stopped"
        child = int(run("import subprocess; print(subprocess.Popen(['sleep', '99']).pid)"))
        run.launcher.send_signal(signal.SIGKILL)
        until(lambda: ended(int(first)) and ended(child))
    with kernel() as run:
        again = int(run("import os; print(os.getpid())"))
        os.kill(again, signal.SIGKILL)
        until(lambda: not run.launcher.is_running() or run.launcher.status() == "zombie")


def ended(pid):
    try:
        return psutil.Process(pid).status() == "zombie"
    except psutil.NoSuchProcess:
        return True


def test_kernels_outlive_the_server(server, tmp_path):
    with kernel() as run:
        server.suspend()  # as good as gone: it can do nothing for its kernels
        assert run("print(1 + 1)") == "2"
        server.resume()
    assert server.is_running()


def test_without_a_server_the_kernel_is_an_ordinary_one(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_PATH", str(SPEC))
    for path in ("", str(tmp_path / "none")):
        assert kernel_launcher.reach(path) is None
    monkeypatch.setenv("RIFFEDU_KERNELS", str(tmp_path / "none"))
    with kernel() as run:
        assert run("print(__import__('os').getppid())") == str(os.getpid())


def test_a_server_of_another_user_is_not_trusted(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        monkeypatch.setattr(kernel_launcher, "peer_user", lambda _: os.getuid() + 12345)
        assert kernel_launcher.reach(str(tmp_path / "s")) is None


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_a_kernel_for_another_account_gives_up_roots_rights(tmp_path):
    """In a process of its own, as the server forks one."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    code = f"""
import os
from riffedu.verbs.kernel_process import _become
_become(65534)
assert os.getresuid() == (65534,) * 3 and 0 not in (*os.getresgid(), *os.getgroups())
for forbidden in (lambda: open({str(secret)!r}), lambda: os.setuid(0), lambda: os.setgid(0)):
    try: forbidden()
    except PermissionError: continue
    raise SystemExit(1)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_command_beside_the_server(tmp_path):
    """It has its own environment and exit code; a server of root keeps little of it."""
    path = tmp_path / "socket"
    code = (
        "import os, sys; from riffedu.verbs.kernel_launcher import reach\n"
        "from psutil import Process; line = reach(os.environ['RIFFEDU_KERNELS'])\n"
        "server = next(p for p in Process(os.getppid()).children() if p.pid != os.getpid())\n"
        "hidden = 'SECRET' not in server.environ() or os.getuid() != 0\n"
        "sys.exit(7 if line and hidden and os.environ['SECRET'] else 1)"
    )
    arguments = [sys.executable, "-c", SERVER, str(path), "--", sys.executable, "-c", code]
    environment = os.environ | {"SECRET": "x"}
    ran = subprocess.run(arguments, env=environment, stderr=subprocess.PIPE, text=True, timeout=120)
    assert ran.returncode == 7
    assert "Loading the model" in ran.stderr and "export" not in ran.stderr, "it has the variables"
    until(lambda: not path.exists())


def test_what_the_server_refuses(server):
    def answer(message):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.environ["RIFFEDU_KERNELS"])
            socket.send_fds(line, [message], [0, 1, 2])
            return line.recv(20)

    too_long = kernel_launcher.LENGTH.pack(2**32 - 1)
    assert answer(too_long) == answer(kernel_launcher.LENGTH.pack(4) + b"{}  ") == b""
    assert server.is_running()


def test_why_there_is_no_kernel(capsys, monkeypatch):
    for answer, words in ((b"0", "the limit on this machine"), (b"", "could not be started")):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if answer:
                theirs.send(answer)
            theirs.shutdown(socket.SHUT_WR)
            monkeypatch.setattr(kernel_launcher, "reach", lambda path, line=ours: line)
            assert kernel_launcher.main(["-f", "c.json"]) == 1
            assert words in capsys.readouterr().err


def test_mistakes_are_one_line(server, monkeypatch, tmp_path, capsys):
    assert cli.main(["kernels", "--socket", os.environ["RIFFEDU_KERNELS"]]) == 2
    assert "a kernel server is running" in capsys.readouterr().err
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / f"riffedu-{os.getuid()}").symlink_to("/tmp")
    with pytest.raises(Exception, match="belongs to another user"):
        default_socket()
