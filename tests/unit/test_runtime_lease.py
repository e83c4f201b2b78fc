"""The lease tells whether a hedger runs, and is not taken where somebody else could change the state directory."""

import os
import resource
import tempfile
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.runtime.lease import NAME, Lease, _locked, has_run, is_held


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    return made


def test_a_lease_is_seen_while_it_is_held_and_only_then(directory: Path) -> None:
    assert not is_held(directory)
    assert not has_run(directory)
    with Lease(directory):
        assert is_held(directory)
    assert not is_held(directory)
    assert has_run(directory)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_directory_that_others_may_write_is_refused_with_the_remedy(directory: Path, mode: int) -> None:
    directory.chmod(mode)
    with pytest.raises(JournalError, match="may be written by other users: chmod go-w it"), Lease(directory):
        pass
    assert not (directory / NAME).exists()


def test_a_link_to_a_directory_that_others_may_write_is_refused(directory: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(directory)
    with Lease(link):
        pass
    directory.chmod(0o770)
    with pytest.raises(JournalError, match="may be written by other users"), Lease(link):
        pass


def test_a_directory_of_another_user_is_refused() -> None:
    """The system's own, or one that the system's user gave away."""
    with pytest.raises(JournalError, match="belongs to another user"), Lease(somebody_s_directory()):
        pass


def somebody_s_directory() -> Path:
    if os.geteuid() != 0:
        return Path("/")
    made = Path(tempfile.mkdtemp())
    os.chown(made, 12345, -1)
    return made


def test_a_lock_that_is_a_link_is_not_followed(directory: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("stays")
    (directory / NAME).symlink_to(elsewhere)
    with pytest.raises(JournalError, match="cannot be opened"), Lease(directory):
        pass
    assert elsewhere.read_text() == "stays"
    assert not is_held(directory)


def test_a_directory_that_is_made_is_its_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with Lease(tmp_path / "fresh"):
            assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(before)


def test_a_full_disk_keeps_nobody_from_the_lock_so_that_the_journal_can_say_what_is_wrong(directory: Path) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
    try:
        with Lease(directory):
            assert is_held(directory)
            with pytest.raises(JournalError, match=r"another hedger \(process unknown\) uses"), Lease(directory):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)


def test_a_file_system_that_takes_no_locks_is_not_taken_for_another_hedger(tmp_path: Path) -> None:
    """A handle that may only name a file stands for it: the system refuses to lock it, and nobody else holds it."""
    file = os.open(tmp_path, os.O_PATH)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            _locked(file)
    finally:
        os.close(file)
