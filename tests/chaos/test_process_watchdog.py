"""A hedger that is stuck, stopped or asked where it stands: the watchdog cancels by its own connection and ends it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from hedger.runtime.watchdog import EXIT_CODE
from tests.support.fair_time import FairTime
from tests.support.processes import Nursery, Running, Watch, is_hedged, order_faults, ours


def stuck(processes: Nursery, directory: Path, seconds: float) -> Running:
    """A hedger whose event loop blocks for so long once an order rests."""
    return processes.start(directory, ["tests.support.stuck_hedger", str(directory), str(seconds)])


def test_a_stuck_loop_has_its_orders_canceled_by_another_connection_and_the_process_ends(
    processes: Nursery, tmp_path: Path
) -> None:
    running = stuck(processes, tmp_path, 60)
    exchange = running.exchange()
    foreign = {"wallet": "linear", "symbol": "BTCUSDT", "side": "buy", "price": "50000", "client_order_id": "by-hand"}
    exchange.do("place", quantity="0.01", **foreign)
    running.until(lambda: (tmp_path / "blocked").exists(), "block")
    took = FairTime(running.process.pid, exchange.note.pid)
    assert ours(exchange.truth())
    took_s = took.until(lambda: running.process.poll() is not None)
    ended = running.wait()
    begun_at = (tmp_path / "blocked").stat().st_mtime  # by its own word: we may have seen it late
    assert time.time() - begun_at >= 4.5  # five since the last beat, which came before the block
    assert took_s < 12
    assert ended.code == EXIT_CODE
    truth = exchange.truth()
    assert [order.client_order_id for order in truth.open_orders] == ["by-hand"]
    assert not (tmp_path / "unblocked").exists()
    stacks = (running.paper / "stacks.txt").read_text()
    assert "stuck_hedger.py" in stacks
    assert "in block" in stacks
    assert exchange.note.api_secret not in stacks + ended.err
    told = [line for line in running.log if line["event"] == "watchdog_tripped"]
    assert len(told) == 1
    assert "all are gone" in told[0]["detail"]
    assert order_faults(running.journal(), truth, foreign=1) == []
    assert running.journal().query("PRAGMA integrity_check") == [("ok",)]


def test_a_short_block_is_no_reason_to_end(processes: Nursery, tmp_path: Path) -> None:
    running = stuck(processes, tmp_path, 2)
    running.until(lambda: (tmp_path / "unblocked").exists(), "end of the block")
    running.until_mode("hedging")
    time.sleep(1)
    assert running.process.poll() is None
    assert not (running.paper / "stacks.txt").read_text()


def test_a_process_that_was_stopped_for_eight_seconds_is_not_taken_for_stuck(
    processes: Nursery, tmp_path: Path
) -> None:
    running = processes.still(tmp_path, speed="1")
    exchange = running.exchange()
    running.until(lambda: ours(exchange.truth()), "order at work")
    with Watch(exchange).watching():
        running.signal(signal.SIGSTOP)
        time.sleep(0.5)  # what was on its way arrives
        before = exchange.truth().creates_accepted
        exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.4")
        time.sleep(8)
        assert exchange.truth().creates_accepted == before
        running.signal(signal.SIGCONT)
        running.until(lambda: "reconciling" in modes_after_start(running), "reconciliation")
        running.until(lambda: exchange.truth().creates_accepted > before, "next create")
        assert order_faults(running.journal(), exchange.truth()) == []
    assert running.stop().code == 0


def modes_after_start(running: Running) -> list[str]:
    modes = [str(line["mode"]) for line in running.log if line["event"] == "mode_changed"]
    return modes[modes.index("hedging") :]


def test_sigquit_writes_the_stacks_and_changes_nothing_else(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path)
    running.until_mode("hedging")
    exchange = running.exchange()
    running.signal(signal.SIGQUIT)
    stacks = running.paper / "stacks.txt"
    running.until(lambda: "Thread 0x" in stacks.read_text(), "stacks")
    running.until(lambda: is_hedged(exchange.truth()), "hedge")
    text = stacks.read_text()
    assert exchange.note.api_key not in text
    assert running.stop().code == 0
