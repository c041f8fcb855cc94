"""Thousands of damaged files: never a traceback, and never a loss that nobody hears of.

The files are small, so that one per cent of a file is a few milliseconds.
"""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import coded, flipped, id3, mp3, noise, patched, vbr

from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.signal import audio
from riffedu.signal.files.mpeg import frame_of

X = noise(0.25)
FILES = {
    "WAV": coded(X),
    "WAV, floats": coded(X, subtype="FLOAT"),
    "ADPCM": coded(X, subtype="IMA_ADPCM"),
    "AIFF": coded(X, kind="AIFF"),
    "AU": coded(X, kind="AU"),
    "CAF": coded(X, kind="CAF"),
    "W64": coded(X, kind="W64"),
    "FLAC": coded(X, kind="FLAC"),
    "Ogg": coded(noise(0.6), kind="OGG", subtype="VORBIS"),
    "Opus": coded(noise(0.6), 48000, "OGG", "OPUS"),
    "MP3": mp3(noise(0.6)),
    "MP3, no length": vbr(noise(0.6)),
}
BETWEEN_FRAMES = {0}  # where a row of frames can be cut without a trace
while max(BETWEEN_FRAMES) < len(FILES["MP3, no length"]):
    at = max(BETWEEN_FRAMES)
    BETWEEN_FRAMES.add(at + frame_of(FILES["MP3, no length"][at : at + 4]).length)
LENGTHS = {name: audio.load(data)[0].shape[-1] for name, data in FILES.items()}


def tried(data: bytes) -> tuple[int | None, bool]:
    """Read a file: (samples, or None for an error of one line; whether it warned)."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            waveform, _ = audio.load(data)
        except RiffeduError as error:
            assert "\n" not in str(error) and len(str(error)) < 250
            return None, True
    lines = [str(w.message) for w in said if w.category is RiffeduWarning]
    assert len(lines) == len(said) <= 1 and not any("\n" in line for line in lines)
    assert np.isfinite(waveform).all() and waveform.dtype == np.float32
    return waveform.shape[-1], bool(said)


def steps(name: str) -> list[int]:
    """Every seventh byte; of long files so many more that 250 places are tried."""
    size = len(FILES[name])
    return list(range(0, size, max(7, size // 250 // 7 * 7)))


@pytest.mark.parametrize("name", FILES)
def test_cut_short_anywhere(name, capfd):
    data = FILES[name]
    for size in steps(name):
        samples, said = tried(data[:size])
        whole = name == "MP3, no length" and size in BETWEEN_FRAMES
        assert said or whole or samples > 0.99 * LENGTHS[name], size
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", FILES)
def test_bits_flipped_anywhere(name, capfd):
    """Half of the flips hit the first 200 bytes, where the headers are."""
    data, random = FILES[name], np.random.default_rng(len(name))
    for i in range(100):
        at = int(random.integers(200 if i % 2 else len(data)))
        samples, said = tried(flipped(data, at, int(random.integers(8))))
        if name != "AU":  # its header says nothing twice
            assert said or samples > 0.98 * LENGTHS[name], at
    assert capfd.readouterr() == ("", "")


def pieces():
    """What may stand in a file, in any order: sounds, tags, zeros, rubbish."""
    sounds = st.sampled_from(sorted(FILES)).map(FILES.__getitem__)
    rubbish = st.binary(max_size=60)
    return st.one_of(
        sounds,
        sounds,
        st.tuples(sounds, st.floats(0, 1)).map(lambda p: p[0][: int(p[1] * len(p[0]))]),
        st.integers(0, 3000).map(bytes),
        st.integers(0, 300).map(id3),
        rubbish,
        st.sampled_from(
            [b"fLaC\0\0\0\x22", b"OggS\0\2", b"RIFF", b"caff\0\1\0\0", b"\xff\xfb\x90"]
        ),
    )


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(pieces(), min_size=1, max_size=4))
def test_anything_in_any_order(parts):
    tried(b"".join(parts))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_bytes_changed(name, data):
    bad = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(bad) - 1, 400)))
        bad[at] = data.draw(st.integers(0, 255))
    tried(bytes(bad))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_any_size_in_a_header(size):
    samples, said = tried(patched(FILES["WAV"], 40, size))
    assert said or samples > 0.99 * LENGTHS["WAV"]
