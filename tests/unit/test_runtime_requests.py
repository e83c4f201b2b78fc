"""Requests as files: written whole, read with suspicion, answered, and bounded in number."""

import json
import os
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.runtime.requests import MOST_AT_ONCE, MOST_KEPT, Answer, Ask, Mailbox, Request, parse_request

PAUSE = Request(ask=Ask.PAUSE, reason="a look at it")


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    made = Mailbox(tmp_path)
    made.prepare()
    return made


def test_a_request_arrives_as_it_was_sent_and_its_answer_goes_back(mailbox: Mailbox) -> None:
    sent = Request(ask=Ask.WRITE_OFF, reason="seen at the venue", order="hhdg000100000199")
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
        '{"ask": "pause", "reason": "x", "order": "hhdg000100000199"}',
        '{"ask": "write_off", "reason": "x"}',
        '{"ask": "write_off", "reason": "x", "order": "../../etc"}',
        '{"ask": "halt", "reason": "x"}',
    ],
)
def test_what_is_not_exactly_a_request_is_none(text: str) -> None:
    assert parse_request(text.encode()) is None


def test_a_reason_is_kept_on_one_bounded_line() -> None:
    parsed = parse_request(json.dumps({"ask": "pause", "reason": "a\nb\x07" + "x" * 900}).encode())
    assert parsed is not None
    assert parsed.reason.startswith("a b?x")
    assert len(parsed.reason) == 500


def test_links_pipes_directories_and_files_of_others_are_not_read(mailbox: Mailbox, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(PAUSE.to_json())
    (mailbox.directory / "1.json").symlink_to(whole)
    os.mkfifo(mailbox.directory / "2.json")
    (mailbox.directory / "3.json").mkdir()
    (mailbox.directory / "4.json").write_bytes(PAUSE.to_json())
    (mailbox.directory / "4.json").chmod(0o622)
    (mailbox.directory / "5.json").write_bytes(PAUSE.to_json() + b" " * 5000)
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
    assert (mailbox.directory / "1.refused").exists()


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
