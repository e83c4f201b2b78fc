"""`hedger doctor`: a row for each thing that a first run gets wrong, and nothing changed by looking."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.support.processes import Ended, environment, run_hedger


def examined(directory: Path, *arguments: str, **more: str) -> tuple[Ended, dict[str, dict[str, object]]]:
    """What the doctor says of a state directory: each row by what was checked."""
    ended = run_hedger("doctor", "--json", *arguments, env=environment(HEDGER_STATE_DIR=str(directory), **more))
    return ended, {row["check"]: row for row in json.loads(ended.out)}


def test_a_fresh_start_is_found_good_and_left_untouched(tmp_path: Path) -> None:
    ended, rows = examined(tmp_path / "state", HEDGER_METRICS__PORT="39108")
    assert (ended.code, ended.err) == (0, "")
    assert all(row["good"] for row in rows.values())
    assert "can be made" in str(rows["state directory"]["found"])
    assert list(tmp_path.iterdir()) == []


def test_each_row_that_is_not_good_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    ended, rows = examined(tmp_path / "state")
    assert ended.code == 2
    assert ended.err == "hedger: some checks failed; the last column says what to do\n"
    bad = [row for row in rows.values() if not row["good"]]
    assert "state directory" in {row["check"] for row in bad}
    assert all(row["remedy"] for row in bad)


def test_a_broken_journal_is_seen(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper/journal.sqlite3").write_bytes(b"nothing of the kind" * 100)
    ended, rows = examined(tmp_path)
    assert (ended.code, rows["journal"]["good"]) == (2, False)


def test_a_port_in_use_is_no_fault_on_paper(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended, rows = examined(tmp_path, HEDGER_METRICS__PORT=str(port))
    assert ended.code == 0
    assert "takes another" in str(rows["metrics port"]["found"])


def test_a_latched_kill_and_a_console_port_in_use_are_seen_in_the_directory_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/kill").write_text("a drill")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = {
            "HEDGER_CONSOLE__PORT": str(taken.getsockname()[1]),
        }
        ended, rows = examined(tmp_path / "elsewhere", "--state-dir", str(tmp_path / "state"), **more)
    assert ended.code == 2
    assert f"{tmp_path / 'state/kill'} is latched (the kill file: a drill)" in str(rows["kill file"]["found"])
    assert f"remove {tmp_path / 'state/kill'} by hand" in str(rows["kill file"]["remedy"]), "a resume leaves it there"
    assert "`hedger resume --reason …`" in str(rows["kill file"]["remedy"])
    assert "a paper run takes another" in str(rows["console port"]["found"])


def test_the_doctor_says_what_is_known_of_a_venue_without_asking_it(tmp_path: Path) -> None:
    ended = run_hedger("doctor", "--venue", "binance", "--json", env=environment(HEDGER_STATE_DIR=str(tmp_path / "s")))
    rows = {row["ability"]: row for row in json.loads(ended.out)}
    assert (ended.code, ended.err) == (0, "")
    assert rows["post-only and reject"]["proof"] == "proven on the wire"
    assert "GTX" in str(rows["post-only and reject"]["how"])
    assert {row["proof"] for row in rows.values()} <= {
        "proven on the wire",
        "unverified on the live venue",
        "absent",
    }


def test_a_venue_that_nobody_knows_is_refused_with_the_nearest(tmp_path: Path) -> None:
    ended = run_hedger("doctor", "--venue", "bibit", env=environment(HEDGER_STATE_DIR=str(tmp_path / "s")))
    assert (ended.code, ended.err) == (2, "hedger: bibit is not a venue that we know; did you mean bybit?\n")
