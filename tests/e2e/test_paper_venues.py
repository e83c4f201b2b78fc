"""Paper runs through the wire on Bybit, on Deribit and on two venues: real clients, real TLS, one truth in the end."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path

import pytest

from hedger.sim.nouns import Truth
from tests.support.configurations import ROOT
from tests.support.processes import Exchange, Nursery, Running, has_ended, lines_of_json, ours

CONFIG = ROOT / "config"
EXAMPLES = {
    "paper-bybit.toml": {"main": "bybit"},
    "paper-deribit.toml": {"main": "deribit"},
    "paper-two-venues.toml": {"main": "binance", "futures": "bybit"},
}


def start(processes: Nursery, directory: Path, name: str, *typed: str) -> Running:
    config = ("--config", str(CONFIG / name))
    return processes.paper(directory, *config, "--metrics-port", "0", *typed, speed="10")


def truths_of(exchange: Exchange) -> dict[str, Truth]:
    return {user: exchange.truth(user) for user in exchange.note.venues}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_hedged_through_the_wire_on_the_venues_that_it_names(
    processes: Nursery, tmp_path: Path, name: str
) -> None:
    running = start(processes, tmp_path, name, "--seconds", "100", "--json")
    exchange = running.exchange()
    assert exchange.note.venues == EXAMPLES[name]
    ended = running.wait()
    (summary,) = lines_of_json(ended.out)
    assert (ended.code, summary["differences"]) == (0, [])
    assert (summary["transport"], summary["hedged"], summary["truth_matches"]) == ("wire", True, True)
    assert summary["taker_fills"] == 0 < summary["maker_fills"] == summary["fills"]
    assert summary["venues"] == EXAMPLES[name]
    assert has_ended(exchange.note.pid)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_killed_hedger_continues_on_the_venues_that_it_left(processes: Nursery, tmp_path: Path, name: str) -> None:
    first = start(processes, tmp_path, name)
    exchange = first.exchange()
    first.until(lambda: any(truth.creates_accepted for truth in truths_of(exchange).values()), "first order")
    first.signal(signal.SIGKILL)
    assert first.wait().code == -signal.SIGKILL
    second = start(processes, tmp_path, name)
    second.until(partial(second.journal_has_start, 2), "second start")
    second.until_mode("hedging")
    second.until(lambda: second.journal().count("fill") > 0, "fill")
    assert second.exchange().note.pid == exchange.note.pid
    intended = second.journal().keys("order")
    for truth in truths_of(exchange).values():
        assert truth.duplicate_client_ids == 0
        assert {order.client_order_id for order in ours(truth)} <= second.journal().keys("order")
        assert truth.creates_accepted <= len(second.journal().keys("order"))
    assert intended
    ended = second.stop()
    summary = json.loads(ended.out.splitlines()[-1])
    assert (summary["truth_matches"], summary["differences"]) == (True, [])
    assert has_ended(exchange.note.pid)


def test_coins_that_come_on_one_venue_are_hedged_on_the_other(processes: Nursery, tmp_path: Path) -> None:
    running = start(processes, tmp_path, "paper-two-venues.toml")
    exchange = running.exchange()
    running.until(lambda: exchange.truth("futures").positions["BTCUSDT"] < 0, "hedge")
    exchange.do("quiet")
    exchange.do("deposit", user="main", asset="BTC", quantity="0.5")
    held = exchange.truth("main").spot["BTC"]
    running.until(lambda: abs(exchange.truth("futures").positions["BTCUSDT"] + held) < 0.011, "hedge of the deposit")
    assert not exchange.truth("main").trades
    assert running.stop().code == 0
