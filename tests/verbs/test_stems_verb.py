"""`riffedu stems`: files that add up, gains, one stem remade, bad input."""

import numpy as np
import pytest
from tiny import ours  # noqa: F401

from riffedu import cli
from riffedu.paths import clips_folder
from riffedu.signal.audio import clips, load, rms_db
from riffedu.verbs.stems import gain

BAND = str(clips_folder() / clips()["percussion"]["file"])


def test_stems_add_up(tmp_path, capsys):
    out = tmp_path / "new" / "stems"
    assert cli.main(["stems", BAND, "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["harmonic.wav", "percussive.wav"]
    total = sum(load(path)[0] for path in out.iterdir())
    assert np.abs(total - load(BAND)[0]).max() < 1e-4
    assert "percussive.wav" in capsys.readouterr().out


def test_a_mix_with_gains(tmp_path):
    args = ["stems", BAND, "-o", str(tmp_path), "--method", "bands", "--gain", "bass=-inf"]
    assert cli.main([*args, "--gain", "treble=-6", "--quiet"]) == 0
    parts = {name: load(tmp_path / f"{name}.wav")[0] for name in ("middle", "treble", "mix")}
    wanted = parts["middle"] + 10 ** (-6 / 20) * parts["treble"]
    assert np.abs(parts["mix"] - wanted).max() < 1e-4


def test_one_stem_remade(tmp_path, ours):  # noqa: F811
    cut = tmp_path / "cut.wav"
    from riffedu.signal.audio import save

    waveform, rate = load(BAND)
    save(cut, waveform[..., : rate // 2], rate)
    args = ["stems", str(cut), "-o", str(tmp_path / "out"), "--model", str(ours)]
    assert cli.main([*args, "--remake", "harmonic", "an organ", "--quiet"]) == 0
    cli.main(["stems", str(cut), "-o", str(tmp_path / "old"), "--quiet"])
    new, old = (load(tmp_path / f / "harmonic.wav")[0] for f in ("out", "old"))
    assert new.shape == old.shape and not np.allclose(new, old)
    assert rms_db(new) == pytest.approx(rms_db(old), abs=0.5)
    drums = [load(tmp_path / f / "percussive.wav")[0] for f in ("out", "old")]
    assert np.array_equal(*drums)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--gain", "bass=-6"], "harmonic"),
        (["--gain", "harmonic"], "bass=-6"),
        (["--gain", "harmonic=loud"], "bass=-6"),
        (["--remake", "vocals", "x"], "harmonic"),
        (["--strength", "2"], "--strength"),
        (["--method", "magic"], "magic"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, more, words):
    assert cli.main(["stems", BAND, "-o", str(tmp_path / "out"), *more]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and words in err
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert cli.main(["stems", BAND, "-o", str(tmp_path / "taken")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_gain():
    assert gain(" bass =-inf") == ("bass", -np.inf)
