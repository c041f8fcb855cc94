"""Best of several takes: what a prompt names, how takes are scored, and that the best is kept."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import riffedu
from riffedu.errors import RiffeduError
from riffedu.evaluate.takes import Take, best_take, named_classes, take_scores

CLASSES = [
    ("instrument", "piano"),
    ("instrument", "electric piano"),
    ("instrument", "violin"),
    ("style", "techno"),
]
RATE = 22050


class Ear:
    """A classifier that hears the class whose number is the picture's grey level / 10."""

    classes = CLASSES

    def listen(self, thumbnails):
        scores = np.zeros((len(thumbnails), len(CLASSES)), np.float32)
        for row, picture in enumerate(thumbnails):
            scores[row, int(picture[:, :60].mean()) // 10] = 4.0
        return scores, None


def clip(grey: int, bpm: float | None = None, width: int = 512):
    """A flat picture, with clicks at a tempo or white noise for its sound."""
    noise = 0.05 * np.random.default_rng(grey).standard_normal(5 * RATE).astype(np.float32)
    if bpm:
        since = np.arange(5 * RATE) / RATE % (60 / bpm)
        noise = (noise * 8 * np.exp(-since / 0.03)).astype(np.float32)
    return SimpleNamespace(
        waveform=noise, sample_rate=RATE, image=Image.new("RGB", (width, 512), (grey,) * 3)
    )


@pytest.mark.parametrize(
    "prompt, names",
    [
        ("a calm solo piano", ["piano"]),
        ("Electric Piano chords", ["electric piano"]),
        ("electric piano and piano", ["piano", "electric piano"]),
        ("two violins", ["violin"]),
        ("pianola", []),
        ("", []),
    ],
)
def test_classes_are_named_by_whole_words(prompt, names):
    assert [CLASSES[n][1] for n in named_classes(prompt, CLASSES)] == names


def test_the_named_class_decides():
    scores, criterion = take_scores(Ear(), "violin melody", [clip(5), clip(25), clip(35)])
    assert scores.argmax() == 1 and criterion == "violin"
    assert scores[1] == pytest.approx(np.exp(4) / (np.exp(4) + 3), abs=1e-6)


def test_two_named_classes_share_the_probability():
    scores, criterion = take_scores(Ear(), "violin and piano", [clip(5), clip(15), clip(25)])
    assert scores[0] == pytest.approx(scores[2]) and scores.argmin() == 1
    assert criterion == "piano and violin"


def test_a_named_tempo_decides():
    takes = [clip(35, 90), clip(35, 120), clip(35)]
    scores, criterion = take_scores(Ear(), "techno at 120 bpm", takes)
    assert scores.argmax() == 1 and criterion == "techno, beat at 120 bpm"
    assert scores[0] < scores[1] - 0.2, "90 is neither 120, nor its half or double"


def test_a_prompt_without_a_known_word_is_judged_by_notes_and_beat():
    scores, criterion = take_scores(Ear(), "something nice", [clip(5), clip(5, 120)])
    assert scores.argmax() == 1 and criterion == "notes and beat"


@pytest.mark.parametrize("width", [100, 200, 512, 700])
def test_any_length(width):
    scores, _ = take_scores(Ear(), "violin", [clip(25, width=width), clip(5, width=width)])
    assert scores.shape == (2,) and np.isfinite(scores).all()


def test_the_best_take_is_kept_and_says_so():
    asked = {}

    def generate(prompts, seed, **options):
        asked.update(prompts=prompts, seed=seed, **options)
        return [clip(5), clip(15), clip(25), clip(35)]

    take = best_take(
        SimpleNamespace(generate=generate), "violin", 4, 7, Ear(), duration=5.12, progress=False
    )
    assert asked == {
        "prompts": ["violin"] * 4,
        "seed": [7, 8, 9, 10],
        "duration": 5.12,
        "progress": False,
    }
    assert isinstance(take, Take) and take.number == 3 and len(take.scores) == 4
    assert str(take) == f"take 3 of 4: violin {take.scores[2]:.2f}"
    assert riffedu.best_take is best_take


@pytest.mark.parametrize("takes", [0, 17, 2.5, "4"])
def test_bad_numbers_are_refused(takes):
    with pytest.raises(RiffeduError, match="takes"):
        best_take(None, "violin", takes, classifier=Ear())
