"""Lesson 00: the arrows point at what they name, and the melodies are those of the pictures."""

import io

import numpy as np
from PIL import Image

from riffedu import audio_to_image
from riffedu.lessons.l00_hear_it_first import drawings, exercises
from riffedu.widgets.pictures import height
from riffedu.widgets.table import by_ear


def darkness(image, seconds, hertz):
    pixels = 255 - np.asarray(image.convert("L"), float)
    row, column = round((1 - height(hertz)) * len(pixels)), round(100 * seconds)
    return pixels[row - 4 : row + 5, column - 4 : column + 5].mean(axis=1).max()


def test_arrows_point_at_what_they_name():
    image = audio_to_image(drawings.example_sound(), 44100)
    dark = {words: darkness(image, *at) for at, words, _ in drawings.MARKS}
    assert dark.pop("white: silence") < 5
    assert min(dark.values()) > 60 and dark["a held note"] > 200
    assert "a held note at 0.80 s and 262 Hz" in drawings.example_picture().alt
    assert np.abs(drawings.example_sound()).max() < 0.9


def test_the_darkest_place_is_found():
    t = np.arange(225792) / 44100
    sound = 0.02 * np.sin(2 * np.pi * 300 * t) + 0.2 * np.sin(2 * np.pi * 2000 * t) * (t > 4)
    seconds, hertz = drawings.darkest(audio_to_image(sound.astype(np.float32), 44100))
    assert seconds > 4 and abs(hertz - 2000) < 40
    drawn = drawings.marked(audio_to_image(sound.astype(np.float32), 44100))
    assert "the darkest" in drawn.alt and Image.open(io.BytesIO(drawn.png)).width > 700


def test_melodies_climb_and_fall_as_their_pictures_say():
    melodies, images = exercises.four_melodies(), exercises.melody_pictures()
    assert sorted(exercises.melody_order().values()) == [1, 2, 3, 4] and len(images) == 4
    for letter, number in exercises.melody_order().items():
        notes = melodies[letter].reshape(4, -1)
        spectra = np.abs(np.fft.rfft(notes, 44100))
        assert np.abs(spectra.argmax(axis=1) - exercises.MELODIES[number]).max() <= 2
        dark = 255 - np.asarray(images[number - 1].convert("L"), float)
        rows = [dark[:, 55 * i + 15 : 55 * i + 45].sum(axis=1).argmax() for i in range(4)]
        steps = np.sign(np.diff(exercises.MELODIES[number]))
        assert (np.sign(np.diff(rows)) == -steps).all(), "higher is nearer to row 0"
        assert np.abs(melodies[letter]).max() < 0.9


def test_no_two_melodies_go_up_and_down_alike_and_the_page_does_not_tell():
    assert len({tuple(np.sign(np.diff(notes))) for notes in exercises.MELODIES.values()}) == 4
    table = by_ear(exercises.four_melodies(), 44100)
    assert table._repr_html_().count("<audio") == 4 and "picture" not in repr(table)
