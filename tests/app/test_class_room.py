"""Class mode without a network: seats, codes, turns, what is cleaned away, the record."""

import json

import pytest

from riffedu.app.classroom import phones
from riffedu.app.classroom.record import Recorder, Replay
from riffedu.app.classroom.room import (
    ABSENCE,
    CODE_LENGTH,
    CORNERS,
    LETTERS,
    PIECES,
    Room,
    WrongCode,
)
from riffedu.app.classroom.words import clean_name, clean_prompt
from riffedu.errors import RiffeduError

FOUR = ["piano", "organ", "drums", "strings"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(clock):
    return Room(FOUR, most_phones=10, now=clock)


def join(room, name, address="10.0.0.1", key=""):
    return room.join(name, room.code, address, key)


# --- text from phones -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, kept",
    [
        ("Ada", "Ada"),
        ("  Zoë-Marie O'Hara  ", "Zoë-Marie O'Hara"),
        ("李小龙", "李小龙"),
        ("हिन्दी", "हिन्दी"),
        ("<script>alert(1)</script>", "script alert 1 scrip"),
        ("a\u202eb\u200bc\x00\n\ud800d", "a b c d"),
        ("e" + "\u0301" * 50, "é\u0301\u0301"),
        ("x" * 500, "x" * 20),
        ("\u3164Ada\u115f\u1160Lovelace\uffa0", "Ada Lovelace"),
        ("A\ufe00da\U000e0100\u034f", "Ada"),
    ],
)
def test_names(given, kept):
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    "wrong",
    ["", "  ", "<>", "\u0301", None, 3, ["Ada"], {}, "\u3164", "\u115f\u1160", "\uffa0.", "\u2800"],
)
def test_names_that_are_none(wrong):
    with pytest.raises(RiffeduError):
        clean_name(wrong)


@pytest.mark.parametrize(
    "given, kept",
    [
        ("a calm, solo piano", "a calm, solo piano"),
        ("((loud:30)) [drums] -> a\\b: 2", "loud 30 drums - a b 2"),
        ("120 bpm, c# minor, 3/4", "120 bpm, c# minor, 3/4"),
    ],
)
def test_prompts_lose_their_syntax(given, kept):
    assert clean_prompt(given) == kept


@pytest.mark.parametrize("wrong", ["", "->", "😀", "x" * 81, "x" * 10**6, None, 3])
def test_prompts_that_are_none(wrong):
    with pytest.raises(RiffeduError):
        clean_prompt(wrong)


# --- seats ------------------------------------------------------------------------------------


def test_corners_fill_evenly_and_names_are_unique(room):
    seats = [join(room, "Ada") for _ in range(10)]
    assert [CORNERS[seat.corner] for seat in seats] == list("ABCDABCDAB")
    assert [seat.name for seat in seats[:3]] == ["Ada", "Ada 2", "Ada 3"]
    with pytest.raises(RiffeduError, match="no place is free"):
        join(room, "Bob")
    room.remove("Ada 3")
    assert CORNERS[join(room, "Bob").corner] == "C", "the corner with the fewest phones"


def test_only_the_newest_code_admits(room):
    old = room.code
    stays = join(room, "Ada")
    room.new_code()
    for wrong in (old, "", None, 7, "A" * 1000):
        with pytest.raises(WrongCode):
            room.join("Bob", wrong, "10.0.0.2")
    assert room.join("Bob", f" {room.code.lower()} ", "10.0.0.2").name == "Bob"
    assert stays in room.seats


def test_trying_all_codes_takes_a_network_weeks():
    addresses = 254
    seconds = len(LETTERS) ** CODE_LENGTH * phones.PAUSE / (addresses * phones.OPEN)
    assert seconds > 21 * 24 * 3600
    assert f'maxlength="{CODE_LENGTH}"' in (phones.JS / "phone.html").read_text("utf-8")
    assert f".slice(0, {CODE_LENGTH});" in (phones.JS / "phone.js").read_text("utf-8")


def test_a_lock_admits_nobody_new_but_lets_phones_return(room, clock):
    ada = join(room, "Ada")
    room.locked = True
    with pytest.raises(RiffeduError, match="not accepting new phones"):
        join(room, "Bob")
    room.lose(ada)
    clock.now += ABSENCE / 2
    assert join(room, "anything", key=ada.key) is ada and ada.absent_since is None


def test_an_absent_phone_frees_its_corner_after_a_while(room, clock):
    ada = join(room, "Ada")
    room.say(ada, 1, "techno")
    room.lose(ada)
    clock.now += ABSENCE + 1
    room.free_absent()
    assert room.seats == [] and not room.corners[ada.corner].queue
    assert join(room, "Ada", key=ada.key) is not ada


def test_one_address_has_a_few_seats():
    room = Room(FOUR, per_address=2)
    join(room, "Ada"), join(room, "Bob")
    with pytest.raises(RiffeduError, match="no place is free"):
        join(room, "Cem")
    assert join(room, "Cem", address="10.0.0.2")


# --- turns ------------------------------------------------------------------------------------


def play(room, pieces, prompts=None):
    """Make pieces with what the pad shows; each one's prompts."""
    made, shown = [], prompts or [corner.given for corner in room.corners]
    for number in range(pieces):
        made.append(shown := room.next_prompts(number, shown))
    return made


def test_a_phone_alone_in_its_corner_plays_at_once(room):
    ada = join(room, "Ada")
    assert play(room, 1) == [FOUR]
    room.say(ada, 1, "techno")
    assert room.status(ada)["waiting"] == "techno"
    room.next_prompts(1, FOUR)
    status = room.status(ada)
    assert (status["playing"], status["yours"], status["waiting"]) == ("techno", True, "")
    assert not status["audible"]
    room.heard_piece = 1
    assert room.status(ada)["audible"]
    room.say(ada, 2, "jazz")
    assert room.next_prompts(2, ["piano", "organ", "techno", "strings"])[ada.corner] == "jazz"


def test_prompts_of_one_corner_take_turns():
    room = Room(FOUR, most_phones=40)
    seats = [join(room, f"phone {n}") for n in range(12)]
    first = [seat for seat in seats if seat.corner == seats[0].corner]
    for message in (1, 2):
        for seat in first:
            room.say(seat, message, f"{seat.name} says {message}")
    assert [room.status(seat)["before"] for seat in first] == [0, 1, 2]
    heard = [prompts[first[0].corner] for prompts in play(room, 8)]
    turns = [f"{seat.name} says 2" for seat in first]
    assert heard == [*turns[:1] * PIECES, *turns[1:2] * PIECES, *turns[2:] * (8 - 2 * PIECES)]


def test_a_message_counts_once(room):
    ada = join(room, "Ada")
    room.say(ada, 1, "techno")
    room.say(ada, 1, "jazz")
    assert ada.waiting == "techno" and ada.heard == 1
    with pytest.raises(RiffeduError):
        room.say(ada, 2, "😀")
    assert ada.heard == 2 and ada.waiting == "techno", "a refusal is an answer"


def test_the_teacher_edits_pauses_and_removes(room):
    ada = join(room, "Ada")
    room.say(ada, 1, "rude words")
    shown = room.next_prompts(0, FOUR)
    room.remove("Ada")
    assert room.next_prompts(1, shown) == FOUR, "the teacher's prompt is back"
    bob = join(room, "Bob")
    room.say(bob, 1, "techno")
    edited = [*FOUR]
    edited[bob.corner] = "a waltz"
    heard = [prompts[bob.corner] for prompts in play(room, 4, edited)]
    assert heard == ["a waltz"] * PIECES + ["techno"] * 2, "an edit has its turn"
    room.paused = True
    with pytest.raises(RiffeduError, match="paused"):
        room.say(bob, 2, "jazz")


# --- the record -------------------------------------------------------------------------------


def test_a_record_tells_whose_prompts_played(room, tmp_path, clock):
    ada = join(room, "Ada")
    play(room, 2)
    clock.now = 7.0
    room.say(ada, 1, "techno")
    room.next_prompts(2, FOUR)
    session = {"pieces": 3}
    recorder = Recorder(tmp_path / "a.json", lambda: json.dumps(session), room.record)
    recorder.save()
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["pieces"] == 3
    assert {"at": 7.0, "said": "techno", "by": "Ada", "message": 1} in written["class"]
    past = Replay((tmp_path / "a.json").read_bytes())
    by = [[corner["by"] for corner in past.at(number)] for number in (-1, 1, 2, 9)]
    assert by == [["", "", "", ""], ["", "", "", ""], ["", "", "Ada", ""], ["", "", "Ada", ""]]
    (tmp_path / "a-2.json").write_text("somebody's")
    recorder.next_file()
    session["pieces"] = 0
    recorder.save()
    assert recorder.path.name == "a-3.json" and recorder.path.exists()
    assert json.loads((tmp_path / "a.json").read_text())["pieces"] == 3


def recorded(**changed):
    """A recording of one piece, as bytes."""
    event = {"piece": 0, "prompts": FOUR, "by": [""] * 4}
    return json.dumps({"class": [{**event, **changed}]}).encode()


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b"[]",
        b'{"class": 3}',
        b"\xff\xfe",
        recorded().decode().encode("utf-16"),
        b'{"class": ' + b"[" * 100_000,
        recorded(piece="x"),
        recorded(piece=-1),
        recorded(piece=10**9),
        recorded(piece=float("inf")),
        recorded(prompts=FOUR * 1000, by=[""] * 4000),
        recorded(prompts=FOUR[:1]),
        recorded(by=[]),
        b" " * (33 << 20) + recorded(),
        json.dumps({"class": [{"at": 0}] * 50_001}).encode(),
    ],
    ids=lambda damaged: damaged[:20].decode("latin-1"),
)
def test_a_file_that_is_no_class(damaged):
    assert Replay(recorded()).at(0)[3]["prompt"] == FOUR[3]
    with pytest.raises(RiffeduError, match="not a class recording"):
        Replay(damaged)
