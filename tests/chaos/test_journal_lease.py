"""One hedger on one state directory, for as long as its process lives."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.runtime.lease import Lease

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from hedger.runtime.lease import Lease
with Lease(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_holds_the_directory(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(JournalError, match=f"process {holder.pid}"), Lease(tmp_path):
        pass


def test_a_lease_dies_with_its_process_even_by_kill_9(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=10)
    with Lease(tmp_path):
        pass


def test_a_lease_is_given_back_and_can_be_taken_again(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    for _ in range(2):
        with lease, pytest.raises(JournalError), Lease(tmp_path):
            pass


def test_a_directory_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="give the state directory to this user"), Lease(tmp_path / "file"):
        pass
