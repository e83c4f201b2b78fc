"""explain, replay and journal on the journal of a paper run, as a person types them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hedger.app.version import VERSION
from hedger.runtime.lease import Lease
from tests.support.processes import Ended, run_hedger


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("journal")
    ended = run_hedger("paper", "--seconds", "60", "--speed", "max", "--state-dir", str(made))
    assert ended.code == 0, ended.err
    return made


def typed(directory: Path, *arguments: str) -> Ended:
    return run_hedger(*arguments, "--state-dir", str(directory))


def first(directory: Path, action: str) -> int:
    query = "SELECT key FROM events WHERE kind = 'decision' AND json_extract(body, '$.action') = ? ORDER BY seq"
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as journal:
        return int(journal.execute(query, (action,)).fetchone()[0])


def copy_with(directory: Path, target: Path, statement: str) -> Path:
    with (
        closing(sqlite3.connect(directory / "journal.sqlite3")) as journal,
        closing(sqlite3.connect(target / "journal.sqlite3")) as copy,
    ):
        journal.backup(copy)
        copy.execute(statement)
        copy.commit()
    return target


def test_a_decision_is_made_again_and_is_identical(directory: Path) -> None:
    ended = typed(directory, "replay", str(first(directory, "place")))
    assert (ended.code, ended.err) == (0, "")
    assert ": identical (made by hedger" in ended.out


def test_all_decisions_are_made_again_and_counted(directory: Path) -> None:
    ended = typed(directory, "replay", "--all", "--json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["identical"] > 5
    assert (told["different"], told["not kept"]) == (0, 0)
    later = json.loads(typed(directory, "replay", "--all", "--since", "2026-01-01T07:40:30Z", "--json").out)
    assert 0 < later["identical"] < told["identical"]


def test_a_decision_that_comes_out_otherwise_ends_with_seven(directory: Path, tmp_path: Path) -> None:
    number = first(directory, "place")
    change = f"UPDATE events SET body = json_set(body, '$.target', '9') WHERE kind = 'decision' AND key = '{number}'"
    copy = copy_with(directory, tmp_path, change)
    ended = typed(copy, "replay", str(number))
    assert ended.code == 7
    assert 'target: "9" then, "0" now' in ended.out
    assert typed(copy, "replay", "--all").code == 7
    broken = typed(copy, "journal", "verify")
    assert (broken.code, broken.out) == (6, "")
    assert "is not what was written" in broken.err
    aside = typed(copy, "journal", "set-aside", "--reason", "a test")
    assert (aside.code, aside.err) == (0, "")
    assert len(list(copy.glob("journal.aside-*.sqlite3"))) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("replay", 2, "name one decision"),
        ("replay 1 --all", 2, "name one decision"),
        ("replay --all --since yesterday", 2, "give a moment as"),
        ("replay 999999", 5, "there is no decision 999999"),
        ("explain 999999", 5, "there is no decision 999999"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(directory: Path, arguments: str, code: int, says: str) -> None:
    ended = typed(directory, *arguments.split())
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err


def test_a_decision_whose_facts_are_gone_is_told_as_that(directory: Path, tmp_path: Path) -> None:
    copy = copy_with(directory, tmp_path, "DELETE FROM inputs")
    ended = typed(copy, "replay", "3")
    assert (ended.code, ended.out) == (5, "")
    assert "not kept any more" in ended.err


def test_an_order_is_told_from_its_decision_to_its_end(directory: Path) -> None:
    number = first(directory, "place")
    told = typed(directory, "explain", str(number))
    assert (told.code, told.err) == (0, "")
    assert "maker, fee" in told.out
    assert " filled" in told.out
    record = json.loads(typed(directory, "explain", str(number), "--json").out)
    assert record["decision_id"] == number
    assert record["life"][0]["status"] == "sent"
    assert record["life"][-1]["status"] == "filled"
    assert {fill["client_order_id"] for fill in record["fills"]} == {record["order"]["client_order_id"]}
    assert "start" in {event["kind"] for event in record["nearby"]}


def test_each_start_says_which_program_ran_with_which_settings(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as journal:
        (body,) = journal.execute("SELECT body FROM events WHERE kind = 'start'").fetchone()
    started = json.loads(body)
    assert started["version"] == VERSION
    assert started["mode"] == "paper"
    assert len(bytes.fromhex(started["config"])) == 8


def test_the_journal_tells_what_is_in_it_and_proves_it(directory: Path) -> None:
    known = json.loads(typed(directory, "journal", "info", "--json").out)
    assert known["kinds"]["decision"]["rows"] > 5
    assert known["kinds"]["start"]["rows"] == 1
    assert [(start["prepared"], start["clean"]) for start in known["starts"]] == [(True, True)]
    assert known["bytes"] > 10_000
    table = typed(directory, "journal", "info")
    assert "decision\t" in table.out
    verified = typed(directory, "journal", "verify")
    assert verified.code == 0
    assert "each as it was written" in verified.out


def test_a_start_that_still_runs_is_not_told_as_one_that_crashed(directory: Path, tmp_path: Path) -> None:
    copy = copy_with(directory, tmp_path, "DELETE FROM events WHERE kind = 'stop'")
    with Lease(copy):
        assert typed(copy, "journal", "info").out.splitlines()[-1].endswith("\tit runs")
    assert typed(copy, "journal", "info").out.splitlines()[-1].endswith("\tnot clean")
    assert typed(directory, "journal", "info").out.splitlines()[-1].endswith("\tclean")
