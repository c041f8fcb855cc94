"""Measures of the table: known answers, trusted libraries, and what fools them."""

import json

import numpy as np
import pytest
from made_sounds import CHORDS, SR, N, pictures, play, strokes, white
from PIL import Image
from tiny import ours  # noqa: F401

from riffedu.errors import RiffeduError
from riffedu.evaluate import music, picture, pitch, prompts, readings, rhythm
from riffedu.evaluate.music_report import to_markdown, write
from riffedu.signal import reconstruct

# ------------------------------------------------------------------------------ the table


def test_readings_are_plain_numbers_and_quantities_go_the_right_way():
    grey = Image.fromarray(pictures(1, 0)[0])
    low, high = (readings.readings(play([n] * 8), SR, grey) for n in (50, 80))
    assert high["height"] > low["height"] + 20
    major, minor = (
        readings.readings(play(c, 1.28), SR, grey)
        for c in (CHORDS, ((45, 57, 60, 64), (50, 57, 62, 65), (52, 56, 59, 64)))
    )
    assert major["majorness"] > minor["majorness"]
    fast, slow = (readings.readings(strokes(np.arange(0.1, 5, s)), SR, grey) for s in (0.25, 1))
    assert fast["onsets"] > 2 * slow["onsets"]
    assert json.loads(json.dumps(major)) == major
    assert set(music.MEASURES) | set(readings.QUANTITIES) <= set(major)
    assert readings.readings(white(), SR, grey)["attack"] is None
    assert all(pair.quantity in readings.QUANTITIES for pair in prompts.PAIRS)


def test_classes_are_many_and_ask_for_much():
    compared = [c for c in prompts.CLASSES if c.wanted is not None]
    assert len(compared) >= 16 and len({c.name for c in compared}) == len(compared)
    assert {c.wanted["kind"] for c in compared} == {"solo", "pair", "band", "drums"}
    assert prompts.matches({"kind": "solo", "effects": []}, {"kind": "solo", "effects": []})
    assert not prompts.matches({"kind": "solo"}, {"kind": "solo", "style": "rock"})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder of sixty drawn pictures."""
    folder = tmp_path_factory.mktemp("data")
    drawn, lines = pictures(60, 0), []
    kinds = [
        {"kind": "solo", "instruments": ["piano"], "style": None},
        {"kind": "solo", "instruments": ["flute"], "style": None},
        {"kind": "drums", "instruments": ["drums"], "style": "rock"},
        {"kind": "band", "instruments": ["drums", "piano"], "style": "funk"},
    ]
    for n in range(60):
        lines.append(
            json.dumps(
                kinds[n % 4]
                | {
                    "split": "test" if n < 30 else "train",
                    "id": f"0-{n}",
                    "tempo_bpm": 100.0,
                    "register": "high" if n % 8 else "low",
                    "key": "F sharp",
                    "source": "programmed",
                    "scale": "major" if n % 3 else "minor",
                    "tempo_word": "fast" if n % 5 else "slow",
                    "effects": [] if n % 5 else ["low-pass"],
                }
            )
        )
    np.save(folder / "shard-00000.npy", drawn)
    (folder / "shard-00000.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_table_of_a_tiny_model(ours, data, tmp_path, monkeypatch):  # noqa: F811
    from riffedu.music.pipeline import load_pipeline

    monkeypatch.setattr(prompts, "TEMPI", (100,))
    monkeypatch.setattr(prompts, "TEMPO_PROMPTS", ("rock drums at {} bpm",))
    monkeypatch.setattr(prompts, "KEYS", ("C major",))
    monkeypatch.setattr(prompts, "KEY_PROMPTS", ("piano in {}",))
    monkeypatch.setattr(prompts, "PAIRS", prompts.PAIRS[:1])
    classes = (
        prompts.PromptClass("piano", "a calm piano", {"kind": "solo"}),
        prompts.PromptClass("rock", "rock drums", {"kind": "drums"}),
        prompts.PromptClass("speech", "the band", None),
    )
    pipeline = load_pipeline(ours)
    monkeypatch.setattr(reconstruct, "image_to_audio", lambda image, *a, **k: (white(), SR))
    ask = {
        "seeds": 1,
        "renders": 1,
        "steps": 2,
        "shelf": tmp_path / "shelf",
        "classes": classes,
        "progress": False,
    }
    report = music.music(pipeline, data, **ask)
    assert json.loads(json.dumps(report)) == report
    assert [len(row["codec"].get("notes", ())) for row in report["classes"]] == [1, 1, 0]
    assert report["memorisation"]["training"] == 30
    assert report["tempo"]["n"] == [1, 4] and len(report["pairs"]) == 1
    text = to_markdown(report)
    assert "a calm piano" in text and "codec ÷ render" in text and "white noise" in text
    write(report, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text() == text

    # Again: nothing is made, the same comes out.
    def never(*args, **kwargs):
        raise AssertionError("made again")

    monkeypatch.setattr(music, "noise_readings", lambda rate: report["noise"])
    monkeypatch.setattr(readings, "readings", never)
    monkeypatch.setattr(type(pipeline), "generate", never)
    assert music.music(pipeline, data, **ask) == report
    with pytest.raises(RiffeduError, match="no test clip like"):
        music.music(
            pipeline,
            data,
            **ask
            | {
                "classes": (
                    prompts.PromptClass(
                        "koto", "the band", {"kind": "solo", "instruments": ["koto"]}
                    ),
                )
            },
        )


def test_shell(ours, data, tmp_path, monkeypatch, capsys):  # noqa: F811
    from riffedu.cli import main

    asked = {}
    monkeypatch.setattr(music, "music", lambda *a: asked.update(args=a) or {"told": 1})
    monkeypatch.setattr("riffedu.evaluate.music_report.to_markdown", lambda r: f"{r}\n")
    line = [
        "evaluate",
        "--music",
        "--seeds",
        "2",
        "--renders",
        "3",
        "--model",
        str(ours),
        "--data",
        str(data),
    ]
    assert main([*line, "-o", str(tmp_path / "t.json")]) == 0
    assert asked["args"][2:4] == (2, 3)
    assert json.loads((tmp_path / "t.json").read_text()) == {"told": 1}
    assert main([*line, "-o", str(tmp_path / "t.txt")]) == 2
    monkeypatch.undo()
    assert main([*line, "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err


@pytest.mark.parametrize("measure", [rhythm.beat, rhythm.attack, pitch.notes, pitch.harmonics])
def test_unfit_sounds_are_refused(measure):
    for sound in (np.zeros(10), np.full(N, np.nan), np.zeros((2, 2, N))):
        with pytest.raises(RiffeduError):
            measure(sound, SR)
    with pytest.raises(RiffeduError):
        picture.sharpness(np.zeros((4, 4)))
