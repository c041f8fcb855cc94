"""The results file of lesson 15: written and read, its figures against direct computation."""

import numpy as np
import pytest

from riffedu.errors import RiffeduError
from riffedu.evaluate import results
from riffedu.evaluate.results import Results


@pytest.fixture
def made():
    judged = {
        stage: {
            "truth": [0, 1, 1],
            "heard": [0, 1, 0],
            "embeddings": [[0.1, 0.2]] * 3,
        }
        for stage in ("codec", "generated")
    }
    flat = {name: [0.5, None] for name in results.MEASURES}
    readings = {
        "a piano": {
            "render": flat | {"beat": [0.8, 0.6]},
            "codec": flat | {"beat": [0.7, 0.7]},
            "generated": flat | {"beat": [0.1, 0.25]},
        },
        "drums": {
            "render": flat | {"beat": [1.0]},
            "codec": flat | {"beat": [0.5]},
            "generated": flat | {"beat": [0.9, None]},
        },
        "speech": {
            "render": dict.fromkeys(results.MEASURES, []),
            "codec": dict.fromkeys(results.MEASURES, []),
            "generated": flat,
        },
    }
    return Results("m", "0" * 12, "2026-01-01", ["x", "y"], judged, readings, [[100, [99.0, None]]])


def test_a_file_is_read_as_it_was_written(made, tmp_path):
    path = results.save_results(made, tmp_path / "results.json")
    assert results.load_results(path) == made
    assert len(path.read_text().splitlines()) == 9


@pytest.mark.parametrize("text", ["{", "{}", '{"model": 1}'])
def test_damaged_files(text, tmp_path):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(RiffeduError, match="not a results file"):
        results.load_results(tmp_path / "r.json")
    with pytest.raises(RiffeduError, match="no results"):
        results.load_results(tmp_path / "missing.json")


def test_losses_by_hand(made):
    found = results.losses(made, "beat")
    assert found["codec"] == pytest.approx((1 + 0.5) / 2)  # 0.7 / 0.7 and 0.5 / 1.0
    assert found["denoiser"] == pytest.approx((0.175 / 0.7 + 1) / 2)  # 0.9 / 0.5 counts as 1


def test_frechet_of_halves_falls_with_the_number_of_clips():
    x = np.random.default_rng(0).standard_normal((200, 8))
    few, more, many = results.frechet_of_halves(x, (4, 16, 100))
    assert few > more > many > 0
    with pytest.raises(RiffeduError, match="each half needs 2 to 100"):
        results.frechet_of_halves(x, (101,))


def test_a_difference_has_an_interval():
    random = np.random.default_rng(0)
    gap, (low, high) = results.difference(random.normal(1, 1, 80), random.normal(0, 1, 80))
    assert low < gap < high and low > 0
    _, (low, high) = results.difference([0.1, 0.9, 0.4], [0.3, 0.5, 0.2])
    assert low < 0 < high


def test_the_shipped_file_is_complete():
    shipped = results.load_results()
    for stage in ("codec", "generated"):
        truth, heard, embeddings = shipped.table(stage)
        assert len(truth) == len(heard) == len(embeddings) >= 2 * len(shipped.classes) - 1
        assert max(truth.max(), heard.max()) < len(shipped.classes)
    assert all(0 < v <= 1 for m in results.MEASURES for v in results.losses(shipped, m).values())
    assert len(shipped.tempo) >= 5


def test_collect_on_a_tiny_model(monkeypatch):
    """`collect` asks the same functions as `riffedu evaluate`; here they answer at once."""
    import types

    import riffedu.evaluate as evaluate
    from riffedu.evaluate import clips, music
    from riffedu.training import dataset

    meta = {"kind": "solo", "instruments": ["piano"], "style": None}
    pictures = types.SimpleNamespace(metadata=[meta, meta])
    monkeypatch.setattr(dataset, "PictureDataset", lambda *_: pictures)
    monkeypatch.setattr(evaluate, "checkpoint_hash", lambda *_: "ab" * 32)
    monkeypatch.setattr(clips, "choose", lambda *_: [0, 1])
    request = clips.Request("piano", 0, ("instrument", "piano"))
    monkeypatch.setattr(clips, "held_out_requests", lambda *_: [request])
    monkeypatch.setattr(clips, "renders_through_codec", lambda *_: np.zeros((2, 128, 128)))
    monkeypatch.setattr(clips, "generated", lambda *_: np.zeros((1, 128, 128)))
    row = {"prompt": "a piano", "generated": dict.fromkeys(results.MEASURES, [1.0])}
    row |= {"render": row["generated"], "codec": None}
    report = {"classes": [row], "tempo": {"clips": [{"asked": 100, "heard": [99.0]}]}}
    monkeypatch.setattr(music, "music", lambda *_, **__: report)
    classifier = types.SimpleNamespace(
        classes=[("instrument", "piano")],
        numbers=lambda labels: np.zeros(len(labels), int),
        listen=lambda x: (np.ones((len(x), 1)), np.ones((len(x), 4)) / 3),
    )
    pipeline = types.SimpleNamespace(
        checkpoint=types.SimpleNamespace(path=types.SimpleNamespace(name="tiny")),
        settings=lambda *_: (2, 3.0),
    )
    found = results.collect(pipeline, classifier, "data")
    assert found.model == "tiny" and found.classes == ["piano"]
    assert found.judged["codec"]["truth"] == [0, 0] and len(found.judged["generated"]["heard"]) == 1
    assert found.judged["codec"]["embeddings"][0] == [0.333] * 4
    assert found.readings["a piano"]["codec"]["beat"] == [] and found.tempo == [[100, [99.0]]]
