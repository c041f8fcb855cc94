"""Sound files of any length become pictures, piece by piece, equal to what they are as a whole."""

import numpy as np
import pytest
import soundfile

from riffedu.errors import RiffeduError
from riffedu.signal import audio, convert, reconstruct, synth
from riffedu.signal.image import MAX_VALUE_TAG
from riffedu.signal.params import SpectrogramParams


@pytest.fixture(params=[(44100, 1), (44100, 2), (22050, 1), (48000, 6)], ids=str)
def sound(request, tmp_path):
    rate, channels = request.param
    samples = np.stack([synth.noise(12.3, rate, seed=c) for c in range(channels)], -1)
    samples[: len(samples) // 2] *= 0.1
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, rate, "FLOAT")
    return path


def test_a_file_is_the_picture_of_its_sound(sound):
    found = convert.file_to_image(sound, progress=False)
    wanted = convert.audio_to_image(*audio.load(sound))
    assert found.size == wanted.size and found.mode == "RGB"
    apart = np.abs(np.asarray(found).astype(int) - np.asarray(wanted))
    assert apart.max() <= 1 and (apart > 0).mean() < 1e-3
    black = [image.getexif()[MAX_VALUE_TAG] for image in (found, wanted)]
    assert black[0] == pytest.approx(black[1], rel=1e-4)


def test_a_file_in_pieces_is_the_pictures_of_its_pieces(sound):
    whole = convert.audio_to_image(*audio.load(sound))
    pictures = list(convert.file_to_images(sound, columns=500))
    assert [p.width for p in pictures] == [500, 500, 230] and whole.width == 1230
    loudest = max(p.getexif()[MAX_VALUE_TAG] for p in pictures)
    assert loudest == pytest.approx(whole.getexif()[MAX_VALUE_TAG], rel=1e-4)
    assert pictures[0].getexif()[MAX_VALUE_TAG] < loudest / 3


def test_stereo_files(tmp_path):
    both = np.stack([synth.noise(1.0), 0.1 * synth.noise(1.0, seed=1)], -1)
    soundfile.write(tmp_path / "a.wav", both, 44100)
    params = SpectrogramParams(stereo=True)
    found = convert.file_to_image(tmp_path / "a.wav", params, progress=False)
    wanted = convert.audio_to_image(*audio.load(tmp_path / "a.wav"), params)
    assert np.array_equal(found, wanted)
    many = np.zeros((4410, 3))
    soundfile.write(tmp_path / "b.wav", many, 44100)
    with pytest.raises(RiffeduError, match="two channels"):
        convert.file_to_image(tmp_path / "b.wav", params, progress=False)


def test_long_pictures_are_grey(sound, monkeypatch):
    monkeypatch.setattr(convert, "LONGEST_IN_COLOUR", 1000)
    grey = convert.file_to_image(sound, progress=False)
    monkeypatch.undo()
    colour = convert.file_to_image(sound, progress=False)
    assert grey.mode == "L" and np.array_equal(np.asarray(grey), np.asarray(colour)[..., 0])


def test_memory_does_not_grow_with_the_blocks_that_were_read(tmp_path):
    """Pictures come while the file is being read: after the first, most of it is unread."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(44100 * 60, np.float32), 44100)
    read = []

    def counting(path, **options):
        for block in audio.load_blocks(path, **options):
            read.append(block.shape[-1])
            yield block

    original = convert.load_blocks
    convert.load_blocks = counting
    try:
        pictures = convert.file_to_images(path)
        next(pictures)
        assert sum(read) <= 44100 * 20
    finally:
        convert.load_blocks = original


@pytest.mark.parametrize("samples", [1, 700, 4410])
def test_short_and_silent_files(tmp_path, samples):
    soundfile.write(tmp_path / "a.wav", np.zeros(samples), 44100)
    image = convert.file_to_image(tmp_path / "a.wav", progress=False)
    assert image.width == -(-samples // 441) and (np.asarray(image) == 255).all()
    assert sum(p.width for p in convert.file_to_images(tmp_path / "a.wav")) == image.width


def test_errors_are_those_of_loading(tmp_path):
    for make in (convert.file_to_image, lambda path: list(convert.file_to_images(path))):
        with pytest.raises(RiffeduError, match="no such sound"):
            make(tmp_path / "none.wav")
    with pytest.raises(RiffeduError, match="columns"):
        next(convert.file_to_images(tmp_path / "none.wav", columns=0))


def test_a_wide_picture_in_pieces_is_as_true_as_a_whole(monkeypatch):
    """Cut where it is quiet, no moment is lost, doubled, or of another level."""
    beats = synth.noise(12.0) * np.repeat([1.0, 0.03] * 12, 22050).astype(np.float32)
    params = SpectrogramParams(
        stereo=True, sample_rate=16000, num_frequencies=128, max_frequency=6000
    )
    image = convert.audio_to_image(np.stack([beats, 0.5 * beats]), 44100, params)
    whole, _ = reconstruct.image_to_audio(image, progress=False)
    monkeypatch.setattr(reconstruct, "LONGEST_AT_ONCE", 400)
    pieces = list(reconstruct.pieces_of(image, params))
    assert pieces[0][0] == 0 and pieces[-1][1] == 1200 and len(pieces) > 3
    for (_, end), (start, _) in zip(pieces, pieces[1:]):
        assert end - start == 10 and abs((start + 5) % 100 - 75) < 30, "the quiet half of a second"
    found, rate = reconstruct.image_to_audio(image, progress=False)
    assert rate == 16000 and found.shape == whole.shape == (2, 1200 * 160)
    levels = [[audio.rms_db(part) for part in np.array_split(x[0], 48)] for x in (found, whole)]
    assert np.abs(np.subtract(*levels)).max() < 1.5
    apart = audio.rms_db(found[0]) - audio.rms_db(found[1])
    assert apart == pytest.approx(6.02, abs=0.3)
