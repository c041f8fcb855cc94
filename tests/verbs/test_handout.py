"""Copies of the lessons: what the learner has written is never lost."""

import json

import pytest

from riffedu import cli, paths
from riffedu.errors import RiffeduError
from riffedu.verbs import handout, lab
from riffedu.verbs.handout import hand_out


@pytest.fixture
def course(monkeypatch, tmp_path):
    """An installed course of three lessons, whose text the test may change."""
    folder = tmp_path / "course"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "docs").mkdir()
    (folder / "docs" / "glossary.md").write_text("## latents\n")
    for name in ("00_a", "01_b", "02_c"):
        (folder / "notebooks" / f"{name}.ipynb").write_text(f"version 1 of {name}")
    monkeypatch.setattr(handout, "course_folder", lambda: folder)
    return folder / "notebooks"


def texts(folder):
    return {path.stem: path.read_text() for path in sorted((folder / "notebooks").glob("*.ipynb"))}


def test_first_copy(course, tmp_path):
    mine = tmp_path / "new" / "mine"
    done = hand_out(mine)
    assert done.copied == ("00_a", "01_b", "02_c") and "3 lessons copied" in str(done)
    assert texts(mine) == {name: f"version 1 of {name}" for name in ("00_a", "01_b", "02_c")}
    assert (mine / "docs" / "glossary.md").is_file()
    again = hand_out(mine)
    assert again == handout.Copies((), (), (), ()) and str(again) == ""


def test_work_is_kept_and_unchanged_lessons_follow(course, tmp_path):
    mine = tmp_path / "mine"
    hand_out(mine)
    (mine / "notebooks" / "00_a.ipynb").write_text("my own work")
    for name in ("00_a", "01_b"):
        (course / f"{name}.ipynb").write_text("version 2")
    done = hand_out(mine)
    assert done.replaced == ("01_b",) and done.waiting == ("00_a",) and "--update" in str(done)
    assert texts(mine) == {
        "00_a": "my own work",
        "01_b": "version 2",
        "02_c": "version 1 of 02_c",
    }
    done = hand_out(mine, update=True)
    assert done.beside == ("00_a",) and done.waiting == ()
    assert texts(mine)["00_a"] == "my own work" and texts(mine)["00_a-new"] == "version 2"
    assert hand_out(mine, update=True) == handout.Copies((), (), (), ())
    (course / "00_a.ipynb").write_text("version 3")
    hand_out(mine, update=True)
    assert texts(mine)["00_a-new"] == "version 2" and texts(mine)["00_a-new-2"] == "version 3"


def test_changed_work_without_news_is_left_in_peace(course, tmp_path):
    mine = tmp_path / "mine"
    hand_out(mine)
    (mine / "notebooks" / "00_a.ipynb").write_text("my own work")
    assert hand_out(mine, update=True) == handout.Copies((), (), (), ())
    assert list(texts(mine)) == ["00_a", "01_b", "02_c"]


@pytest.mark.parametrize("damage", ["", "[]", "{", None])
def test_a_lost_record_costs_no_work(course, tmp_path, damage):
    mine = tmp_path / "mine"
    hand_out(mine)
    (mine / "notebooks" / "01_b.ipynb").write_text("my own work")
    record = mine / handout.RECORD
    record.unlink() if damage is None else record.write_text(damage)
    assert hand_out(mine).waiting == ("01_b",)
    assert texts(mine)["01_b"] == "my own work"


def test_a_deleted_lesson_comes_back(course, tmp_path):
    hand_out(tmp_path)
    (tmp_path / "notebooks" / "02_c.ipynb").unlink()
    assert hand_out(tmp_path).copied == ("02_c",)


def test_a_file_in_the_way(course, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(RiffeduError, match="cannot be copied to .*taken"):
        hand_out(tmp_path / "taken")


def test_the_shell_copies_the_real_lessons(tmp_path, capsys):
    mine = tmp_path / "mine"
    assert cli.main(["lab", "--folder", str(mine), "--copy-only"]) == 0
    assert str(mine) in capsys.readouterr().out
    real = sorted(path.name for path in (paths.course_folder() / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in (mine / "notebooks").glob("*.ipynb")) == real
    assert set(json.loads((mine / handout.RECORD).read_text())) == set(real)


def test_unknown_flags_go_to_jupyter(monkeypatch, tmp_path, capsys):
    started = []
    monkeypatch.setattr(lab.os, "name", "other")
    monkeypatch.setattr(
        lab.subprocess, "run", lambda parts, env: started.extend(parts) or lab_done()
    )
    assert cli.main(["lab", "5", "--ip=0.0.0.0", "--ServerApp.base_url=/music/"]) == 0
    assert started[-2:] == ["--ip=0.0.0.0", "--ServerApp.base_url=/music/"]
    assert cli.main(["check", "--ip=0.0.0.0"]) == 2
    assert "unrecognized arguments: --ip=0.0.0.0" in capsys.readouterr().err


def lab_done():
    import subprocess

    return subprocess.CompletedProcess([], 0)
