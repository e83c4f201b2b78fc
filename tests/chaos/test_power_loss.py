"""The power fails, or the journal is lost or copied: what was called safe is there, and nothing is sent twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedger.model.message import PlaceOrder
from hedger.runtime.journal import Journal, Told
from hedger.sim.world import World
from tests.support.crash_memory import directory_in_memory
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.forgetful_disk import (
    LATER,
    ForgetfulDisk,
    Found,
    Kind,
    Leaving,
    Op,
    all_rows,
    cut,
    every_cut,
    judge,
)
from tests.support.processes import Nursery, ours
from tests.support.simulated_daemon import Play, act, make_world, stage

POLICY = policy_of(hedge_of())
CUTS, SOME_CUTS = 330, 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a daemon wrote in two lives: the disk's log, all rows, and each order with the place at which it left."""

    log: list[Op]
    rows: list[Told]
    left: list[tuple[int, str]]


def written(directory: Path, synchronous: str) -> Written:
    """A daemon hedges, is killed in the middle of a fill, and hedges on; every byte goes to the forgetful disk."""
    disk = ForgetfulDisk(f"forgetful-{synchronous}-{directory}")
    left: list[tuple[int, str]] = []
    directory.mkdir()

    def leaving(it: Play) -> None:
        def note(order: PlaceOrder) -> None:
            left.append((len(disk.log), order.client_order_id))

        it.venue.leaving = note

    async def until_a_fill(it: Play) -> None:
        leaving(it)
        await it.until(lambda: bool(it.trades), "filled in part")

    async def to_the_end(it: Play) -> None:
        leaving(it)
        await it.until_hedged()
        it.deposit("0.3")
        await it.until_hedged()

    async def scene(world: World) -> None:
        for script, kill in ((until_a_fill, True), (to_the_end, False)):
            await act(
                world,
                script,
                POLICY,
                directory,
                kill=kill,
                journal=lambda path: disk.journal(path, synchronous=synchronous),
            )

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    with closing(Journal.open(directory, read_only=True)) as journal:
        return Written(log=disk.log, rows=all_rows(journal), left=left)


@pytest.fixture(scope="module")
def full() -> Written:
    with directory_in_memory() as directory:
        return written(directory / "state", "FULL")


@pytest.fixture
def memory() -> Iterator[Path]:
    with directory_in_memory() as directory:
        yield directory


def found(what: Written, log: Sequence[Op], directory: Path, most: int) -> Counter[Found]:
    """What starts find after evenly spread cuts."""
    cuts = every_cut(log)
    chosen = {n * len(cuts) // most for n in range(most)}
    return Counter(judge(what.rows, log, *cuts[number], number, directory / str(number)) for number in sorted(chosen))


def test_no_power_cut_loses_a_row_that_was_called_safe(full: Written, memory: Path) -> None:
    counts = found(full, full.log, memory, CUTS)
    print(dict(counts), "at", len(full.log), "places")
    assert counts[Found.WHOLE] == counts.total() >= 300


def test_the_log_holds_all_that_a_disk_is_asked_for(full: Written) -> None:
    """Otherwise the cuts above would prove little: commits, checkpoints, and logs that begin anew."""
    done = Counter((op.kind, op.file.rpartition("-")[2]) for op in full.log)
    assert done[Kind.SYNC, "wal"] > 20
    assert done[Kind.SYNC, "journal.sqlite3"] > 3, "checkpoints"
    assert done[Kind.DELETE, "wal"] == 2, "both ends"
    assert len(full.left) >= 3


@pytest.mark.parametrize("leaving", list(Leaving))
def test_an_order_that_leaves_would_survive_a_power_cut_at_that_moment(
    full: Written, leaving: Leaving, memory: Path
) -> None:
    for number, (place, client_order_id) in enumerate(full.left):
        cut(full.log, place, leaving, number, memory / str(number))
        with closing(Journal.open(memory / str(number), durable=False)) as journal:
            assert client_order_id in {order.client_order_id for order in journal.begin(LATER, {}).orders}


def test_with_synchronous_normal_the_same_cuts_lose_safe_rows(memory: Path) -> None:
    """The planted bug that shows that a cut can tell."""
    normal = written(memory / "state", "NORMAL")
    counts = found(normal, normal.log, memory, SOME_CUTS)
    print(dict(counts), "at", len(normal.log), "places")
    assert counts[Found.SHORTER] > 10


def test_on_a_disk_that_does_not_sync_a_loss_of_whole_starts_is_noticed(full: Written, memory: Path) -> None:
    """A disk that lies is beyond what SQLite promises; the note beside the journal still tells of it."""
    lying = [op for op in full.log if op.kind is not Kind.SYNC]
    counts = found(full, lying, memory, SOME_CUTS)
    assert counts[Found.HALTED] > 10
    assert counts[Found.WHOLE] < SOME_CUTS / 2


# --- files that are lost or copied, with real processes ---------------------------------------------------------------


COPIED = "an old copy of the journal"
GONE = "no journal"
ALL_GONE = "nothing at all"


@pytest.mark.parametrize("what", [COPIED, GONE, ALL_GONE])
def test_a_start_that_lacks_the_order_that_rests_halts_and_sends_nothing(
    what: str, processes: Nursery, tmp_path: Path
) -> None:
    """A copy of a live journal lacks its write-ahead log, and with it the newest rows, or all. What is noted beside the
    journal tells; where that is lost too, the order itself does, and it is left for a person."""
    first = processes.patient(tmp_path)
    exchange = first.exchange()
    exchange.do("place", wallet="linear", symbol="BTCUSDT", side="buy", quantity="0.01", price="50000")
    order = first.until(lambda: ours(exchange.truth()), "order at work")[0]
    copied = (first.paper / "journal.sqlite3").read_bytes()
    first.signal(signal.SIGKILL)
    first.wait()
    for path in first.paper.glob("journal*"):
        if what is ALL_GONE or "sqlite3" in path.name:
            path.unlink()
    if what is COPIED:
        (first.paper / "journal.sqlite3").write_bytes(copied)
    before = exchange.truth()
    second = processes.patient(tmp_path)
    halted = second.until_mode("halted")["halted"]
    kept = [o for o in before.open_orders if what is ALL_GONE or o.client_order_id != order.client_order_id]
    second.until(lambda: len(exchange.truth().open_orders) == len(kept), "rest")
    after = exchange.truth()
    assert [o.order_id for o in after.open_orders] == [o.order_id for o in kept]
    assert (after.creates_accepted, after.trades) == (before.creates_accepted, before.trades)
    if what is ALL_GONE:
        assert order.client_order_id in halted
        assert "cancel it at the venue" in halted, "what to do"
    else:
        assert "the journal lacks row" in halted
        assert "look at the venue's orders" in halted, "what to do"
