"""The kill file: its existence counts, whatever it is, and one that is pressed anew is never lost."""

import os
import time
from pathlib import Path

import pytest

from hedger.app.resume import lift_halt
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
