"""What people and machines are shown of profit and loss: gauges, log lines, the status file and the view."""

from __future__ import annotations

import math
from decimal import Decimal as D

from prometheus_client import CollectorRegistry

from hedger.engine.formulas.attribution import Component
from hedger.ops.meters import Declaring
from hedger.ops.pnl import PnlGauges, PnlMeters, flows_between, pnl_line, pnl_status, unexplained_between
from tests.support.account_world import PERPETUAL, POLICY, AccountWorld


def hedged() -> AccountWorld:
    world = AccountWorld()
    world.read()
    world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL), fee=D(24))
    world.index -= 100
    world.read()
    return world


def test_the_gauges_show_the_day_by_hedge_and_component_and_nan_before_a_reading() -> None:
    registry = CollectorRegistry()
    gauges = PnlGauges(PnlMeters(Declaring(registry)), POLICY)
    assert math.isnan(registry.get_sample_value("hedger_net_value_usd", {"account": "paper"}) or 0)
    world = hedged()
    world.deposit("USDT", D(1_000))
    world.settle()
    world.deposit("USDT", D("0.5"))
    world.read()
    gauges.show(world.state)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"hedger_{name}", labels)

    assert value("pnl_usd", hedge="btc", component="fees") == -24
    assert value("pnl_usd", hedge="btc", component="spot") == -200
    assert value("pnl_usd", hedge="btc", component="futures_index") == 200
    assert value("flows_usd", hedge="none") == 1_000
    assert value("pnl_open_usd", account="paper") == 0.5
    assert value("pnl_unexplained_usd", account="paper") == 0
    assert value("net_value_usd", account="paper") == float(world.net_value())


def test_a_flow_is_a_log_line_once_and_fractions_of_a_dollar_are_none() -> None:
    world = hedged()
    world.deposit("USDT", D(1_000))
    world.read()
    before = world.state
    world.settle()
    (line,) = flows_between(before, world.state)
    assert line == {"account": "paper", "hedge": "", "dollars": "1000"}
    assert not list(flows_between(world.state, world.state))


def test_what_stays_unexplained_is_a_log_line_at_each_ten_dollars() -> None:
    world, lines = hedged(), []
    for _ in range(25):
        world.deposit("USDT", D("0.9"))
        before = world.state
        world.read()
        world.pass_time(200_000)
        world.read()
        lines += list(unexplained_between(before, world.state))
    assert [line["dollars"] for line in lines] == ["10.8", "20.7"]


def test_the_status_and_the_view_compare_with_the_unhedged_holding() -> None:
    world = hedged()
    told = pnl_status(world.state, "btc")
    assert told is not None
    assert (told["hedged"], told["unhedged"], told["fees"]) == ("-24", "-200", "-24")
    assert pnl_line(world.state, "btc").plain.startswith("−24.00 USD · unhedged −200.00")
    assert pnl_status(AccountWorld().state, "btc") is None
    assert pnl_line(AccountWorld().state, "btc").plain == "–"


def test_while_a_deposit_is_open_the_parts_still_come_to_what_the_hedged_book_made() -> None:
    world = hedged()
    world.deposit("BTC", D("0.1"))
    world.read()
    told = pnl_status(world.state, "btc")
    assert told is not None
    waits = D(told["open"])
    assert waits > 0
    parts = sum((D(amount) for name, amount in told.items() if name in set(Component)), D(0))
    assert parts == D(told["hedged"])
