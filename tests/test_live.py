"""Pictures and sounds that follow a slider keep their widget and change what is in it."""

import io

import numpy as np
import pytest
from PIL import Image

from riffedu.errors import RiffeduError
from riffedu.widgets.live import LiveFigure, LiveSound


def drawn(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(figure.widget.value)))


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
