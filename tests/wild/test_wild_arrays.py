"""Arrays as other libraries make them: one door, and the same answer at every function."""

import numpy as np
import pytest
import torch
from making import RATE, tone

from riffedu.errors import RiffeduError
from riffedu.signal import audio, convert, fidelity, mel, stft
from riffedu.signal.arrays import as_numbers, as_rate, as_sound, as_waveform
from riffedu.widgets.sound import Sound

X = tone(seconds=0.2)
FLOATS = X.astype(np.float32)
STEREO = np.stack([FLOATS, 0.5 * FLOATS])


def scaled(bits, offset=0):
    return np.rint(X * 2 ** (bits - 1)) + offset


# What means the same sound as FLOATS, and how exactly.
SAME = {
    "int8": (lambda: scaled(8).astype(np.int8), 2**-7),
    "int16": (lambda: scaled(16).astype(np.int16), 2**-15),
    "int32": (lambda: scaled(32).astype(np.int32), 2**-24),
    "uint8": (lambda: scaled(8, 128).astype(np.uint8), 2**-7),
    "big-endian int16": (lambda: scaled(16).astype(">i2"), 2**-15),
    "big-endian floats": (lambda: X.astype(">f4"), 0),
    "float16": (lambda: X.astype(np.float16), 2**-10),
    "float64": (lambda: X, 2**-24),
    "long double": (lambda: X.astype(np.longdouble), 2**-24),
    "a list": (lambda: X.tolist(), 2**-24),
    "a tuple": (lambda: tuple(X.tolist()), 2**-24),
    "a list of NumPy numbers": (lambda: list(FLOATS), 0),
    "objects": (lambda: X.astype(object), 2**-24),
    "read-only": (lambda: read_only(FLOATS), 0),
    "every second sample": (lambda: np.repeat(FLOATS, 2)[::2], 0),
    "backwards twice": (lambda: FLOATS[::-1].copy()[::-1], 0),
    "a column of a matrix": (lambda: np.stack([FLOATS, FLOATS], -1)[:, 0], 0),
    "masked, but nothing hidden": (lambda: np.ma.masked_invalid(FLOATS), 0),
    "a memory map's kind": (lambda: FLOATS.view(np.recarray), 0),
    "torch": (lambda: torch.from_numpy(FLOATS), 0),
    "torch, float64": (lambda: torch.from_numpy(X), 2**-24),
    "torch, bfloat16": (lambda: torch.from_numpy(FLOATS).bfloat16(), 2**-8),
    "torch, float16": (lambda: torch.from_numpy(FLOATS).half(), 2**-10),
    "torch, int16": (lambda: torch.from_numpy(scaled(16).astype(np.int16)), 2**-15),
    "torch, uint8": (lambda: torch.from_numpy(scaled(8, 128).astype(np.uint8)), 2**-7),
    "torch, with a gradient": (lambda: torch.from_numpy(FLOATS).clone().requires_grad_(), 0),
    "torch, the result of something": (
        lambda: torch.from_numpy(FLOATS).clone().requires_grad_() * 1,
        0,
    ),
    "torch, strided": (lambda: torch.from_numpy(np.repeat(FLOATS, 2))[::2], 0),
    "torch, sparse": (lambda: torch.from_numpy(FLOATS).to_sparse(), 0),
    "torch, a parameter": (lambda: torch.nn.Parameter(torch.from_numpy(FLOATS)), 0),
}


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def plain(x):
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


CALLS = {
    "as_waveform": as_waveform,
    "rms_db": audio.rms_db,
    "peak_db": audio.peak_db,
    "set_level": audio.set_level,
    "fade": lambda x: audio.fade(x, RATE),
    "mix": lambda x: audio.mix([x, x], [-6, -6]),
    "stitch": lambda x: audio.stitch([x, x], RATE, 0.01),
    "resample": lambda x: audio.resample(x, RATE, 22050),
    "stft": lambda x: stft.stft(x, 1024, 512),
    "mel_spectrogram": mel.mel_spectrogram,
    "mel_blocks": lambda x: list(mel.mel_blocks([x]))[0],
    "audio_to_image": lambda x: np.asarray(convert.audio_to_image(x, RATE), np.float32) / 255,
    "log_spectral_distance": lambda x: fidelity.log_spectral_distance(x, FLOATS, RATE) / 1e3,
    "play": lambda x: Sound.of(x, RATE).waveform,
}


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_same_sound(name):
    make, error = SAME[name]
    found = as_waveform(make())
    assert found.dtype == np.float32 and found.shape == FLOATS.shape
    assert np.abs(found - FLOATS).max() <= error
    tensor, give_back = as_sound(make())
    assert np.abs(plain(tensor) - FLOATS).max() <= error
    kind = torch.Tensor if name.startswith("torch") else np.ndarray
    assert isinstance(give_back(tensor.detach()), kind)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["int16", "a list", "read-only", "backwards twice"])
def test_every_function_uses_the_door(call, name):
    make, error = SAME[name]
    found, wanted = (plain(CALLS[call](x)) for x in (make(), FLOATS))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < (0.02 if error < 2**-20 else 0.1)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", [n for n in SAME if n.startswith("torch")])
def test_every_function_takes_torch(call, name):
    make, error = SAME[name]
    found, wanted = (plain(CALLS[call](x)) for x in (make(), FLOATS))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 0.02 or error > 2**-20


# What is refused, by every function, and the words that help.
REFUSED = {
    "(samples, 2)": (lambda: STEREO.T, r"\(8820, 2\).*waveform\.T"),
    "(samples, 1)": (lambda: FLOATS[:, None], r"waveform\.T"),
    "(samples, 6)": (lambda: np.zeros((500, 6)), r"waveform\.T"),
    "a few samples, 2": (lambda: np.zeros((5, 2)), r"waveform\.T"),
    "(samples, 2) of int16": (lambda: np.zeros((500, 2), np.int16), r"waveform\.T"),
    "(samples, 2) in torch": (lambda: torch.zeros(500, 2), r"waveform\.T"),
    "NaN": (lambda: np.r_[FLOATS, np.nan], "NaN"),
    "infinity": (lambda: np.r_[FLOATS, -np.inf], "infinite"),
    "NaN in torch": (lambda: torch.tensor([0.0] * 99 + [float("nan")]), "NaN"),
    "NaN in bfloat16": (lambda: torch.tensor([float("nan")] * 9).bfloat16(), "NaN"),
    "masked": (lambda: np.ma.masked_greater(FLOATS, 0.2), "masked; fill them"),
    "int64 of another scale": (lambda: scaled(16).astype(np.int64), "full scale of"),
    "uint16": (lambda: scaled(16, 32768).astype(np.uint16), "full scale of"),
    "a list of integers": (lambda: scaled(16).astype(int).tolist(), "full scale of"),
    "torch, int64": (lambda: torch.arange(99), "full scale of"),
    "booleans": (lambda: np.ones(99, bool), "its type is bool"),
    "text": (lambda: ["a", "b"], "numbers"),
    "one text": (lambda: "sound.wav", "numbers"),
    "numbers as text": (lambda: ["0.1", "0.2"], "numbers"),
    "nothing": (lambda: None, "numbers"),
    "no samples": (lambda: [], "empty"),
    "ragged": (lambda: [[1.0, 2.0], [3.0]], "array"),
    "complex": (lambda: FLOATS + 0j, "real-valued"),
    "a dictionary": (lambda: {"x": FLOATS}, "numbers"),
    "a pair": (lambda: (FLOATS, RATE), "array"),
    "times": (lambda: np.zeros(9, "datetime64[s]"), "numbers"),
    "torch, on no device": (lambda: torch.zeros(99, device="meta"), "meta"),
    "torch, complex": (lambda: torch.zeros(99, dtype=torch.complex64), "real-valued"),
}
EVERYWHERE = [name for name in CALLS if name not in ("play", "mel_blocks")]


@pytest.mark.parametrize("call", EVERYWHERE)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_everywhere(call, name):
    make, says = REFUSED[name]
    with pytest.raises(RiffeduError, match=says) as error:
        CALLS[call](make())
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_at_most_eight_channels():
    assert as_waveform(np.zeros((8, 9))).shape == (8, 9)
    for call in (as_waveform, audio.rms_db, lambda x: convert.audio_to_image(x, RATE)):
        with pytest.raises(RiffeduError, match="9 channels, more than 8"):
            call(np.zeros((9, 99)))
    with pytest.raises(RiffeduError, match="shape"):
        as_waveform(np.zeros((2, 2, 9)))
    assert stft.stft(np.zeros((20, 99)), 64, 16).shape[0] == 20  # a batch of sounds


@pytest.mark.parametrize(
    "rate", [44100, 44100.0, np.int16(8000), np.float32(8000), torch.tensor(9)]
)
def test_rates(rate):
    assert as_rate(rate) == float(rate) and isinstance(as_rate(rate), int)
    assert as_rate(44100.5) == 44100.5


RATED = {
    "resample": lambda rate: audio.resample(FLOATS, rate, 22050),
    "resample to": lambda rate: audio.resample(FLOATS, 22050, rate),
    "fade": lambda rate: audio.fade(FLOATS, rate),
    "loudness": lambda rate: audio.loudness(np.tile(FLOATS, 9), rate),
    "stitch": lambda rate: audio.stitch([FLOATS], rate),
    "audio_to_image": lambda rate: convert.audio_to_image(FLOATS, rate),
    "play": lambda rate: Sound.of(FLOATS, rate),
}


@pytest.mark.parametrize("call", RATED)
def test_rates_that_are_none(call):
    for rate in ("44100", None, 0, -44100, float("nan"), float("inf"), True, [44100, 1], b"1", {}):
        with pytest.raises(RiffeduError, match="sample rate") as error:
            RATED[call](rate)
        assert "\n" not in str(error.value)
    RATED[call](44100.0)
    RATED[call](np.int64(44100))


def test_numbers_for_the_lessons():
    assert as_numbers([1, 2, 3]).tolist() == [1, 2, 3]
    assert as_numbers(np.array([2**14], np.int16)).tolist() == [0.5]
    assert as_numbers(torch.ones(2, requires_grad=True)).tolist() == [1, 1]
    assert as_numbers([1j]).tolist() == [1j]
    with pytest.raises(RiffeduError, match="numbers"):
        as_numbers(["a"])
