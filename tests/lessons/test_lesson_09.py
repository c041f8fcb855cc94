"""Lesson 09: linear codes and their measures, the shipped autoencoder as the lesson describes it,
and the panel's controls at their ends."""

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from riffedu import audio_to_image, load_pipeline
from riffedu.diffusion import latents
from riffedu.diffusion.noise import array_to_image, image_to_array
from riffedu.errors import RiffeduError
from riffedu.lessons.l09_latents import code_picture, latents_panel
from riffedu.signal.audio import clip
from riffedu.training.linear_start import principal_components
from riffedu.widgets import difference
from tests.ears import heard
from tests.tiny import ours, sd  # noqa: F401


@pytest.fixture(scope="module")
def shipped():
    return load_pipeline()


@pytest.fixture(scope="module")
def tiny(ours):  # noqa: F811
    return load_pipeline(ours)


@pytest.fixture(scope="module")
def theirs(sd):  # noqa: F811
    return load_pipeline(sd)


# Patches and linear codes


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2, 5, 32]))
def test_patches_there_and_back(tall, wide, side):
    x = np.arange(tall * wide * side * side, dtype=float).reshape(tall * side, wide * side)
    cut = latents.patches(x, side)
    assert cut.shape == (tall * wide, side * side)
    assert np.array_equal(cut[-1].reshape(side, side), x[-side:, -side:])
    assert np.array_equal(latents.from_patches(cut, x.shape, side), x)


@pytest.mark.parametrize("shape", [(33, 32), (32, 40), (32,), (0, 32), (1, 32, 32)])
def test_patches_that_do_not_fit(shape):
    with pytest.raises(RiffeduError, match="multiples of 32"):
        latents.patches(np.zeros(shape))


@pytest.mark.parametrize("side", [4, 8, 32])
def test_cosines_are_scipys(side):
    mine = latents.dct_basis(side * side, side)
    assert np.abs(mine @ mine.T - np.eye(side * side)).max() < 1e-10
    one = np.zeros((side, side))
    one[1, 2] = 1
    wave = scipy.fft.idctn(one, norm="ortho").ravel()
    assert np.abs(mine - wave).max(axis=1).min() < 1e-12
    assert np.allclose(mine[0], 1 / side), "the first one is flat"
    assert len(latents.dct_basis(5, side)) == 5


def test_reconstruct_is_the_least_squares_fit():
    random = np.random.default_rng(0)
    x, mean = random.standard_normal((16, 24)), random.standard_normal(64)
    patterns = latents.dct_basis(10, 8)
    back = latents.reconstruct(x, patterns, mean, side=8)
    best, *_ = np.linalg.lstsq(patterns.T, (latents.patches(x, 8) - mean).T, rcond=None)
    assert np.allclose(latents.patches(back, 8), mean + best.T @ patterns)
    assert np.allclose(latents.reconstruct(back, patterns, mean, 8), back), "twice changes nothing"
    assert np.allclose(latents.reconstruct(x, latents.dct_basis(64, 8), mean, 8), x), (
        "all of them: all"
    )


def test_principal_components_leave_the_smallest_error():
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 64)) @ random.standard_normal((64, 64))
    mean, parts, spread = principal_components(torch.from_numpy(x).float(), 6)
    left = x - mean.numpy() - (x - mean.numpy()) @ parts.numpy().T @ parts.numpy()
    singular = np.linalg.svd(x - x.mean(0), compute_uv=False)
    assert (left**2).sum() == pytest.approx((singular[6:] ** 2).sum(), rel=1e-4)
    assert np.allclose(spread.numpy(), singular[:6] / np.sqrt(200), rtol=1e-4)


# Measures


def test_r_squared():
    x = np.random.default_rng(0).standard_normal((3, 8, 8))
    assert latents.r_squared(x, x) == 1
    assert latents.r_squared(x, np.full_like(x, x.mean())) == pytest.approx(0)
    assert latents.r_squared(x, -x) < -2
    assert latents.r_squared(x, x.mean() + 0.5 * (x - x.mean())) == pytest.approx(0.75)
    with pytest.raises(RiffeduError, match="same shape"):
        latents.r_squared(x, x[0])


@pytest.mark.parametrize("axis", [-1, -2])
def test_relative_error_by_octave_finds_the_octave_that_is_missing(axis):
    t = np.arange(64)
    waves = {period: np.cos(2 * np.pi * t / period) for period in (64, 16, 4)}
    x = sum(waves.values()) * np.ones((64, 1))
    y = x - waves[16]
    if axis == -2:
        x, y = x.T, y.T
    periods, shares = latents.relative_error_by_octave(x, y, axis)
    assert periods.tolist() == [64, 32, 16, 8, 4]
    assert shares[2] == pytest.approx(1) and np.allclose(shares[[0, 4]], 0)
    stacked = latents.relative_error_by_octave(np.stack([x, x]), np.stack([y, y]), axis)[1]
    assert np.allclose(stacked[[0, 2, 4]], shares[[0, 2, 4]])


def test_entropy_bits():
    assert latents.entropy_bits(np.zeros(100), 1.0) == 0
    assert latents.entropy_bits(np.arange(256), 1.0) == pytest.approx(8)
    assert latents.entropy_bits(np.arange(256) / 10, 0.1) == pytest.approx(8)
    assert latents.entropy_bits(
        torch.randn(20000, generator=torch.Generator().manual_seed(0)), 0.1
    ) == (pytest.approx(0.5 * np.log2(2 * np.pi * np.e) + np.log2(10), abs=0.05))


def test_multiply_adds_are_those_of_the_textbook():
    conv = torch.nn.Conv2d(3, 8, 5, padding=2)
    assert latents.multiply_adds(conv, torch.zeros(1, 3, 20, 30)) == 3 * 8 * 25 * 20 * 30
    assert latents.multiply_adds(torch.nn.Linear(7, 11), torch.zeros(4, 7)) == 4 * 7 * 11
    assert conv.weight.device.type == "cpu", "the network itself is left alone"


def test_multiply_adds_of_an_input_that_no_memory_holds(tiny):
    unet, words = tiny.checkpoint.unet, tiny.encode_prompt("piano")
    few, many = (
        latents.multiply_adds(
            unet,
            torch.empty(1, 8, size, size, device="meta"),
            torch.tensor(5),
            encoder_hidden_states=words,
        )
        for size in (16, 4096)
    )
    assert many > (4096 / 16) ** 2 * few, "attention makes it worse than the places alone"


# Any autoencoder


@pytest.mark.parametrize("which", ["tiny", "theirs"])
def test_encode_and_decode_array_are_the_pipelines(which, request):
    pipeline = request.getfixturevalue(which)
    vae = pipeline.checkpoint.vae
    image = audio_to_image(*clip("choir")).crop((0, 0, 128, 512))
    z = pipeline.encode_image(image)
    assert torch.allclose(latents.encode_array(vae, image_to_array(image)), z, atol=1e-5)
    drawn = latents.decode_array(vae, z)
    [picture] = pipeline.decode_latents(z)
    pixels = np.asarray(picture, dtype=float)
    inside = ((pixels > 0) & (pixels < 255)).all(-1)  # where nothing was clipped
    seen = pixels.mean(-1) / 127.5 - 1
    assert drawn.shape == (512, 128) and inside.any()
    assert np.abs(drawn - seen)[inside].max() < 0.01


def test_perturb_and_affected_region(theirs):
    vae, z = theirs.checkpoint.vae, torch.randn(1, 4, 8, 8)
    rows, columns = latents.affected_region(latents.perturb(vae, z, 2, 3))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, 64, 0, 64)
    assert not latents.perturb(vae, z, 2, 3, amount=0).any()
    nothing = latents.affected_region(np.zeros((4, 4)))
    assert nothing == (slice(0, 0), slice(0, 0))
    spot = np.zeros((9, 9))
    spot[2:4, 5], spot[8, 0] = 1, 1e-6
    assert latents.affected_region(spot) == (slice(2, 4), slice(5, 6))
    for place in ((8, 0, None), (0, 8, None), (-1, 0, None), (0, 0, 4)):
        with pytest.raises(RiffeduError, match="8 rows, 8 columns and 4 channels"):
            latents.perturb(vae, z, *place)


# What the lesson says of the autoencoder that ships


@pytest.fixture(scope="module")
def tune(shipped):
    return shipped.encode_image(audio_to_image(*clip("tune")))


def test_one_place_reads_one_square_and_draws_most_in_it(shipped, tune):
    vae = shipped.checkpoint.vae
    moved = latents.perturb(vae, tune, 8, 5)
    square = (slice(256, 288), slice(160, 192))
    inside = np.abs(moved[square]).mean()
    rows, columns = latents.affected_region(moved)
    assert rows.start < 256 and columns.stop > 192, "the decoder looks at its neighbours"
    outside = moved.copy()
    outside[square] = 0
    assert inside > 3 * np.abs(outside[224:320, 128:224]).mean()
    x = image_to_array(audio_to_image(*clip("tune")))
    changed = x.copy()
    changed[256:288, 160:192] = 1
    moved = (latents.encode_array(vae, changed) - latents.encode_array(vae, x)).abs().amax((0, 1))
    assert torch.nonzero(moved > 1e-3).tolist() == [[8, 5]]


def test_the_shipped_encoder_is_linear_and_its_decoder_is_not(shipped, tune):
    vae = shipped.checkpoint.vae
    other = shipped.encode_image(audio_to_image(*clip("sustained")))
    pixels = (
        image_to_array(audio_to_image(*clip("tune")))
        + image_to_array(audio_to_image(*clip("sustained")))
    ) / 2
    assert torch.allclose(latents.encode_array(vae, pixels), (tune + other) / 2, atol=1e-3)
    mean = (latents.decode_array(vae, tune) + latents.decode_array(vae, other)) / 2
    apart = np.abs(latents.decode_array(vae, (tune + other) / 2) - mean).max() * 127.5
    assert 2 < apart < 40


def test_the_shipped_decoder_joins_its_squares(shipped, tune):
    """A linear decoder of squares steps 3 to 6 times as much at their borders as elsewhere."""
    steps = np.abs(np.diff(latents.decode_array(shipped.checkpoint.vae, tune), axis=1)).mean(0)
    at_border = np.arange(1, 512) % 32 == 0
    assert steps[at_border].mean() < 1.6 * steps[~at_border].mean()


def test_whole_columns_shift_and_halves_do_not(shipped, tune):
    vae = shipped.checkpoint.vae
    drawn, image = latents.decode_array(vae, tune), audio_to_image(*clip("tune"))
    later = latents.decode_array(vae, torch.roll(tune, 3, 3))
    assert np.abs(later - np.roll(drawn, 96, 1))[:, 288:352].max() < 0.02, "away from the edges"
    shifted = np.roll(image_to_array(image), 16, 1)
    own = latents.decode_array(vae, shipped.encode_image(array_to_image(shifted, image)))
    guess = latents.decode_array(vae, (tune + torch.roll(tune, 1, 3)) / 2)
    assert latents.r_squared(shifted, own) > 0.9 > 0.6 > latents.r_squared(shifted, guess)


def test_it_keeps_nine_tenths_and_one_in_32_of_the_noise(shipped, tune):
    vae, x = shipped.checkpoint.vae, image_to_array(audio_to_image(*clip("tune")))
    assert latents.r_squared(x, latents.decode_array(vae, tune)) > 0.9
    noise = 0.1 * np.random.default_rng(0).standard_normal(x.shape)
    came = latents.decode_array(vae, latents.encode_array(vae, x + noise)) - latents.decode_array(
        vae, tune
    )
    assert came.var() / noise.var() == pytest.approx(1 / 32, rel=0.3)
    white = shipped.encode_image(Image.new("L", (32, 512), 255))
    assert (
        latents.decode_array(vae, white).mean() > 0.95
        and latents.decode_array(vae, 0 * white).mean() < 0.6
    )


# Drawings


def test_code_picture_and_difference():
    flat, stripes = np.ones((32, 32)), np.tile(np.repeat([1.0, -1.0], 4), (32, 4))
    drawn = code_picture([flat, stripes], "Patterns")
    assert "2 squares" in drawn.alt and "first changes its sign 0 times" in drawn.alt
    assert "the last 7 times" in drawn.alt and drawn.png[1:4] == b"PNG"
    assert len(code_picture(np.zeros((20, 8, 8))).png) > 500
    before, after = np.zeros((10, 10)), np.zeros((10, 10))
    after[:5, :2] = 0.5
    told = difference(before, after).alt
    assert "10.0% of all pixels changed" in told and "64 greys" in told
    assert "0.0% of all" in difference(before, before).alt


# The panel


@pytest.fixture
def panel(tiny):
    sounds = {name: clip(name) for name in ("tune", "percussion", "drum_hit")}
    return latents_panel(tiny, sounds, duration=0.64)


def test_panel_at_the_start(panel, tiny):
    assert bytes(panel.figure.widget.value)[1:4] == b"PNG" and "100% tune" in panel.facts.value
    for control in (
        panel.first,
        panel.second,
        panel.mix,
        panel.channel,
        panel.amount,
        panel.where,
        panel.row,
        panel.column,
        panel.undo_button,
        panel.shown,
        panel.listen_button,
    ):
        assert control.description
    assert panel.channel.max == 7 and panel.row.max == 15 and panel.column.max == 1
    image, z = panel.source("tune")
    assert image.size == (64, 512) and torch.equal(panel.latents(), z)
    assert panel.source("tune") is panel.source("tune"), "encoded once"
    [drawn] = tiny.decode_latents(z, 64)
    assert np.array_equal(np.asarray(panel.pictures()["latents"]), np.asarray(drawn))


def test_mix_at_its_ends(panel):
    one, two = panel.source("tune"), panel.source("percussion")
    panel.mix.value = 1
    assert torch.allclose(panel.latents(), two[1], atol=1e-6)
    assert "100% percussion" in panel.facts.value
    assert np.array_equal(np.asarray(panel.pictures()["pixels"]), np.asarray(two[0]))
    panel.mix.value = 0.5
    assert torch.allclose(panel.latents(), (one[1] + two[1]) / 2, atol=1e-6)
    mean = (image_to_array(one[0]) + image_to_array(two[0])) / 2
    assert np.abs(image_to_array(panel.pictures()["pixels"]) - mean).max() < 0.01
    shown = panel._images["pixels"].get_array()
    assert np.array_equal(shown, np.asarray(panel.pictures()["pixels"].convert("L")))
    panel.second.value = "tune"
    assert torch.allclose(panel.latents(), one[1], atol=1e-6)


def test_a_short_sound_cuts_both(panel):
    panel.first.value, panel.mix.value = "drum_hit", 0.5
    width = panel.source("drum_hit")[0].width
    assert width < 64 and panel.latents().shape[3] == 2
    assert {image.width for image in panel.pictures().values()} == {width}
    assert panel.figure.axes[0].get_xlim() == pytest.approx((0, width / 100))
    panel.amount.value = 5
    panel.column.value = panel.column.max
    assert "Channel 0 +5" in panel.facts.value


@pytest.mark.parametrize(
    ("where", "count"), [("place", 1), ("column", 16), ("row", 2), ("everywhere", 32)]
)
def test_every_place(panel, where, count):
    panel.where.value = where
    before = panel.figure.widget.value
    for amount in (panel.amount.min, panel.amount.max):
        panel.amount.value = amount
        change = panel.latents() - panel.source("tune")[1]
        assert (change != 0).sum() == count and change.sum() == pytest.approx(amount * count)
    assert panel.figure.widget.value != before and "Channel 0 +10" in panel.figure.alt
    assert panel.row.disabled == (where in ("column", "everywhere"))
    assert panel.column.disabled == (where in ("row", "everywhere"))
    panel.undo_button.click()
    assert panel.amount.value == 0 and torch.equal(panel.latents(), panel.source("tune")[1])


def test_row_column_and_channel_at_their_ends(panel):
    panel.amount.value = 2
    for row, column, channel in ((0, 0, 0), (15, 1, 7)):
        panel.row.value, panel.column.value, panel.channel.value = row, column, channel
        change = panel.latents() - panel.source("tune")[1]
        assert torch.nonzero(change).tolist() == [[0, channel, 15 - row, column]]
        assert f"Channel {channel} +2: row {row}, column {column}" in panel.facts.value


def test_listen(panel, tiny):
    panel.mix.value = 0.5
    for kind in ("latents", "pixels"):
        panel.shown.value = kind
        assert panel.heard.player is None
        panel.listen_button.click()
        sound, rate = heard(panel.heard.widget)
        want = tiny.play_picture(panel.pictures()[kind], {})
        assert rate == 44100 and np.abs(sound - want.waveform).max() < 1e-3
        assert f"mixed in {kind}" in panel.heard.player.label
    panel.mix.value = 0.4
    assert panel.heard.player is None and not panel.heard.widget.sound


def test_panel_for_other_checkpoints_and_no_sounds(theirs):
    panel = latents_panel(theirs, {"choir": clip("choir")}, duration=0.64)
    assert panel.channel.max == 3 and panel.row.max == 63 and panel.second.value == "choir"
    panel.amount.value = 1
    assert "Channel 0 +1" in panel.facts.value
    assert list(latents_panel.__globals__["CLIPS"])[0] == "tune"
    with pytest.raises(RiffeduError, match="no sound to choose"):
        latents_panel.__globals__["LatentsPanel"](theirs, {})
