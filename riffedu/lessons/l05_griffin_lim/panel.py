"""The panel of notebooks/05_griffin_lim.ipynb: phases found step by step, seen and heard."""

from __future__ import annotations

import html
from collections import deque

import ipywidgets as w
import numpy as np

from riffedu.signal.phase import PhaseState, griffin_lim_steps
from riffedu.signal.stft import decibels, stft
from riffedu.signal.synth import impulses, sine
from riffedu.widgets.live import LiveFigure, LiveSound, frame
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row, slider, toggles
from riffedu.widgets.pictures import COLOURS, SIGNED
from riffedu.widgets.spectrogram_pictures import part

RATE = 22050
SECONDS = 2.0
STEPS = 32
TOP = 5000  # Hz drawn
RANGE = 60  # decibels from black to white
OFF = 12  # decibels from white to full colour
SIZES = (512, 1024, 2048, 4096)
LONG = w.Layout(width="420px")


class GriffinLimPanel(Panel):
    """Controls by name: ``sound, win_length, start, momentum, seed, iteration, listen_button``.

    `figure` shows the spectrogram that the sound of this iteration has, where it is off, and how
    consistency went; ``states`` holds all 33 states and ``curve`` their decibels. ``sounds``: names
    and waveforms (samples,) at 22050 Hz.
    """

    def __init__(self, sounds: dict) -> None:
        self.sounds = sounds
        self.sound = w.Dropdown(options=list(sounds), description="Sound", style=WIDE)
        self.win_length = toggles(
            {f"{1000 * n / RATE:.0f} ms": n for n in SIZES}, "Window", value=1024
        )
        self.start = toggles(
            {"random": "random", "all alike": "alike", "the sound's own": "own"}, "First phases"
        )
        self.momentum = w.SelectionSlider(
            options=[0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99],
            value=0.99,
            description="Momentum",
            style=WIDE,
            layout=LONG,
        )
        self.seed = slider("Seed", 0, 0, 9, width=420)
        self.iteration = slider("Iteration", 0, 0, STEPS, width=640)
        self.listen_button = w.Button(
            description="Listen to this iteration",
            icon="play",
            button_style="primary",
            tooltip="Hear the sound of this iteration",
            layout=w.Layout(width="auto"),
        )
        self.figure = LiveFigure(
            columns=3, width=9.0, height=3.1, gridspec_kw={"width_ratios": (1, 1.12, 0.9)}
        )
        self.facts = w.HTML()
        self.original, self.heard = LiveSound("The sound"), LiveSound("This iteration")
        self.earlier: deque = deque(maxlen=3)
        self._draw_axes()
        for control in (self.sound, self.win_length):
            control.observe(self._take, "value")
        for control in (self.start, self.momentum, self.seed):
            control.observe(self._solve, "value")
        self.iteration.observe(self._draw, "value")
        self.listen_button.on_click(lambda _: self.listen())
        self._take()
        self.box = w.VBox(
            [
                row(self.sound, self.win_length),
                self.start,
                row(self.momentum, self.seed),
                self.iteration,
                self.figure.widget,
                self.facts,
                row(self.listen_button),
                row(self.original.widget, self.heard.widget),
                note(
                    f"{RATE} samples a second, a hop of ¼ window. Left: black is the loudest, "
                    f"white {RANGE} dB less. Middle: purple is too loud, orange too soft. Right: "
                    "thin lines are earlier settings."
                ),
            ]
        )

    @property
    def waveform(self) -> np.ndarray:
        """The chosen sound."""
        return self.sounds[self.sound.value]

    @property
    def settings(self) -> dict:
        """What the window control says, as `riffedu.stft`'s arguments."""
        return dict(n_fft=self.win_length.value, hop_length=self.win_length.value // 4)

    @property
    def state(self) -> PhaseState:
        """The state at the chosen iteration."""
        return self.states[self.iteration.value]

    def listen(self) -> None:
        """Do what the button does: load the sound of this iteration into the player."""
        label = f"Iteration {self.iteration.value}: {self.curve[self.iteration.value]:.1f} dB"
        self.heard.set(self.state.waveform.numpy(), RATE, label, attenuate=True)

    @one_thread()
    def _take(self, _: object = None) -> None:
        """Analyse another sound, or the same with another window; forget the earlier curves."""
        self.spectrum = stft(self.waveform, **self.settings)
        self.original.set(self.waveform, RATE, f"The sound: {self.sound.value}")
        self.earlier.clear()
        self.states = []
        self._solve()

    @one_thread()
    def _solve(self, _: object = None) -> None:
        if self.states:
            self.earlier.append(self.curve)
        crests = np.where(np.arange(len(self.spectrum)) % 2, -1, 1)[:, None]  # in mid-frame
        initial = {"random": None, "own": self.spectrum, "alike": crests + 0 * self.spectrum}
        self.states = list(
            griffin_lim_steps(
                np.abs(self.spectrum),
                **self.settings,
                n_iter=STEPS,
                momentum=self.momentum.value,
                seed=self.seed.value,
                initial=initial[self.start.value],
                length=len(self.waveform),
            )
        )
        self.curve = [state.spectral_convergence_db for state in self.states]
        self._draw()

    def _draw_axes(self) -> None:
        found, off, curve = self.figure.axes
        found.set_title("The sound's spectrogram now", fontsize=10)
        off.set_title("Too soft or too loud", fontsize=10)
        curve.set_title("Consistency", fontsize=10)
        self._found = found.imshow(
            [[0]],
            cmap="gray_r",
            vmin=-RANGE,
            vmax=0,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
        )
        self._off = off.imshow(
            [[0]],
            cmap=SIGNED,
            vmin=-OFF,
            vmax=OFF,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
        )
        bar = self.figure.figure.colorbar(self._off, ax=off, fraction=0.06, pad=0.02)
        bar.set_ticks([-OFF, 0, OFF], labels=[f"−{OFF}", "0", f"{OFF} dB"], fontsize=8)
        self._earlier = [curve.plot([], [], color="0.6", linewidth=0.8)[0] for _ in range(3)]
        [self._curve] = curve.plot([], [], color=COLOURS[0], linewidth=1.8)
        [self._marker] = curve.plot([], [], "o", color=COLOURS[1], markersize=8)
        curve.set(xlim=(-1, STEPS + 1), ylim=(-42, 1), xlabel="iteration", ylabel="dB")
        curve.grid(alpha=0.3)
        for axis in (found, off):
            axis.set(xlabel="seconds", ylim=(0, TOP), xticks=[0, 1, 2], yticks=[])
        found.set_yticks([0, 1000, 2000, 3000, 4000, 5000], labels=["0", *"1234", "5 kHz"])
        curve.set(xticks=[0, 8, 16, 24, 32], yticks=[0, -10, -20, -30, -40])
        for axis in self.figure.axes:  # few ticks: they take most of the time of a redraw
            axis.tick_params(labelsize=8)

    @one_thread()
    def _draw(self, _: object = None) -> None:
        self.heard.clear()
        i, view = self.iteration.value, (RATE, (0, TOP), (0, len(self.waveform) / RATE))
        wanted, place = part(np.abs(self.spectrum), *view, **self.settings)
        found, _ = part(np.abs(self.state.rebuilt.numpy()), *view, **self.settings)
        loudest = float(wanted.max()) or 1.0
        quiet = loudest * 10 ** (-RANGE / 20)  # so that what is inaudible stays white
        self._found.set_data(decibels(found, loudest, -RANGE))
        self._off.set_data(decibels(found + quiet) - decibels(wanted + quiet))
        for image in (self._found, self._off):
            frame(image.axes, view[2], view[1])
            image.set_extent(place)
        for line, curve in zip(self._earlier, self.earlier):
            line.set_data(range(STEPS + 1), np.maximum(curve, -41))
        for line in self._earlier[len(self.earlier) :]:
            line.set_data([], [])
        self._curve.set_data(range(STEPS + 1), np.maximum(self.curve, -41))
        self._marker.set_data([i], [max(self.curve[i], -41)])
        self.said = self._say()
        self.facts.value = f'<p role="status">{html.escape(self.said)}</p>'
        self.figure.refresh(
            f"Three pictures of {self.sound.value}. Left the spectrogram of the sound found so "
            f"far, in the middle where it is too soft (orange) or too loud (purple), right "
            f"consistency over the iterations: {self.curve[0]:.1f} dB at first, "
            f"{self.curve[-1]:.1f} dB in the end. {self.said}"
        )

    def _say(self) -> str:
        off = np.linalg.norm(self.state.waveform.numpy() - self.waveform)
        samples = 20 * np.log10(max(off / np.linalg.norm(self.waveform), 1e-7))
        return (
            f"Iteration {self.iteration.value}: the magnitudes are off by "
            f"{self.curve[self.iteration.value]:.1f} dB, the samples by {samples:.1f} dB. "
            "(0 dB is as far off as silence.)"
        )


def griffin_lim_panel(sounds: dict | None = None) -> GriffinLimPanel:
    """Scrub through Griffin-Lim: 33 states, the errors of each, and its sound.

    ``sounds``: names and waveforms (samples,) at 22050 Hz; by default a tone, a click, a row of
    pulses and clips.
    """
    return GriffinLimPanel(sounds or some_sounds())


def some_sounds() -> dict[str, np.ndarray]:
    """Return clips, a steady tone, one click, and 80 pulses a second; 2 s at 22050 Hz."""
    from riffedu.signal.audio import clip, resample

    sounds = {}
    for name in ("tune", "piano", "speech_like", "percussion", "full_mix"):
        sounds[name] = resample(*clip(name), RATE)[: round(SECONDS * RATE)]
    sounds["a steady tone"] = sine(440, SECONDS, RATE)
    sounds["one click"] = np.roll(impulses(1 / SECONDS, SECONDS, RATE), RATE)
    sounds["80 pulses a second"] = impulses(80, SECONDS, RATE, amplitude=0.9)
    return sounds
