"""For every test: no network, no window, no more threads and memory than a small machine has."""

import ctypes
import gc
import os
import socket
import sys
import tempfile
from contextlib import suppress

import pytest

# Set before anything imports them, and inherited by the kernels that notebooks run in.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    PYDEVD_DISABLE_FILE_VALIDATION="1",
    RIFFEDU_CACHE=tempfile.mkdtemp(prefix="riffedu-cache-"),
)
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("RIFFEDU_QUICK", "1")  # lesson 14 trains for seconds, not for minutes

_connect = socket.socket.connect


def _connect_here_only(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in (
        "127.0.0.1",
        "::1",
        "localhost",
    ):
        raise OSError(f"a test reached for the network: {address}")
    return _connect(self, address)


socket.socket.connect = _connect_here_only


@pytest.fixture(autouse=True, scope="module")
def free_memory():
    """After each file, free what its tests made: ipywidgets keeps open widgets, glibc free memory.

    Layouts and styles stay open, as panels share them.
    """

    def shown():
        made = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
        return {each for each in made.values() if hasattr(type(each), "layout")}

    before = shown()
    yield
    for widget in shown() - before:
        sys.modules["ipywidgets"].Widget.close(widget)  # whatever its class adds
    gc.collect()
    with suppress(AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
