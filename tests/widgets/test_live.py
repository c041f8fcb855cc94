"""Pictures and sounds that follow a slider keep their widget and change what is in it."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.lessons import (
    l01_sound,
    l02_stft,
    l03_mel,
    l04_image,
    l05_griffin_lim,
    l07_noise,
)
from riffedu.widgets.live import LiveFigure, LiveSound, frame, moving, png


def drawn(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(figure.widget.value)))


def drawn_anew(figure) -> np.ndarray:
    """What matplotlib makes of the whole figure at once, with nothing kept."""
    artists = [each for axes in np.atleast_1d(figure.axes).flat for each in moving(axes)]
    for artist in artists:
        artist.set_animated(False)
    canvas = figure.figure.canvas
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    for artist in artists:
        artist.set_animated(True)
    figure.figure.stale = False  # so that what was kept before is used again
    return pixels


def assert_drawn_truly(figure) -> None:
    assert np.array_equal(drawn(figure), drawn_anew(figure))


@pytest.fixture
def full_drawings(monkeypatch):
    """Counts how often titles and ticks are drawn."""
    count, draw = [], LiveFigure._draw_static
    monkeypatch.setattr(LiveFigure, "_draw_static", lambda self: (count.append(1), draw(self)))
    return count


def test_what_is_redrawn_alone_equals_a_drawing_of_all():
    figure = LiveFigure(columns=3, width=8, height=2.5)
    left, middle, right = figure.axes
    (line,) = left.plot([0, 1], [0, 1], label="a line", linewidth=5)
    left.legend(loc="center")
    left.grid()
    image = middle.imshow([[0, 1], [1, 0]], vmin=0, vmax=2, cmap="viridis", aspect="auto")
    figure.figure.colorbar(image, ax=middle)
    box = middle.add_patch(rectangle())
    right.set_axis_off()
    dots = right.scatter([0, 1], [0, 1])
    word = right.text(0.5, 0.5, "a word")
    figure.refresh()
    assert_drawn_truly(figure)

    seen = {figure.widget.value}
    for change in (
        lambda: line.set_ydata([1, 0]),
        lambda: image.set_data([[2, 2], [0, 1]]),
        lambda: box.set_bounds(0.1, 0.1, 1, 0.3),
        lambda: dots.set_sizes([200, 3]),
        lambda: word.set_text("another"),
        lambda: left.set_ylim(-1, 3),
        lambda: middle.set_title("a title"),
        lambda: middle.set_xticks([0, 1], ["zero", "one"]),
        lambda: image.set_extent((0, 1, 0, 1)),
        lambda: image.set_clim(-3, 3),
        lambda: left.axhline(0.5),
        lambda: left.lines[-1].remove(),
        lambda: line.set_visible(False),
    ):
        change()
        figure.refresh()
        assert_drawn_truly(figure)
        seen.add(figure.widget.value)
    assert len(seen) == 13, "each change is seen; with the second line gone all is as before it"


def rectangle():
    from matplotlib.patches import Rectangle

    return Rectangle((-0.3, -0.2), 1, 1, fill=False, linewidth=3, edgecolor="red")


def test_text_is_drawn_again_only_where_it_may_have_changed(full_drawings):
    figure = LiveFigure()
    axes = figure.axes
    (line,) = axes.plot([0, 1], [0, 1], label="a line")
    image = axes.imshow([[0, 1]])
    axes.legend()
    figure.refresh()
    line.set_ydata([1, 0])
    figure.refresh()
    frame(axes, (0, 2), (-1, 1))
    figure.refresh()
    frame(axes, (0, 2), (-1, 1))
    image.set_extent((0, 5, 0, 5))
    figure.refresh()
    assert len(full_drawings) == 2 and axes.get_xlim() == (0, 2)
    axes.set_xlabel("seconds")
    figure.refresh()
    figure.rearrange()
    figure.refresh()
    assert len(full_drawings) == 4


@pytest.mark.parametrize(
    ("panel", "moves"),
    [
        (l01_sound.alias_panel, {"hertz": 700, "rate": 22050}),
        (l01_sound.bits_panel, {"bits": 3, "dither": True, "source": "speech_like"}),
        (l01_sound.beats_panel, {"hertz": 200, "apart": 9.0}),
        (l02_stft.stft_panel, {"win_length": 256, "sound": "a glide", "hop": 1}),
        (l03_mel.mel_panel, {"bands": 32, "sound": "percussion"}),
        (l04_image.paint_panel, {"to": 2000, "shape": "beat", "level": -12}),
        (
            l05_griffin_lim.griffin_lim_panel,
            {"iteration": 5, "seed": 2, "sound": "one click", "win_length": 4096},
        ),
        (l07_noise.noise_panel, {"time": 900, "clip": "piano", "shown": "v"}),
    ],
)
def test_a_panels_sliders_move_pictures_and_leave_text_alone(panel, moves, full_drawings):
    panel = panel()
    assert_drawn_truly(panel.figure)
    before = len(full_drawings)
    for control, value in moves.items():
        old = panel.figure.widget.value
        getattr(panel, control).value = value
        assert panel.figure.widget.value != old, control
        assert_drawn_truly(panel.figure)
    assert len(full_drawings) == before


def test_a_png_holds_the_pixels_that_it_was_given():
    random = np.random.default_rng(0)
    for shape in ((1, 1, 3), (7, 300, 3), (300, 7, 3)):
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        image = Image.open(io.BytesIO(png(pixels)))
        image.load()  # checks the sums
        assert image.format == "PNG" and np.array_equal(np.asarray(image), pixels)


def test_a_figure_is_redrawn_into_the_same_widget():
    figure = LiveFigure("a line", width=4, height=2)
    (line,) = figure.axes.plot([0, 1], [0, 1])
    figure.refresh()
    first, widget = drawn(figure), figure.widget
    assert first.shape == (192, 384, 3) and widget.tooltip == "a line"
    assert "description" in widget.keys, "without it a page can't show the tooltip, nor the picture"
    figure.refresh()
    assert np.array_equal(drawn(figure), first)
    line.set_ydata([1, 0])
    figure.refresh("a falling line")
    assert figure.widget is widget and widget.tooltip == "a falling line"
    assert (drawn(figure) != first).any()


def test_axes_stay_where_they_are_until_rearranged():
    figure = LiveFigure(rows=1, columns=2)
    figure.refresh()
    place = figure.axes[0].get_position().bounds
    figure.axes[0].set_ylabel("a label\nof two lines")
    figure.refresh()
    assert figure.axes[0].get_position().bounds == place
    figure.rearrange()
    figure.refresh()
    assert figure.axes[0].get_position().bounds != place


def test_a_sound_is_exchanged_at_its_own_level():
    sound = LiveSound("Tone")
    assert sound.widget.sound == b"" and sound.player is None
    sound.set(np.full(4410, 0.25), 44100)
    assert "peak -12.0 dBFS" in sound.widget.caption and "Tone" in sound.widget.label
    sound.set(np.full(4410, 0.5), 44100, "Louder")
    assert "peak -6.0 dBFS" in sound.widget.caption and "Louder" in sound.widget.label
    with pytest.raises(RiffeduError, match="clip"):
        sound.set(np.full(4410, 2.0), 44100)
    sound.set(np.full(4410, 2.0), 44100, attenuate=True)
    assert "turned down by 7.0 dB" in sound.widget.caption
    sound.clear()
    assert sound.widget.sound == b"" and sound.player is None


def test_words_stand_on_an_empty_figure_until_it_is_drawn():
    figure = LiveFigure(width=4, height=2)
    figure.axes.imshow([[255]], cmap="gray", vmin=0, vmax=255)
    figure.refresh("empty")
    empty = drawn(figure).astype(int)
    figure.say("Nothing yet.")
    rows, columns = np.nonzero(np.abs(drawn(figure) - empty).sum(axis=2))
    assert len(rows) > 50 and abs(rows.mean() - 96) < 6 and abs(columns.mean() - 192) < 6
    assert figure.alt == figure.widget.tooltip == "Nothing yet."
    figure.refresh("empty")
    assert np.array_equal(drawn(figure), empty)
