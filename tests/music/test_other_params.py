"""Editing, continuing, looping and interpolating with 5 ms columns and 256 rows: right times."""

import numpy as np
import pytest
from PIL import Image
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.errors import RiffeduError
from riffedu.music import continuation, edit, interpolate, looping, masks, pulse, stream
from riffedu.music.instrument import PULSES, Instrument, PieceSettings
from riffedu.music.pipeline import Pipeline
from riffedu.music.riffuse import riffuse
from riffedu.signal.image import tags_of
from riffedu.signal.params import SpectrogramParams

PARAMS = SpectrogramParams(step_size_ms=5, num_frequencies=256)
STEP = PARAMS.column_ms / 1000
RATE = 44100
FEW = {"num_inference_steps": 2, "guidance_scale": 2.0}
QUIET = {"progress": False, **FEW}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def fine(ours):
    """A pipeline whose pictures have twice the columns and half the rows of Riffusion's."""
    return Pipeline(load_checkpoint(ours), PARAMS)


def beats(seconds: float, every: float, hertz: float = 440.0) -> np.ndarray:
    """A decaying tone every ``every`` seconds."""
    since = np.arange(round(RATE * seconds)) / RATE % every
    return (0.3 * np.sin(2 * np.pi * hertz * since) * np.exp(-since / 0.05)).astype(np.float32)


def check(result, seconds: float) -> None:
    """Check a result of ``seconds``, to a column."""
    assert result.sample_rate == RATE
    assert abs(result.image.width - seconds / STEP) <= 1 and result.image.height == 256
    tags = SpectrogramParams.from_exif(tags_of(result.image))
    assert tags.step_size_ms == 5 and tags.num_frequencies == 256
    assert len(result.waveform) == result.image.width * PARAMS.hop_length
    assert len(result.waveform) / RATE == pytest.approx(seconds, abs=STEP)


# --- pictures and masks -------------------------------------------------------------------------


def test_the_picture_of_a_clip_has_a_column_every_5_ms(fine):
    picture, _ = edit.picture_and_level(fine, (beats(1.0, 0.5), RATE))
    assert abs(picture.width - 1.0 / STEP) <= 1 and picture.height == 256
    loud = (255 - np.asarray(picture.convert("L"), np.float32)).sum(axis=0)
    onset = np.diff(loud)[60:].argmax() + 60
    assert onset * STEP == pytest.approx(0.5, abs=0.06)  # half a window early: frames are centred


def test_masks_are_bounded_in_seconds_and_hertz():
    mask = masks.region((256, 400), PARAMS, after=0.5, before=1.5)
    columns = np.flatnonzero(mask.any(axis=0))
    assert columns[0] * STEP == pytest.approx(0.5, abs=STEP)
    assert (columns[-1] + 1) * STEP == pytest.approx(1.5, abs=STEP)
    low = masks.named_region("bass", (256, 400), PARAMS)
    usual = masks.named_region("bass", (512, 400), SpectrogramParams())
    assert low.any(axis=1).sum() == pytest.approx(usual.any(axis=1).sum() / 2, abs=1)
    assert masks.latent_mask(mask, 32).shape == (1, 1, 8, 13)


# --- edit ---------------------------------------------------------------------------------------


def test_transform_keeps_the_length_and_what_the_mask_keeps(fine):
    clip = beats(1.6, 0.4), RATE
    check(edit.transform(fine, clip, "organ", 0.5, **QUIET), 1.6)
    kept = edit.transform(fine, clip, "organ", 1.0, {"after": 0.8}, **QUIET)
    check(kept, 1.6)
    plain = edit.transform(fine, clip, "organ", 0.0, **QUIET)
    one, other = (np.asarray(r.image.convert("L"), np.float32) for r in (kept, plain))
    first = round(0.48 / STEP)  # the decoder sees 0.3 s past the border of the mask
    assert np.abs(one[:, :first] - other[:, :first]).mean() < np.abs(one - other)[:, 200:].mean()


def test_variations(fine):
    for each in edit.variations(fine, (beats(0.8, 0.4), RATE), 2, **QUIET):
        check(each, 0.8)


# --- continuation -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [5, 10, 20])
@pytest.mark.parametrize("every", [1.2, 1.5])
def test_the_period_of_a_beat_is_found_at_every_step(step, every):
    rows, columns = 256, round(6000 / step)
    drawn = pulse.pulse(rows, columns, round(6 / every), step)
    columns_between = continuation.period(np.asarray(drawn.convert("L")), step)
    ratio = columns_between * step / 1000 / every
    assert ratio == pytest.approx(round(ratio), abs=0.02) and round(ratio) >= 1


def test_a_picture_of_under_two_seconds_repeats_as_a_whole():
    picture = np.random.default_rng(0).integers(0, 255, (256, 399), dtype=np.uint8)
    assert continuation.period(picture, 5) == 399
    assert continuation.period(picture, 10) < 399


def test_repeats_follow_after_the_period():
    drawn = pulse.pulse(256, 800, 4, 5)  # a beat a second for four seconds
    canvas = np.asarray(continuation.repeated(drawn, 1300, 5).convert("L"), np.float32)
    lag = continuation.period(np.asarray(drawn.convert("L")), 5)
    assert lag % 200 == 0
    assert np.array_equal(canvas[:, 800:1300], canvas[:, 800 - lag : 1300 - lag])


def test_extend(fine):
    clip = beats(2.4, 0.6), RATE
    check(continuation.extend(fine, clip, "drums", 4.0, **QUIET), 4.0)
    with pytest.raises(RiffeduError, match=r"already lasts 2\.4"):
        continuation.extend(fine, clip, "drums", 2.0, **QUIET)
    with pytest.raises(RiffeduError, match=r"at least 0\.16\d* s|at least 0\.159\d* s"):
        continuation.extend(fine, (beats(0.1, 0.6), RATE), "drums", 2.0, **QUIET)


# --- looping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [5, 10])
def test_a_pulse_beats_in_time(step):
    drawn = 255 - np.asarray(pulse.pulse(256, round(4000 / step), 8, step).convert("L"), np.float32)
    level = drawn.sum(axis=0)
    strokes = np.flatnonzero(np.diff(level, prepend=0) > 0.3 * level.max())
    assert np.allclose(strokes * step / 1000, np.arange(8) * 0.5)
    tail = level[round(80 / step)] - level.min(), level[0] - level.min()
    assert tail[0] / tail[1] == pytest.approx(np.exp(-1), abs=0.05)  # falls to 1/e in 80 ms


def test_a_loop_has_its_length_and_room_round_it(fine):
    loop = looping.loop(fine, "techno", 120.0, 4, **QUIET)
    assert len(loop.waveform) == 2 * RATE and loop.image.size == (401, 256)
    assert looping.roll_columns(SpectrogramParams()) * 0.01 == 0.16
    assert looping.roll_columns(PARAMS) * STEP == pytest.approx(0.16, abs=STEP)
    with pytest.raises(RiffeduError, match=r"shorter than 0\.16 s"):
        looping.loop(fine, "techno", 1000.0, 1, **QUIET)


# --- interpolate, stream, riffuse ---------------------------------------------------------------


def test_morph(fine):
    one, other = (beats(1.6, 0.4), RATE), (beats(1.6, 0.8, 660.0), RATE)
    options = {"progress": False, "num_inference_steps": 2}
    for each in interpolate.morph(fine, one, other, [0.0, 0.5], **options):
        check(each, 1.6)
    with pytest.raises(RiffeduError, match=r"last 1\.60\d* s and 0\.80\d* s"):
        interpolate.morph(fine, one, (other[0][: round(0.8 * RATE)], RATE), 0.5, **options)


def test_pieces_of_a_stream_have_their_length(fine):
    [piece] = [p for p, _ in zip(stream.endless(fine, "piano", **FEW), range(1))]
    whole = fine.window * 32 * STEP  # 2.56 s, of which a quarter is shared with the next piece
    assert piece.seconds == pytest.approx(0.75 * whole, abs=1e-9)
    assert piece.image.size == (fine.window * 32, 256)
    assert len(piece.after) == round(stream.AFTER * RATE)
    assert 0 < piece.period <= whole
    way = list(stream.interpolate_prompts(fine, ["piano", "organ"], 1, **FEW))
    joined = stream.join(fine, way)
    assert len(joined.waveform) == sum(len(p.waveform) for p in way)
    assert joined.image.width * PARAMS.hop_length == len(joined.waveform)


@pytest.mark.parametrize("name", sorted(PULSES))
def test_pulses_of_the_instrument_keep_their_tempo(fine, name):
    turn = Instrument(fine)._turn(name).shape[1] * STEP
    beat = 60 / PULSES[name]
    assert turn / beat == pytest.approx(round(turn / beat), rel=1e-3)


def test_the_instrument_takes_a_sound_along(fine):
    instrument = Instrument(fine)
    instrument.add_sound(beats(3.0, 0.75), RATE, "mine")
    turn = instrument._pictures["mine"].shape[1] * STEP
    assert turn / 0.75 == pytest.approx(round(turn / 0.75), abs=0.05)
    piece = instrument.next(PieceSettings(seed_sound="pulse 120", **FEW))
    assert piece.image.size == (fine.window * 32, 256)


def test_riffuse(fine):
    image = pulse.pulse(256, 512, 4, 5)
    assert isinstance(image, Image.Image)
    ends = [{"prompt": "piano", "seed": 1}, {"prompt": "organ", "seed": 2}]
    check(riffuse(fine, *ends, 0.5, image, num_inference_steps=2), 512 * STEP)
