"""The panels of notebooks/15_measure_and_compare.ipynb: ABX, and ratings in the manner of MUSHRA.

The order of the sounds stays in Python (`riffedu.evaluate.listening`) until the vote: no control's
state and no HTML holds it. Every sound is sent as 16-bit WAV of equal length with fresh dither, so
that neither sizes nor bytes tell which one X is.
"""

from __future__ import annotations

import base64
import html
import io
import re
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.evaluate import votes
from riffedu.evaluate.listening import (
    AbxTest,
    RatingTest,
    Vote,
    binomial_p_value,
    exact_interval,
)
from riffedu.widgets.panel import WIDE, Panel, note, row, slider


def blind_player(samples: np.ndarray, sample_rate: int, label: str) -> str:
    """Return the browser's player of int16 samples as HTML: a label, no caption, no picture.

    A caption with level and peak, or a spectrogram, would tell which sound it is.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        sound.writeframes(samples.tobytes())
    data, name = base64.b64encode(file.getvalue()).decode(), html.escape(label, quote=True)
    return (
        f'<figure style="margin:0.2em 0"><figcaption><b>{name}</b></figcaption>'
        f'<audio controls preload="auto" aria-label="{name}" style="width:240px" '
        f'src="data:audio/wav;base64,{data}"></audio></figure>'
    )


class _VotesPanel(Panel):
    """What both panels share: a name, a button that writes the votes as CSV, a line of text."""

    kind: str

    def __init__(self, item: str, folder: str | Path):
        self.item, self.folder = item, Path(folder)
        self.listener = w.Text(
            value="", placeholder="a name or a number", description="Listener", style=WIDE
        )
        self.save_button = w.Button(
            description="Save as CSV", icon="download", disabled=True, tooltip="Save the votes"
        )
        self.status = w.HTML()
        self.save_button.on_click(self.save)

    @property
    def votes(self) -> list[Vote]:
        """The votes cast so far, with the listener's name."""
        raise NotImplementedError

    def path(self) -> Path:
        """The file that `save` writes: votes-KIND-ITEM-LISTENER.csv."""
        parts = ("votes", self.kind, self.item, self.listener.value or "listener")
        return self.folder / ("-".join(re.sub(r"\W+", "_", part) for part in parts) + ".csv")

    def save(self, _: Any = None) -> None:
        """Write the votes to `path`, for `riffedu.evaluate.votes.pool`."""
        try:
            written = votes.write_votes(self.path(), self.votes)
        except RiffeduError as error:
            return self.say(f"The votes could not be written: {error}")
        self.say(f"Written: {written}")

    def say(self, text: str) -> None:
        """Show a line below the controls."""
        self.status.value = f'<p role="status">{html.escape(text)}</p>'


class AbxPanel(_VotesPanel):
    """Is X the sound A, or B? Controls: ``a_button``, ``b_button``, ``listener``."""

    kind = "abx"

    def __init__(
        self,
        sounds: Mapping[str, np.ndarray],
        sample_rate: int,
        trials: int = 10,
        item: str = "clip",
        folder: str | Path = ".",
        seed: int | None = None,
    ):
        super().__init__(item, folder)
        self.test = AbxTest(sounds, sample_rate, trials, item, seed=seed)
        self.players = {letter: w.HTML() for letter in "ABX"}
        for letter, name in zip("AB", self.test.names):
            self._load(letter, f"{letter}: {name}")
        self.a_button = w.Button(description="X is A", tooltip="X is the sound A")
        self.b_button = w.Button(description="X is B", tooltip="X is the sound B")
        self.a_button.on_click(lambda _: self.answer("A"))
        self.b_button.on_click(lambda _: self.answer("B"))
        self._next()
        self.box = w.VBox(
            [
                self.listener,
                row(*self.players.values()),
                row(self.a_button, self.b_button, self.save_button),
                self.status,
                note(
                    "All sounds have the same loudness and length. How many answers were right is "
                    "shown after the last trial, so that you cannot stop when it suits you."
                ),
            ]
        )

    @property
    def votes(self) -> list[Vote]:
        """The votes cast so far, with the listener's name."""
        return [Vote(self.listener.value, *_rest(vote)) for vote in self.test.votes]

    def answer(self, letter: str) -> None:
        """Vote on this trial's X and go on."""
        if not self.test.done:
            self.test.answer(letter)
            self._next()

    def _next(self) -> None:
        if self.test.done:
            return self._show_result()
        self._load("X", "X")
        self.say(f"Trial {len(self.test.votes) + 1} of {self.test.trials}: is X A or B?")

    def _load(self, letter: str, label: str) -> None:
        samples = self.test.sound(letter)
        self.players[letter].value = blind_player(samples, self.test.sample_rate, label)

    def _show_result(self) -> None:
        right, trials = self.test.right, self.test.trials
        low, high = exact_interval(right, trials)
        self.a_button.disabled = self.b_button.disabled = True
        self.save_button.disabled = False
        self.say(
            f"{right} of {trials} right. By guessing, so many or more come in "
            f"{binomial_p_value(right, trials):.1%} of tests. Your true share of right answers "
            f"lies between {low:.0%} and {high:.0%} (95 % interval)."
        )


def _rest(vote: Vote) -> tuple:
    return vote.kind, vote.item, vote.trial, vote.system, vote.answer, vote.score


class RatingPanel(_VotesPanel):
    """Rate versions of a sound from 0 to 100: ``sliders`` by letter, then ``rate_button``."""

    kind = "rating"

    def __init__(
        self,
        reference: np.ndarray,
        systems: Mapping[str, np.ndarray],
        sample_rate: int,
        item: str = "clip",
        folder: str | Path = ".",
        seed: int | None = None,
    ):
        super().__init__(item, folder)
        self.test = RatingTest(reference, systems, sample_rate, item, seed=seed)
        self._votes: list[Vote] = []
        self.reference = w.HTML(
            blind_player(self.test.sound("reference"), sample_rate, "Reference")
        )
        self.players = {
            letter: w.HTML(blind_player(self.test.sound(letter), sample_rate, letter))
            for letter in self.test.letters
        }
        self.sliders = {
            letter: slider(f"{letter} (0–100)", 50, 0, 100, width=420)
            for letter in self.test.letters
        }
        self.rate_button = w.Button(description="Rate", tooltip="Cast these ratings and see names")
        self.rate_button.on_click(self.rate)
        stimuli = [row(self.players[c], self.sliders[c]) for c in self.test.letters]
        self.box = w.VBox(
            [
                self.listener,
                self.reference,
                *stimuli,
                row(self.rate_button, self.save_button),
                self.status,
                note(
                    "100 is as good as the reference, 80 good, 60 fair, 40 poor, 20 bad. One of "
                    "the letters is the reference itself, another a version without treble."
                ),
            ]
        )

    @property
    def votes(self) -> list[Vote]:
        """The ratings, once they are cast, with the listener's name."""
        return [Vote(self.listener.value, *_rest(vote)) for vote in self._votes]

    def rate(self, _: Any = None) -> None:
        """Cast the ratings; only now the names appear."""
        try:
            self._votes = self.test.rate({c: s.value for c, s in self.sliders.items()})
        except RiffeduError as error:
            return self.say(str(error))
        self.rate_button.disabled, self.save_button.disabled = True, False
        for each in self.sliders.values():
            each.disabled = True
        told = (
            f"{letter} was {vote.system} ({vote.score:.0f})"
            for letter, vote in zip(self.test.letters, self._votes)
        )
        self.say("; ".join(told) + ".")


def abx_panel(
    sounds: Mapping[str, np.ndarray],
    sample_rate: int,
    trials: int = 10,
    item: str = "clip",
    folder: str | Path = ".",
    seed: int | None = None,
) -> AbxPanel:
    """Compare two sounds blind; ``folder`` is where the votes are saved."""
    return AbxPanel(sounds, sample_rate, trials, item, folder, seed)


def rating_panel(
    reference: np.ndarray,
    systems: Mapping[str, np.ndarray],
    sample_rate: int,
    item: str = "clip",
    folder: str | Path = ".",
    seed: int | None = None,
) -> RatingPanel:
    """Rate several versions of a sound blind; ``folder`` is where the votes are saved."""
    return RatingPanel(reference, systems, sample_rate, item, folder, seed)
