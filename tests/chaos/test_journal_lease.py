"""One hedger on one state directory, for as long as its process lives."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.runtime.journal import Journal, Row
from hedger.runtime.kill import KillFile
from hedger.runtime.lease import Lease
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

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


def test_where_the_lock_was_taken_away_the_earlier_hedger_writes_nothing_after_the_later_one_has_begun(
    tmp_path: Path,
) -> None:
    """Somebody removed what looked like a stale lock, and started it once more."""
    with closing(Journal.open(tmp_path)) as earlier, closing(Journal.open(tmp_path)) as later:
        epoch = earlier.begin(1_000, {}).epoch
        earlier.write([Row(1_001, "fill", "a", {})])
        assert later.begin(2_000, {}).epoch == epoch + 1
        with pytest.raises(JournalError, match="somebody else has written to it"):
            earlier.write([Row(2_001, "order", "b", {})])
        for at in (2_002, 2_003):
            with pytest.raises(JournalError, match=f"a later start .epoch {epoch + 1}. writes to it"):
                earlier.write([Row(at, "order", "b", {})])
        later.write([Row(2_004, "order", "c", {})])
        assert [key for _, key, _ in later.rows("order")] == ["c"]
        later.verify()


def test_a_hedger_whose_lock_and_journal_were_taken_over_creates_nothing_more(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        with closing(Journal.open(tmp_path, durable=False)) as later:
            later.begin(it.clock.now_ms(), {})
        sent = len(it.venue.placed)
        it.deposit("0.5")
        await it.sleep(60)
        assert len(it.venue.placed) == sent
        assert "stop one of the two hedgers" in (it.state.journal_fault or "")
        it.daemon.halt("it saw an order of the later one")
        await it.sleep(5)
        assert not KillFile(tmp_path).exists(), "the later one goes on"

    play(script, policy_of(hedge_of()), tmp_path)
