"""What drew a place of a picture: words, step, latents; and of a piece of the instrument."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu import load_pipeline
from riffedu.app.model_server import ModelServer, SessionListener, connect
from riffedu.diffusion.attention import AttentionRecord
from riffedu.errors import RiffeduError
from riffedu.music import instrument as instrument_module
from riffedu.music.instrument import Instrument, PieceSettings
from riffedu.music.xray import SETTLED, Watch, XRay, watching, words_of

FOUR = ("calm piano", "rock drums", "slow violin", "the band")
FEW = dict(num_inference_steps=3, guidance_scale=2.0)


@pytest.fixture(scope="module")
def small(ours):  # noqa: F811
    return load_pipeline(ours)


def watched(pipeline, prompt):
    words = words_of(pipeline.checkpoint.tokenizer, [prompt])
    with watching(pipeline.checkpoint.unet) as watch:
        for step in pipeline.denoise(pipeline.initial_noise(0), [prompt], None, 5, 2.0):
            watch(step)
    return XRay(watch, words), step


def test_a_place_names_its_words_its_step_and_its_latents(small):
    xray, last = watched(small, "a calm piano, the piano")
    height, width = last.latents.shape[-2:]
    place = xray.at(0.0, 1.0)
    assert (place.row, place.column, place.shape) == (0, width - 1, (height, width))
    assert {word for word, _ in place.words} == {"a", "calm", "piano", "the"}
    assert sum(share for _, share in place.words) + place.other == pytest.approx(1)
    assert place.words == sorted(place.words, key=lambda pair: -pair[1])
    cell = last.x0[0, :, 0, width - 1]
    channel, value = place.channels[0]
    assert value == pytest.approx(float(cell[channel])) and abs(value) == float(cell.abs().max())
    assert xray.at(0.99, 0.0).row == height - 1


def test_settled_is_the_step_from_which_a_prediction_stays():
    """A prediction that comes close, leaves again and comes back has settled only then."""
    way = torch.tensor([0.0, 0.95, 2.0, 1.05, 1.0])  # of one cell with one channel
    watch = Watch(AttentionRecord(), torch.ones(1, 1, 1), [x.reshape(1, 1, 1) for x in way])
    assert XRay(watch, []).at(0, 0).step == 4
    still = Watch(AttentionRecord(), torch.ones(1, 1, 1), [torch.ones(1, 1, 1)] * 3)
    assert XRay(still, []).at(0, 0).step == 1
    assert abs(0.95 - 1) <= SETTLED < abs(2.0 - 1)


def test_nothing_watched(small):
    with pytest.raises(RiffeduError, match="no step was watched"):
        XRay(Watch(AttentionRecord()), [])
    with pytest.raises(RiffeduError, match="->"):
        words_of(small.checkpoint.tokenizer, ["piano:0 -> drums:2"])


def test_shares_weigh_the_words_of_a_mixture(small):
    tokenizer = small.checkpoint.tokenizer
    words = words_of(tokenizer, FOUR, (0.5, 0.5, 0.0, 0.0))
    assert [(word, share) for word, _, share in words[:4]] == [
        ("calm", 0.5),
        ("piano", 0.5),
        ("rock", 0.5),
        ("drums", 0.5),
    ]
    assert words[0][1] == words[2][1], "words at the same position share its attention"


def test_a_piece_is_made_again_as_it_was(small):
    instrument = Instrument(small)
    for place in ((0.0, 0.0), (1.0, 0.5), (0.25, 0.75)):
        instrument.next(PieceSettings(FOUR, place, seed=3, seed_sound="pulse 120", **FEW))
    latents = instrument.stream._latents
    assert torch.equal(instrument.stream.again(), latents)
    found = instrument.xray(2, 10, 300)
    xray = instrument._seen[1]
    kept = instrument.stream.shared
    assert torch.allclose(xray.latents[..., kept:], latents[0, ..., kept:], atol=1e-3)
    assert found.row == 0 and found.column == 300 // small.checkpoint.compression
    assert {word for word, share in found.words if share > 0} <= set(" ".join(FOUR).split())
    first = instrument.xray(0, 10, 0)
    assert {word for word, share in first.words if share > 0} <= {"calm", "piano"}


def test_the_first_part_of_a_piece_was_drawn_with_the_one_before(small):
    instrument = Instrument(small)
    for _ in range(2):
        instrument.next(PieceSettings(FOUR, **FEW))
    own = small.window - instrument.stream.shared
    factor = small.checkpoint.compression
    before = instrument.xray(0, 10, (own + 0.5) * factor)
    assert instrument.xray(1, 10, 0.5 * factor) == replace(before, column=0)
    assert instrument.xray(1, 10, instrument.stream.shared * factor).words != before.words


@pytest.mark.parametrize(
    "asked, words",
    [
        ((5, 0, 300), "too long ago"),
        ((0, -1, 300), "row"),
        ((0, 0, 9999), "column"),
        ((0, float("nan"), 300), "NaN"),
    ],
)
def test_places_that_cannot_be_looked_into(small, asked, words):
    instrument = Instrument(small)
    for _ in range(2):
        instrument.next(PieceSettings(FOUR, num_inference_steps=1, guidance_scale=1.0))
    with pytest.raises(RiffeduError, match=words):
        instrument.xray(*asked)


def test_only_the_last_pieces_are_kept(small, monkeypatch):
    monkeypatch.setattr(instrument_module, "XRAYS", 2)
    instrument = Instrument(small)
    for _ in range(3):
        instrument.next(PieceSettings(FOUR, num_inference_steps=1, guidance_scale=1.0))
    assert sorted(instrument._made) == [1, 2]
    instrument.restart()
    with pytest.raises(RiffeduError, match="too long ago"):
        instrument.xray(2, 0, 300)


def test_a_page_in_another_process_sees_the_same(small):
    server = SessionListener(ModelServer(small), b"a key")
    try:
        session = connect(server.port, b"a key").session()
        session.next(PieceSettings(FOUR, **FEW))
        here = Instrument(small)
        here.next(PieceSettings(FOUR, **FEW))
        there = session.xray(0, 100, 300)
        assert there["words"] == here.xray(0, 100, 300).words
        assert np.isfinite([value for _, value in there["channels"]]).all()
        session.close()
    finally:
        server.close()
