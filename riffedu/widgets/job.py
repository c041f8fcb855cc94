"""Run a panel's work on a thread, so that its Stop button stays responsive."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.turns import MODEL_LOCK
from riffedu.widgets.panel import row


class Stopped(Exception):
    """Raised inside the work at its next step after Stop was pressed."""


class JobControls:
    """Start and Stop buttons, a progress bar and a status line.

    `start(work, steps)` runs ``work(step)`` on a thread. The work calls ``step("message")`` at each
    step, which advances the bar and is where Stop takes effect. An error becomes one line in
    `status`, without a traceback.
    """

    def __init__(self, verb: str):
        self.start_button = w.Button(
            description=verb, button_style="primary", icon="play", tooltip=verb
        )
        self.stop_button = w.Button(
            description="Stop", icon="stop", disabled=True, tooltip="Stop at the next step"
        )
        self.progress = w.IntProgress(
            min=0, max=1, layout=w.Layout(width="200px"), tooltip="Progress"
        )
        self.status = w.HTML()
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.stop_button.on_click(lambda _: self.stop())
        self.box = row(self.start_button, self.stop_button, self.progress, self.status)

    @property
    def running(self) -> bool:
        """Whether the work is in progress."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[Callable[[str], None]], None], steps: int) -> None:
        """Run ``work(step)`` on a thread, unless this panel is already working."""
        if self.running:
            return
        self.error = None
        self._stop.clear()
        self.start_button.disabled, self.stop_button.disabled = True, False
        self.progress.value, self.progress.max, self.progress.bar_style = 0, steps, ""
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to stop at its next step."""
        self._stop.set()
        if self.running:
            self.say("Stopping …")

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the work to finish, in notebooks and tests that operate a panel from code."""
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                raise TimeoutError(f"the panel was still working after {seconds} s")

    def say(self, message: str) -> None:
        """Show a message in the status line."""
        self.status.value = f'<span role="status">{html.escape(message)}</span>'

    def fail(self, error: Exception) -> None:
        """Show an error in the status line, and keep it as ``error``."""
        self.error = error
        known = isinstance(error, RiffeduError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        line = html.escape(" ".join(message.split()))
        mark = "border-left:4px solid #d55e00;padding-left:6px"
        self.status.value = f'<span role="alert" style="{mark}"><b>{line}</b></span>'
        self.progress.bar_style = "danger"

    def _step(self, message: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self.progress.value = min(self.progress.value + 1, self.progress.max)
        self.say(message)

    def _wait_in_line(self) -> None:
        if self._stop.is_set():
            raise Stopped
        self.say("Waiting for the other panel …")

    def _run(self, work: Callable[[Callable[[str], None]], None]) -> None:
        try:
            with MODEL_LOCK.hold(self._wait_in_line):
                work(self._step)
            self.progress.value, self.progress.bar_style = self.progress.max, "success"
        except Stopped:
            self.progress.bar_style = "warning"
            self.say("Stopped.")
        except Exception as error:
            self.fail(error)
        finally:
            self.start_button.disabled, self.stop_button.disabled = False, True
