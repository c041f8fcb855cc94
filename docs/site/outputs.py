"""What a lesson's outputs become on a page without a kernel.

Sounds and pictures become files beside the pages. A spectrogram player plays there as in a notebook
(static/site.js hands it the files); of a panel there is a still, with its figures and players
and what its controls say.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from nbformat import NotebookNode
from PIL import Image

from riffedu.lessons.build import COMPARED
from riffedu.lessons.page import passing
from riffedu.syllabus import LESSONS

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
PLAYER = "SpectrogramPlayer"
KEPT = (
    "rows columns columns_b step frequencies channels label label_b caption caption_b alt origin "
    "height loop speed selection colour_map"
).split()
RATE = 44100
BOXES = ("HBoxModel", "VBoxModel", "BoxModel", "GridBoxModel", "TabModel", "AccordionModel")
EMBEDDED = re.compile(r"data:(?:image|audio)/(png|webp|flac);base64,([A-Za-z0-9+/=]+)")


class Outputs:
    """The files that a site's outputs need, written once each into ``folder``.

    ``above`` is the way from a page to the folder that ``folder`` lies in.
    """

    def __init__(self, folder: Path, above: str = "../"):
        self.folder, self.above = folder, above
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, content: bytes, ending: str) -> str:
        """Keep some bytes as a file and return its address from a page."""
        name = f"{hashlib.sha256(content).hexdigest()[:20]}.{ending}"
        if not (self.folder / name).exists():
            (self.folder / name).write_bytes(content)
        return f"{self.above}{self.folder.name}/{name}"

    def kept(self, content: bytes, ending: str) -> str:
        """Keep a file; a picture's address goes with its size, so that the page does not jump."""
        if ending == "flac":
            return self.file(content, ending)
        image, file = Image.open(io.BytesIO(content)), io.BytesIO()
        if ending == "png":  # WebP is half the size
            image.save(file, format="webp", lossless=True, method=2)
            content, ending = file.getvalue(), "webp"
        address = self.file(content, ending)
        return f'{address}" width="{image.width}" height="{image.height}'

    def taken_out(self, page: str) -> str:
        """Move pictures and sounds from within HTML into files; link lessons and texts as pages."""
        page = EMBEDDED.sub(lambda found: self.kept(base64.b64decode(found[2]), found[1]), page)
        page = page.replace('preload="auto"', 'preload="none"')
        page = page.replace("<img ", '<img loading="lazy" ')
        return re.sub(r'(href="[\w/.]+)\.(?:ipynb|md)(?=["#])', r"\1.html", page)

    def player(self, state: dict, buffers: dict[str, bytes]) -> str:
        """Return a player that static/site.js wakes, and what stands there without scripts."""
        kept: dict[str, Any] = {name: state[name] for name in KEPT}
        sounds, pictures = [], []
        for end in ("", "_b"):
            if buffers.get(f"sound{end}"):
                sounds.append(self.file(flac(buffers[f"sound{end}"], state["channels"]), "flac"))
            if buffers.get(f"picture{end}"):
                shape = state["rows"], state[f"columns{end}"]
                pictures.append(self.file(webp(buffers[f"picture{end}"], shape), "webp"))
        kept |= {"sounds": [Path(each).name for each in sounds]}
        kept |= {"pictures": [Path(each).name for each in pictures]}
        address = self.file(json.dumps(kept).encode(), "json")
        label, alt = (html.escape(state[name], quote=True) for name in ("label", "alt"))
        shown = "".join(f'<img loading="lazy" alt="{alt}" src="{each}">' for each in pictures[:1])
        heard = "".join(
            f'<audio controls preload="none" aria-label="{label}" src="{each}"></audio>'
            for each in sounds
        )
        return (
            f'<div class="riffedu-still" data-player="{address}" data-height="{state["height"]}">'
            f"<figure><figcaption><b>{label}</b> {html.escape(state['caption'])}</figcaption>"
            f"{shown}{heard}</figure></div>"
        )


def flac(samples: bytes, channels: int) -> bytes:
    """Encode 16-bit samples at 44100 Hz without loss."""
    file = io.BytesIO()
    sound = np.frombuffer(samples, "<i2").reshape(-1, channels)
    soundfile.write(file, sound, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def webp(pixels: bytes, shape: tuple[int, int]) -> bytes:
    """Encode grey pixels without loss."""
    file = io.BytesIO()
    grey = Image.frombytes("L", shape[::-1], pixels).convert("RGB")
    grey.save(file, format="webp", lossless=True, method=4)
    return file.getvalue()


class Widgets:
    """The widgets of one executed notebook, as HTML; ``lesson`` is how `riffedu lab` names it."""

    def __init__(self, state: dict, outputs: Outputs, lesson: str):
        self.state, self.outputs, self.lesson = state, outputs, lesson

    def top(self, identity: str) -> str:
        """Return what an output shows: a player by itself, or a panel with a line about it."""
        model = self.state.get(identity)
        if model is None:
            return ""
        inside = self.html(identity)
        if model["model_name"] == "HTMLModel" or self.is_player(model) and inside:
            return inside
        words = (
            "A still of the panel. Its controls work in the notebook: "
            f"<code>riffedu lab {self.lesson}</code>."
        )
        return f'<div class="riffedu-panel"><p class="riffedu-note">{words}</p>{inside}</div>'

    @staticmethod
    def is_player(model: dict) -> bool:
        """Tell whether a widget is a spectrogram player."""
        return str(model["state"].get("_anywidget_id")).endswith(PLAYER)

    def html(self, identity: str) -> str:
        """Return a widget and what is in it; nothing for what is hidden or empty."""
        model = self.state.get(identity.removeprefix("IPY_MODEL_"))
        if model is None or self.hidden(model):
            return ""
        name, state = model["model_name"], model["state"]
        if self.is_player(model):
            buffers = {b["path"][0]: base64.b64decode(b["data"]) for b in model["buffers"]}
            seen = buffers.get("sound") or buffers.get("picture")
            return self.outputs.player(state, buffers) if seen else ""
        if name in BOXES:
            inside = "".join(map(self.html, state["children"]))
            return f'<div class="riffedu-box riffedu-{name[0].lower()}">{inside}</div>'
        if name == "ImageModel":
            return self.image(model)
        if name in ("HTMLModel", "HTMLMathModel", "LabelModel"):
            return f"<div>{self.outputs.taken_out(state['value'])}</div>" if state["value"] else ""
        if name == "OutputModel":
            return "".join(map(self.output, state["outputs"]))
        return control(name, state)

    def hidden(self, model: dict) -> bool:
        """Tell whether a widget's layout hides it."""
        layout = self.state.get(str(model["state"].get("layout")).removeprefix("IPY_MODEL_"))
        return bool(layout) and layout["state"].get("display") == "none"

    def image(self, model: dict) -> str:
        """Return a figure as a file."""
        for buffer in model["buffers"]:
            address = self.outputs.kept(base64.b64decode(buffer["data"]), model["state"]["format"])
            alt = html.escape(model["state"].get("tooltip") or "", quote=True)
            return f'<img loading="lazy" alt="{alt}" src="{address}">'
        return ""

    def output(self, output: dict) -> str:
        """Return one output of an Output widget."""
        data = output.get("data", {})
        if VIEW in data:
            return self.html(data[VIEW]["model_id"])
        if "text/html" in data:
            return self.outputs.taken_out("".join(data["text/html"]))
        text = "".join(data.get("text/plain", output.get("text", "")))
        return f"<pre>{html.escape(text)}</pre>" if text else ""


def control(name: str, state: dict) -> str:
    """Return what a control says: its name and what it is set to."""
    value = state.get("value")
    if "_options_labels" in state:
        labels, index = state["_options_labels"], state.get("index")
        value = labels[index] if isinstance(index, int) else ""
    if name == "CheckboxModel":
        value = "on" if value else "off"
    if name.startswith("FloatProgress") or name.startswith("IntProgress"):
        return ""
    if isinstance(value, float):
        value = f"{value:g}"
    words = state.get("description") or ""
    if not words and value in (None, ""):
        return ""
    said = "" if value is None else html.escape(str(value))
    return f'<span class="riffedu-control">{html.escape(words)} <b>{said}</b></span>'


def without_kernel(book: NotebookNode, name: str, outputs: Outputs) -> None:
    """Rewrite a notebook's outputs in place so that a page can show them all by itself."""
    state = book.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    lesson = next((each.label for each in LESSONS if each.name == name), name)
    widgets = Widgets(state, outputs, lesson)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.removesuffix(f"\n{COMPARED}")
            cell.outputs = [each for each in cell.outputs if not passing(each)]
            for output in cell.outputs:
                if "data" in output:
                    still(output.data, widgets)


def still(data: dict, widgets: Widgets) -> None:
    """Replace a widget by its HTML, and move what HTML embeds into files."""
    view = data.pop(VIEW, None)
    if view and (shown := widgets.top(view["model_id"])):
        data["text/html"] = shown
    elif "text/html" in data:
        data["text/html"] = widgets.outputs.taken_out("".join(data["text/html"]))
    if "text/markdown" in data:
        data["text/markdown"] = "".join(data["text/markdown"]).replace(".ipynb)", ".html)")
