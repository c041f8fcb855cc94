"""The panel of notebooks/06_beyond_griffin_lim.ipynb: methods compared."""

from __future__ import annotations

import html

import ipywidgets as w
import numpy as np

from riffedu.signal.fidelity import Point, attack_likeness, log_spectral_distance, speed_and_quality
from riffedu.signal.image import image_from_spectrogram, spectrogram_from_image
from riffedu.signal.inversion import METHODS
from riffedu.signal.mel import mel_spectrogram
from riffedu.signal.params import SpectrogramParams
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row
from riffedu.widgets.pictures import COLOURS, SIGNED

RATE = 44100
SECONDS = 2.0
AT = (0, 1, 2, 4, 8, 16, 32)
OFF = 12  # decibels from white to full colour
RANGE = 60  # decibels under the loudest that are compared
LABELS = {
    "Riffusion's": "Riffusion's: all rows, guessed phases",
    "small grid": "small grid",
    "read off": "the same, phases read off",
    "refitted": "the same, magnitudes refitted (fast)",
    "every column": "the same, every column (best)",
    "ADMM": "the same, ADMM",
}
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
LONG = w.Layout(width="480px")


class BeyondPanel(Panel):
    """Controls by name: ``sound, method, iteration``.

    `figure` shows the picture of this iteration's sound, its errors, and the consistency of every
    method tried on this sound; `heard` plays the sound. ``sounds``: names and
    waveforms (samples,) at 44100 Hz.
    """

    def __init__(self, sounds: dict) -> None:
        self.sounds, self.params = sounds, SpectrogramParams()
        self.sound = w.Dropdown(options=list(sounds), description="Sound", style=WIDE)
        self.method = w.Dropdown(
            options=[(label, name) for name, label in LABELS.items()],
            value="refitted",
            description="Method",
            style=WIDE,
            layout=LONG,
        )
        self.iteration = w.SelectionSlider(
            options=AT,
            value=16,
            description="Iteration",
            style=WIDE,
            layout=LONG,
        )
        self.figure = LiveFigure(columns=3, width=9.0, height=3.2)
        self.facts = w.HTML()
        self.original, self.heard = LiveSound("The sound"), LiveSound("Found")
        self._draw_axes()
        self.sound.observe(self._take, "value")
        self.method.observe(self._solve, "value")
        self.iteration.observe(self._show, "value")
        self._take()
        self.box = w.VBox(
            [
                row(self.sound, self.method),
                self.iteration,
                self.figure.widget,
                self.facts,
                row(self.original.widget, self.heard.widget),
                note(
                    f"The first {SECONDS:g} s. Middle: purple is too loud, orange too soft, ±{OFF} "
                    "dB. Right: the methods tried on this sound."
                ),
            ]
        )

    @property
    def waveform(self) -> np.ndarray:
        """The chosen sound."""
        return self.sounds[self.sound.value]

    @property
    def point(self) -> Point:
        """The result of the chosen method at the chosen iteration."""
        return self.runs[self.method.value][AT.index(self.iteration.value)]

    def _take(self, _: object = None) -> None:
        self.original.set(self.waveform, RATE, f"The sound: {self.sound.value}")
        image = image_from_spectrogram(mel_spectrogram(self.waveform, self.params), self.params)
        self.mel = spectrogram_from_image(image, self.params)
        self.runs: dict[str, list] = {}
        self._solve()

    def _solve(self, _: object = None) -> None:
        name = self.method.value
        if name not in self.runs:
            self.facts.value = '<p role="status">Working …</p>'
            steps = METHODS[name](self.mel, self.params, n_iter=AT[-1])
            self.runs[name] = list(speed_and_quality(steps, self.mel, self.params, AT))
        self._show()

    def _draw_axes(self) -> None:
        found, off, curve = self.figure.axes
        titles = ("The sound's picture now", "Too soft or too loud", "Consistency")
        for axis, title in zip(self.figure.axes, titles, strict=True):
            axis.set_title(title, fontsize=10)
            axis.tick_params(labelsize=8)
        place = dict(aspect="auto", interpolation="nearest", extent=(0, SECONDS, 0, 512))
        self._found = found.imshow([[0]], cmap="gray", vmin=0, vmax=255, **place)
        self._off = off.imshow([[0]], cmap=SIGNED, vmin=-OFF, vmax=OFF, origin="lower", **place)
        for axis in (found, off):
            axis.set(xlabel="seconds", yticks=[])
        found.set_ylabel("mel bands", fontsize=9)
        self._curves = {
            name: curve.plot(
                [],
                [],
                color=COLOURS[i % len(COLOURS)],
                linestyle=LINES[i],
                label=name,
                linewidth=1.5,
            )[0]
            for i, name in enumerate(LABELS)
        }
        [self._marker] = curve.plot([], [], "o", color="black", markersize=7)
        curve.set(xlim=(-0.5, len(AT) - 0.5), ylim=(-52, 0), xlabel="iteration", ylabel="dB")
        curve.set_xticks(range(len(AT)), [str(i) for i in AT])
        curve.grid(alpha=0.3)
        curve.legend(fontsize=7, loc="lower left", ncols=2).set_zorder(-1)

    @one_thread()
    def _show(self, _: object = None) -> None:
        point, name = self.point, self.method.value
        mel = mel_spectrogram(point.sound, self.params)
        self._found.set_data(np.asarray(image_from_spectrogram(mel, self.params))[..., 0])
        floor = max(self.mel.max(), 1e-20) * 10 ** (-RANGE / 20)
        ratio = np.maximum(mel, floor) / np.maximum(self.mel, floor)
        self._off.set_data(20 * np.log10(ratio))
        for other, line in self._curves.items():
            run = self.runs.get(other, [])
            line.set_data(range(len(run)), [p.mel_consistency_db for p in run])
        self._marker.set_data([AT.index(point.n_iter)], [point.mel_consistency_db])
        distance = log_spectral_distance(point.sound, self.waveform, RATE)
        attacks = attack_likeness(point.sound, self.waveform, RATE)
        self.said = (
            f"{LABELS[name]}, iteration {point.n_iter}: consistency "
            f"{point.mel_consistency_db:.1f} dB, distance from the sound {distance:.1f} dB, "
            f"attacks {attacks:.2f}, {point.seconds:.2f} s of one processor."
        )
        self.facts.value = f'<p role="status">{html.escape(self.said)}</p>'
        self.heard.set(point.sound, RATE, f"{name}, iteration {point.n_iter}", attenuate=True)
        self.figure.refresh(f"{self.sound.value}. {self.said}")


def beyond_panel(sounds: dict | None = None) -> BeyondPanel:
    """Compare methods from picture to sound: choose one, scrub the iterations, listen.

    ``sounds``: names and waveforms (samples,) at 44100 Hz; by default the first two seconds of
    six clips, and two difficult sounds.
    """
    return BeyondPanel(sounds or some_sounds())


def some_sounds() -> dict[str, np.ndarray]:
    """Return six clips, a steady tone and a row of clicks, two seconds each at 44100 Hz."""
    from riffedu.signal.audio import clip, set_level
    from riffedu.signal.synth import impulses, sine

    names = ("percussion", "full_mix", "speech_like", "tune", "piano", "sustained")
    sounds = {name: clip(name)[0][: round(SECONDS * RATE)] for name in names}
    sounds["a steady tone"] = sine(440, SECONDS, RATE, amplitude=0.1)
    sounds["four clicks a second"] = set_level(impulses(4, SECONDS, RATE), -35, -3)
    return sounds
