"""`riffedu app`: it starts, requires a token, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import intruders
import psutil
import pytest
from tiny import ours  # noqa: F401  (fixture)

from riffedu import cli
from riffedu.app import server as app

posix = pytest.mark.skipif(os.name != "posix", reason="ends the server by signal")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@posix
def test_it_serves_the_page_and_leaves_no_process(ours, tmp_path):  # noqa: F811
    port = free_port()
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    started = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "riffedu",
            "app",
            "--no-browser",
            "--port",
            str(port),
            "--model",
            str(ours),
        ],
        env=os.environ | own | {"IPYTHONDIR": str(tmp_path / "ipython")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        lines = iter(started.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http\S+", line)))
        assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/\?token=[\w-]{{20,}}", address)
        with urllib.request.urlopen(address, timeout=60) as page:
            shown = page.read().decode()
            assert "riffedu: the live instrument" in shown
            away = re.findall(r"(?:href|src)=[\"'](?:https?:)?//[^\"']+", shown)
            assert away == [], "nothing of the page comes from elsewhere"
        for door in ("", "voila/render/riffedu.ipynb", "api/kernels"):
            try:
                shown = urllib.request.urlopen(f"http://127.0.0.1:{port}/{door}", timeout=10)
                assert "/login" in shown.url, "without the token there is the question for it"
            except urllib.error.HTTPError as refused:
                assert refused.code in (403, 404)
        intruders.read_nothing_outside(address)
        intruders.change_nothing_from_another_site(address)
        intruders.run_no_code(address, tmp_path / "ran")
        family = psutil.Process(started.pid).children(recursive=True)
        visible = [" ".join(p.cmdline()) for p in (psutil.Process(started.pid), *family)]
        assert not any(address[-20:] in line for line in visible), "the token is in no `ps`"
        assert any("ipykernel" in " ".join(p.cmdline()) for p in family), "a page has a process"
        listening = [
            c
            for p in [psutil.Process(started.pid), *family]
            for c in p.net_connections("tcp")
            if c.status == "LISTEN"
        ]
        assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0
    give_up = time.monotonic() + 10
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family):
        assert time.monotonic() < give_up, "something was left behind"
        time.sleep(0.1)


def test_a_port_in_use(capsys):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert cli.main(["app", "--port", str(port)]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "another --port" in err


@pytest.mark.parametrize(
    "args, words",
    [
        (["--seed", "-1"], "--seed"),
        (["--port", "0"], "--port"),
        (["--port", "x"], "--help"),
        (["--model", "none/such"], "none/such"),
        (["--ip", "203.0.113.9"], "cannot listen"),
        (["--ip", "2001:db8::9"], "cannot listen on [2001:db8::9]:"),
        (["--ip", "no such host"], "cannot listen"),
        (["--base-url", "/a b/"], "--base-url"),
        (["--base-url", "https://x/"], "--base-url"),
    ],
)
def test_bad_arguments_are_one_line(capsys, args, words):
    if "--port" not in args:
        args = ["--port", str(free_port()), *args]
    assert cli.main(["app", *args]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and words in err


def test_voila_that_exits_is_reported(monkeypatch):
    from riffedu.errors import RiffeduError

    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    ended.wait()
    with pytest.raises(RiffeduError, match="code 3"):
        app.wait_for(ended, "127.0.0.1", free_port())
