"""The third panel of notebooks/14_train_your_own.ipynb: collect one's own sounds."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.signal.audio import load, save
from riffedu.training.own_sounds import ENDINGS, RATE, SHORTEST, cut, starts
from riffedu.widgets import recorder
from riffedu.widgets.live import LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row


class CollectPanel(Panel):
    """A panel that puts sounds and their captions into a folder for `riffedu.training.own`.

    Controls by name: ``caption, upload, microphone, record_button, files, remove_button, status``.

    Drop files on `upload`, or record with `microphone` and press `record_button`: each sound gets
    the text of `caption`, in a ``.txt`` beside it. `files` lists what is in the folder; `heard`
    plays the first piece of 5.12 s that the chosen file is cut into.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.caption = w.Text(
            description="Caption",
            placeholder="what is to be heard, such as: a squeaking door",
            style=WIDE,
            layout=w.Layout(width="560px", max_width="98%"),
        )
        self.upload = w.FileUpload(
            accept=",".join(ENDINGS),
            multiple=True,
            description="Add files",
            layout={"width": "auto"},
        )
        self.microphone = recorder("Record a sound")
        self.record_button = w.Button(
            description="Add the recording", icon="plus", layout={"width": "auto"}
        )
        self.files = w.Dropdown(options=[], description="In the folder", style=WIDE)
        self.remove_button = w.Button(description="Remove", icon="trash")
        self.status, self.heard = w.HTML(), LiveSound("The first piece")
        self.upload.observe(self._uploaded, "value")
        self.record_button.on_click(self.add_recording)
        self.remove_button.on_click(self.remove)
        self.files.observe(self._chosen, "value")
        self.box = w.VBox(
            [
                self.caption,
                row(self.upload, self.microphone, self.record_button),
                row(self.files, self.remove_button),
                self.heard.widget,
                self.status,
                note("Write the caption first. Five sounds at least; 10 to 20 are better."),
            ]
        )
        self._list()

    def add(self, name: str, content: bytes) -> Path | None:
        """Add a file by its name and bytes; None, and a message, if it cannot be used."""
        caption = " ".join(self.caption.value.split())
        if not caption:
            self._say("Write a caption first: what is to be heard in this sound?")
            return None
        name = re.sub(r"[^\w.-]+", "-", Path(name).name)
        path = self.folder / name
        path.write_bytes(content)
        try:
            waveform, rate = load(path)
            if waveform.shape[-1] < SHORTEST * rate:
                raise RiffeduError(f"{name} is shorter than {SHORTEST:g} s")
        except RiffeduError as error:
            path.unlink()
            self._say(str(error).replace(str(path), name))
            return None
        path.with_suffix(".txt").write_text(caption + "\n", "utf-8")
        self._list(name)
        return path

    def add_recording(self, _: Any = None) -> Path | None:
        """Add the last take of the microphone, like the button."""
        take = self.microphone.take
        if take is None:
            self._say("There is no recording yet: press the microphone first.")
            return None
        number = len(list(self.folder.glob("recording-*.flac"))) + 1
        path = save(self.folder / f"recording-{number:02d}.part.flac", *take)
        content = path.read_bytes()
        path.unlink()
        return self.add(f"recording-{number:02d}.flac", content)

    def remove(self, _: Any = None) -> None:
        """Delete the chosen sound and its caption, like the button."""
        if self.files.value:
            path = self.folder / self.files.value
            path.unlink(missing_ok=True)
            path.with_suffix(".txt").unlink(missing_ok=True)
            self._list()

    def _uploaded(self, _: Any = None) -> None:
        given, self.upload.value = self.upload.value, ()
        for each in given:
            self.add(each["name"], bytes(each["content"]))

    def _list(self, chosen: str | None = None) -> None:
        names = sorted(p.name for p in self.folder.iterdir() if p.suffix.lower() in ENDINGS)
        self.files.options = names
        self.files.value = chosen or (names[-1] if names else None)
        self._chosen()

    def _chosen(self, _: Any = None) -> None:
        name = self.files.value
        if name is None:
            self.heard.clear()
            self._say("The folder is empty.")
            return
        path = self.folder / name
        waveform, _rate = load(path, RATE)
        mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
        pieces = starts(len(mono) / RATE)
        caption = path.with_suffix(".txt")
        words = caption.read_text("utf-8").strip() if caption.is_file() else "no caption"
        self.heard.set(cut(mono, 0), RATE, f"{name}: {words}")
        self._say(
            f"{len(self.files.options)} sounds. {name}, “{words}”: {len(mono) / RATE:.1f} s, "
            f"{len(pieces)} piece{'s' * (len(pieces) > 1)}"
        )

    def _say(self, text: str) -> None:
        self.status.value = f'<p role="status">{html.escape(text)}</p>'


def collect_panel(folder: str | Path) -> CollectPanel:
    """Collect sounds for a LoRA: drop files or record, write captions, hear how they are cut."""
    return CollectPanel(folder)
