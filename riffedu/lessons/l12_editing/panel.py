"""The panel of notebooks/12_editing.ipynb: a sound, words, a strength, and what to keep."""

from __future__ import annotations

import html
import tempfile
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.music import edit, masks
from riffedu.signal import audio
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider
from riffedu.widgets.pictures import COLOURS, HERTZ, height

SECONDS = 5.12
PARTS = {
    "all of it": "all",
    "the bass (below 250 Hz)": "bass",
    "the middle (250 to 2000 Hz)": "middle",
    "the treble (above 2000 Hz)": "treble",
    "a rectangle of your own": "own",
}
LONG = w.Layout(width="480px", max_width="98%")


class EditingPanel(Panel):
    """Controls by name: ``source, upload, prompt, strength, part, time, pitch, steps, seed,
    run_button, stop_button, progress, status``.

    `figure` shows the sound before, with what is to be changed framed, and after; ``clip`` is the
    (waveform, sample_rate) that is changed, ``result`` what came of it last; `before` and `after`
    play.
    """

    def __init__(
        self,
        pipeline: Any,
        source: str = "tune",
        prompt: str = "a church organ",
        steps: int = 10,
        seconds: float = SECONDS,
    ):
        self.pipeline, self.seconds, self.result = pipeline, seconds, None
        self.clip: tuple | None = None
        self._own: dict[str, tuple] = {}
        line = w.Layout(width="640px", max_width="98%")
        self.source = w.Dropdown(
            options=list(audio.clips()), value=source, description="Sound", style=WIDE
        )
        self.upload = w.FileUpload(
            accept="audio/*", description="or a file of yours", layout=w.Layout(width="auto")
        )
        self.prompt = w.Text(
            value=prompt, description="What to make of it", style=WIDE, layout=line
        )
        self.strength = slider("Strength", 0.6, 0, 1, 0.05)
        self.part = w.Dropdown(options=PARTS, description="Change", style=WIDE)
        self.time = w.FloatRangeSlider(
            value=(0, seconds),
            min=0,
            max=seconds,
            step=0.08,
            readout_format=".1f",
            description="from … to (s)",
            style=WIDE,
            layout=LONG,
            disabled=True,
        )
        self.pitch = w.SelectionRangeSlider(
            options=HERTZ,
            index=(0, len(HERTZ) - 1),
            description="from … to (Hz)",
            style=WIDE,
            layout=LONG,
            disabled=True,
        )
        self.steps = slider("Steps", steps, 2, 50)
        self.seed = seed_box()
        self.job = JobControls("Change it")
        self.run_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.figure = LiveFigure(columns=2, width=9.2, height=3.4, sharey=True)
        self.facts = w.HTML()
        self.before, self.after = LiveSound("Before"), LiveSound("After")
        self._draw_axes()
        self.source.observe(self._pick, "value")
        self.upload.observe(self._uploaded, "value")
        self.part.observe(self._choose, "value")
        for control in (self.time, self.pitch):
            control.observe(lambda _: self._frame(), "value")
        self.run_button.on_click(lambda _: self.run())
        self.box = w.VBox(
            [
                row(self.source, self.upload),
                self.prompt,
                self.strength,
                self.part,
                self.time,
                self.pitch,
                row(self.steps, self.seed),
                self.job.box,
                self.figure.widget,
                self.facts,
                row(self.before.widget, self.after.widget),
                note(
                    f"The first {seconds:g} s of a sound are used. The part inside the frame is "
                    "regenerated, the rest is kept."
                ),
            ]
        )
        self._take(audio.clip(source))

    def bounds(self) -> str | dict | None:
        """Return what the transform is told to change: all (None), a name, or bounds."""
        if self.part.value != "own":
            return None if self.part.value == "all" else self.part.value
        (after, before), (above, below) = self.time.value, self.pitch.value
        return {"after": after, "before": before, "above": above, "below": below}

    def run(self) -> None:
        """Do what the button does; `wait` for its end when driving the panel by code."""
        wanted = {
            "prompt": self.prompt.value,
            "strength": self.strength.value,
            "mask": self.bounds(),
            "seed": self.seed.value,
            "num_inference_steps": self.steps.value,
        }
        self.job.start(lambda step: self._work(step, wanted), self.steps.value + 1)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the work to finish."""
        self.job.wait(seconds)

    def _work(self, step: Any, wanted: dict) -> None:
        if not wanted["prompt"].strip():
            raise RiffeduError(
                'the prompt is empty: say what to turn the sound into, e.g. "a church organ"'
            )
        step("Sound to latents")
        clip = self.clip
        result = edit.transform(
            self.pipeline,
            clip,
            **wanted,
            progress=False,
            callback=lambda moment: step(f"Step {moment.step} of {moment.total}"),
        )
        if self.clip is not clip:
            self.job.say("Another sound was chosen meanwhile: press the button for that one.")
            return
        self.result = result
        self._after.set_data(np.asarray(result.image.convert("L")))
        self.after.set(
            result.waveform, result.sample_rate, f"After: {wanted['prompt']}", image=result.image
        )
        self._tell()
        self.job.say("Done. Compare the two.")

    def _uploaded(self, change: Any) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(file["name"]).name
            path.write_bytes(bytes(file["content"]))
            try:
                self._take(audio.load(path))
            except RiffeduError as error:
                self.job.fail(RiffeduError(str(error).replace(f"{folder}/", "")))
                return
        self._own[path.name] = self.clip
        self.source.unobserve(self._pick, "value")
        self.source.options = list(dict.fromkeys([*audio.clips(), *self._own]))
        self.source.value = path.name
        self.source.observe(self._pick, "value")

    def _pick(self, _: Any = None) -> None:
        name = self.source.value
        self._take(self._own[name] if name in self._own else audio.clip(name))

    def _take(self, clip: Any) -> None:
        waveform, rate = clip
        mono = np.atleast_2d(waveform).mean(0)[: round(self.seconds * rate)]
        picture, _ = edit.picture_and_level(self.pipeline, (mono, rate))
        self.clip, self.result = (mono, rate), None
        self._length = picture.width * self.pipeline.params.column_ms / 1000
        for drawn in (self._before, self._after):
            drawn.set_extent((0, self._length, 0, 1))
        self._before.set_data(np.asarray(picture.convert("L")))
        self._after.set_data([[255]])
        self.before.set(mono, rate, "Before", attenuate=True)
        self.after.clear()
        self.job.say("")
        self._frame()

    def _choose(self, _: Any = None) -> None:
        self.time.disabled = self.pitch.disabled = self.part.value != "own"
        self._frame()

    def _draw_axes(self) -> None:
        from matplotlib.patches import Rectangle

        left, right = self.figure.axes
        self._before, self._after = (
            axis.imshow(
                [[255]],
                cmap="gray",
                vmin=0,
                vmax=255,
                aspect="auto",
                extent=(0, self.seconds, 0, 1),
                interpolation="nearest",
            )
            for axis in (left, right)
        )
        left.set_yticks([height(f) for f in HERTZ])
        left.set_yticklabels([f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in HERTZ])
        left.set_title("Before; framed: what is to be changed", fontsize=10)
        right.set_title("After", fontsize=10)
        for axis in (left, right):
            axis.set_xlabel("seconds", fontsize=9)
            axis.tick_params(labelsize=8)
        self._box = left.add_patch(Rectangle((0, 0), 1, 1, fill=False, lw=2, ec=COLOURS[1]))

    def _frame(self) -> None:
        """Put the frame round what would be changed."""
        bounds = self.bounds() or {}
        bounds = masks.REGIONS[bounds] if isinstance(bounds, str) else bounds
        start, end = bounds.get("after", 0), min(bounds.get("before", 1e9), self._length)
        low, high = (
            height(min(f, HERTZ[-1]))
            for f in (bounds.get("above", 0), bounds.get("below", HERTZ[-1]))
        )
        self._box.set_bounds(start, low, max(0, end - start), high - low)
        self._tell()

    def _tell(self) -> None:
        told = "Nothing was changed yet."
        if self.result is not None:
            before = np.asarray(self._before.get_array(), np.float32)
            after = np.asarray(self._after.get_array(), np.float32)
            told = (
                f"Strength {self.result.parameters['strength']:g}: the two pictures differ by "
                f"{np.abs(before - after).mean():.0f} greys of 255 on average."
            )
        self.facts.value = f'<p role="status">{html.escape(told)}</p>'
        self.figure.refresh(
            f"Left the sound before, {self._length:.2f} s, with a frame round what is "
            f"to be changed ({self.part.label}); right the sound after. {told}"
        )


def editing_panel(
    pipeline: Any, source: str = "tune", prompt: str = "a church organ", **options: Any
) -> EditingPanel:
    """Remake a clip, or a file of your own, by words: all of it, or what a frame encloses.

    ``options``: ``steps`` at the start (10), ``seconds`` of the sound that are taken (5.12).
    """
    return EditingPanel(pipeline, source, prompt, **options)
