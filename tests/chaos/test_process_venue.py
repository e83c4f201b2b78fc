"""The venue misbehaves under a running hedger: streams drop, keys expire, ADL strikes, a person trades, it dies."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.processes import Exchange, Nursery, Running, Watch, is_hedged, nursery, order_faults, ours


@pytest.fixture(scope="module")
def shared() -> Iterator[Nursery]:
    with nursery() as held:
        yield held


@pytest.fixture(scope="module")
def hedged(shared: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """One hedger through all that is done to its venue below; each test leaves it hedged."""
    running = shared.still(tmp_path_factory.mktemp("hedged"))
    exchange = running.exchange()
    running.until(lambda: is_hedged(exchange.truth()), "hedge")
    return running


def deposit_is_hedged(running: Running, exchange: Exchange, quantity: str = "0.2") -> None:
    """The proof of life: a change of the holding is hedged."""
    before = exchange.truth()
    exchange.do("deposit", wallet="spot", asset="BTC", quantity=quantity)
    running.until(
        lambda: is_hedged(t := exchange.truth()) and t.creates_accepted > before.creates_accepted, "hedge of a deposit"
    )


def test_dropped_streams_come_back_and_hedging_goes_on(hedged: Running) -> None:
    exchange = hedged.exchange()
    with Watch(exchange).watching():
        exchange.do("drop_streams")
        exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.2")
        for _ in range(3):
            time.sleep(0.2)
            exchange.do("drop_streams")
        hedged.until(lambda: is_hedged(exchange.truth()), "hedge")
        hedged.until(lambda: int(str(exchange.status()["connections"])) > 0, "streams again")
        deposit_is_hedged(hedged, exchange)
    assert order_faults(hedged.journal(), exchange.truth()) == []


def test_an_expired_listen_key_is_replaced(hedged: Running) -> None:
    exchange = hedged.exchange()
    with Watch(exchange).watching():
        exchange.do("expire_listen_key")
        deposit_is_hedged(hedged, exchange)


def test_a_venue_that_hangs_in_the_middle_of_an_order_is_asked_afterwards_and_nothing_is_sent_twice(
    hedged: Running,
) -> None:
    exchange = hedged.exchange()
    with Watch(exchange).watching():
        exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.3")
        hedged.until(lambda: ours(exchange.truth()), "order at work")
        os.kill(exchange.note.pid, signal.SIGSTOP)
        time.sleep(2)
        assert hedged.process.poll() is None
        os.kill(exchange.note.pid, signal.SIGCONT)
        hedged.until(lambda: is_hedged(exchange.truth()), "hedge")
        deposit_is_hedged(hedged, exchange)
    assert order_faults(hedged.journal(), exchange.truth()) == []


def test_a_deleveraged_hedge_is_put_back(hedged: Running) -> None:
    exchange = hedged.exchange()
    before = exchange.truth()
    with Watch(exchange).watching():
        exchange.do("deleverage", symbol="BTCUSDT", quantity="0.5")
        assert exchange.truth().deleveragings == 1
        hedged.until(lambda: is_hedged(exchange.truth()), "hedge")
    truth = exchange.truth()
    assert abs(truth.positions["BTCUSDT"] - before.positions["BTCUSDT"]) < Decimal("0.03")
    assert hedged.known()["halted"] is None


def test_an_order_of_a_person_is_left_alone_and_what_it_does_is_hedged(hedged: Running) -> None:
    exchange = hedged.exchange()
    far = {"wallet": "linear", "symbol": "BTCUSDT", "side": "buy", "price": "50000", "client_order_id": "by-hand"}
    exchange.do("place", quantity="0.01", **far)
    with Watch(exchange).watching():
        number = exchange.do("place", wallet="linear", symbol="BTCUSDT", side="buy", quantity="0.3")["result"]
        hedged.until(lambda: is_hedged(exchange.truth()), "hedge")
    bought = [trade.quantity for trade in exchange.truth().trades if trade.order_id == number]
    assert sum(bought) == Decimal("0.3"), "it was out of its band for it"
    assert [o.client_order_id for o in exchange.truth().open_orders] == ["by-hand"]
    assert hedged.known()["halted"] is None


def test_and_in_the_end_it_drains_and_leaves_the_order_of_the_person_there(hedged: Running) -> None:
    exchange = hedged.exchange()
    assert order_faults(hedged.journal(), exchange.truth(), foreign=2) == []
    assert "Traceback" not in hedged.err
    exchange.do("cancel_all", wallet="linear")
    ended = hedged.stop()
    summary = json.loads(ended.out.splitlines()[-1])
    assert (summary["hedged"], summary["halted"]) == (True, None)


def test_a_venue_that_dies_is_neither_a_crash_nor_an_order(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="5")
    exchange = running.exchange()
    running.until(lambda: ours(exchange.truth()), "order at work")
    exchange.kill()
    died_at = time.monotonic()
    running.until(lambda: "read_failed" in running.events, "failed read")
    orders = running.journal().keys("order")
    running.until(lambda: time.monotonic() - died_at > 4, "four seconds")
    assert running.process.poll() is None
    assert running.journal().keys("order") == orders
    assert running.get("/livez")[0] == 200
    running.until(lambda: running.get("/readyz")[0] == 503, "unreadiness")
    running.signal(signal.SIGTERM)
    ended = running.wait()
    assert ended.code not in (0, 1)
    assert "Traceback" not in ended.err
    assert ended.err.splitlines()[-1].startswith("hedger: the orders could not be proven canceled")
