"""The panels of notebooks/01_sound.ipynb: aliases, bits and beats; and waves drawn."""

from __future__ import annotations

import html

import ipywidgets as w
import numpy as np

from riffedu.signal.audio import clip, fade, mix, peak_db, resample, rms_db
from riffedu.signal.sampling import alias, quantise, snr_db
from riffedu.signal.synth import SAMPLE_RATE, sine
from riffedu.widgets.live import AtRest, LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, slider
from riffedu.widgets.pictures import BLUE, GREY, ORANGE

RATES = (2000, 4000, 8000, 11025, 16000, 22050, 44100)
LONG = w.Layout(width="480px")


class AliasPanel(Panel):
    """Controls by name: ``hertz, rate``.

    `figure` shows the tone, its samples and the slowest wave through them; `sound` plays the
    samples, as a converter would; `facts` says what frequency that is.
    """

    milliseconds = 5.0

    def __init__(self, hertz: int = 3000, sample_rate: int = 8000) -> None:
        self.hertz = slider("Tone (Hz)", hertz, 50, 12000, 50)
        self.rate = w.SelectionSlider(
            options=RATES,
            value=sample_rate,
            description="Sample rate (Hz)",
            style=WIDE,
            layout=LONG,
        )
        self._rest = AtRest(self._hear)
        self.figure = LiveFigure(width=8.0, height=2.6)
        self.sound, self.facts = LiveSound("The samples, played"), w.HTML()
        self._draw_axes()
        for control in (self.hertz, self.rate):
            control.observe(self._move, "value")
        self._draw()
        self._hear()
        self.box = w.VBox(
            [
                self.hertz,
                self.rate,
                self.figure.widget,
                self.facts,
                self.sound.widget,
                note(
                    "The sound is made from the dots alone: it is the one curve through them that "
                    "has nothing above half the sample rate."
                ),
            ]
        )

    @property
    def heard(self) -> float:
        """The frequency that comes out, in Hz."""
        return alias(self.hertz.value, self.rate.value)

    def _draw_axes(self) -> None:
        axis, end = self.figure.axes, self.milliseconds
        self.time = np.linspace(0, end / 1000, 1500)
        [self._tone] = axis.plot([], [], color=GREY, linewidth=1, label="the tone")
        [self._alias] = axis.plot(
            [], [], color=ORANGE, linewidth=2, linestyle="--", label="what the samples say"
        )
        [self._dots] = axis.plot([], [], "o", color="black", markersize=4, label="samples")
        axis.set(xlim=(0, end), ylim=(-1.15, 1.5), xlabel="milliseconds", yticks=(-1, 0, 1))
        axis.legend(loc="upper right", fontsize=8, ncols=3).set_zorder(-1)

    def wait(self) -> None:
        """Wait for the sound that follows a moved slider."""
        self._rest.wait()

    def _move(self, _: object = None) -> None:
        self._draw()
        self._rest.touch()

    def _hear(self) -> None:
        hertz, rate = self.hertz.value, self.rate.value
        samples = fade(sine(hertz, 1.0, rate), rate, 0.02, 0.02)
        self.sound.set(resample(samples, rate, SAMPLE_RATE), SAMPLE_RATE)

    @one_thread()
    def _draw(self) -> None:
        hertz, rate = self.hertz.value, self.rate.value
        wave = np.sin(2 * np.pi * hertz * self.time)
        n = np.arange(int(self.milliseconds / 1000 * rate) + 1)
        turned = hertz - rate * round(hertz / rate)  # below 0 where the alias runs backwards
        self._tone.set_data(1000 * self.time, wave)
        self._alias.set_data(1000 * self.time, np.sin(2 * np.pi * turned * self.time))
        self._dots.set_data(1000 * n / rate, np.sin(2 * np.pi * hertz * n / rate))
        said = self._say(hertz, rate)
        self.facts.value = f"<p>{html.escape(said)}</p>"
        self.figure.refresh(f"A tone of {hertz} Hz and its samples, {rate} a second. {said}")

    def _say(self, hertz: int, rate: int) -> str:
        if 2 * hertz < rate:
            return (
                f"{hertz} Hz lies below {rate / 2:g} Hz, half the sample rate: you hear {hertz} Hz."
            )
        if hertz % (rate / 2) == 0:
            return (
                f"{hertz} Hz is {hertz / rate:g} times the sample rate: every sample of this "
                "sine falls on a zero, and you hear nothing."
            )
        return (
            f"{hertz} Hz does not fit under {rate / 2:g} Hz, half the sample rate: you hear "
            f"its alias, |{hertz} − {rate} · {round(hertz / rate)}| = {self.heard:g} Hz."
        )


class BitsPanel(Panel):
    """Controls by name: ``source, bits, dither, listen``.

    `figure` shows some milliseconds of the sound before and after rounding; `sound` plays the
    rounded sound or, by ``listen``, the error alone. ``sounds`` maps names to mono waveforms at
    44100 Hz; each is brought to full scale first, so that all the steps are used, and played
    `GAIN_DB` lower, once the slider rests.
    """

    GAIN_DB = -12.0

    def __init__(self, sounds: dict | None = None) -> None:
        self.sounds = {name: x / np.abs(x).max() for name, x in (sounds or some_sounds()).items()}
        self.source = w.Dropdown(options=list(self.sounds), description="Sound", style=WIDE)
        self.bits = slider("Bits", 5, 2, 16)
        self.dither = w.Checkbox(
            value=False, description="dither", indent=False, layout=w.Layout(width="auto")
        )
        self.listen = w.ToggleButtons(options=["rounded sound", "error alone"])
        self.figure = LiveFigure(width=8.0, height=2.8)
        self.sound, self.facts = LiveSound(), w.HTML()
        self._rest = AtRest(self._hear)
        self._draw_axes()
        for control in (self.source, self.bits, self.dither, self.listen):
            control.observe(self._move, "value")
        self._draw()
        self._hear()
        self.box = w.VBox(
            [
                self.source,
                self.bits,
                w.HBox([self.listen, self.dither]),
                self.figure.widget,
                self.facts,
                self.sound.widget,
                note(
                    f"Rounded at full scale, so that every step is used, and then played "
                    f"{-self.GAIN_DB:g} dB lower. The sound follows when the slider rests."
                ),
            ]
        )

    def _draw_axes(self) -> None:
        axis = self.figure.axes
        [self._before] = axis.plot([], [], color=GREY, linewidth=1.5, label="before")
        [self._after] = axis.step([], [], where="mid", color=BLUE, linewidth=1.2, label="rounded")
        [self._error] = axis.plot([], [], color=ORANGE, linewidth=0.8, label="error")
        axis.set(xlim=(0, 10), ylim=(-1.1, 1.35), xlabel="milliseconds", yticks=(-1, 0, 1))
        axis.legend(loc="upper right", fontsize=8, ncols=3).set_zorder(-1)

    def wait(self) -> None:
        """Wait for the sound that follows a moved slider."""
        self._rest.wait()

    def _move(self, _: object = None) -> None:
        self._draw()
        self._rest.touch()

    def _hear(self) -> None:
        bits, alone = self.bits.value, self.listen.value == "error alone"
        heard = self.rounded - self.clean if alone else self.rounded
        label = f"The error of {bits} bits" if alone else f"{self.source.value} in {bits} bits"
        label += ", dithered" if self.dither.value else ""
        self.sound.set(heard * 10 ** (self.GAIN_DB / 20), SAMPLE_RATE, label)

    @one_thread()
    def _draw(self) -> None:
        bits, dither = self.bits.value, self.dither.value
        x = self.sounds[self.source.value] * (1 - 1 / 2**bits)  # the last step lies below 1
        self.clean, self.rounded = x, quantise(x, bits, dither)
        self.snr = snr_db(x, self.rounded)
        start = max(0, int(np.abs(x).argmax()) - 221)
        part = slice(start, start + 441)
        t = np.arange(len(x[part])) / SAMPLE_RATE * 1000
        self._before.set_data(t, x[part])
        self._after.set_data(t, self.rounded[part])
        self._error.set_data(t, self.rounded[part] - x[part])
        said = (
            f"{2**bits} values, a step of {2.0 / 2**bits:.3g} of ±1. The error lies "
            f"{self.snr:.1f} dB below the sound"
            + ("." if dither else f"; the rule for a sine says {6.02 * bits + 1.76:.1f}.")
        )
        self.facts.value = f"<p>{html.escape(said)}</p>"
        self.figure.refresh(f"Ten milliseconds of {self.source.value}, rounded. {said}")


class BeatsPanel(Panel):
    """Controls by name: ``hertz, apart, ears``.

    `figure` shows half a second of two tones added, with the wave's outline; `sound` plays them,
    added or, by ``ears``, one to each ear.
    """

    def __init__(self, hertz: int = 440, apart: float = 4.0) -> None:
        self.hertz = slider("Tone (Hz)", hertz, 110, 880, 10)
        self.apart = slider("Apart (Hz)", apart, 0, 60, 0.5)
        self.ears = w.ToggleButtons(options=["added", "one to each ear"])
        self._rest = AtRest(self._hear)
        self.figure = LiveFigure(width=8.0, height=2.6)
        self.sound, self.facts = LiveSound(), w.HTML()
        self._draw_axes()
        for control in (self.hertz, self.apart, self.ears):
            control.observe(self._move, "value")
        self._draw()
        self._hear()
        self.box = w.VBox(
            [self.hertz, self.apart, self.ears, self.figure.widget, self.facts, self.sound.widget]
        )

    def _draw_axes(self) -> None:
        axis = self.figure.axes
        [self._wave] = axis.plot([], [], color=BLUE, linewidth=0.5, label="both tones added")
        [self._top] = axis.plot([], [], color=ORANGE, linewidth=2, linestyle="--", label="outline")
        [self._low] = axis.plot([], [], color=ORANGE, linewidth=2, linestyle="--")
        axis.set(xlim=(0, 0.5), ylim=(-2.3, 2.9), xlabel="seconds", yticks=(-2, 0, 2))
        axis.legend(loc="upper right", fontsize=8, ncols=2).set_zorder(-1)

    def wait(self) -> None:
        """Wait for the sound that follows a moved slider."""
        self._rest.wait()

    def _move(self, _: object = None) -> None:
        self._draw()
        self._rest.touch()

    def _hear(self) -> None:
        low, apart = self.hertz.value, self.apart.value
        tones = [sine(f, 3.0, amplitude=0.1) for f in (low, low + apart)]
        tones = [fade(tone, SAMPLE_RATE, 0.02, 0.02) for tone in tones]
        self.sound.set(
            mix(tones) if self.ears.value == "added" else np.stack(tones),
            SAMPLE_RATE,
            f"{low} and {low + apart:g} Hz, {self.ears.value}",
        )

    @one_thread()
    def _draw(self) -> None:
        low, apart = self.hertz.value, self.apart.value
        t = np.arange(0, 0.5, 1 / 8000)
        wave = np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * (low + apart) * t)
        outline = 2 * np.abs(np.cos(np.pi * apart * t))
        self._wave.set_data(t, wave)
        self._top.set_data(t, outline)
        self._low.set_data(t, -outline)
        said = self._say(low, apart, self.ears.value == "added")
        self.facts.value = f"<p>{html.escape(said)}</p>"
        self.figure.refresh(f"Half a second of two tones added. {said}")

    def _say(self, low: int, apart: float, together: bool) -> str:
        if not together:
            return (
                "Put headphones on: the tones are not added now, and each ear gets a steady one. "
                "If you still hear a faint pulsing, below some 30 Hz, it arises in the brain."
            )
        if apart == 0:
            return f"Both have {low} Hz: one tone, twice as high a wave, 6 dB louder."
        return (
            f"sin {low} + sin {low + apart:g} Hz = a tone of {low + apart / 2:g} Hz that "
            f"swells {apart:g} times a second."
        )


class LevelsTable:
    """``rows``: (name, peak dBFS, RMS dBFS, LUFS); put it last in a cell."""

    def __init__(self, sounds: dict, sample_rate: int) -> None:
        from riffedu.signal.audio import loudness

        self.rows = [
            (name, peak_db(x), rms_db(x), loudness(x, sample_rate)) for name, x in sounds.items()
        ]

    def _repr_markdown_(self) -> str:
        lines = ["| sound | peak, dBFS | RMS, dBFS | loudness, LUFS |", "|---|---:|---:|---:|"]
        lines += [
            f"| {name} | {peak:.1f} | {rms:.1f} | {lufs:.1f} |"
            for name, peak, rms, lufs in self.rows
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(
            f"{name:16} peak {peak:6.1f} dBFS, RMS {rms:6.1f} dBFS, {lufs:6.1f} LUFS"
            for name, peak, rms, lufs in self.rows
        )


def some_sounds() -> dict[str, np.ndarray]:
    """Return a sine and three clips at 44100 Hz, 2 s each; the piano fades out."""
    names = ("piano", "speech_like", "percussion")
    parts = {name: clip(name)[0][: 2 * SAMPLE_RATE] for name in names}
    parts["piano"] = fade(parts["piano"], SAMPLE_RATE, 0, 1.5)
    return {"sine": sine(220, 2.0), **parts}


def alias_panel(hertz: int = 3000, sample_rate: int = 8000) -> AliasPanel:
    """Sample a tone of ``hertz``: see which wave its samples draw, and hear it."""
    return AliasPanel(hertz, sample_rate)


def bits_panel(sounds: dict | None = None) -> BitsPanel:
    """Round a sound to few bits: see the steps, and hear the error, with and without dither."""
    return BitsPanel(sounds)


def beats_panel(hertz: int = 440, apart: float = 4.0) -> BeatsPanel:
    """Play two tones ``apart`` Hz apart, added or one per ear; see and hear them beat."""
    return BeatsPanel(hertz, apart)


def levels_table(sounds: dict, sample_rate: int = SAMPLE_RATE) -> LevelsTable:
    """Compare peak, RMS and loudness of named waveforms, side by side."""
    return LevelsTable(sounds, sample_rate)
