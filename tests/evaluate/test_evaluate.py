"""Evaluation: distances equal scipy's, the ear learns, the table tells a good model from a bad."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
from tiny import ours  # noqa: F401

from riffedu.errors import RiffeduError
from riffedu.evaluate import clips, frechet, report, scores
from riffedu.evaluate.classifier import label_of, load_classifier, thumbnail
from riffedu.signal import reconstruct

META = {
    "texture": "melody",
    "density": "medium",
    "tempo_bpm": 100.0,
    "dynamics": "medium",
    "mode": "major",
    "scale": "major",
    "key": "C",
    "articulation": "normal",
    "register": "middle",
    "effects": [],
    "tempo_word": "medium",
    "mood": "calm",
    "pattern": "x",
    "soundfont": "none",
}
KINDS = (
    {"kind": "solo", "instruments": ["piano"], "style": None},
    {"kind": "solo", "instruments": ["violin"], "style": None},
    {"kind": "drums", "instruments": ["drums"], "style": "techno", "texture": "drum beat"},
    {"kind": "band", "instruments": ["drums", "piano"], "style": "rock", "texture": "groove"},
    {"kind": "pair", "instruments": ["piano", "violin"], "style": None},
)


def draw(kind: int, random) -> np.ndarray:
    """A stand-in for a render: low or high lines, slow or fast beats, on some noise."""
    row, column = np.mgrid[0:512, 0:512]
    start = random.integers(0, 60)
    loud = [
        (row % 60 == start % 60) & (row > 256),
        (row % 60 == start) & (row < 256),
        column % 128 < 20,
        (column + start) % 32 < 10,
        row % 40 < 20,
    ][kind]
    return (230 - 180 * loud - random.integers(0, 20, (512, 512))).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    splits = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    pictures = np.stack([draw(i % 5, random) for i in range(len(splits))])
    np.save(folder / "shard-00000.npy", pictures)
    lines = [
        json.dumps(META | KINDS[i % 5] | {"split": split, "id": f"0-{i}"})
        for i, split in enumerate(splits)
    ]
    (folder / "shard-00000.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def ear(data, tmp_path_factory):
    """A classifier trained on the stand-ins and saved: (folder, last epoch)."""
    from riffedu.evaluate import train_classifier as learn

    folder = tmp_path_factory.mktemp("ear")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "BATCH", 8)
        for epoch in learn.learn(data, epochs=10, seed=0, progress=False):
            epoch.classifier.save(folder)
    return folder, epoch


# ------------------------------------------------------------------------------ Fréchet distance


@pytest.mark.parametrize("rows, width", [(400, 6), (300, 32), (20, 32)])
def test_frechet_equals_scipy(rows, width):
    from scipy.linalg import sqrtm

    random = np.random.default_rng(rows)
    a = random.normal(size=(rows, width)) @ random.normal(size=(width, width))
    b = random.normal(size=(rows + 7, width)) @ random.normal(size=(width, width)) + 0.5
    first, second = np.cov(a.T), np.cov(b.T)
    gap = a.mean(0) - b.mean(0)
    expected = gap @ gap + np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    tolerance = 1e-9 if rows > width else 1e-4  # sqrtm of a singular matrix is less exact
    assert frechet.frechet_distance(a, b) == pytest.approx(expected, rel=tolerance)


def test_frechet_of_known_gaussians():
    random = np.random.default_rng(0)
    a = random.normal(size=(50, 4))
    assert frechet.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet.frechet_distance(a, a + 3) == pytest.approx(4 * 9)
    # One dimension: (μ₁ − μ₂)² + (σ₁ − σ₂)²
    one = a[:, :1]
    expected = (one.std(ddof=1) * 2 + one.mean() * 3 - one.mean() * 3 - one.std(ddof=1) * 3) ** 2
    assert frechet.frechet_distance(2 * (one - one.mean()), 3 * (one - one.mean())) == (
        pytest.approx(expected)
    )


@pytest.mark.parametrize("a, b", [((1, 3), (5, 3)), ((5, 3), (5, 4)), ((5,), (5,))])
def test_frechet_refuses_what_has_no_covariance(a, b):
    with pytest.raises(RiffeduError, match="two clips"):
        frechet.frechet_distance(np.zeros(a), np.zeros(b))


# ------------------------------------------------------------------------------ scores


def test_top_k_counts_by_hand():
    table = np.array([[3, 2, 1], [1, 2, 3], [2, 3, 1], [9, 8, 7]])
    assert scores.top_k(table, [0, 0, 0, 2]) == 0.25
    assert scores.top_k(table, [0, 0, 0, 2], 2) == 0.5
    assert scores.top_k(table, [0, 0, 0, 2], 3) == 1


def test_accuracies_keep_groups_apart():
    table = np.eye(4)[[0, 1, 3, 3]]
    groups = np.array(["instrument", "instrument", "style", "style"])
    found = scores.accuracies(table, np.array([0, 1, 2, 3]), groups)
    assert (found["instrument"]["top1"], found["style"]["top1"]) == (1, 0.5)
    assert found["all"]["top1"] == 0.75 and found["all"]["clips"] == 4
    assert found["style"]["error"] == pytest.approx((0.25 / 2) ** 0.5)


@pytest.mark.parametrize("seed", range(30))
def test_shuffled_labels_are_a_derangement(seed):
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(9), random.integers(2, 5, 9))
    random.shuffle(truth)
    shuffled = scores.shuffle_labels(truth, seed)
    assert not (shuffled == truth).any()
    assert sorted(shuffled) == sorted(truth)
    groups = np.where(truth < 5, "instrument", "style")
    within = scores.shuffle_within(truth, groups, seed)
    assert not (within == truth).any() and ((within < 5) == (truth < 5)).all()


def test_one_class_cannot_be_shuffled():
    with pytest.raises(RiffeduError, match="one class"):
        scores.shuffle_labels(np.zeros(5, int))


def test_confusions_and_weakest():
    heard = np.eye(3)[[0, 1, 1, 1, 2, 0]]
    truth = np.array([0, 0, 0, 1, 2, 2])
    assert scores.confusions(heard, truth, ["a", "b", "c"]) == [("a", "b", 2, 3), ("c", "a", 1, 2)]
    assert scores.weakest(heard, truth, ["a", "b", "c"])[0] == ("a", 1, 3)


# ------------------------------------------------------------------------------ the ear


def test_labels_of_metadata():
    assert [label_of(META | kind) for kind in KINDS] == [
        ("instrument", "piano"),
        ("instrument", "violin"),
        ("style", "techno"),
        ("style", "rock"),
        None,
    ]


def test_thumbnail_is_the_mean_of_tiles():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 512, 512)).astype(np.uint8)
    small = thumbnail(pixels)
    assert small.shape == (2, 128, 128)
    assert abs(int(small[1, 5, 7]) - pixels[1, 20:24, 28:32].mean()) <= 0.5
    with pytest.raises(RiffeduError, match="512 × 512"):
        thumbnail(pixels[:, :, :300])


def test_ear_learns_and_says_so(ear):
    _, epoch = ear
    assert epoch.best >= 0.9
    assert epoch.classifier.story["training_pictures"] == 64  # pairs have no label


def test_saved_ear_hears_the_same(ear, data, tmp_path):
    from riffedu.evaluate.train_classifier import load_thumbnails

    folder, epoch = ear
    pictures, labels = load_thumbnails(data, "test", progress=False)
    loaded = load_classifier(folder)
    before, after = epoch.classifier.listen(pictures)[0], loaded.listen(pictures)[0]
    assert np.abs(before - after).max() < 0.05  # half-precision weights
    assert scores.top_k(after, loaded.numbers(labels)) >= 0.9
    assert loaded.fingerprint() == epoch.classifier.fingerprint()
    assert (folder / "classifier.safetensors").stat().st_size < 2_000_000
    with pytest.raises(RiffeduError, match="does not know the instrument 'kazoo'"):
        loaded.numbers([("instrument", "kazoo")])


def test_shipped_ear_is_small_and_complete():
    from riffedu.evaluate import shipped_classifier

    folder = shipped_classifier()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    shipped = load_classifier(folder)
    groups = [group for group, _ in shipped.classes]
    assert (groups.count("instrument"), groups.count("style")) == (44, 17)
    assert shipped.story["validation_accuracy"] > 0.9
    loud, silent = np.zeros((1, 128, 128), np.uint8), np.full((1, 128, 128), 255, np.uint8)
    heard, embeddings = shipped.listen(np.concatenate([loud, silent]))
    assert heard.shape == (2, 61) and embeddings.shape == (2, 64)
    assert np.isfinite(heard).all() and np.abs(heard[0] - heard[1]).max() > 0.1


def test_training_repeats(data, monkeypatch):
    from riffedu.evaluate import train_classifier as learn

    monkeypatch.setattr(learn, "BATCH", 32)
    first, again = (next(learn.learn(data, 1, 3, progress=False)) for _ in range(2))
    assert first.loss == again.loss
    assert first.classifier.fingerprint() == again.classifier.fingerprint()


def test_roughen_keeps_half_and_stays_in_range():
    import torch

    from riffedu.evaluate.train_classifier import roughen

    loud = torch.rand(6, 1, 128, 128)
    rough = roughen(loud, np.random.default_rng(0))
    assert rough.shape == (6, 1, 128, 64)
    assert 0 <= rough.min() and rough.max() <= 1 and not torch.equal(rough, loud[..., :64])


@pytest.mark.parametrize("damage", ["missing", "json", "weights"])
def test_damaged_ear_gives_one_line(ear, tmp_path, damage):
    for name in ("classifier.json", "classifier.safetensors"):
        (tmp_path / name).write_bytes((ear[0] / name).read_bytes())
    if damage == "missing":
        (tmp_path / "classifier.json").unlink()
    else:
        name = "classifier.json" if damage == "json" else "classifier.safetensors"
        (tmp_path / name).write_bytes(b"{")
    with pytest.raises(
        RiffeduError, match="needs" if damage == "missing" else "a new classifier will be trained"
    ):
        load_classifier(tmp_path)


# ------------------------------------------------------------------------------ clips


def test_requests_ask_for_each_class_equally_in_held_out_words(data):
    from riffedu.training.captions import caption
    from riffedu.training.dataset import PictureDataset

    pictures = PictureDataset(data, "test")
    labels = [("instrument", "piano"), ("style", "techno")]
    asked = clips.held_out_requests(pictures, labels, 5, seed=3)
    assert [r.label for r in asked] == [labels[0]] * 5 + [labels[1]] * 5
    assert all(r.label[1] in r.prompt for r in asked)
    assert len({r.seed for r in asked}) == 10 and len({r.prompt for r in asked[:5]}) == 5
    random = np.random.default_rng(0)
    known = {caption(metadata, random) for metadata in pictures.metadata for _ in range(60)}
    assert not known & {r.prompt for r in asked}
    with pytest.raises(RiffeduError, match="no test clip of the instrument 'kazoo'"):
        clips.held_out_requests(pictures, [("instrument", "kazoo")], 1)


def test_shelf_makes_only_what_is_missing(tmp_path):
    shelf = clips.Shelf(tmp_path / "shelf")
    calls = []

    def make(numbers):
        calls.append(list(numbers))
        if 4 in numbers:
            raise KeyboardInterrupt
        return [np.full((512, 512), 10 * n, np.uint8) for n in numbers]

    with pytest.raises(KeyboardInterrupt):
        shelf.get(list("abcde"), make, 2, "", progress=False)
    assert calls == [[0, 1], [2, 3], [4]]
    calls.clear()
    got = shelf.get(list("abcd"), make, 2, "", progress=False)
    assert not calls and got[:, 0, 0].tolist() == [0, 10, 20, 30]


# ------------------------------------------------------------------------------ the whole road


def perfect(random):
    """A stand-in for `clips.generated`: pictures of just what was asked for."""
    order = ["piano", "violin", "techno", "rock"]

    def made(pipeline, model, requests, *rest):
        return np.stack([thumbnail(draw(order.index(r.label[1]), random)) for r in requests])

    return made


def test_table_tells_good_from_bad(ear, data, ours, tmp_path, monkeypatch):  # noqa: F811
    """A perfect generator reaches the ceiling, its shuffled prompts nothing."""
    from riffedu.evaluate import evaluate
    from riffedu.music.pipeline import load_pipeline

    random = np.random.default_rng(5)
    monkeypatch.setattr(clips, "generated", perfect(random))
    monkeypatch.setattr(clips, "through_codec", lambda pipeline, pixels: pixels)
    found = evaluate(
        load_classifier(ear[0]),
        data,
        load_pipeline(ours),
        per_class=3,
        shelf=tmp_path,
        progress=False,
    )
    accuracy = {key: table["all"]["top1"] for key, table in found["accuracy"].items()}
    assert accuracy["ceiling"] >= 0.9 and accuracy["generated"] >= 0.9
    assert accuracy["floor"] <= 0.1
    assert found["share_of_ceiling"]["all"] == pytest.approx(
        accuracy["generated"] / accuracy["ceiling"]
    )
    assert found["frechet"]["clips"] == 12
    text = report.to_markdown(found)
    assert "(c) the same clips" in text and "| chance" in text and found["model_hash"] in text


@pytest.mark.filterwarnings("ignore:the prompt is longer")
def test_shell_on_a_tiny_model(ear, data, ours, tmp_path, monkeypatch, capsys):  # noqa: F811
    from riffedu.cli import main
    from riffedu.music.pipeline import Pipeline

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        reconstruct, "image_to_audio", partial(reconstruct.image_to_audio, n_iter=1)
    )
    model = shutil.copytree(ours, tmp_path / "model")
    card = model / "README.md"
    card.write_text("# Card\n\n<!-- evaluation -->\nold\n<!-- /evaluation -->\n\nEnd.\n")
    command = [
        "evaluate",
        "--model",
        str(model),
        "--data",
        str(data),
        "--classifier",
        str(ear[0]),
        "--per-class",
        "1",
        "--steps",
        "2",
        "--guidance",
        "2",
    ]
    assert main([*command, "-o", "table.json", "--card"]) == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "table.json").read_text())
    assert set(found["accuracy"]) == {"renders", "ceiling", "generated", "floor"}
    assert (found["steps"], found["guidance"], found["frechet"]["clips"]) == (2, 2.0, 4)
    assert len(found["prompts"]) == 4
    text = card.read_text()
    assert out in text and "old" not in text
    assert text.startswith("# Card\n") and text.endswith("\n\nEnd.\n")

    monkeypatch.setattr(Pipeline, "generate", None)  # every clip is on the shelf by now
    assert main([*command, "-o", "table.md"]) == 0
    assert (tmp_path / "table.md").read_text() == capsys.readouterr().out == out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--data", "nowhere", "--until", "renders"], "no test pictures in nowhere"),
        (["--model", "nowhere"], "no checkpoint 'nowhere'"),
        (["--per-class", "0"], "1 or more"),
        (["--until", "renders", "-o", "table.txt"], ".md or .json"),
        (["--until", "renders", "-o", "no/such/table.md"], "cannot be written"),
        (["--until", "renders", "--card"], "whole table"),
    ],
)
def test_bad_input_gives_one_line(ear, arguments, told, tmp_path, monkeypatch, capsys):
    from riffedu.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--classifier", str(ear[0]), *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["# Card", "<!-- /evaluation --> <!-- evaluation -->"])
def test_card_without_its_markers_is_refused(text, tmp_path):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(RiffeduError, match="<!-- evaluation -->"):
        report.check_card(tmp_path)


def test_sheet_sets_generated_beside_real(data, ours, tmp_path, monkeypatch):  # noqa: F811
    from PIL import Image

    from riffedu.evaluate import sheet
    from riffedu.music.pipeline import load_pipeline
    from riffedu.training.dataset import PictureDataset

    pictures = PictureDataset(data, "test")
    monkeypatch.setattr(sheet, "SIXTEEN", (("piano", "piano", "solo"), ("rock", "rock", "band")))
    path = sheet.draw_sheet(
        load_pipeline(ours), pictures, tmp_path / "new" / "sheet.png", side=64, progress=False
    )
    drawn = np.asarray(Image.open(path).convert("L"), dtype=float)
    real = Image.fromarray(pictures[sheet.find_render(pictures, "rock", "band")][0])
    real = np.asarray(real.resize((64, 64), Image.Resampling.BOX), dtype=float)
    left = 2 * 64 + 14 + 64 + 2
    assert np.abs(drawn[24:88, left : left + 64] - real).mean() < 10
    with pytest.raises(RiffeduError, match="tuba"):
        sheet.find_render(pictures, "tuba", "solo")
