"""The player's Python half: what goes to the page, what comes back, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from ears import heard
from PIL import Image

from riffedu import audio_to_image, image_to_audio
from riffedu.errors import RiffeduError
from riffedu.signal.audio import clip, peak_db, rms_db
from riffedu.signal.image import image_from_spectrogram, spectrogram_from_image
from riffedu.signal.mel import mel_spectrogram
from riffedu.signal.paint import blank, line
from riffedu.signal.params import SpectrogramParams
from riffedu.signal.reconstruct import repaint
from riffedu.widgets import painter, play, recorder, spectrogram_player
from riffedu.widgets.pictures import height
from riffedu.widgets.player_widget import SpectrogramPlayer, row_edges

RATE = 44100


def tone(hertz=440.0, seconds=1.0, rate=RATE, level=0.25):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def sent(widget, name="sound"):
    samples = np.frombuffer(getattr(widget, name), "<i2").astype(np.float32) / 32768
    return samples.reshape(-1, widget.channels).T


# --- on the way to the page -------------------------------------------------------------------


def test_the_bytes_are_the_sound():
    widget = spectrogram_player((tone(), RATE))
    assert np.abs(sent(widget)[0] - tone()).max() <= 0.5 / 32768 + 1e-7
    assert (widget.channels, widget.columns, widget.rows, widget.step) == (1, 100, 512, 0.01)
    assert len(widget.picture) == 512 * 100


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_other_rates_are_resampled_on_the_way(rate):
    widget = spectrogram_player((tone(rate=rate), rate))
    inner = slice(4410, -4410)
    assert np.abs(sent(widget)[0][inner] - tone()[inner]).max() < 1e-3
    assert f"{rate} Hz" in widget.caption


def test_stereo_and_what_is_over_full_scale():
    both = np.stack([tone(), tone(660, level=0.1)])
    widget = spectrogram_player((both, RATE))
    assert widget.channels == 2 and np.abs(sent(widget) - both).max() < 1e-4
    with pytest.raises(RiffeduError, match="clip"):
        spectrogram_player((tone(level=2.0), RATE))
    square = np.sign(tone(100, rate=8000)) * np.float32(0.999)
    assert np.abs(sent(spectrogram_player((square, 8000)))).max() <= 1.0


def test_the_picture_is_riffusions():
    waveform, rate = clip("tune")
    widget = spectrogram_player((waveform, rate))
    pixels = np.frombuffer(widget.picture, np.uint8).reshape(512, -1)
    assert (pixels == np.asarray(audio_to_image(waveform, rate).convert("L"))).all()
    given = Image.new("L", (30, 512), 77)
    widget = spectrogram_player(play(tone(), RATE, image=given))
    assert set(widget.picture) == {77} and widget.columns == 30


def test_two_sounds_are_drawn_on_one_scale():
    widget = spectrogram_player((tone(), RATE), (tone(level=0.25 / 16), RATE))
    darkest = [255 - min(pixels) for pixels in (widget.picture, widget.picture_b)]
    assert darkest[0] == 255 and darkest[1] == pytest.approx(255 / 2, abs=6), (
        "a 16th is half as dark"
    )
    assert widget.columns == widget.columns_b and sent(widget, "sound_b").shape == (1, RATE)
    mixed = spectrogram_player((np.stack([tone(), tone()]), RATE), (tone(660), RATE))
    assert mixed.channels == 2 and np.array_equal(*sent(mixed, "sound_b"))


def test_rows_know_their_frequencies():
    edges = row_edges(audio_to_image(tone(), RATE))
    assert len(edges) == 513 and edges[0] == 0 and edges[-1] == 10000
    assert [height(f) for f in edges[1::100]] == pytest.approx(
        np.arange(513)[1::100] / 512, abs=1e-4
    )


def test_long_sounds_have_wider_steps_and_ten_minutes_are_the_most():
    widget = spectrogram_player((tone(seconds=200, rate=8000), 8000))
    assert widget.columns <= 16384 and widget.columns * widget.step == pytest.approx(200, abs=0.1)
    with pytest.raises(RiffeduError, match="at most 600 s"):
        spectrogram_player((np.zeros(8000 * 601, np.float32), 8000))


@pytest.mark.parametrize("sound", [3, "tune", (1, 2, 3), None, [1, 2]])
def test_what_is_no_sound(sound):
    with pytest.raises(RiffeduError):
        spectrogram_player(sound)


def test_a_picture_without_sound_and_nothing_at_all():
    widget = spectrogram_player((tone(), RATE))
    widget.preview(audio_to_image(tone(880), RATE), "as it comes")
    assert (widget.player, widget.sound, widget.label) == (
        None,
        b"",
        "as it comes",
    ) and widget.picture
    widget.clear()
    assert widget.picture == widget.sound == b"" and widget.image is None


def test_the_files_join_to_one_script():
    text = SpectrogramPlayer._esm
    assert text.count("export ") == 1 and "import " not in [line[:7] for line in text.splitlines()]
    assert "http" not in text.replace("localhost or https", ""), "nothing is fetched"


# --- where widgets can't load -----------------------------------------------------------------


def test_a_page_without_widgets_gets_picture_and_plain_player():
    widget = spectrogram_player((tone(), RATE), (tone(660), RATE), label="A <tone>")
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    html = bundle["text/html"]
    assert html.count("<audio") == 2 and "data:image/webp" in html and "A &lt;tone&gt;" in html
    assert np.abs(heard(html)[0] - tone()).max() < 1e-4
    assert play(tone(), RATE)._repr_mimebundle_()[0].keys() == bundle.keys()
    long = spectrogram_player((tone(seconds=61, rate=8000), 8000))._repr_mimebundle_()[0][
        "text/html"
    ]
    assert "<audio" not in long and "data:image/webp" in long


def test_what_needs_a_kernel_says_so_where_there_is_none():
    from riffedu.app.live_instrument import LiveInstrument
    from riffedu.lessons.l01_sound import alias_panel

    session = SimpleNamespace(close=lambda: None)
    instrument = LiveInstrument(SimpleNamespace(session=lambda: session))
    for thing in (recorder(), alias_panel(), instrument):
        bundle = thing._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        assert "riffedu lab" in bundle["text/html"]
        assert "application/vnd.jupyter.widget-view+json" in bundle


# --- painting ---------------------------------------------------------------------------------


def paint(widget, rows, columns, grey=40):
    pixels = np.asarray(widget.image.convert("L")).copy()
    pixels[rows, columns] = grey
    told = {"type": "painted", "from": columns.start, "to": columns.stop}
    widget._receive(widget, told, [pixels.tobytes()])
    return pixels


def test_a_painted_line_sounds_where_it_was_painted():
    widget = painter(2.0)
    assert set(widget.picture) == {255} and not np.frombuffer(widget.sound, "<i2").any()
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "image")
    row = round((1 - height(1000)) * 512 - 0.5)
    pixels = paint(widget, slice(row - 1, row + 2), slice(50, 150))
    sound = widget.player.waveform
    inner = sound[28000:60000] * np.hanning(32000)
    assert np.abs(np.fft.rfft(inner)).argmax() * RATE / 32000 == pytest.approx(1000, rel=0.03)
    assert np.abs(sound[:15000]).max() < 1e-3 * np.abs(sound).max()
    assert len(seen) == 1 and (widget.pixels == pixels).all() and recorder().pixels is None
    assert set(widget.picture) == {255}, "the page's own picture isn't sent back to it"
    back, rate = image_to_audio(widget.image, progress=False)
    assert rms_db(back[28000:60000]) == pytest.approx(rms_db(sound[28000:60000]), abs=0.5)


def test_paint_that_would_clip_is_turned_down_and_comes_back():
    widget = painter(1.0)
    row = round((1 - height(1000)) * 512)
    paint(widget, slice(row - 40, row + 40), slice(0, 100), grey=0)
    assert "turned down" in widget.caption and peak_db(widget.player.waveform) == pytest.approx(
        -1, abs=0.05
    )
    assert np.abs(widget.player.original).max() > 1
    paint(widget, slice(0, 512), slice(0, 100), grey=255)
    assert np.abs(widget.player.waveform).max() == 0 and "silent" in widget.caption


def test_repaint_touches_only_what_changed():
    params = SpectrogramParams()
    before = line(blank(4.0), 500, level_db=-15)
    after = line(before, 1500, start=1.8, end=2.2, level_db=-15)
    loudest = image_from_spectrogram(after)
    scale = float(spectrogram_from_image(loudest).max())
    before[0, 0] = scale  # one scale for both pictures
    old, new = (image_from_spectrogram(np.minimum(m, scale)) for m in (before, after))
    waveform, rate = image_to_audio(old, progress=False)
    result = repaint(waveform, rate, new, 180, 220)
    assert len(result) == len(waveform)
    assert np.array_equal(result[: int(1.5 * rate) - 1], waveform[: int(1.5 * rate) - 1])
    assert np.array_equal(result[int(2.5 * rate) + 1 :], waveform[int(2.5 * rate) + 1 :])
    whole, _ = image_to_audio(new, progress=False)
    wanted, found = (mel_spectrogram(x, params)[:, 185:215] for x in (whole, result))
    assert np.abs(wanted**0.25 - found**0.25).mean() < 0.1 * (wanted**0.25).mean()


@pytest.mark.parametrize(
    "content, buffers, words",
    [
        ({"type": "painted", "from": 0, "to": 9}, [b"123"], "3 bytes"),
        ({"type": "painted", "from": 0, "to": 9}, [], "cannot be read"),
        ({"type": "painted"}, [b"123"], "cannot be read"),
        ({"type": "take"}, [b"\0" * 100], "shorter than 0.1 s"),
        ({"type": "take"}, [b"\0" * 10001], "cannot be read"),
    ],
)
def test_messages_that_cannot_be(content, buffers, words):
    widget = painter(1.0)
    before = widget.player
    widget._receive(widget, content, buffers)
    assert words in widget.message and widget.player is before
    widget._receive(widget, {"type": "something else"}, [])


def test_a_take_is_kept_as_it_came():
    widget, seen = recorder(), []
    widget.observe(lambda change: seen.append(change["new"]), "take")
    samples = (32767 * tone(level=0.01)).astype("<i2")
    widget._receive(widget, {"type": "take"}, [samples.tobytes()])
    waveform, rate = widget.take
    assert rate == RATE and np.array_equal(waveform, samples / np.float32(32768)) and len(seen) == 1
    assert widget.player.label == "Your recording" and widget.columns == 100


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan")])
def test_canvases_that_cannot_be(seconds):
    with pytest.raises(RiffeduError, match="0.1 to 60"):
        SpectrogramPlayer(paint=True).blank(seconds)
