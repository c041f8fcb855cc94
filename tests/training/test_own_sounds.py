"""A folder of one's own sounds: what is read, how it is cut, and a clear line for what is wrong."""

import numpy as np
import pytest
from tiny import ours  # noqa: F401  (fixture)

from riffedu.errors import RiffeduError
from riffedu.signal.audio import rms_db, save
from riffedu.signal.synth import sine
from riffedu.training.own_sounds import (
    RATE,
    choose_held_out,
    cut,
    open_sounds,
    read_captions,
    read_pieces,
    starts,
)


@pytest.fixture
def folder(tmp_path):
    """Four sounds of 6 s and one of half a second, captions in a table."""
    place = tmp_path / "sounds"
    place.mkdir()
    for number, name in enumerate("abcd"):
        save(place / f"{name}.wav", sine(220 * 2**number, 6.0), RATE)
    save(place / "short.wav", sine(300, 0.5), RATE)
    lines = [f"{name}.wav,a tone {name}" for name in [*"abcd", "short"]]
    (place / "captions.csv").write_text("file,caption\n" + "\n".join(lines) + "\n")
    return place


def write(folder, text):
    (folder / "captions.csv").write_text(text, "utf-8")


def rows(folder, but=()):
    names = sorted(path.name for path in folder.glob("*.wav"))
    return "".join(f"{name},a tone\n" for name in names if name not in but)


def test_table_with_and_without_header_and_text_files(folder):
    found = read_captions(folder)
    assert [path.name for path in found] == [f"{n}.wav" for n in [*"abcd", "short"]]
    assert list(found.values())[0] == "a tone a"
    write(folder, rows(folder))
    assert set(read_captions(folder).values()) == {"a tone"}
    (folder / "b.txt").write_text("  a tone,\n of my own ", "utf-8")
    assert read_captions(folder)[folder / "b.wav"] == "a tone, of my own"


@pytest.mark.parametrize(
    "text",
    [
        "caption;file_name\na tone, low;a.wav\n",
        "\ufefffile,caption\na.wav,a tone, low\n",
        'a.wav,"a tone, low"\n\n',
        "filename\ttext\na.wav\ta tone, low\n",
    ],
    ids=["semicolons, swapped", "byte order mark, comma in it", "quoted", "tabs"],
)
def test_tables_as_people_save_them(folder, text):
    for path in folder.glob("*.wav"):
        if path.name != "a.wav":
            path.unlink()
    write(folder, text)
    assert list(read_captions(folder).values()) == ["a tone, low"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: write(f, rows(f, ["c.wav"])),
            "1 of 5 sounds have no caption .first: c.wav.: write c",
        ),
        (lambda f: write(f, rows(f) + "x.wav,gone\ny.wav,too\n"), r"for x.wav, .* \(and 1 more\)"),
        (lambda f: write(f, rows(f) + "a.wav,again\n"), "names a.wav twice"),
        (
            lambda f: write(f, rows(f) + "only\n"),
            r"sound 6: a line must be file,caption, not \['only'\]",
        ),
        (lambda f: write(f, "file,mood\na.wav,sad\n"), "must name the columns file and caption"),
        (lambda f: (f / "captions.csv").write_bytes(b"a.wav,caf\xe9\n"), "not UTF-8"),
        (lambda f: (f / "captions.csv").unlink(), "5 of 5 sounds have no caption"),
        (lambda f: [p.unlink() for p in f.glob("*.wav")], "contains no sound files"),
        (lambda f: save(f / "a.wav", sine(300, 0.1), RATE), "a.wav is only 0.10 s long"),
        (lambda f: save(f / "a.wav", np.zeros(9 * RATE), RATE), "a.wav is silent"),
        (lambda f: (f / "a.wav").write_bytes(b"no sound"), "a.wav"),
    ],
    ids=[
        "caption missing",
        "sound missing",
        "twice",
        "one column",
        "header",
        "latin 1",
        "no captions",
        "no sounds",
        "too short",
        "silent",
        "not a sound",
    ],
)
def test_a_bad_folder_is_refused_in_one_line(folder, change, message):
    change(folder)
    with pytest.raises(RiffeduError, match=message) as caught:
        read_pieces(folder)
    assert "\n" not in str(caught.value)


def test_not_a_folder_and_too_few(folder, tmp_path):
    with pytest.raises(RiffeduError, match="is not a folder"):
        read_captions(tmp_path / "none")
    for name in "bcd":
        (folder / f"{name}.wav").unlink()
    (folder / "a.wav").unlink()
    write(folder, rows(folder))
    with pytest.raises(RiffeduError, match="gives 1 pieces .* too few .* 5 to 20 files"):
        read_pieces(folder)


def test_pieces_cover_the_sound():
    assert starts(5.12) == [0] and starts(0.3) == [0] and starts(5.2) == [0]
    for seconds in (5.5, 7.68, 20.0, 33.3):
        found = starts(seconds)
        assert found[0] == 0 and seconds - 0.3 <= found[-1] + 5.12 <= seconds + 1e-3
        assert 0 < np.diff(found).min() and np.diff(found).max() <= 2.56 + 1e-9


def test_cut_has_one_length_and_level():
    sound = sine(220, 12.0)
    piece = cut(sound, 3.0)
    assert piece.shape == (round(5.12 * RATE),) and rms_db(piece) == pytest.approx(-20, abs=0.01)
    assert np.allclose(piece, sound[3 * RATE :][: len(piece)], atol=1e-3)
    short = cut(sine(221, 1.0), 0)
    assert short.shape == piece.shape and np.allclose(short[:RATE], short[RATE : 2 * RATE])


def test_whole_files_are_held_out():
    files = [name for name in "abcdefghij" for _ in range(3)]
    held = choose_held_out(files)
    assert {files[i] for i in np.flatnonzero(held)} & {
        files[i] for i in np.flatnonzero(~held)
    } == set()
    assert 0 < held.sum() < 10 and (held == choose_held_out(files)).all()


def test_latents_are_kept_until_something_changes(ours, folder, tmp_path, monkeypatch):
    from riffedu.music.pipeline import load_pipeline
    from riffedu.training import own_sounds

    pipeline, cache = load_pipeline(ours), tmp_path / "cache"
    sounds = open_sounds(pipeline, folder, cache)
    assert sounds.latents.shape == (len(sounds.files), 8, 16, 16)
    assert len(sounds.part(True)[1]) + len(sounds.part(False)[1]) == len(sounds.files) == 9

    def encode(*_):
        raise LookupError

    monkeypatch.setattr(own_sounds, "encode_pieces", encode)
    again = open_sounds(pipeline, folder, cache)
    assert (again.latents == sounds.latents).all() and again.captions == sounds.captions
    write(folder, rows(folder))
    with pytest.raises(LookupError):
        open_sounds(pipeline, folder, cache)
