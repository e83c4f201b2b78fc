"""The kill file: its existence counts, whatever it is, and one that is pressed anew is never lost."""

import json
import os
import time
from pathlib import Path

import pytest

from hedger.app.resume import lift_halt, set_journal_aside
from hedger.errors import GiveUp, JournalError
from hedger.runtime.journal import Journal, Row
from hedger.runtime.kill import LONGEST_REASON, UNTOLD, KillFile


def test_whatever_bears_its_name_kills(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    assert not kill.exists()
    (tmp_path / "kill").touch()
    assert kill.exists()
    assert kill.reason() == UNTOLD
    (tmp_path / "kill").unlink()
    (tmp_path / "kill").symlink_to(tmp_path / "nowhere")
    assert kill.exists()
    assert kill.reason() == UNTOLD
    (tmp_path / "kill").unlink()
    (tmp_path / "kill").mkdir()
    assert kill.exists()
    assert kill.reason() == UNTOLD


def test_a_disk_that_does_not_answer_clearly_counts_as_a_kill(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    assert KillFile(tmp_path / "a-file").exists()


def test_its_reason_is_one_bounded_printable_line(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    kill.latch("two\nlines \x1b[31m" + "x" * 2000)
    assert kill.reason().startswith(f"{UNTOLD}: two lines ?[31mxxx")
    assert len(kill.reason()) <= LONGEST_REASON + len(UNTOLD) + 2
    assert kill.path.stat().st_mode & 0o777 == 0o600


def test_a_pipe_of_that_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kill")
    begun_at = time.monotonic()
    assert KillFile(tmp_path).exists()
    assert KillFile(tmp_path).reason() == UNTOLD
    assert time.monotonic() - begun_at < 0.5


def test_latching_twice_keeps_the_first_reason_and_counts_as_pressed_anew(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    kill.latch("first")
    os.utime(kill.path, (1, 1))
    kill.latch("second")
    assert kill.reason().endswith("first")
    assert kill.pressed_ns() > 2 * 10**9


def test_a_kill_that_was_pressed_after_the_resume_was_asked_for_stays(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    kill.latch("again")
    assert not kill.lift(kill.pressed_ns())
    assert kill.exists()
    assert kill.reason().endswith("again")
    assert kill.lift(kill.pressed_ns() + 1)
    assert not kill.exists()


def test_a_kill_file_from_the_future_is_named_with_the_remedy(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    kill.latch("a clock that is wrong")
    ahead = time.time() + 3600
    os.utime(kill.path, (ahead, ahead))
    assert not kill.lift(time.time_ns())
    assert kill.why_it_stays().startswith(f"{kill.path} bears a time in the future")
    assert "`touch` it" in kill.why_it_stays()
    kill.path.touch()
    assert kill.lift(time.time_ns() + 10**9)


def test_a_directory_called_kill_is_named_with_the_remedy_and_stays(tmp_path: Path) -> None:
    kill = KillFile(tmp_path)
    kill.path.mkdir()
    assert not kill.lift(time.time_ns())
    assert kill.path.is_dir()
    assert kill.why_it_stays().startswith(f"{kill.path} is a directory")
    assert "remove it by hand" in kill.why_it_stays()


def test_only_paper_heeds_the_directory_above(tmp_path: Path) -> None:
    (tmp_path / "kill").write_text("from above")
    for name, heeded in (("paper", True), ("live", False)):
        (tmp_path / name).mkdir()
        assert KillFile(tmp_path / name).exists() is heeded
    above = KillFile(tmp_path / "paper")
    assert above.reason() == f"{UNTOLD}: from above"
    assert not above.lift(time.time_ns() + 10**12)
    assert (tmp_path / "kill").exists()


def test_reasons_typed_beside_a_stopped_hedger_are_kept_printable_and_never_cut(tmp_path: Path) -> None:
    KillFile(tmp_path).latch("not yet")
    with pytest.raises(GiveUp, match="longer than 500"):
        lift_halt(tmp_path, "x" * 501)
    lift_halt(tmp_path, "red \x1b[31m\nand two lines")
    set_journal_aside(tmp_path, "bell \x07")
    (kept,) = tmp_path.glob("journal.aside-*.sqlite3")
    old = tmp_path / "old"
    old.mkdir()
    kept.rename(old / "journal.sqlite3")
    reasons = []
    for directory, kind in ((old, "resume"), (tmp_path, "aside")):
        journal = Journal.open(directory, read_only=True)
        reasons += [json.loads(body)["reason"] for _, _, body in journal.rows(kind)]
        journal.close()
    assert reasons == ["red ?[31m and two lines", "bell ?"]


def test_a_directory_that_refuses_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be written"):
        KillFile(tmp_path / "missing").latch("x")


def test_a_stopped_hedger_is_resumed_from_kill_and_halt_together(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.begin(1, {})
    journal.write([Row(2, "halt", "the kill file: a drill", {})])
    journal.close()
    KillFile(tmp_path).latch("a drill")
    assert lift_halt(tmp_path, "it is over") == "the kill file: a drill"
    assert not KillFile(tmp_path).exists()
    with pytest.raises(GiveUp, match="not halted"):
        lift_halt(tmp_path, "once more")


def test_a_kill_before_the_first_start_is_lifted_too_and_only_with_a_reason(tmp_path: Path) -> None:
    KillFile(tmp_path).latch("not yet")
    with pytest.raises(GiveUp, match="only with a reason"):
        lift_halt(tmp_path, "  ")
    assert KillFile(tmp_path).exists()
    assert lift_halt(tmp_path, "now") == "the kill file: not yet"
    assert not KillFile(tmp_path).exists()
