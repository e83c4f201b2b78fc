"""Commands whose standard streams are closed, full, of another alphabet, or read by nobody: a sentence, never a bug."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import environment

ROOT = Path(__file__).resolve().parents[2]
SHORT, LONG = ["config", "check"], ["config", "schema"]


def typed(*words: str, redirected: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """A command in a shell, with what the shell makes of its streams; `$CODE` is how the command itself ended."""
    line = f'"{sys.executable}" -m hedger {" ".join(words)} {redirected}'
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, env=environment(**env), cwd=ROOT, timeout=60
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_whose_standard_streams_are_closed_does_what_it_does(closed: str, tmp_path: Path) -> None:
    done = typed("init", str(tmp_path / "made.toml"), "--yes", redirected=closed)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made.toml").exists()


def test_questions_without_anybody_to_answer_end_in_a_sentence(tmp_path: Path) -> None:
    done = typed("init", str(tmp_path / "made.toml"), redirected="<&-")
    assert done.returncode == 2
    assert "hedger: the answers ended before all was asked" in done.stderr
    assert not (tmp_path / "made.toml").exists()


@pytest.mark.parametrize("words", [SHORT, LONG], ids=["short", "long"])
def test_a_reader_that_has_gone_is_no_bug_and_brings_no_traceback(words: list[str]) -> None:
    done = typed(*words, redirected="| (exec <&-; sleep 2); exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED="")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", [SHORT, LONG], ids=["short", "long"])
def test_output_that_finds_no_room_is_told_in_a_sentence(words: list[str], unbuffered: str) -> None:
    done = typed(*words, redirected=">/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1, done.stderr
    assert done.stderr == "hedger: standard output cannot be written (No space left on device)\n"


@pytest.mark.parametrize("stream", [">/dev/full", ">&-", "| (exec <&-; sleep 2); exit ${PIPESTATUS[0]}"])
def test_an_error_whose_output_nobody_gets_is_still_the_error(stream: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"pid": 1, "at": "then", "mode": "hedging", "hedges": {}}')
    done = typed("status", "--state-dir", str(tmp_path), redirected=stream, PYTHONUNBUFFERED="")
    assert done.returncode == 4
    assert done.stderr.startswith(f"hedger: no hedger runs on {tmp_path}; what is shown was said")
    assert len(done.stderr.splitlines()) == 1


def test_a_terminal_of_another_alphabet_reads_question_marks_and_no_traceback() -> None:
    done = typed("config", "show", PYTHONIOENCODING="iso-8859-1")
    assert done.returncode == 0, done.stderr
    assert "notify.urls\t?" in done.stdout


def test_the_files_of_a_hedger_never_get_the_numbers_of_closed_streams() -> None:
    """Whatever writes to the number 2 would write into a lock or a journal."""
    code = (
        "import os; from hedger.cli.streams import whole_streams; whole_streams(); "
        "file = os.open('/dev/null', os.O_RDONLY); os._exit(file)"
    )
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{code}" <&- >&- 2>&-'], check=False, cwd=ROOT, env=environment()
    )
    assert done.returncode > 2


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-"])
def test_an_error_that_cannot_be_told_still_ends_with_its_code(stream: str, tmp_path: Path) -> None:
    assert typed("status", "--state-dir", str(tmp_path / "none"), redirected=stream).returncode == 4


def test_a_terminal_obeys_nothing_that_stands_in_an_error() -> None:
    done = typed("config", "check", redirected="--config $'no\\x1b[2Jfile.toml'")
    assert done.returncode == 2
    assert "no?[2Jfile.toml" in done.stderr
    assert "\x1b" not in done.stderr
