"""Paper on Binance and Bybit: one venue shuts its doors, the other carries the hedge, and in the end there is one."""

from __future__ import annotations

import json
import signal
from decimal import Decimal as D
from functools import partial
from pathlib import Path

import pytest

from hedger.sim.nouns import Truth
from tests.support.processes import Nursery, Running, ours

CONFIG = """
mode = "paper"

[accounts.main]
venue = "binance"

[accounts.futures]
venue = "bybit"
dead_mans_switch_s = 0

[hedges.BTC]
instruments = ["futures:BTC/USDT:USDT", "main:BTC/USDT:USDT"]
spot_accounts = ["main"]
band = { rule = "coins", width = 0.01 }
execution = { offset_ticks = 300, reprice_s = 60, linger_s = 90 }
guards = { position = 3 }

[hedges.BTC.failover]
allowed = true
blind_s = 3_600

[paper]
deposits = false
spot = { BTC = 0.6 }
collateral = 200_000
"""
SYMBOL, BAND = "BTCUSDT", D("0.011")
ACCOUNTS = ("main", "futures")


def start(processes: Nursery, directory: Path) -> Running:
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "failover.toml"
    config.write_text(CONFIG)
    return processes.paper(directory, "--config", str(config), "--metrics-port", "0", speed="10")


class Stand:
    """A run that has hedged its coins on Bybit, and the exchanges behind it."""

    def __init__(self, running: Running) -> None:
        self.running, self.exchange = running, running.exchange()
        self.until_net_is_flat("first hedge")
        assert self.position("futures") == D("-0.6"), "the first of the list has it all"

    def truth(self, account: str) -> Truth:
        return self.exchange.truth(account)

    def position(self, account: str) -> D:
        return self.truth(account).positions[SYMBOL]

    def net(self) -> D:
        return self.truth("main").spot["BTC"] + sum((self.position(account) for account in ACCOUNTS), D(0))

    def take(self, account: str) -> None:
        """Somebody takes what rests there at our price, however much of others lies before it."""
        for order in ours(self.truth(account)):
            self.exchange.do(
                "crowd_takes", user=account, wallet="linear", symbol=SYMBOL,
                side="buy" if order.side.sign < 0 else "sell", quantity="500", limit=str(order.price),
            )  # fmt: skip

    def until_net_is_flat(self, what: str) -> None:
        def flat() -> bool:
            for account in ACCOUNTS:
                self.take(account)
            return abs(self.net()) < BAND and not any(ours(self.truth(account)) for account in ACCOUNTS)

        self.running.until(flat, what)

    def deposit(self, coins: str) -> None:
        self.exchange.do("deposit", user="main", asset="BTC", quantity=coins)

    def sight(self) -> str | None:
        """What the status file says of the account on Bybit."""
        told = self.running.known().get("accounts", {}).get("futures", {}).get("out_of_sight")
        return None if told is None else str(told)


def ended_well(running: Running) -> None:
    ended = running.stop()
    summary = json.loads(ended.out.splitlines()[-1])
    assert (ended.code, summary["truth_matches"], summary["differences"]) == (0, True, [])
    assert (summary["hedged"], summary["taker_fills"]) == (True, 0)
    assert summary["maker_fills"] == summary["fills"] > 0


@pytest.mark.parametrize("kind", ["maintenance", "partition"])
def test_the_other_venue_carries_the_hedge_while_one_is_gone_with_our_order(
    processes: Nursery, tmp_path: Path, kind: str
) -> None:
    it = Stand(start(processes, tmp_path))
    it.deposit("0.3")
    it.running.until(lambda: ours(it.truth("futures")), "order on Bybit")
    it.exchange.do("trouble", venue="bybit", kind=kind)
    it.take("futures")
    assert it.position("futures") == D("-0.9"), "it filled, and nobody can tell us"
    it.running.until(lambda: "goes on with main" in (it.sight() or ""), "absence")
    sent_there = it.truth("futures").creates_accepted
    it.deposit("0.2")
    it.until_net_is_flat("hedge on Binance")
    assert it.position("main") == D("-0.2"), "what the lost order may have done is not done again"
    it.exchange.do("trouble", venue="bybit")
    it.running.until(lambda: it.running.known().get("mode") == "hedging" and it.sight() is None, "return")
    it.deposit("0.1")
    it.until_net_is_flat("one hedge")
    assert it.position("futures") == D("-0.9")
    assert it.position("main") == D("-0.3"), "who stood in goes on for a while"
    assert it.truth("futures").creates_accepted == sent_there
    ended_well(it.running)


def test_a_hedger_killed_while_a_venue_is_gone_waits_for_it_and_then_has_one_hedge(
    processes: Nursery, tmp_path: Path
) -> None:
    it = Stand(start(processes, tmp_path))
    it.exchange.do("trouble", venue="bybit", kind="maintenance")
    it.deposit("0.2")
    it.until_net_is_flat("hedge on Binance")
    it.deposit("0.2")
    it.running.until(lambda: ours(it.truth("main")), "order on Binance")
    it.running.signal(signal.SIGKILL)
    it.running.wait()
    refused = start(processes, tmp_path).wait()
    assert refused.code == 4
    assert "account futures cannot be reached" in refused.err
    assert "nothing is sent before every account was read" in refused.err
    it.exchange.do("trouble", venue="bybit")
    it.running = start(processes, tmp_path)
    it.running.until(partial(it.running.journal_has_start, 3), "third start")
    it.running.until_mode("hedging")
    it.until_net_is_flat("one hedge")
    assert it.position("futures") == D("-0.6")
    assert it.position("main") == D("-0.4")
    ended_well(it.running)
