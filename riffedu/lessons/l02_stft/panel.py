"""The panel of notebooks/02_stft.ipynb, and spectrograms drawn: decibels as greys."""

from __future__ import annotations

import html

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.lessons.l02_stft.exercises import tones_and_clicks
from riffedu.signal.stft import decibels, is_cola, is_nola, istft, lobes, stft
from riffedu.signal.synth import chirp, sine
from riffedu.widgets.live import LiveFigure, LiveSound, frame
from riffedu.widgets.panel import FIT, WIDE, Panel, note, one_thread, row, slider, toggles
from riffedu.widgets.spectrogram_pictures import part

RATE = 22050
SECONDS = 2.0
RANGE = 70  # decibels from black to white
WINDOWS = {
    "rectangular": "boxcar",
    "Hann": "hann",
    "Hamming": "hamming",
    "Blackman": "blackman",
    "Kaiser, β = 8": ("kaiser", 8.0),
    "flat top": "flattop",
}
LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
LONG = w.Layout(width="480px")


class StftPanel(Panel):
    """Controls by name: ``sound, window, win_length, hop, padding, top, phases, listen_button``.

    `figure` shows the spectrogram, `facts` says what a window of that length can tell apart, and
    `heard` plays what comes back out of the spectrogram. ``sounds``: names and waveforms
    (samples,) at 22050 Hz.
    """

    def __init__(self, sounds: dict) -> None:
        self.sounds = sounds
        self.sound = w.Dropdown(options=list(sounds), description="Sound", style=WIDE, layout=FIT)
        self.window = w.Dropdown(options=WINDOWS, value="hann", description="Window", style=WIDE)
        self.win_length = w.SelectionSlider(
            options=[(f"{n} samples, {1000 * n / RATE:.0f} ms", n) for n in LENGTHS],
            value=1024,
            description="Window length",
            style=WIDE,
            layout=LONG,
        )
        self.hop = toggles(
            {"⅛ of a window": 8, "¼": 4, "½": 2, "a whole window": 1}, "Hop", value=4
        )
        self.padding = toggles({"none": 1, "2 ×": 2, "4 ×": 4}, "Zero padding")
        self.top = slider("Up to (Hz)", 3000, 500, RATE // 2, 25)
        self.phases = toggles({"kept": True, "random": False}, "Phases")
        self.listen_button = w.Button(
            description="There and back",
            icon="play",
            button_style="primary",
            tooltip="Turn the spectrogram into sound again",
            layout=w.Layout(width="auto"),
        )
        self.figure = LiveFigure(width=8.0, height=3.4)
        self.facts, self.error = w.HTML(), w.HTML()
        self.original, self.heard = LiveSound("The sound"), LiveSound("There and back")
        self._draw_axes()
        self.sound.observe(self._take, "value")
        for control in (self.window, self.win_length, self.hop, self.padding):
            control.observe(self._update, "value")
        self.top.observe(self._draw, "value")
        self.phases.observe(lambda _: self._forget(), "value")
        self.listen_button.on_click(lambda _: self.listen())
        self._take()
        self.box = w.VBox(
            [
                row(self.sound, self.window),
                self.win_length,
                row(self.hop, self.padding),
                self.top,
                self.figure.widget,
                self.facts,
                row(self.phases, self.listen_button, self.error),
                row(self.original.widget, self.heard.widget),
                note(
                    f"{RATE} samples a second. Black is the loudest number, white {RANGE} dB less."
                ),
            ]
        )

    @property
    def settings(self) -> dict:
        """What the controls say, as `riffedu.stft`'s arguments."""
        size = self.win_length.value
        return dict(
            n_fft=size * self.padding.value,
            hop_length=size // self.hop.value,
            win_length=size,
            window=self.window.value,
        )

    @property
    def waveform(self) -> np.ndarray:
        """The chosen sound."""
        return self.sounds[self.sound.value]

    def listen(self) -> None:
        """Do what the button does: turn the spectrogram back into sound, and state the error."""
        x, settings = self.waveform, self.settings
        spectrum = stft(x, **settings)
        if not self.phases.value:
            turns = np.random.default_rng(0).uniform(size=spectrum.shape).astype(np.float32)
            spectrum = np.abs(spectrum) * np.exp(2j * np.pi * turns).astype(np.complex64)
        try:
            self.back = istft(spectrum, length=len(x), **settings)
        except RiffeduError as error:
            self._forget()
            self.error.value = f'<span role="alert">{html.escape(str(error))}</span>'
            return
        off = 20 * np.log10(max(np.linalg.norm(self.back - x) / np.linalg.norm(x), 1e-9))
        said = f"The error, relative to the sound: {off:.0f} dB"
        self.error.value = f'<span role="status">{said}</span>'
        self.heard.set(self.back, RATE, attenuate=True)

    @one_thread()
    def _take(self, _: object = None) -> None:
        self.original.set(self.waveform, RATE, f"The sound: {self.sound.value}")
        self._update()

    def _forget(self) -> None:
        """Remove the sound that no longer fits the controls."""
        self.back, self.error.value = None, ""
        self.heard.clear()

    @one_thread()
    def _update(self, _: object = None) -> None:
        self._forget()
        self.magnitude = np.abs(stft(self.waveform, **self.settings))
        self.said = self._say()
        self.facts.value = f"<p>{html.escape(self.said)}</p>"
        self._draw()

    def _draw_axes(self) -> None:
        axis = self.figure.axes
        axis.set(xlabel="seconds", ylabel="Hz")
        axis.tick_params(labelsize=8)
        self._image = axis.imshow(
            [[0]],
            cmap="gray_r",
            vmin=-RANGE,
            vmax=0,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
        )

    @one_thread()
    def _draw(self, _: object = None) -> None:
        hertz, seconds = (0, self.top.value), (0, len(self.waveform) / RATE)
        small, place = part(self.magnitude, RATE, hertz, seconds, **self.settings)
        self._image.set_data(decibels(small, float(self.magnitude.max()) or 1.0, -RANGE))
        frame(self.figure.axes, seconds, hertz)
        self._image.set_extent(place)
        self.figure.refresh(f"Spectrogram of {self.sound.value} up to {hertz[1]} Hz. {self.said}")

    def _say(self) -> str:
        s = self.settings
        size, window = s["win_length"], s["window"]
        width = lobes(window)[0]
        way = (
            "Back: exactly, by adding the frames (COLA)."
            if is_cola(window, size, s["hop_length"])
            else "Back: exactly, by istft (NOLA, not COLA)."
            if is_nola(window, size, s["hop_length"])
            else "No way back: the windows leave gaps (NOLA fails)."
        )
        rows, columns = self.magnitude.shape
        return (
            f"Δt: a window lasts {1000 * size / RATE:.1f} ms, a column comes every "
            f"{1000 * s['hop_length'] / RATE:.1f} ms. Δf: a tone is {width * RATE / size:.1f} "
            f"Hz wide, a row comes every {RATE / s['n_fft']:.1f} Hz. {rows} rows, {columns} "
            f"columns. {way}"
        )


def stft_panel(sounds: dict | None = None) -> StftPanel:
    """Set a spectrogram's window, length, hop and zero padding, and hear it turned back into sound.

    ``sounds``: names and waveforms (samples,) at 22050 Hz; by default tones, a glide and clips.
    """
    return StftPanel(sounds or some_sounds())


def some_sounds() -> dict[str, np.ndarray]:
    """Return two tones with two clicks, a glide, a loud and a faint tone, and four clips."""
    from riffedu.signal.audio import clip, resample

    loud = 0.1 * np.sqrt(2)
    sounds = {
        "two tones, two clicks": tones_and_clicks((660, 668), (1.0, 1.03), SECONDS, RATE),
        "a glide": chirp(200, 5000, SECONDS, RATE),
        "a loud and a faint tone": sine(1005, SECONDS, RATE, loud)
        + sine(1505, SECONDS, RATE, loud * 10 ** (-50 / 20)),
    }
    for name in ("tune", "speech_like", "percussion", "full_mix"):
        waveform, rate = clip(name)
        mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
        sounds[name] = resample(mono, rate, RATE)[: round(SECONDS * RATE)]
    return sounds
