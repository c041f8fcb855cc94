"""The panel of notebooks/01b_fourier.ipynb: wind a sound round a circle."""

from __future__ import annotations

import html

import ipywidgets as w
import numpy as np

from riffedu.lessons.l01b_fourier.drawings import circle, place
from riffedu.signal.audio import clip, fade, resample, set_level
from riffedu.signal.fourier import centre_of_mass, wind
from riffedu.signal.synth import harmonics, sine
from riffedu.widgets.live import AtRest, LiveFigure, LiveSound
from riffedu.widgets.panel import FIT, WIDE, Panel, note, one_thread, row, slider
from riffedu.widgets.pictures import BLUE, GREY, ORANGE

RATE = 22050
SECONDS = 0.05
"""How much of each sound is wound."""
TOP = 1200
HERTZ = np.arange(TOP + 1)


class FourierPanel(Panel):
    """Controls by name: ``sound, hertz, whole``.

    `figure` shows 50 ms of the sound and the same wound round a circle, with the centre of mass;
    `curve` shows how far the centre lies from the middle at each frequency visited so far, or at
    every one by ``whole``. `original` plays the sound, and `heard` a sine of the frequency, once
    the slider rests. ``sounds`` maps names to waveforms (samples,) at 22050 Hz, at least 50 ms.
    """

    def __init__(self, sounds: dict | None = None) -> None:
        self.sounds = sounds or some_sounds()
        self.sound = w.Dropdown(
            options=list(self.sounds), description="Sound", style=WIDE, layout=FIT
        )
        self.hertz = slider("Turns a second (Hz)", 100, 0, TOP, width=640)
        self.whole = w.Checkbox(
            value=False, description="the whole curve", indent=False, layout=w.Layout(width="auto")
        )
        self.figure = LiveFigure(columns=2, width=8.6, height=3.4, width_ratios=(1.45, 1))
        self.curve = LiveFigure(width=8.6, height=2.2)
        self.facts = w.HTML()
        self.original, self.heard = LiveSound("The sound"), LiveSound("The sine")
        self._rest = AtRest(self._hear)
        self._draw_axes()
        self.sound.observe(self._take, "value")
        self.hertz.observe(self._move, "value")
        self.whole.observe(self._draw, "value")
        self._take()
        self._hear()
        self.box = w.VBox(
            [
                row(self.sound, self.whole),
                self.hertz,
                self.figure.widget,
                self.facts,
                self.curve.widget,
                row(self.original.widget, self.heard.widget),
                note(
                    "The first 50 ms are wound, scaled to a peak of 1. Each dashed line marks a "
                    "completed turn of the pointer. The sine follows when the slider rests."
                ),
            ]
        )

    def wait(self) -> None:
        """Wait for the sound that follows a moved slider."""
        self._rest.wait()

    def _draw_axes(self) -> None:
        wave, plane = self.figure.axes
        [self._wave] = wave.plot([], [], color=BLUE, linewidth=1)
        self._turns = wave.vlines([], -1.1, 1.1, color=GREY, linewidth=0.8, linestyle="--")
        wave.set(xlim=(0, 1000 * SECONDS), ylim=(-1.1, 1.1), xlabel="milliseconds", yticks=(-1, 1))
        wave.set_title("the sound", fontsize=10)
        plane.add_patch(circle(1))
        [self._wound] = plane.plot([], [], color=BLUE, linewidth=0.7)
        [self._arm] = plane.plot([], [], color=ORANGE, linewidth=2)
        [self._centre] = plane.plot([], [], "o", color=ORANGE, markersize=9)
        limits = (-1.1, 1.1)
        plane.set(xlim=limits, ylim=limits, aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        plane.set_title("wound, with its centre of mass", fontsize=10)
        axis = self.curve.axes
        [self._curve] = axis.plot([], [], color=BLUE, linewidth=1.4)
        [self._dot] = axis.plot([], [], "o", color=ORANGE, markersize=9)
        axis.set(xlim=(0, TOP), ylim=(0, 0.56), xlabel="turns a second (Hz)", ylabel="distance")
        axis.set_title("the centre's distance from the middle", fontsize=10)

    @one_thread()
    def _take(self, _: object = None) -> None:
        """Take another sound: compute its curve once, and forget what was visited."""
        waveform = self.sounds[self.sound.value]
        part = waveform[: round(SECONDS * RATE)].astype(np.float64)
        self.part = part / (np.abs(part).max() or 1.0)
        self.centres = centre_of_mass(self.part, HERTZ, RATE)
        self.visited = np.zeros(len(HERTZ), bool)
        self._last = self.hertz.value
        self._wave.set_data(1000 * np.arange(len(part)) / RATE, self.part)
        self.original.set(waveform, RATE, f"The sound: {self.sound.value}")
        self._draw()

    def _move(self, _: object = None) -> None:
        self._draw()
        self._rest.touch()

    def _draw(self, _: object = None) -> None:
        hertz = self.hertz.value
        low, high = sorted((self._last, hertz))
        self.visited[low : high + 1] = True
        self._last = hertz
        wound, centre = wind(self.part, hertz, RATE), self.centres[hertz]
        ends = 1000 * np.arange(1, int(SECONDS * hertz) + 1) / max(hertz, 1)
        self._turns.set_segments([[(t, -1.1), (t, 1.1)] for t in ends])
        self._wound.set_data(wound.real, wound.imag)
        self._arm.set_data([0, centre.real], [0, centre.imag])
        self._centre.set_data([centre.real], [centre.imag])
        seen = self.visited | self.whole.value
        self._curve.set_data(HERTZ, np.where(seen, np.abs(self.centres), np.nan))
        self._dot.set_data([hertz], [abs(centre)])
        said = self._say()
        self.facts.value = f"<p>{html.escape(said)}</p>"
        self.figure.refresh(f"{self.sound.value}, as a wave and wound round a circle. {said}")
        top = int(HERTZ[seen][np.abs(self.centres[seen]).argmax()])
        self.curve.refresh(
            f"The centre's distance from the middle, drawn for {seen.sum()} of {len(HERTZ)} "
            f"frequencies: {abs(centre):.2f} at {hertz} Hz; the greatest so far is "
            f"{abs(self.centres[top]):.2f} at {top} Hz."
        )

    def _say(self) -> str:
        hertz, centre = self.hertz.value, self.centres[self.hertz.value]
        turns = f"{SECONDS * hertz:g}"
        return f"{hertz} Hz: the pointer goes round {turns} times in 50 ms; {place(centre)}."

    def _hear(self) -> None:
        hertz = self.hertz.value
        if not hertz:
            self.heard.clear()
            return
        tone = fade(sine(hertz, 1.0, RATE), RATE, 0.02, 0.02)
        self.heard.set(tone, RATE, f"A sine of {hertz} Hz")


def some_sounds() -> dict[str, np.ndarray]:
    """Return six sounds of one second at 22050 Hz: tones, a chord, a square wave and a flute."""
    tune, rate = clip("tune")
    flute = resample(tune, rate, RATE)[round(0.3 * RATE) :][:RATE]
    odd = [1 / k if k % 2 else 0 for k in range(1, 40)]
    tones = {
        "a tone": sine(300, 1.0, RATE),
        "a tone, a quarter of a cycle later": sine(300, 1.0, RATE, phase=-np.pi / 2),
        "two tones": sine(300, 1.0, RATE) + sine(500, 1.0, RATE),
        "a chord": np.sum([sine(f, 1.0, RATE) for f in (262, 330, 392)], axis=0),
        "a square wave": harmonics(200, odd, 1.0, RATE),
        "a flute": flute,
    }
    return {name: set_level(x, rms_db=-20, peak_db=-1) for name, x in tones.items()}


def fourier_panel(sounds: dict | None = None) -> FourierPanel:
    """Wind a sound round a circle, drag the frequency, and watch the centre of mass.

    ``sounds``: names and waveforms (samples,) at 22050 Hz; by default tones, chords and a clip.
    """
    return FourierPanel(sounds)
