"""Signals to a hedger that trades: it drains in order, whatever is pressed how often, and survives being stopped."""

from __future__ import annotations

import json
import signal
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.errors import GiveUp
from hedger.sim.attach import read_note
from tests.support.fair_time import FairTime
from tests.support.processes import (
    Ended,
    Exchange,
    Nursery,
    Running,
    Watch,
    has_ended,
    is_hedged,
    net_delta,
    order_faults,
    ours,
)


def order_at_work(running: Running) -> Exchange:
    """Wait until an order of the hedger rests in the book."""
    exchange = running.exchange()
    running.until(lambda: ours(exchange.truth()), "order at work")
    return exchange


def assert_drained(running: Running, ended: Ended) -> None:
    """It ended in order, hedged or not: it was told to."""
    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert running.journal().last_kinds()[-1] == "stop"
    summary = json.loads(ended.out.splitlines()[-1])
    assert (summary["truth_matches"], summary["differences"], summary["halted"]) == (True, [], None)
    assert summary["taker_fills"] == 0


def test_sigterm_takes_our_orders_off_the_book_and_holds_the_hedge(processes: Nursery, tmp_path: Path) -> None:
    running = processes.patient(tmp_path, speed="5")
    exchange = order_at_work(running)
    with Watch(exchange).watching():
        (order,) = ours(exchange.truth())
        exchange.take("500", order.price)
        assert exchange.truth().positions["BTCUSDT"] < 0, "it filled"
        running.until(lambda: ours(exchange.truth()), "next order")
        # The exchange outlives the drain by a moment, in which its truth can still be read.
        running.signal(signal.SIGTERM)
        took, last = FairTime(running.process.pid, exchange.note.pid), exchange.truth()
        while read_note(running.paper) is not None and running.process.poll() is None:
            took.look()
            with suppress(GiveUp):
                last = exchange.truth()
        ended = running.wait()
    assert took.seconds < 8
    assert ours(last) == []
    assert last.positions["BTCUSDT"] < 0
    assert_drained(running, ended)
    assert order_faults(running.journal(), last) == []
    assert has_ended(exchange.note.pid)


def test_sigterm_and_sigint_again_and_again_change_nothing(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="1")
    exchange = order_at_work(running)
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        running.signal(number)
        time.sleep(0.01)
    ended = running.wait()
    assert_drained(running, ended)
    assert has_ended(exchange.note.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["imports", "exchange starts", "venue opens"])
def test_a_signal_during_the_start_ends_it_quietly(
    processes: Nursery, tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    running = processes.still(tmp_path)
    match moment:
        case "imports":
            maps = Path(f"/proc/{running.process.pid}/maps")
            running.until(lambda: "pydantic_core" in maps.read_text(), "import")
        case "exchange starts":
            running.until(lambda: (running.paper / "exchange.log").exists(), "exchange process")
        case _:
            running.exchange()
    running.signal(number)
    took_s = FairTime(running.process.pid).until(lambda: running.process.poll() is not None)
    ended = running.wait()
    assert took_s < 4  # two seconds, and two for a busy machine
    assert "Traceback" not in ended.err
    assert ended.code in (0, 128 + number)
    assert exchanges_of(running) == []


def exchanges_of(running: Running) -> list[str]:
    """The processes that still serve the state directory of a run, a second after its end."""
    found: list[str] = []
    for _ in range(20):
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "exchange" in words and str(running.paper) in words:
                found.append(f"{entry.name}: {' '.join(words)}")
        if not found:
            break
        time.sleep(0.1)
    return found


def test_a_process_that_was_stopped_for_a_while_reads_again_before_it_trades(
    processes: Nursery, tmp_path: Path
) -> None:
    running = processes.still(tmp_path)
    exchange = order_at_work(running)
    with Watch(exchange).watching():
        running.signal(signal.SIGSTOP)
        time.sleep(0.5)  # what was on its way arrives
        before = exchange.truth().creates_accepted
        exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.4")
        time.sleep(3)
        assert exchange.truth().creates_accepted == before
        running.signal(signal.SIGCONT)
        running.until(lambda: is_hedged(exchange.truth()), "hedge")
        truth = exchange.truth()
        assert abs(net_delta(truth)) < Decimal("0.02")
        assert order_faults(running.journal(), truth) == []
        ended = running.stop()
    assert_drained(running, ended)
