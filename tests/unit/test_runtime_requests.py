"""Requests as files: written whole, read with suspicion, answered, and bounded in number."""

import json
import os
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.runtime.requests import MOST_AT_ONCE, MOST_KEPT, Answer, Ask, Mailbox, Request, parse_request

PAUSE = Request(ask=Ask.PAUSE, reason="a look at it")
NOW_NS = 1_800_000_000 * 10**9
SECOND_NS = 10**9
WHOLE = PAUSE.to_json(asked_ns=NOW_NS, expires_ns=2 * NOW_NS)


class Wall:
    """A wall clock that a test sets."""

    ns = NOW_NS

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    made = Mailbox(tmp_path)
    made.prepare()
    return made


def test_a_request_arrives_as_it_was_sent_and_its_answer_goes_back(mailbox: Mailbox) -> None:
    sent = Request(ask=Ask.WRITE_OFF, reason="seen at the venue", subject="hhdg000100000199")
    name = mailbox.send(sent, "1")
    (letter,) = mailbox.letters()
    assert (letter.name, letter.request, letter.problem) == (name, sent, "")
    assert mailbox.answer_to(name) is None
    mailbox.answer(name, Answer(done=True, why="ok"))
    assert list(mailbox.letters()) == []
    assert mailbox.answer_to(name) == Answer(done=True, why="ok")
    assert mailbox.answer_to(name) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"pause"',
        "{",
        "[" * 100_000,
        '{"ask": "pause"}',
        '{"ask": "pause", "reason": "  "}',
        '{"ask": "pause", "reason": 1}',
        '{"ask": "buy", "reason": "x"}',
        '{"ask": ["pause"], "reason": "x"}',
        '{"ask": "pause", "reason": "x", "sudo": "y"}',
        '{"ask": "pause", "reason": "x", "subject": "hhdg000100000199"}',
        '{"ask": "write_off", "reason": "x"}',
        '{"ask": "write_off", "reason": "x", "subject": "../../etc"}',
        '{"ask": "halt", "reason": "x"}',
    ],
)
def test_what_is_not_exactly_a_request_is_none(text: str) -> None:
    assert parse_request(text.encode()) is None


def written(reason: str) -> bytes:
    return json.dumps({"ask": "pause", "reason": reason, "asked_ns": 1, "expires_ns": 2}).encode()


def test_a_reason_is_kept_on_one_line_and_refused_whole_when_it_is_too_long() -> None:
    parsed = parse_request(written("a\nb\x07" + "x" * 496))
    assert parsed is not None
    assert parsed.reason == "a b?" + "x" * 496
    assert parse_request(written("x" * 501)) is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(ask=Ask.PAUSE, reason=" "), "needs a reason"),
        (Request(ask=Ask.PAUSE, reason="x" * 501), "longer than 500 characters"),
        (Request(ask=Ask.WRITE_OFF, reason="x", subject="../etc"), "our id of the order"),
        (Request(ask=Ask.WRITE_OFF, reason="x"), "our id of the order"),
        (Request(ask=Ask.PAUSE, reason="x", subject="hhdg000100000199"), "only a write-off"),
        (PAUSE, ""),
    ],
)
def test_each_flaw_of_a_request_has_its_own_sentence(request_: Request, words: str) -> None:
    assert words in request_.flaw()
    assert bool(words) is bool(request_.flaw())


def test_a_request_without_its_times_is_none() -> None:
    told = json.loads(WHOLE)
    for key in ("asked_ns", "expires_ns"):
        assert parse_request(json.dumps({k: v for k, v in told.items() if k != key}).encode()) is None
    assert parse_request(WHOLE) == PAUSE


def test_a_request_that_nobody_took_up_in_time_is_refused_and_says_so(tmp_path: Path) -> None:
    wall = Wall()
    mailbox = Mailbox(tmp_path, wall)
    mailbox.prepare()
    for late_s, problem in ((34, ""), (36, "it expired 1 s before it was taken up")):
        wall.ns = NOW_NS
        mailbox.send(PAUSE, f"{late_s}", 30)
        wall.ns += late_s * SECOND_NS
        (letter,) = mailbox.letters()
        assert (letter.request, letter.problem) == (None if problem else PAUSE, problem)


def test_a_clock_that_was_set_back_does_not_make_an_old_request_young(tmp_path: Path) -> None:
    wall = Wall()
    mailbox = Mailbox(tmp_path, wall)
    mailbox.prepare()
    mailbox.send(PAUSE, "1", 30)
    wall.ns -= 3600 * SECOND_NS
    (letter,) = mailbox.letters()
    assert letter.request is None
    assert "set back" in letter.problem


def test_a_withdrawn_request_is_never_read_and_one_that_was_taken_up_cannot_be_withdrawn(mailbox: Mailbox) -> None:
    first = mailbox.send(PAUSE, "1")
    assert mailbox.withdraw(first)
    assert list(mailbox.letters()) == []
    assert not mailbox.waits(first)
    second = mailbox.send(PAUSE, "2")
    assert [letter.name for letter in mailbox.letters()] == [second]
    assert not mailbox.withdraw(second)
    assert mailbox.waits(second)


def test_one_that_is_withdrawn_while_the_list_is_read_is_not_obeyed(mailbox: Mailbox) -> None:
    names = [mailbox.send(PAUSE, str(n)) for n in range(2)]
    letters = mailbox.letters()
    assert next(letters).name == names[0]
    assert mailbox.withdraw(names[1])
    assert list(letters) == []


def test_what_an_earlier_run_took_up_and_never_answered_is_told(mailbox: Mailbox) -> None:
    name = mailbox.send(PAUSE, "1")
    list(mailbox.letters())
    mailbox.prepare()
    answer = mailbox.answer_to(name)
    assert answer is not None
    assert not answer.done
    assert "an earlier run took it up" in answer.why


def test_requests_are_taken_up_in_the_order_in_which_they_were_sent(tmp_path: Path) -> None:
    wall = Wall()
    mailbox = Mailbox(tmp_path, wall)
    mailbox.prepare()
    sent = []
    for token in ("control-ff", "1", "control-00", "9"):
        wall.ns += 1
        sent.append(mailbox.send(PAUSE, token))
    assert [letter.name for letter in mailbox.letters()] == sent


def test_links_pipes_directories_and_files_of_others_are_not_read(mailbox: Mailbox, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(WHOLE)
    (mailbox.directory / "1.json").symlink_to(whole)
    os.mkfifo(mailbox.directory / "2.json")
    (mailbox.directory / "3.json").mkdir()
    (mailbox.directory / "4.json").write_bytes(WHOLE)
    (mailbox.directory / "4.json").chmod(0o622)
    (mailbox.directory / "5.json").write_bytes(WHOLE + b" " * 5000)
    letters = list(mailbox.letters())
    assert [letter.request for letter in letters] == [None] * 5
    assert all(letter.problem for letter in letters)


def test_a_draft_that_is_still_being_written_is_not_seen(mailbox: Mailbox) -> None:
    (mailbox.directory / ".6.json").write_text("{")
    (mailbox.directory / ".6.new").write_text("{")
    assert list(mailbox.letters()) == []


def test_what_was_asked_of_an_earlier_run_is_moved_aside(mailbox: Mailbox) -> None:
    name = mailbox.send(Request(ask=Ask.DRAIN, reason="yesterday"), "1")
    mailbox.prepare()
    assert list(mailbox.letters()) == []
    answer = mailbox.answer_to(name)
    assert answer is not None
    assert not answer.done
    assert "earlier run" in answer.why
    assert (mailbox.directory / name).with_suffix(".refused").exists()


def test_the_mailbox_is_its_owner_s_alone(tmp_path: Path) -> None:
    loose = tmp_path / "requests"
    loose.mkdir(mode=0o777)
    loose.chmod(0o777)
    Mailbox(tmp_path).prepare()
    assert loose.stat().st_mode & 0o777 == 0o700


def test_a_mailbox_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "requests").symlink_to(elsewhere)
    with pytest.raises(JournalError, match="own"):
        Mailbox(tmp_path).prepare()


def test_a_flood_is_taken_up_in_parts_and_leaves_little_behind(mailbox: Mailbox) -> None:
    for number in range(200):
        mailbox.send(PAUSE, f"{number:03}")
    while letters := list(mailbox.letters()):
        assert len(letters) <= MOST_AT_ONCE
        for letter in letters:
            mailbox.refuse(letter.name, "no")
    assert len(list(mailbox.directory.iterdir())) <= 2 * MOST_KEPT


def test_a_time_beyond_all_bounds_and_half_a_character_are_moved_aside_like_any_nonsense(mailbox: Mailbox) -> None:
    """What ends the reader of the mailbox ends the hedger."""
    seen = Request(ask=Ask.ACKNOWLEDGE, reason="seen", subject="half \ud83d")
    for number, text in enumerate(
        (
            PAUSE.to_json(asked_ns=0, expires_ns=-(10**400)),
            PAUSE.to_json(asked_ns=10**400, expires_ns=10**401),
            seen.to_json(asked_ns=0, expires_ns=2**70),
            Request(ask=Ask.ACKNOWLEDGE, reason="seen", subject="\x1b[2J").to_json(asked_ns=0, expires_ns=2**70),
        )
    ):
        (mailbox.directory / f"{number}.json").write_bytes(text)
    letters = list(mailbox.letters())
    assert len(letters) == 4
    for letter in letters:
        assert letter.request is None
        assert letter.problem
        mailbox.refuse(letter.name, letter.problem)
