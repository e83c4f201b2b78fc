"""Who asks as the wrong user, or names what cannot be, reads a sentence and a documented code, and never of a bug."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hedger.app.precautions import quiet_of
from hedger.app.resume import lift_halt, set_journal_aside
from hedger.app.whole_file import refuse_taken
from hedger.cli import inspect, simulate
from hedger.cli.options import state_directory
from hedger.errors import AskAgain, ConfigError, JournalError
from hedger.runtime.journal import Journal

NOBODY = 65_534


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A state directory with a journal that its owner alone may enter."""
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    Journal.open(made).close()
    return made


@contextmanager
def somebody_else(directory: Path) -> Iterator[None]:
    """As a user who may not enter it: another one, or for want of the right to become one, its owner behind a lock."""
    if os.geteuid() != 0:
        directory.chmod(0)
        try:
            yield
        finally:
            directory.chmod(0o700)
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_directory_that_may_not_be_entered_is_still_the_one_that_was_named(closed: Path) -> None:
    with somebody_else(closed):
        assert state_directory(None, closed) == closed
        with pytest.raises(AskAgain, match="belongs to another user; ask as that user"):
            inspect.status(state_dir=closed)


def test_nothing_is_lifted_or_set_aside_where_it_may_not_be_looked_into(closed: Path) -> None:
    with somebody_else(closed):
        for act in (lift_halt, set_journal_aside):
            with pytest.raises(JournalError, match="ask as the user that the hedger runs as"):
                act(closed, "because")
    assert (closed / "journal.sqlite3").exists()


def test_a_quiet_that_may_not_be_read_is_told_and_not_taken_for_none(closed: Path) -> None:
    with somebody_else(closed), pytest.raises(JournalError):
        quiet_of(closed)


@pytest.mark.parametrize("name", ["x" * 300, "y" * 300 + "/made.csv"])
def test_a_name_that_no_file_system_takes_is_refused_before_the_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        refuse_taken(tmp_path / name)


def test_a_file_of_a_simulation_that_cannot_be_opened_is_told_before_the_first_run(tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "file"
    with pytest.raises(ConfigError, match=r"--trace .*cannot be written"):
        simulate.simulate(trace=nowhere)
    with pytest.raises(ConfigError, match=r"--failures .*cannot be written"):
        simulate.simulate(failures=nowhere)
