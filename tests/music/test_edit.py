"""Editing on a tiny random model: kept parts stay, the rest changes, lengths are right."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import load_pipeline
from riffedu.diffusion import samplers, schedule, windows
from riffedu.errors import RiffeduError
from riffedu.music import continuation, edit, looping, masks, pulse
from riffedu.signal import audio, synth
from riffedu.signal.params import SpectrogramParams

RATE = 44100
FEW = {"num_inference_steps": 3, "guidance_scale": 2.0}
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROLL = looping.roll_columns(SpectrogramParams())


@pytest.fixture(scope="module")
def small(ours):
    return load_pipeline(ours)


def tone(seconds=0.8, hertz=440.0, level=0.1):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(RATE * seconds)) / RATE)).astype(
        "f4"
    )


def pixels(result):
    return np.asarray(result.image.convert("L"), dtype=np.float32)


# --- the parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strength, left", [(0, 0), (0.3, 3), (0.5, 5), (1, 10)])
def test_strength_is_the_share_of_the_way(strength, left):
    levels = schedule.noise_levels(np.linspace(0.99, 0.01, 1000), schedule.timesteps(10))
    part = edit.from_strength(levels, strength)
    assert len(part) == left + 1 and part == levels[10 - left :]


def test_what_is_kept_comes_out_as_it_was():
    levels = schedule.noise_levels(np.linspace(0.99, 0.01, 1000), schedule.timesteps(8))
    known, noise = torch.randn(2, 1, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., 3:] = 1
    rule = edit.keeping(samplers.ddim, known, noise, mask)
    *_, last = samplers.sample(lambda x, t: torch.sin(x), noise, levels, rule, "epsilon")
    assert torch.equal(last.latents[..., :3], known[..., :3])
    assert (last.latents[..., 3:] - known[..., 3:]).abs().min() > 1e-3


def inpainting(resamplings, calls=None):
    levels = schedule.noise_levels(np.linspace(0.99, 0.01, 1000), schedule.timesteps(6))
    known, start = torch.randn(2, 1, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., 3:] = 1

    def predict(x, t):
        if calls is not None:
            calls.append(t)
        return torch.sin(x)

    run = edit.repaint(predict, start, levels, known, mask, resamplings, seed=3)
    return list(run), levels, known, start, mask


def test_repaint_without_resampling_is_plain_replacement():
    steps, levels, known, start, mask = inpainting(0)
    noise = torch.randn(known.shape, generator=torch.Generator().manual_seed(3))
    rule = edit.keeping(samplers.ddim, known, noise, mask)
    plain = list(samplers.sample(lambda x, t: torch.sin(x), start, levels, rule))
    assert len(steps) == len(plain) == 6
    for one, other in zip(steps, plain):
        assert (one.step, one.total, one.level) == (other.step, other.total, other.level)
        assert torch.allclose(one.latents, other.latents, atol=1e-6)


@pytest.mark.parametrize("resamplings", [1, 4])
def test_repaint_goes_back_up_and_keeps_what_is_known(resamplings):
    calls = []
    steps, _, known, *_ = inpainting(resamplings, calls)
    assert len(calls) == 6 * (resamplings + 1)
    assert torch.equal(steps[-1].latents[..., :3], known[..., :3])
    once = inpainting(0)[0][-1].latents
    assert (steps[-1].latents[..., 3:] - once[..., 3:]).abs().max() > 1e-3
    again = inpainting(resamplings)[0][-1].latents
    assert torch.equal(steps[-1].latents, again), "the same seed, the same result"


def test_going_back_up_gives_the_noise_of_the_level():
    """With a network that knows the picture, every state has its level's mixture."""
    levels = schedule.noise_levels(np.linspace(0.99, 0.01, 1000), schedule.timesteps(8))
    clean = torch.full((1, 1, 64, 64), 0.7)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    start = levels[0].signal * clean + levels[0].deviation * noise
    seen = {}

    def predict(x, t):
        seen.setdefault(t, []).append(x)
        return clean

    mask = torch.ones(1, 1, 64, 64)
    list(edit.repaint(predict, start, levels, clean, mask, 3, "sample"))
    for level in levels[:-1]:
        for x in seen[level.timestep]:
            assert float(x.mean()) == pytest.approx(0.7 * level.signal, abs=0.05)
            assert float(x.std()) == pytest.approx(level.deviation, abs=0.05)


def test_repaint_refuses_a_negative_number():
    with pytest.raises(RiffeduError, match="resamplings"):
        inpainting(-1)


@pytest.mark.parametrize(
    "total, overlap, circular",
    [
        (16, 4, False),
        (17, 4, False),
        (40, 4, False),
        (40, 0, False),
        (33, 15, False),
        (16, 8, True),
        (13, 8, True),
        (40, 8, True),
        (5, 4, True),
    ],
)
def test_windows_cover_everything_and_agree_with_a_network_that_sees_one_column(
    total, overlap, circular
):
    widths = []

    def predict(x, timestep):
        widths.append(x.shape[-1])
        return torch.sin(x) * timestep

    x = torch.randn(2, 3, 4, total, generator=torch.Generator().manual_seed(1))
    found = windows.windowed(predict, 16, overlap, circular)(x, 0.5)
    assert (found - torch.sin(x) * 0.5).abs().max() < 1e-6
    assert set(widths) == {16}


def test_a_narrow_sound_goes_through_as_it_is():
    seen = []
    windows.windowed(lambda x, t: seen.append(x.shape) or x, 16, 4)(torch.zeros(1, 2, 3, 7), 1.0)
    assert seen == [(1, 2, 3, 7)]


def test_on_a_circle_the_edges_of_windows_leave_no_mark():
    """A network that spoils its edges: on a line the ends stay spoilt, on a circle nothing does."""

    def predict(x, timestep):
        out = torch.ones_like(x)
        out[..., 0] = out[..., -1] = 0
        return out

    x = torch.zeros(1, 1, 1, 32)
    line = windows.windowed(predict, 16, 8)(x, 0.0)[0, 0, 0]
    circle = windows.windowed(predict, 16, 12, circular=True)(x, 0.0)[0, 0, 0]
    assert line[0] == 0 and line[-1] == 0 and line[8:24].min() > 0.4
    assert circle.min() > 0.8


def test_regions_are_in_seconds_and_hertz():
    from riffedu.signal.mel import mel_to_hz

    params = SpectrogramParams()
    after = masks.region((512, 400), params, after=2.0, before=3.0)
    assert after[:, 200:300].all() and after.sum() == 512 * 100
    bass = masks.region((512, 10), params, below=250)
    rows = np.flatnonzero(bass[:, 0])
    top = mel_to_hz((512 - rows.min()) / 512 * 2595 * np.log10(1 + 10000 / 700))
    assert rows.max() == 511 and 230 < top < 260
    assert not (masks.region((512, 10), params, above=250) * bass).any()
    with pytest.raises(RiffeduError, match="empty"):
        masks.region((512, 100), params, after=3)


def test_masks_of_latents_are_means_of_patches():
    mask = np.zeros((64, 96), np.float32)
    mask[:32, :48] = 1
    found = masks.latent_mask(mask, 32)
    assert torch.equal(found[0, 0], torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    assert masks.latent_mask(np.ones((64, 90)), 32).shape == (1, 1, 2, 3)


@pytest.mark.parametrize(
    "mask",
    [
        np.ones(64),
        np.ones((0, 5)),
        np.full((64, 96), 2.0),
        np.full((64, 96), np.nan),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask):
    with pytest.raises(RiffeduError, match="mask"):
        masks.latent_mask(mask, 32)


# --- transform ----------------------------------------------------------------------------------


def test_strength_0_is_the_codecs_reconstruction(small):
    sound = tone()
    result = edit.transform(small, (sound, RATE), "piano", strength=0.0, **FEW)
    picture, _ = edit.picture_and_level(small, (sound, RATE))
    [wanted] = small.decode_latents(small.encode_image(picture), picture.width)
    assert np.array_equal(pixels(result), np.asarray(wanted.convert("L")))


def test_strength_1_has_forgotten_the_sound_and_less_has_not(small):
    apart = {}
    for strength in (0.34, 1.0):
        one, other = (
            edit.transform(small, (tone(hertz=hertz), RATE), "piano", strength, **FEW)
            for hertz in (300, 2000)
        )
        apart[strength] = np.abs(pixels(one) - pixels(other)).mean()
    assert apart[1.0] < 0.05 < apart[0.34]


def test_length_and_level_are_the_sounds_own(small):
    for seconds in (0.11, 0.8, 1.234):
        result = edit.transform(small, (tone(seconds), RATE), "piano", 0.5, **FEW)
        assert 0 <= len(result.waveform) - round(seconds * RATE) < 441
        assert abs(audio.rms_db(result.waveform) - audio.rms_db(tone(seconds))) < 0.1
    assert result.parameters["strength"] == 0.5 and result.parameters["model"]


def test_the_same_seed_gives_the_same_sound(small):
    one, again, other = (
        edit.transform(small, (tone(), RATE), "piano", 0.7, seed=seed, **FEW) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.waveform, again.waveform)
    assert not np.array_equal(one.waveform, other.waveform)


def test_a_mask_keeps_the_rest(small):
    sound = tone(0.96)
    picture, _ = edit.picture_and_level(small, (sound, RATE))
    latents = small.encode_image(picture)
    mask = masks.region((512, picture.width), small.params, after=0.64)
    steps = edit.transform_steps(small, latents, "piano", 1.0, masks.latent_mask(mask, 32), **FEW)
    apart = (edit.last_latents(steps, None) - latents).abs().amax((0, 1, 2))
    assert apart[:2].max() < 1e-6 < 0.1 < apart[2]
    whole = edit.transform(small, (sound, RATE), "piano", 1.0, **FEW)
    part = edit.transform(small, (sound, RATE), "piano", 1.0, mask, **FEW)
    assert part.parameters["masked"] and not np.array_equal(part.waveform, whole.waveform)


def test_variations_differ(small):
    made = edit.variations(small, (tone(), RATE), 3, 0.5, num_inference_steps=3)
    assert [r.parameters["seed"] for r in made] == [0, 1, 2]
    assert len({r.waveform.tobytes() for r in made}) == 3


# --- longer, and for ever -----------------------------------------------------------------------


def test_extending_keeps_the_beginning(small):
    sound = tone(0.70)
    picture, _ = edit.picture_and_level(small, (sound, RATE))
    result = continuation.extend(small, (sound, RATE), "piano", 1.5, **FEW)
    assert result.image.width == 150 and len(result.waveform) == 150 * 441
    assert np.array_equal(pixels(result)[:, :64], np.asarray(picture.convert("L"))[:, :64])


@pytest.mark.parametrize("level", [0.1, 0.01])
def test_what_is_kept_stays_as_loud_as_it_was(small, level):
    sound = tone(0.96, level=level)
    made = continuation.extend(small, (sound, RATE), "piano", 2.0, **FEW)
    rest = edit.transform(small, (sound, RATE), "piano", 1.0, {"after": 0.64}, **FEW)
    own = slice(4410, 24000)
    for result in (made, rest):
        assert audio.peak_db(result.waveform) <= -0.99
    # What the tiny model adds is louder; the start is not turned down for it.
    assert audio.rms_db(made.waveform[own]) == pytest.approx(audio.rms_db(sound[own]), abs=1.0)


def test_a_loop_has_its_beats_and_no_seam(small):
    result = looping.loop(small, "piano", bpm=130, beats=2, seed=1, **FEW)
    assert len(result.waveform) == round(60 * 2 / 130 * RATE)
    x = result.waveform
    seam = np.abs(np.diff(np.concatenate([x[-200:], x[:200]])))[150:250].max()
    assert seam <= np.abs(np.diff(x)).max()


def test_a_loops_picture_goes_round():
    """Turned before it is decoded, the picture is turned, and nothing else; also when stretched."""
    from types import SimpleNamespace

    from PIL import Image

    def decode(latents):
        rows = latents[0, 0].repeat_interleave(32, 0).repeat_interleave(32, 1)
        return [Image.fromarray(rows.numpy().astype(np.uint8))]

    pipeline = SimpleNamespace(
        checkpoint=SimpleNamespace(compression=32),
        decode_latents=decode,
        params=SpectrogramParams(),
    )
    latents = torch.randint(0, 255, (1, 1, 2, 4), generator=torch.Generator().manual_seed(0))
    for columns, shift in ((128, 32), (120, 30), (136, 34)):
        around, turned = (
            np.asarray(looping.decode_circle(pipeline, each, columns), dtype=int)
            for each in (latents, latents.roll(1, -1))
        )
        assert around.shape == (64, columns + 2 * ROLL)
        assert np.abs(around[:, :ROLL] - around[:, columns : columns + ROLL]).max() <= 1
        one, other = (p[:, ROLL:-ROLL] for p in (around, turned))
        assert np.abs(np.roll(one, shift, axis=1) - other).max() <= 1


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda p: edit.transform(p, (tone(), RATE), "x", 1.2), "from 0 to 1"),
        (lambda p: edit.transform(p, tone(), "x"), "pair"),
        (lambda p: edit.transform(p, (tone(), RATE), "x", mask=np.ones((512, 3))), "mask"),
        (lambda p: edit.transform(p, (np.zeros(0), RATE), "x"), "empty"),
        (lambda p: edit.transform(p, (np.full(900, np.nan), RATE), "x"), "NaN"),
        (lambda p: edit.transform(p, (tone(), RATE), "x", num_inference_steps=0), "steps"),
        (lambda p: edit.transform(p, (tone(), RATE), "x", num_inference_steps=10000), "steps"),
        (lambda p: edit.variations(p, (tone(), RATE), 0), "at least 1"),
        (lambda p: continuation.extend(p, (tone(), RATE), "x", 0.5), "already"),
        (lambda p: continuation.extend(p, (tone(0.2), RATE), "x", 2.0), "too short"),
        (lambda p: looping.loop(p, "x", bpm=0), "bpm"),
        (lambda p: looping.loop(p, "x", bpm=600, beats=1), "more beats"),
        (lambda p: windows.windowed(None, 4, 4), "overlap"),
        (lambda p: list(edit.transform_steps(p, torch.full((1, 4, 4, 4), np.nan), "x")), "NaN"),
    ],
)
def test_what_cannot_be_is_said(small, call, words):
    with pytest.raises(RiffeduError, match=words):
        call(small)


def test_riffusions_layout_takes_the_same_road(sd):
    pipeline = load_pipeline(sd)
    result = edit.transform(pipeline, (tone(0.4), RATE), "piano", 0.7, **FEW)
    assert np.isfinite(result.waveform).all() and result.image.width == 40


def test_the_period_of_a_beat():
    dark = np.zeros((512, 512), np.float32)
    for k, column in enumerate(
        range(10, 512, 60)
    ):  # four strokes a bar, the first one unlike the rest
        rows = slice(300, 460) if k % 4 == 0 else slice(40, 120)
        dark[rows, column : column + 20] = np.linspace(200, 0, 20)
    assert continuation.period(255 - dark) == 240
    assert continuation.period(np.full((512, 150), 255.0)) == 150, "too short to tell: all of it"


def test_a_repeated_picture_keeps_the_beat():
    dark = np.zeros((512, 400, 3), np.uint8)
    for column in range(10, 400, 120):
        dark[100:200, column : column + 10] = 250
    wide = continuation.repeated(Image.fromarray(255 - dark), 1000)
    pixels = np.asarray(wide)
    assert wide.size == (1000, 512) and np.array_equal(pixels[:, :400], 255 - dark)
    strokes = np.flatnonzero(np.diff(pixels[150, :, 0].astype(int)) < 0)
    assert set(np.diff(strokes)) == {120}


def test_extending_without_leaving_the_repeats(small):
    """At strength 0 what is added is the sound again; at 1 the repeats have no say."""
    clip = (synth.pluck(220, 2.56), 44100)
    same = continuation.extend(small, clip, "piano", 4.0, strength=0.0, **FEW)
    assert same.parameters["strength"] == 0.0
    picture, _ = edit.picture_and_level(small, clip)
    wanted = small.decode_latents(small.encode_image(continuation.repeated(picture, 400)), 400)[0]
    assert np.array_equal(np.asarray(same.image)[:, 256:], np.asarray(wanted)[:, 256:])
    far = continuation.extend(small, clip, "piano", 4.0, strength=1.0, **FEW)
    assert not np.array_equal(np.asarray(far.image)[:, 256:], np.asarray(same.image)[:, 256:])


@pytest.mark.parametrize(
    "what, words",
    [
        (lambda p, clip: p.transform(clip, "piano", "x"), "strength must be a number"),
        (lambda p, clip: p.transform(clip, "piano", float("nan")), "strength must be a number"),
        (lambda p, clip: p.transform(clip, None), "prompt must be text"),
        (lambda p, clip: p.transform(clip, "piano", num_inference_steps=0), "from 1 to 1000"),
        (lambda p, clip: p.transform(clip, "piano", num_inference_steps=10_000), "from 1 to 1000"),
        (lambda p, clip: p.transform((clip[0], 0), "piano"), "sample rate"),
        (lambda p, clip: p.transform(clip, "piano", mask="vocals"), "bass, middle, treble"),
        (lambda p, clip: p.transform(clip, "piano", mask={"abov": 3}), "not by 'abov'"),
        (lambda p, clip: p.transform((np.zeros(301 * 8000, "f4"), 8000), "piano"), "cut it"),
        (lambda p, clip: p.extend(clip, "piano", float("nan")), "duration must be a number"),
        (lambda p, clip: p.loop("piano", seed=-1), "seed must be"),
        (lambda p, clip: p.loop("piano", beats=2.5), "beats must be"),
        (lambda p, clip: p.loop("piano", bpm=float("nan")), "bpm must be"),
        (lambda p, clip: p.interpolate("piano"), "list of at least two prompts"),
        (lambda p, clip: p.interpolate(["piano", "organ"], pieces=1.5), "pieces must be"),
    ],
)
def test_what_cannot_be_asked_is_said(small, what, words):
    with pytest.raises(RiffeduError, match=words) as caught:
        what(small, (tone(), RATE))
    assert "\n" not in str(caught.value)


def test_a_pulse_is_a_stroke_on_every_beat():
    grey = np.asarray(pulse.pulse(512, 384, 8).convert("L")).astype(int)
    assert grey.shape == (512, 384) and grey.min() == 60 and grey.max() <= 230
    strokes = np.flatnonzero(np.diff(grey[-1]) < -50) + 1
    assert list(strokes) == [48 * k for k in range(1, 8)]


def test_a_loop_begins_as_its_pulse(small):
    """At strength 0 it is the pulse as the autoencoder keeps it; at 1 the pulse has no say."""
    kept = small.loop("piano", 120, 4, strength=0.0, progress=False, **FEW)
    assert kept.parameters["strength"] == 0 and kept.image.width == 200
    first, second = (
        small.loop("piano", 120, 4, strength=1.0, seed=s, progress=False, **FEW) for s in (0, 1)
    )
    assert not np.array_equal(first.waveform, second.waveform)
    assert not np.array_equal(first.waveform, kept.waveform)


def test_a_seam_is_heard_where_a_tone_is_cut():
    whole, cut = tone(1.0, 440.0), tone(1.0, 440.5)
    assert looping.seam(whole, RATE) < 3 and looping.seam(cut, RATE) > 10
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert abs(looping.seam(noise, RATE)) < 6
    for bad in (tone(0.1), np.zeros((2, RATE))):
        with pytest.raises(RiffeduError, match="at least 0.2 s"):
            looping.seam(bad, RATE)
