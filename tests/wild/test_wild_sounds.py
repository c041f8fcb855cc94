"""Sound files as people have them: all of the sound comes, or a line that says how much."""

import io
import os
import re
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import soundfile
from making import (
    RATE,
    by_ffmpeg,
    coded,
    flipped,
    heard,
    id3,
    mp3,
    needs_ffmpeg,
    noise,
    patched,
    pitch,
    tone,
    vbr,
)

from riffedu import cli
from riffedu.errors import RiffeduError, RiffeduWarning
from riffedu.signal import audio, convert
from riffedu.signal.files import foreign
from riffedu.signal.params import SpectrogramParams

SMALL = SpectrogramParams(
    sample_rate=8000,
    step_size_ms=16,
    window_duration_ms=64,
    padded_duration_ms=64,
    num_frequencies=64,
    max_frequency=4000,
)

A, B = tone(440), tone(880)
WAV = coded(A)
LONG_OGG = coded(noise(3), kind="OGG", subtype="VORBIS")
FLAC = coded(noise(1), kind="FLAC")
COVER = np.random.default_rng(0).integers(0, 256, 20000).astype(np.uint8).tobytes() + b"\xff\xfb"


def aiff_streamed():
    data = coded(A, kind="AIFF")
    at = data.index(b"SSND")
    return patched(patched(data, at + 4, 0, ">I"), data.index(b"COMM") + 10, 0, ">I")


def riff_mp3():
    """An MP3 inside a WAV."""
    inside = mp3(A)
    fmt = struct_fmt(0x55, 1, RATE, 16000, 1, 0)
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt
    body += b"data" + len(inside).to_bytes(4, "little") + inside
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def struct_fmt(*values):
    import struct

    return struct.pack("<HHIIHH", *values)


# Name: (bytes, seconds). All of the sound, and not a word.
WHOLE = {
    "MP3: two of variable bit rate": (lambda: vbr(A) + vbr(B), 2),
    "MP3: two with lengths": (lambda: mp3(A) + mp3(B), 2),
    "MP3: five": (lambda: vbr(A) * 4 + vbr(B), 5),
    "MP3: two, tagged": (lambda: id3(300) + vbr(A) + b"TAG".ljust(128) + id3(99) + mp3(B), 2),
    "MP3: variable, quiet then loud": (
        lambda: vbr(np.concatenate([tone(440, 1, gain=0.001), noise(2)])),
        3,
    ),
    "MP3: constant, no length": (lambda: mp3(A, info=False), 1),
    "MP3: zeros first": (lambda: bytes(4096) + vbr(A), 1),
    "MP3: zeros between": (lambda: vbr(A) + bytes(5000) + vbr(B), 2),
    "MP3: a cover": (lambda: id3(20002, COVER) + vbr(A), 1),
    "MP3: a cover and a length": (lambda: id3(20002, COVER) + mp3(A), 1),
    "MP3: a tag that is longer than it says": (lambda: id3(3000, lie=-2000) + mp3(A), 1),
    "MP3: a tag that is shorter than it says": (lambda: id3(3000, lie=5000) + mp3(A), 1),
    "MP3: tags at the end": (lambda: mp3(A) + b"APETAGEX".ljust(400) + b"TAG".ljust(128), 1),
    "MP3: mono, then stereo": (lambda: mp3(A) + mp3(tone(880, channels=2)), 2),
    "MP3: 22 kHz": (lambda: mp3(tone(rate=22050), 22050, info=False) * 2, 2),
    "MP3: in a WAV": (riff_mp3, 1),
    "Ogg: two": (lambda: coded(A, kind="OGG") + coded(B, kind="OGG"), 2),
    "Ogg: three": (lambda: coded(A, kind="OGG") * 2 + coded(B, kind="OGG"), 3),
    "Ogg: mono, then stereo": (
        lambda: coded(A, kind="OGG") + coded(tone(880, channels=2), kind="OGG"),
        2,
    ),
    "Ogg: zeros first": (lambda: bytes(999) + coded(A, kind="OGG"), 1),
    "Ogg: zeros at the end": (lambda: coded(A, kind="OGG") + bytes(999), 1),
    "Opus: two": (lambda: coded(tone(rate=48000), 48000, "OGG", "OPUS") * 2, 2),
    "WAV: size 0": (lambda: patched(WAV, 40, 0), 1),
    "WAV: both sizes 0": (lambda: patched(patched(WAV, 40, 0), 4, 0), 1),
    "WAV: size 2³² − 1": (lambda: patched(WAV, 40, 2**32 - 1), 1),
    "WAV: size 2³¹ − 1": (lambda: patched(WAV, 40, 2**31 - 1), 1),
    "WAV: size 0, 24 bits, stereo": (
        lambda: patched(coded(tone(channels=2), subtype="PCM_24"), 40, 0),
        1,
    ),
    "WAV: size 0, floats": (
        lambda: patched(coded(subtype="FLOAT"), coded(subtype="FLOAT").index(b"data") + 4, 0),
        1,
    ),
    "WAV: two": (lambda: WAV + coded(B), 2),
    "WAV: two, the second streamed": (lambda: WAV + patched(coded(B), 40, 0), 2),
    "WAV: a chunk after the sound": (lambda: WAV + b"LIST\4\0\0\0INFO", 1),
    "WAV: a tag after the sound": (lambda: WAV + b"TAG".ljust(128), 1),
    "WAV: zeros after the sound": (lambda: WAV + bytes(30000), 1),
    "WAV: zeros first": (lambda: bytes(512) + WAV, 1),
    "WAV: GSM": (lambda: coded(tone(rate=8000), 8000, subtype="GSM610"), 1),
    "WAV: ADPCM": (lambda: coded(subtype="IMA_ADPCM"), 1),
    "WAV: µ-law": (lambda: coded(subtype="ULAW"), 1),
    "RF64": (lambda: coded(kind="RF64"), 1),
    "RF64: two": (lambda: coded(kind="RF64") * 2, 2),
    "AIFF: size 0": (aiff_streamed, 1),
    "AIFF: two": (lambda: coded(A, kind="AIFF") + coded(B, kind="AIFF"), 2),
    "AU: size 2³² − 1": (lambda: patched(coded(kind="AU"), 8, 2**32 - 1, ">I"), 1),
    "AU: size 0": (lambda: patched(coded(kind="AU"), 8, 0, ">I"), 1),
    "CAF: two": (lambda: coded(A, kind="CAF") + coded(B, kind="CAF"), 2),
    "CAF: size −1": (
        lambda: patched(coded(kind="CAF"), coded(kind="CAF").index(b"data") + 4, -1, ">q"),
        1,
    ),
    "FLAC: no length": (lambda: FLAC[:21] + bytes([FLAC[21] & 0xF0, 0, 0, 0, 0]) + FLAC[26:], 1),
    "FLAC: two": (lambda: FLAC * 2, 2),
    "FLAC: a tag first": (lambda: id3(500) + FLAC, 1),
    "FLAC: zeros first": (lambda: bytes(77) + FLAC, 1),
    "FLAC: two, no lengths": (
        lambda: (FLAC[:21] + bytes([FLAC[21] & 0xF0, 0, 0, 0, 0]) + FLAC[26:]) * 2,
        2,
    ),
    "W64": (lambda: coded(kind="W64"), 1),
}


@pytest.mark.parametrize("name", WHOLE)
def test_all_of_the_sound_comes(name, capfd):
    make, seconds = WHOLE[name]
    waveform, rate, said = heard(make())
    assert not said
    assert abs(waveform.shape[-1] / rate - seconds) < 0.06 * seconds + 0.03
    assert capfd.readouterr() == ("", "")  # decoders keep quiet


@pytest.mark.parametrize("join", [vbr, mp3, lambda x: coded(x, kind="OGG"), coded])
def test_the_second_sound_is_the_second(join):
    waveform, rate, _ = heard(join(tone(440, 2)) + join(tone(880, 2)))
    assert pitch(waveform, rate, 1) == pytest.approx(440, abs=2)
    assert pitch(waveform, rate, 3) == pytest.approx(880, abs=2)


def mp3_without_middle():
    data = mp3(noise(2))
    return data[: len(data) // 3] + b"damage" * 300 + data[2 * len(data) // 3 :]


def ogg_without_middle():
    data = bytearray(LONG_OGG)
    data[len(data) // 2] ^= 8
    return bytes(data)


# Name: (bytes, seconds there at most, a word of the reason)
LOST = {
    "WAV: half": (lambda: WAV[: len(WAV) // 2], "cut short"),
    "WAV: half, 24 bits": (lambda: coded(subtype="PCM_24")[:50000], "cut short"),
    "WAV: more than promised": (lambda: patched(coded(noise(1)), 40, 20000), "more data follows"),
    "WAV: a contradiction": (lambda: patched(WAV, 24, 22050), "contradicts itself"),
    "WAV: a contradiction in its channels": (lambda: patched(WAV, 22, 2, "<H"), "contradicts"),
    "WAV: half of two": (lambda: (WAV + coded(B))[: len(WAV) * 3 // 2], "cut short"),
    "AIFF: half": (lambda: coded(kind="AIFF")[:40000], "cut short"),
    "AU: half": (lambda: coded(kind="AU")[:40000], "cut short"),
    "AU: more than promised": (lambda: coded(kind="AU") * 2, "more data follows"),
    "CAF: half": (lambda: coded(kind="CAF")[:40000], "cut short"),
    "RF64: half": (lambda: coded(kind="RF64")[:40000], "cut short"),
    "W64: half": (lambda: coded(kind="W64")[:40000], "cut short"),
    "VOC: half": (lambda: coded(kind="VOC")[:40000], "cut short"),
    "NIST: half": (lambda: coded(kind="NIST")[:40000], "cut short"),
    "AVR: half": (lambda: coded(kind="AVR")[:40000], "cut short"),
    "SVX: half": (lambda: coded(kind="SVX")[:40000], "cut short"),
    "FLAC: half": (lambda: FLAC[: len(FLAC) // 2], "cut short"),
    "FLAC: its last bytes": (lambda: FLAC[:-5], "cut short"),
    "FLAC: half, no length": (
        lambda: (FLAC[:21] + bytes([FLAC[21] & 0xF0, 0, 0, 0, 0]) + FLAC[26:])[: len(FLAC) // 2],
        "cut short",
    ),
    "FLAC: a flipped bit": (lambda: flipped(FLAC, len(FLAC) // 2), "damaged"),
    "MP3: half": (lambda: mp3(noise(2))[:9000], "cut short"),
    "MP3: half, no length": (lambda: mp3(noise(2), info=False)[:9001], "cut short"),
    "MP3: damage": (mp3_without_middle, "damaged"),
    "MP3: two rates": (lambda: mp3(A) + mp3(tone(rate=22050), 22050), "sample rate changes"),
    "Ogg: half": (lambda: LONG_OGG[: len(LONG_OGG) // 2], "cut short"),
    "Ogg: a flipped bit": (ogg_without_middle, "damaged"),
    "Ogg: two rates": (
        lambda: coded(A, kind="OGG") + coded(tone(rate=22050), 22050, "OGG"),
        "sample rate changes",
    ),
    "Opus: half": (lambda: coded(noise(4), 48000, "OGG", "OPUS")[:20000], "cut short"),
    "Ogg: half of two, at a seam": (
        lambda: coded(A, kind="OGG") + coded(B, kind="OGG")[:20],
        "cut short",
    ),
    "Ogg: one, and the headers of another": (
        lambda: coded(A, kind="OGG") + coded(B, kind="OGG")[:2000],
        "cut short",
    ),
    "MP3: one, and the head of another": (lambda: mp3(A) + mp3(B)[:300], "cut short"),
    "AIFF: a contradiction": (
        lambda: patched(coded(kind="AIFF"), coded(kind="AIFF").index(b"COMM") + 8, 2, ">H"),
        "contradicts itself",
    ),
    "FLAC: a contradiction": (lambda: flipped(FLAC, 18, 2), "contradicts its frames"),
    "WAV: GSM, cut": (
        lambda: coded(tone(rate=8000), 8000, subtype="GSM610")[:-3],
        "cut short",
    ),
    "Ogg: no end": (lambda: LONG_OGG[: LONG_OGG.rindex(b"OggS")], "short"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_said(name, capfd):
    make, reason = LOST[name]
    waveform, rate, said = heard(make())
    assert len(said) == 1 and reason in said[0]
    assert f"{waveform.shape[-1] / rate:.2f} s" in said[0] or "silent" in said[0]
    assert capfd.readouterr() == ("", "")


def test_the_warning_says_how_much_of_how_much():
    with pytest.warns(RiffeduWarning, match=r"bytes: 0\.25 s of 1\.00 s were read: it was cut sho"):
        audio.load(WAV[: 44 + len(WAV[44:]) // 4])


def test_after_damage_the_sound_goes_on_in_time():
    whole, _ = audio.load(FLAC)
    with pytest.warns(RiffeduWarning, match="damaged, and silent"):
        found, _ = audio.load(flipped(FLAC, len(FLAC) // 2))
    assert found.shape == whole.shape
    assert np.array_equal(found[-8000:], whole[-8000:])
    assert np.mean(found == whole) > 0.7


# Where sounds come from


@pytest.fixture
def wav(tmp_path):
    (tmp_path / "a.wav").write_bytes(WAV)
    return tmp_path / "a.wav"


def test_every_kind_of_source(wav, monkeypatch):
    want, _ = audio.load(wav)
    monkeypatch.setenv("HOME", str(wav.parent))
    monkeypatch.setenv("USERPROFILE", str(wav.parent))
    file = io.BytesIO(WAV)
    file.seek(0, 2)  # as it is after writing
    sources = [str(wav), "~/a.wav", os.fsencode(wav), WAV, bytearray(WAV), memoryview(WAV), file]
    for source in sources[:2] + sources[3:]:
        assert np.array_equal(audio.load(source)[0], want)
        assert audio.duration(source) == 1
        assert audio.load_part(source, 0.5, 0.25)[0].shape == (11025,)
    assert file.tell() == len(WAV)
    with open(wav, "rb") as opened:
        assert np.array_equal(audio.load(opened)[0], want)
        assert audio.duration(opened) == 1 and opened.tell() == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe(tmp_path):
    for data in (WAV, vbr(A) + vbr(B), patched(WAV, 40, 0)):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(data,))
        writer.start()
        waveform, rate = audio.load(tmp_path / "pipe")
        writer.join()
        assert len(waveform) > 0.95 * rate
        (tmp_path / "pipe").unlink()


def test_a_pipe_in_the_shell(tmp_path):
    command = [sys.executable, "-m", "riffedu", "audio-to-image", "--audio", "-"]
    done = subprocess.run(
        [*command, "--image", tmp_path / "a.png"], input=WAV, capture_output=True, check=False
    )
    assert done.returncode == 0 and b"100 \xc3\x97 512" in done.stdout
    assert b"riffedu" not in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "make",
    [
        lambda: id3(20002, COVER) + vbr(noise(2)),
        lambda: vbr(noise(1)) + vbr(noise(1)),
        lambda: coded(tone(rate=8000), 8000, subtype="GSM610"),
        lambda: mp3(noise(3))[:20000],
        lambda: coded(A, kind="OGG") + coded(B, kind="OGG"),
    ],
)
def test_sampled_clips_lie_inside_the_sound(make, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.any").write_bytes(make())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        longest = int(audio.duration(tmp_path / "a.any") * 1000) - 1
    for ms in (100, longest):
        line = ["sample-clips", "--audio", "~/a.any", "--output-dir", str(tmp_path / str(ms))]
        assert cli.main([*line, "--num-clips", "5", "--duration-ms", str(ms), "--seed", "1"]) == 0
        for clip in (tmp_path / str(ms)).iterdir():
            waveform, rate = audio.load(clip)
            assert waveform.shape[-1] == round(ms / 1000 * rate)
    assert capsys.readouterr().err.count("\n") <= 2  # each command warns once


def test_the_warning_names_the_line_that_asked():
    with pytest.warns(RiffeduWarning) as said:
        list(audio.load_blocks(WAV[:5000]))
        audio.duration(WAV[:5000])
        convert.file_to_image(WAV[:5000], progress=False)
    assert {w.filename for w in said} == {__file__}


def test_long_pipes_go_to_a_file(monkeypatch):
    monkeypatch.setattr("riffedu.signal.files.sources.IN_MEMORY", 5000)
    waveform, _, said = heard(io.BytesIO(WAV))
    assert np.array_equal(waveform, audio.load(WAV)[0]) and not said


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda folder: folder, "is a folder: give the path of a sound file"),
        (lambda folder: folder / "none.wav", "there is no such sound file"),
        (lambda folder: folder / "empty.wav", r"is empty \(0 bytes\)"),
        (lambda folder: folder / "text.wav", "cannot be read as a sound"),
        (lambda folder: folder / "text.wav" / "a.wav", "there is no such sound file"),
        (lambda folder: folder / ("a" * 300), "name too long"),
        (lambda folder: folder / "bare.raw", "ffmpeg -f s16le"),
        (lambda folder: "https://example.org/a.wav", "is a web address: download"),
        (lambda folder: b"", r"is empty \(0 bytes\)"),
        (lambda folder: io.StringIO("RIFF"), "mode 'rb'"),
        (lambda folder: None, "not NoneType"),
        (lambda folder: (np.zeros(9), 44100), "not tuple"),
        (lambda folder: "a\0b.wav", "no such sound file"),
        (lambda folder: "a\nb.wav", r"a\\nb.wav: there is no such"),
    ],
)
def test_where_nothing_is_there(make, says, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not a sound\n" * 99)
    (tmp_path / "bare.raw").write_bytes(WAV[44:])
    for call in (audio.load, audio.duration, lambda source: list(audio.load_blocks(source))):
        with pytest.raises(RiffeduError, match=f"(?i){says}") as error:
            call(make(tmp_path))
        assert "\n" not in str(error.value) and len(str(error.value)) < 600


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_not_utf8(tmp_path, capsys):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    with open(name, "wb") as file:
        file.write(WAV[: len(WAV) // 2])
    with pytest.warns(RiffeduWarning, match=r"caf\\udce9.wav: 0.50 s of 1.00 s"):
        assert abs(len(audio.load(name)[0]) - RATE // 2) < 50
    code = cli.main(["audio-to-image", "--audio", name, "--image", str(tmp_path / "a.png")])
    said = capsys.readouterr().err
    assert code == 0 and said.count("\n") == 1 and said.startswith("riffedu: warning: ")


# Formats that go through ffmpeg

FOREIGN = {
    ".m4a": ["-c:a", "aac"],
    ".aac": ["-c:a", "aac"],
    ".mp4": ["-c:a", "aac"],
    ".mov": ["-c:a", "aac"],
    ".wma": ["-c:a", "wmav2"],
    ".webm": ["-c:a", "libopus"],
    ".mkv": ["-c:a", "flac"],
    ".ac3": ["-c:a", "ac3"],
    ".wv": ["-c:a", "wavpack"],
    ".tta": ["-c:a", "tta"],
    ".avi": ["-c:a", "pcm_s16le"],
    ".ts": ["-c:a", "mp2"],
}


@needs_ffmpeg
@pytest.mark.parametrize("ending", FOREIGN)
def test_other_formats_are_read_through_ffmpeg(ending, tmp_path, capfd):
    data = by_ffmpeg(tmp_path, ending, *FOREIGN[ending])
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    waveform, rate, said = heard(path)
    assert not said and abs(waveform.shape[-1] / rate - 2) < 0.1
    assert pitch(waveform, rate, 1) == pytest.approx(440, abs=2)
    assert capfd.readouterr() == ("", "")
    if ending not in (".ts", ".tta"):
        assert heard(data)[0].shape == waveform.shape  # the same without a name


@needs_ffmpeg
@pytest.mark.parametrize("channels", ["1", "2"])
@pytest.mark.parametrize(
    "codec",
    ["adpcm_ms", "adpcm_ima_wav", "pcm_mulaw", "pcm_alaw", "pcm_u8", "pcm_s24le", "pcm_f64le"],
)
def test_wav_files_of_another_writer(codec, channels, tmp_path):
    _, _, said = heard(by_ffmpeg(tmp_path, ".wav", "-c:a", codec, "-ac", channels))
    assert not said


@needs_ffmpeg
@pytest.mark.parametrize(
    "ending", [".mp3", ".ogg", ".opus", ".flac", ".aiff", ".caf", ".au", ".w64"]
)
def test_files_of_another_writer(ending, tmp_path):
    for channels in ("1", "2"):
        options = ["-ac", channels, *(["-c:a", "libvorbis"] if ending == ".ogg" else [])]
        waveform, rate, said = heard(by_ffmpeg(tmp_path, ending, *options, samples=noise(2)))
        assert not said and abs(waveform.shape[-1] / rate - 2) < 0.06


@needs_ffmpeg
@pytest.mark.parametrize(
    "ending", [".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au", ".caf", ".w64"]
)
def test_files_written_to_a_pipe(ending, tmp_path):
    """Where ffmpeg cannot go back, it leaves the sizes in the header as they are."""
    name = {".aiff": "aiff", ".caf": "caf"}.get(ending, ending[1:])
    soundfile.write(tmp_path / "a.wav", noise(2), RATE)
    codec = ["-c:a", "libvorbis"] if ending == ".ogg" else []
    line = ["ffmpeg", "-v", "error", "-nostdin", "-i", tmp_path / "a.wav", *codec, "-f", name, "-"]
    data = subprocess.run(line, capture_output=True, check=False).stdout
    if len(data) < 5000:
        pytest.skip("ffmpeg does not write this format to a pipe")
    waveform, rate, said = heard(data)
    assert not said and abs(waveform.shape[-1] / rate - 2) < 0.06


@needs_ffmpeg
def test_the_sound_of_a_video(tmp_path):
    picture = ["-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=5", "-shortest", "-c:a", "aac"]
    path = tmp_path / "film.mp4"
    path.write_bytes(by_ffmpeg(tmp_path, ".mp4", *picture))
    waveform, rate, said = heard(path)
    assert not said and abs(len(waveform) / rate - 2) < 0.1
    silent = ["-an", "-map", "1:v"]
    path.write_bytes(by_ffmpeg(tmp_path, ".mp4", "-f", "lavfi", "-i", picture[3], *silent))
    with pytest.raises(RiffeduError, match="an MP4 file without sound"):
        audio.load(path)


@needs_ffmpeg
def test_half_of_a_foreign_file(tmp_path):
    whole = by_ffmpeg(tmp_path, ".wma", "-c:a", "wmav2", samples=noise(4))
    path = tmp_path / "half.wma"
    path.write_bytes(whole[: len(whole) // 2])
    waveform, rate, said = heard(path)
    assert len(said) == 1 and " s of 4." in said[0] and 1 < len(waveform) / rate < 3
    whole = by_ffmpeg(tmp_path, ".m4a", "-c:a", "aac")
    path = tmp_path / "half.m4a"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RiffeduError, match="half.m4a is an MP4 file that ffmpeg cannot read"):
        audio.load(path)


@pytest.mark.parametrize(
    "name, head, kind",
    [
        ("x.m4a", bytes(4) + b"ftypM4A ", "an MP4 file"),
        ("phone.aac", b"\xff\xf1\x50\x80" + bytes(50), "an AAC file"),
        ("tagged.aac", id3(20) + b"\xff\xf1\x50\x80" + bytes(50), "an AAC file"),
        ("old.wma", bytes.fromhex("3026b2758e66cf11") + bytes(50), "a Windows Media file"),
        ("a b.webm", bytes.fromhex("1a45dfa3") + bytes(50), "a WebM or Matroska file"),
        ("any.amr", b"#!AMR\n" + bytes(50), "an AMR file"),
        ("odd.dts", b"\x7f\xfe\x80\x01" + bytes(50), "a file of the kind .dts"),
    ],
)
def test_without_ffmpeg_the_line_names_the_command(name, head, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(foreign.shutil, "which", lambda _: None)
    (tmp_path / name).write_bytes(head)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RiffeduError) as error:
        audio.load(name)
    said, stem = str(error.value), name.rpartition(".")[0]
    quoted = [f"'{n}'" if " " in n else n for n in (name, f"{stem}.wav")]
    assert said.startswith(f"{name} is {kind}: install ffmpeg")
    assert said.endswith(f"ffmpeg -i {quoted[0]} {quoted[1]}")


def test_stderr_comes_back_after_a_decoder(capfd):
    with foreign.quiet(), foreign.quiet():
        os.write(2, b"chatter")
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


# Cancelling channels


def opposite(seconds=1.5):
    both = noise(seconds) * 0.3 + tone(440, seconds)
    return np.stack([both, -both], -1)


def drawn(samples, subtype="PCM_16", params=None):
    """The picture of a sound, by way of a file and by way of an array; and what was said."""
    data = coded(samples, subtype=subtype)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        image = convert.file_to_image(data, params, progress=False)
        other = convert.audio_to_image(*audio.load(data), params)
    assert image.size == other.size
    assert np.abs(np.asarray(image, float) - np.asarray(other)).max() <= 2
    return np.asarray(image)[..., 0], {str(w.message) for w in said}


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_channels_that_cancel(subtype):
    both = opposite()
    picture, said = drawn(both, subtype)
    assert len(said) == 1 and "channels cancel" in said.pop()
    alone, none = drawn(both[:, 0], subtype)
    assert np.array_equal(picture, alone) and not none


def test_the_louder_channel_is_drawn():
    left, right = opposite().T
    dithered = np.stack([left, right * 0.997], -1)
    picture, said = drawn(dithered)
    assert len(said) == 1 and "channel 1" in said.pop()
    picture, said = drawn(dithered[:, ::-1])
    assert len(said) == 1 and "channel 2" in said.pop()


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((9000, 2)),
        np.stack([tone(), 0 * tone()], -1),
        np.stack([noise(1, 0), noise(1, 1)], -1),
        np.stack([tone(), -0.9 * tone()], -1),
        np.stack([1e-4 * tone(), 1e-4 * tone()], -1),
    ],
)
def test_channels_that_do_not_cancel(samples):
    picture, said = drawn(samples)
    assert not said and (samples.any() or (picture == 255).all())


def test_silence_first_then_channels_that_cancel():
    quiet = np.concatenate([np.zeros((11 * RATE, 2)), opposite()])
    _, said = drawn(quiet, params=SMALL)
    assert len(said) == 1 and "the louder one" in said.pop()


def test_channels_that_cancel_later_are_said():
    later = np.concatenate([np.stack([noise(10)] * 2, -1), opposite(10.0)])
    _, said = drawn(later, params=SMALL)
    assert said and all(re.search("in (4.|50)% of the sound", line) for line in said)


def test_a_stereo_picture_of_channels_that_cancel():
    _, said = drawn(opposite(), params=SpectrogramParams(stereo=True))
    assert not said
