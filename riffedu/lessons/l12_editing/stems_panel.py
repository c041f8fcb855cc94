"""The second panel of notebooks/12_editing.ipynb: a gain for each stem."""

from __future__ import annotations

import ipywidgets as w
import numpy as np

from riffedu.signal import audio
from riffedu.signal.stems import METHODS, recombine, split
from riffedu.signal.stft import stft
from riffedu.widgets.live import AtRest, LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, slider

OFF, MOST = -40.0, 12.0
"""Ends of a gain's slider in dB; the lowest leaves the stem out."""

N_FFT, HOP_LENGTH = 2048, 1024


class StemsPanel(Panel):
    """Controls by name: ``source, method`` and ``gains``, a dictionary of sliders by stem.

    `figure` shows the mix while a slider is dragged; `sound` plays it when the slider rests.
    ``stems`` are the parts, ``mixed`` the mix.
    """

    def __init__(self, source: str = "full_mix"):
        self.source = w.Dropdown(
            options=list(audio.clips()), value=source, description="Sound", style=WIDE
        )
        self.method = w.Dropdown(
            options=[name for name in METHODS if name != "demucs"],
            description="Split by",
            style=WIDE,
        )
        self.gains: dict[str, w.FloatSlider] = {}
        self.sliders = w.VBox()
        self.figure = LiveFigure(width=7.0, height=2.8)
        self.sound = LiveSound("The mix")
        self.rest = AtRest(self._play)
        self.source.observe(self._split, "value")
        self.method.observe(self._split, "value")
        self.box = w.VBox(
            [
                row(self.source, self.method),
                self.sliders,
                self.figure.widget,
                self.sound.widget,
                note(f"Gains in dB; {OFF:g} leaves the stem out."),
            ]
        )
        self._image = self.figure.axes.imshow(
            np.zeros((2, 2)), origin="lower", aspect="auto", cmap="gray_r", vmin=-60, vmax=0
        )
        self.figure.axes.set(xlabel="seconds", ylabel="kHz")
        self._split()

    def _split(self, _: object = None) -> None:
        waveform, self.rate = audio.clip(self.source.value)
        self.stems = split(waveform, self.rate, self.method.value)
        self._spectra = {name: stft(stem, N_FFT, HOP_LENGTH) for name, stem in self.stems.items()}
        seconds = waveform.shape[-1] / self.rate
        self._image.set_extent((0, seconds, 0, self.rate / 2000))
        self.figure.axes.set(xlim=(0, seconds), ylim=(0, 8))
        self._loudest = np.abs(stft(waveform, N_FFT, HOP_LENGTH)).max()
        self.gains = {
            name: slider(f"{name} (dB)", 0.0, OFF, MOST, 1, width=300) for name in self.stems
        }
        for each in self.gains.values():
            each.observe(self._drag, "value")
        self.sliders.children = tuple(self.gains.values())
        self._draw()
        self._play()

    @property
    def decibels(self) -> dict[str, float]:
        """The gains; −inf for a stem that is left out."""
        return {
            name: gain.value if gain.value > OFF else -np.inf for name, gain in self.gains.items()
        }

    def _drag(self, _: object = None) -> None:
        self._draw()
        self.rest.touch()

    def _draw(self) -> None:
        """Draw the mix: spectra add up as sounds do, so none has to be computed again."""
        gains = self.decibels
        mix = sum(10 ** (gains[name] / 20) * each for name, each in self._spectra.items())
        level = 20 * np.log10(np.maximum(np.abs(mix) / self._loudest, 1e-4))
        self._image.set_data(level if level.ndim == 2 else level.max(0))  # the louder channel
        heard = [f"{name} {gain:+.0f} dB" for name, gain in gains.items() if gain > -np.inf]
        self.figure.refresh(f"The spectrogram of the mix: {', '.join(heard) or 'silence'}")

    def _play(self) -> None:
        self.mixed = recombine(self.stems, self.decibels)
        self.sound.set(self.mixed, self.rate, "The mix", attenuate=True)


def stems_panel(source: str = "full_mix") -> StemsPanel:
    """Return a mixer for the stems of a sound; ``source`` is one of the course's clips."""
    return StemsPanel(source)
