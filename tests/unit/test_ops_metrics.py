"""Metrics: complete from the start, true to the state, cheap, and listed in the docs."""

import itertools
import math
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from hedger.engine.guards.limits import EVALUATED
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Guards, Policy
from hedger.engine.known.state import Action, Mode, Reason, State, initial_state
from hedger.engine.step import Result
from hedger.model.message import (
    Event,
    FindOrder,
    JournalChanged,
    OrderRejected,
    ReadFailed,
    Stamped,
    TimePassed,
)
from hedger.model.order import RejectReason, ReportStatus
from hedger.ops.catalogue import metrics_page
from hedger.ops.guard_limits import DECISION_PAIRS, NOT_NUMBERS, SCALES
from hedger.ops.metrics import Metrics
from tests.support.engine_worlds import report_of
from tests.support.ops_states import (
    GUARDS,
    NOW,
    ORDER_ID,
    decision,
    hedging_state,
    ledger,
    order,
    perpetual,
    policy,
    quote,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARKET = {"account": "binance", "symbol": "BTC/USDT:USDT"}
BTC = {"hedge": "btc"}


class Watched:
    """Metrics with a short way to feed and read them."""

    def __init__(self, given: Policy | None = None) -> None:
        self.metrics = Metrics(given or policy(), version="1.2.3")

    def step(self, before: State, after: State, event: Event | None = None, **result: Any) -> None:
        came = Result(after, result.get("commands", ()), result.get("decisions", ()))
        self.metrics.observe(before, Stamped(after.now, event or TimePassed()), came, 2e-5)

    def value(self, name: str, **labels: str) -> float:
        found = self.metrics.registry.get_sample_value(f"hedger_{name}", labels)
        assert found is not None, f"no series {name} {labels}"
        return found

    def names(self) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {
            (sample.name, tuple(sorted(sample.labels.items())))
            for family in self.metrics.registry.collect()
            for sample in family.samples
        }


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_everything_unknown_is_nan_and_never_zero(watched: Watched) -> None:
    for name in ("delta_coins", "target_coins", "deviation_coins", "band_upper_coins", "futures_coins"):
        assert math.isnan(watched.value(name, **BTC))
    assert math.isnan(watched.value("mark_price", **MARKET))
    assert math.isnan(watched.value("liquidation_distance_ratio", **MARKET))
    assert math.isnan(watched.value("margin_ratio", account="binance"))


def test_the_gauges_of_a_hedge_follow_the_state(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    expected = {
        "delta_coins": 0.065,
        "delta_low_coins": 0.053,
        "delta_high_coins": 0.065,
        "target_coins": 0.0,
        "deviation_coins": 0.065,
        "band_upper_coins": 0.05,
        "band_lower_coins": 0.05,
        "spot_coins": 1.5,
        "static_coins": 0.5,
        "futures_coins": -1.935,
        "outside_band": 1.0,
        "unhedged": 0.0,
        "unhedged_after_seconds": 30.0,
        "fees_quote": -25.12,
        "funding_quote": 12.57,
        "slippage_quote": -3.41,
        "edge_quote": 1.93,
        "entry_basis_ratio": 0.00021,
    }
    assert {name: watched.value(name, **BTC) for name in expected} == pytest.approx(expected)
    assert watched.value("outside_band_seconds_total", **BTC) == pytest.approx(22.4)
    assert watched.value("working_orders", hedge="btc", status="open") == 1


def test_accounts_and_markets_follow_the_state(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    assert watched.value("margin_ratio", account="binance") == pytest.approx(7150 / 58000)
    assert watched.value("account_believed_timestamp_seconds", account="binance") == (NOW - 900) / 1000
    assert watched.value("stream_up", account="binance") == 1
    expected = {
        "position_coins": -1.935,
        "liquidation_distance_ratio": 96480.2 / 65001.5 - 1,
        "mid_price": 65000.0,
        "mark_price": 65001.5,
        "funding_rate_ratio": 0.0001,
        "funding_rate_annual_ratio": 0.1095,
        "basis_ratio": 65001.5 / 64990 - 1,
        "quote_timestamp_seconds": (NOW - 120) / 1000,
    }
    assert {name: watched.value(name, **MARKET) for name in expected} == pytest.approx(expected)


def test_exactly_one_mode_is_one(watched: Watched) -> None:
    for mode in (Mode.HEDGING, Mode.HALTED):
        state = hedging_state()._replace(mode=mode)
        watched.step(state, state)
        assert [m for m in Mode if watched.value("mode", mode=m.value)] == [mode]


def test_prices_move_the_gauges_four_times_a_second_at_most(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    shown = []
    for ms in range(0, 1000, 10):
        news = quote(bid=str(64000 + ms))
        state = state._replace(now=NOW + ms, quotes={perpetual("BTC"): (news, NOW + ms)})
        watched.step(state, state, news)
        shown.append(watched.value("mid_price", **MARKET))
    assert 3 <= len(set(shown)) - 1 <= 4
    assert watched.value("events_total", event="quote") == 100


def test_orders_are_counted_by_what_became_of_them(watched: Watched) -> None:
    empty = hedging_state(working=False)
    states = [empty]
    for status in (OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.OPEN, OrderStatus.FILLED):
        states.append(empty._replace(orders={ORDER_ID: order(status=status)}))
    for before, after in itertools.pairwise(states):
        watched.step(before, after)
    counted = ("placed", "unknown", "accepted", "filled", "canceled", "rejected", "expired")
    values = [watched.value("orders_total", hedge="btc", outcome=outcome) for outcome in counted]
    assert values == [1, 1, 1, 1, 0, 0, 0]
    assert watched.value("working_orders", hedge="btc", status="open") == 0


def test_a_pruned_order_no_longer_counts_as_working(watched: Watched) -> None:
    watched.step(hedging_state(), hedging_state())
    watched.step(hedging_state(), hedging_state(working=False))
    assert watched.value("working_orders", hedge="btc", status="open") == 0


def test_rejections_are_counted_by_reason(watched: Watched) -> None:
    state = hedging_state()
    reason = RejectReason.POST_ONLY_WOULD_CROSS
    watched.step(state, state, OrderRejected(client_order_id=ORDER_ID, reason=reason, text=""))
    assert watched.value("order_rejects_total", hedge="btc", reason="post_only_would_cross") == 1


def test_an_order_that_the_venue_takes_off_late_counts_as_refused_once(watched: Watched) -> None:
    """Some venues take an order and say a moment later that it would have crossed."""
    state, gone = hedging_state(), hedging_state(working=False)
    told = replace(report_of(order()), status=ReportStatus.CANCELED, ended_because=RejectReason.POST_ONLY_WOULD_CROSS)
    watched.step(state, gone, told)
    watched.step(gone, gone, told)
    assert watched.value("order_rejects_total", hedge="btc", reason="post_only_would_cross") == 1


def test_fills_are_counted_by_liquidity_with_their_worth(watched: Watched) -> None:
    before = hedging_state()
    more = replace(ledger(), fills=16, maker_fills=15, taker_fills=1, notional=D("126612.40"), quantity=D("1.95"))
    watched.step(before, before._replace(ledgers={"btc": more}))
    assert watched.value("fills_total", hedge="btc", liquidity="maker") == 1
    assert watched.value("fills_total", hedge="btc", liquidity="taker") == 1
    assert watched.value("traded_quote_total", **BTC) == pytest.approx(1000)
    assert watched.value("traded_coins_total", **BTC) == pytest.approx(0.015)


def test_decisions_and_denials_are_counted_by_reason(watched: Watched) -> None:
    state = hedging_state()
    denied = decision(action=Action.DENY, reason=Reason.SPREAD)
    watched.step(state, state, decisions=(decision(), denied, denied))
    assert watched.value("decisions_total", hedge="btc", action="place", reason="outside_band") == 1
    assert watched.value("decisions_total", hedge="btc", action="deny", reason="spread") == 2
    assert watched.value("guard_denials_total", hedge="btc", guard="spread") == 2


def test_attempts_are_counted_beside_failures(watched: Watched) -> None:
    state = hedging_state()
    watched.metrics.timed("read_account", "binance", 0.1, "AskAgain")
    watched.step(state, state, ReadFailed(account="binance", what="account", reason="timeout"))
    watched.metrics.timed("read_order", "binance", 0.1, "ok")
    find = FindOrder(id=perpetual("BTC"), client_order_id=ORDER_ID)
    watched.step(state, state, commands=(find,))  # the runtime tells of the read when it has ended: that is one attempt
    watched.step(state, state, ReadFailed(account="binance", what="something new", reason="timeout"))
    reads = {what: watched.value("reads_total", account="binance", what=what) for what in ("account", "order")}
    failures = {
        what: watched.value("read_failures_total", account="binance", what=what) for what in ("account", "other")
    }
    assert reads == {"account": 1, "order": 1}
    assert failures == {"account": 1, "other": 1}
    assert watched.value("commands_total", command="find_order") == 1


def test_what_the_runtime_times_reaches_its_meter(watched: Watched) -> None:
    metrics = watched.metrics
    for stage, account in (("place", "binance"), ("cancel", "binance"), ("commit", ""), ("lag", ""), ("new", "")):
        metrics.timed(stage, account, 0.25, "ok")
    metrics.queued(7)
    metrics.rate_weight_used("binance", 0.4)
    assert watched.value("place_duration_seconds_sum", account="binance") == 0.25
    assert watched.value("cancel_duration_seconds_count", account="binance") == 1
    assert watched.value("journal_commit_duration_seconds_count") == 1
    assert watched.value("loop_lag_seconds") == 0.25
    assert watched.value("inbox_depth") == 7
    assert watched.value("rate_weight_used_ratio", account="binance") == 0.4


def test_an_ailing_journal_is_shown_and_counted(watched: Watched) -> None:
    well = hedging_state()
    ill = well._replace(journal_fault="disk full")
    watched.step(well, ill, JournalChanged(healthy=False, text="disk full"))
    assert watched.value("journal_healthy") == 0
    watched.step(ill, well, JournalChanged(healthy=True, text=""))
    assert watched.value("journal_healthy") == 1
    assert watched.value("journal_failures_total") == 1


def test_every_numeric_guard_exports_its_limit_in_base_units(watched: Watched) -> None:
    assert SCALES.keys() | NOT_NUMBERS == {item.name for item in fields(Guards)}
    limit: Callable[..., float] = lambda guard, level="limit": watched.value(  # noqa: E731
        "guard_limit", hedge="btc", guard=guard, level=level
    )
    assert limit("quote_age") == 2.0
    assert limit("index_collar") == 0.0075
    assert limit("order_notional") == 50_000
    assert limit("margin_ratio", "stop") == float(GUARDS.margin_ratio.stop)


def test_every_guard_that_is_evaluated_has_a_denial_counter(watched: Watched) -> None:
    for guard in EVALUATED:
        assert watched.value("guard_denials_total", hedge="btc", guard=guard) == 0


def test_every_reason_has_a_decision_counter_from_the_start(watched: Watched) -> None:
    assert {reason for _, reason in DECISION_PAIRS} == set(Reason)
    assert len(set(DECISION_PAIRS)) == len(DECISION_PAIRS)
    assert {action for action, _ in DECISION_PAIRS} == set(Action)


def test_no_series_appears_after_the_start(watched: Watched) -> None:
    at_start = watched.names()
    blank, busy = initial_state(policy(), now=NOW, epoch=1), hedging_state()
    watched.step(blank, busy, decisions=(decision(),))
    watched.step(busy, busy, quote())
    watched.metrics.timed("place", "binance", 0.1, "OrderAccepted")
    assert watched.names() == at_start


def test_heartbeats_carry_the_time_of_the_event(watched: Watched) -> None:
    state = hedging_state()
    watched.step(state, state)
    assert watched.value("heartbeat_timestamp_seconds", stage="tick") == NOW / 1000
    assert watched.value("heartbeat_timestamp_seconds", stage="poll") == 0


def test_two_metrics_do_not_share_a_registry() -> None:
    first, second = Watched(), Watched()
    first.step(hedging_state(), hedging_state())
    assert math.isnan(second.value("delta_coins", **BTC))


def test_all_names_are_prefixed_and_text_is_plain_prometheus(watched: Watched) -> None:
    text = generate_latest(watched.metrics.registry).decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert all(name.startswith(("hedger_", "process_")) for name in names)
    assert "_created" not in text


def test_the_page_of_metrics_is_current() -> None:
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == metrics_page()
