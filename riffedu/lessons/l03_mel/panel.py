"""The panel of notebooks/03_mel.ipynb, and its drawings: filterbanks, curves, and what they do."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as w
import numpy as np

from riffedu.signal.mel import hz_to_mel, invert_mel, mel_filterbank, mel_to_hz, sparse_filterbank
from riffedu.signal.params import SpectrogramParams
from riffedu.widgets.live import AtRest, LiveFigure, LiveSound, frame
from riffedu.widgets.panel import WIDE, Panel, note, one_thread, row, slider, toggles
from riffedu.widgets.pictures import COLOURS, HERTZ, Picture, figure_png, new_figure

BANDS = (8, 16, 32, 64, 128, 256, 512)
RATE = 44100
SECONDS = 2.56


def bank_picture(
    n_fft: int,
    n_mels: int,
    low: float = 0.0,
    high: float = 10000.0,
    title: str = "",
    sample_rate: int = RATE,
    **bank: Any,
) -> Picture:
    """Draw a filterbank: each band's triangle, neighbours in different colours.

    Up to 80 rows between ``low`` and ``high`` (hertz) are dots on the triangles: all that a band
    reads of a spectrum. A band without a dot is empty, and drawn broken and grey. ``bank``: other
    arguments of `riffedu.mel_filterbank`.
    """
    weights = mel_filterbank(sample_rate, n_fft, n_mels, **bank)
    f = np.arange(weights.shape[1]) * sample_rate / n_fft
    inside = (f >= low) & (f <= high)
    figure, [[axis]] = new_figure(1, 1, 8.0, 2.6)
    names = "min_frequency", "max_frequency", "scale", "norm"
    lines = triangles(n_mels, **{name: bank[name] for name in names if name in bank})
    shown = [m for m in range(n_mels) if lines[m, 2, 0] > low and lines[m, 0, 0] < high]
    for m in shown:
        colour, style = (COLOURS[m % 3], "-") if weights[m].any() else ("#777777", ":")
        axis.plot(*lines[m].T, color=colour, linestyle=style, linewidth=1.2)
        if inside.sum() <= 80:
            read = inside & (weights[m] > 0)
            axis.plot(f[read], weights[m, read], "o", color=colour, markersize=4)
    axis.set(xlim=(low, high), ylim=(0, None), xlabel="Hz", ylabel="weight")
    axis.set_title(title, fontsize=10)
    empty = sum(not weights[m].any() for m in shown)
    return Picture(
        figure_png(figure),
        f"{title or 'A filterbank'}: {len(shown)} overlapping triangles "
        f"between {low:g} and {high:g} Hz, read at {inside.sum()} rows; "
        f"{empty} of them hold no row.",
    )


def triangles(
    n_mels: int,
    min_frequency: float = 0.0,
    max_frequency: float = 10000.0,
    scale: str = "htk",
    norm: str | None = None,
) -> np.ndarray:
    """Return the three corners (hertz, weight) of each band: shape (n_mels, 3, 2)."""
    low, high = hz_to_mel([min_frequency, max_frequency], scale)
    edges = mel_to_hz(np.linspace(low, high, n_mels + 2), scale)
    tops = 2 / (edges[2:] - edges[:-2]) if norm else np.ones(n_mels)
    corners = np.stack([edges[:-2], edges[1:-1], edges[2:]], -1)
    return np.stack([corners, np.stack([0 * tops, tops, 0 * tops], -1)], -1)


class MelPanel(Panel):
    """Controls by name: ``sound, bands, top, scale, norm, inverse``.

    `figure` shows the filterbank and the mel picture, `original` and `heard` are players, `facts`
    says in words what was kept. ``sounds`` maps names to waveforms at 44100 Hz.
    """

    def __init__(self, sounds: dict) -> None:
        self.sounds = sounds
        self.sound = w.Dropdown(options=list(sounds), description="Sound", style=WIDE)
        self.bands = w.SelectionSlider(
            options=BANDS,
            value=64,
            description="Bands",
            style=WIDE,
            layout=w.Layout(width="420px"),
        )
        self.top = slider("Up to (Hz)", 10000, 2000, RATE // 2, 50, width=420)
        self.scale = toggles([("HTK", "htk"), ("Slaney", "slaney")], "Scale")
        self.norm = toggles([("equal height", None), ("equal area", "slaney")], "Triangles")
        self.inverse = toggles(
            [("transpose", "transpose"), ("pseudo-inverse", "pinv"), ("least squares ≥ 0", "nnls")],
            "Way back",
            value="pinv",
        )
        self.figure = LiveFigure(columns=2, width=9.6, height=3.3)
        self.original, self.heard = LiveSound("The sound"), LiveSound("Through the bank and back")
        self.facts = w.HTML()
        self._rest = AtRest(self._hear)
        self._draw_axes()
        self.sound.observe(self._take, "value")
        self.norm.observe(lambda _: self.figure.rearrange(), "value")  # longer numbers at its side
        for control in (self.bands, self.top, self.scale, self.norm, self.inverse):
            control.observe(self._move, "value")
        self._take()
        players = row(self.original.widget, self.heard.widget)
        self.box = w.VBox(
            [
                self.sound,
                self.bands,
                self.top,
                row(self.scale, self.norm, self.inverse),
                self.figure.widget,
                self.facts,
                players,
                note(
                    "Both sounds have the same phases: what you hear missing, the bands lost. The "
                    "sound follows when the controls rest."
                ),
            ]
        )

    @property
    def params(self) -> SpectrogramParams:
        """What the controls say; a column every 20 ms instead of 10, so that it follows quickly."""
        return SpectrogramParams(
            sample_rate=RATE,
            step_size_ms=20,
            num_frequencies=self.bands.value,
            max_frequency=self.top.value,
            mel_scale_type=self.scale.value,
            mel_scale_norm=self.norm.value,
        )

    @one_thread()
    def _take(self, _: object = None) -> None:
        """Take another sound: compute its spectrum and phases once, for all settings."""
        import torch

        from riffedu.signal.stft import stft

        self.waveform = self.sounds[self.sound.value]
        p = self.params
        spectrum = stft(torch.from_numpy(self.waveform), p.n_fft, p.hop_length, p.win_length)
        self.magnitude, self.phases = np.abs(spectrum.numpy()), torch.sgn(spectrum)
        self.original.set(self.waveform, RATE, f"The sound: {self.sound.value}")
        self._draw()
        self._hear()

    def wait(self) -> None:
        """Wait for the sound that follows a moved control."""
        self._rest.wait()

    def _move(self, _: object = None) -> None:
        self._draw()
        self._rest.touch()

    @one_thread()
    def _hear(self) -> None:
        """Go through the bank that is drawn, and back."""
        import torch

        from riffedu.signal.stft import istft

        p, mel, phases, waveform = self._drawn
        found = torch.from_numpy(invert_mel(mel, p, self.inverse.value))
        self.through = istft(
            phases * found, p.n_fft, p.hop_length, p.win_length, length=len(waveform)
        ).numpy()
        label = f"Through {p.num_frequencies} bands and back"
        self.heard.set(self.through, RATE, label, attenuate=True)
        with np.errstate(divide="ignore"):
            gone = 20 * np.log10(np.linalg.norm(self.through - waveform) / np.linalg.norm(waveform))
        missing = f"What is missing, relative to the sound: {round(float(gone))} dB."
        self.facts.value = f"<p>{html.escape(self.said)} {missing}</p>"

    def _draw_axes(self) -> None:
        from matplotlib.collections import LineCollection

        left, right = self.figure.axes
        left.set_title("The filterbank", fontsize=10)
        left.set(xlabel="Hz", ylabel="weight")
        right.set_title("The mel picture", fontsize=10)
        right.set(xlabel="seconds", ylabel="Hz (mel scale)")
        for axis in (left, right):
            axis.tick_params(labelsize=8)
        self._triangles = left.add_collection(LineCollection([], colors=COLOURS[:3], linewidth=0.9))
        self._image = right.imshow(
            [[0]],
            cmap="gray_r",
            vmin=0,
            vmax=1,
            aspect="auto",
            origin="lower",
            extent=(0, SECONDS, 0, 1),
            interpolation="nearest",
        )

    @one_thread()
    def _draw(self) -> None:
        p = self.params
        bank = sparse_filterbank(p)
        self.mel = bank @ self.magnitude[: bank.shape[1]]
        # At rest, `_hear` runs in a thread: what it needs is handed over at once.
        self._drawn = p, self.mel, self.phases, self.waveform
        left, right = self.figure.axes
        lines = triangles(
            p.num_frequencies, p.min_frequency, p.max_frequency, p.mel_scale_type, p.mel_scale_norm
        )
        every = -(-p.num_frequencies // 64)  # more than 64 would only blacken the drawing
        self._triangles.set_segments(lines[::every])
        left.title.set_text("The filterbank" + (f", one band of {every}" if every > 1 else ""))
        frame(left, (0, p.max_frequency), (0, 1.05 * lines[..., 1].max()))
        loudest = self.mel.max() or 1
        self._image.set_data((self.mel / loudest) ** p.power_for_image)
        seconds = len(self.waveform) / RATE
        frame(right, (0, seconds), (0, 1))
        self._image.set_extent((0, seconds, 0, 1))
        hertz = [f for f in HERTZ if f <= p.max_frequency]
        places = hz_to_mel(hertz, p.mel_scale_type) / hz_to_mel(p.max_frequency, p.mel_scale_type)
        if not np.array_equal(places, right.get_yticks()):
            right.set_yticks(places, [f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in hertz])
        self.said = self._say(bank, p, lines[..., 0])
        self.facts.value = f"<p>{html.escape(self.said)}</p>"
        self.figure.refresh(
            f"Left, {p.num_frequencies} triangles from 0 to {p.max_frequency} Hz, narrow below and "
            f"wide above. Right, the mel picture of {self.sound.value} in as many rows."
        )

    def _say(self, bank: Any, p: SpectrogramParams, corners: np.ndarray) -> str:
        starts, tops, ends = corners.T
        wide = [
            f"{np.interp(f, tops, ends - starts):.0f} Hz wide at {f} Hz"
            for f in (100, 1000, 8000)
            if f < p.max_frequency
        ]
        empty = int((bank.sum(axis=1) == 0).sum())
        return (
            f"{p.num_frequencies} numbers a column for {p.n_fft // 2 + 1} rows. A band is "
            f"{', '.join(wide)}. Empty bands: {empty}."
        )


def mel_panel(sounds: dict | None = None) -> MelPanel:
    """Set a mel filterbank: see it, see its picture, and hear what it lets through.

    ``sounds``: names and waveforms (samples,) at 44100 Hz; by default four clips of the course and
    a hi-hat, nearly all of which lies above 10 kHz.
    """
    return MelPanel(sounds or some_sounds())


def some_sounds() -> dict[str, np.ndarray]:
    """Return the first 2.56 s of four clips, and a hi-hat; at 44100 Hz."""
    from riffedu.signal.audio import clip, resample

    sounds = {}
    for name in ("tune", "speech_like", "percussion", "full_mix"):
        waveform, rate = clip(name)
        mono = waveform if waveform.ndim == 1 else waveform.mean(axis=0)
        sounds[name] = resample(mono, rate, RATE)[: round(SECONDS * RATE)]
    sounds["hi_hat"] = hi_hats(SECONDS)
    return sounds


def hi_hats(seconds: float = SECONDS) -> np.ndarray:
    """Return a hi-hat four times a second, at 44100 Hz, with a peak of 0.5."""
    from riffedu.signal import synth

    beat = np.zeros(RATE // 4, np.float32)
    beat[: RATE // 10] = synth.hat(0.1)
    return np.tile(beat, int(np.ceil(4 * seconds)))[: round(seconds * RATE)]
