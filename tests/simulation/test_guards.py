"""Each guard trips in the running daemon, stops what it should stop and nothing else, and lets go again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.engine.guards.limits import GUARDS, Kind
from hedger.engine.known.state import Action, Reason
from hedger.model.instrument import Instrument
from hedger.model.message import InstrumentsLoaded
from hedger.model.order import RejectReason
from tests.support import simulated_venue as lens
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, policy_of
from tests.support.simulated_daemon import NOON, SYMBOL, Play, play

EVENING = NOON + 43_200_000 - 240_000  # four minutes before midnight, when a day's limits begin anew


@dataclass(frozen=True)
class Case:
    """How a guard is tripped and untripped; `guards` and `start_at` make that possible in a short run.

    `more` coins come while it is tripped, `less` go, and `again` come once it is clear.
    """

    trip: Callable[[Play], object]
    clear: Callable[[Play], object]
    guards: dict[str, Any] = field(default_factory=dict)
    start_at: int = NOON
    more: str = "0.09"
    less: str = "-0.18"
    again: str = "0.18"


def bend(attribute: str, lens: Any) -> Callable[[Play], None]:
    return lambda it: setattr(it.venue, attribute, lens)


def straighten(it: Play) -> None:
    it.venue.clear()


def lever(leverage: int) -> Callable[[Play], None]:
    return lambda it: it.world.exchange.set_leverage("main", SYMBOL, leverage)


def fund(rate: str | None) -> Callable[[Play], None]:
    return lambda it: it.world.exchange.set_funding_rate(SYMBOL, None if rate is None else D(rate))


def refuse(it: Play) -> None:
    """Orders that are refused count against every limit of orders, as all that are sent do."""
    it.venue.refuse = RejectReason.POST_ONLY_WOULD_CROSS


def list_again(*instruments: Instrument) -> Callable[[Play], None]:
    """What is traded is read again, and the answer is this."""
    return lambda it: it.daemon.loop.inbox.put(InstrumentsLoaded(account=ACCOUNT, instruments=instruments))


def sink(it: Play) -> None:
    """Prices that stand above the market and come down, so that orders to sell are moved again and again."""
    began = it.clock.now_ms()
    it.venue.quote = lambda quote: lens.leaning(str(D("0.004") - D(quote.exchange_at - began) / 20_000_000))(quote)


def nothing(it: Play) -> None:
    """The world as it is will do."""


CASES: dict[str, Case] = {
    "quote_age": Case(bend("quote", lambda _: None), straighten),
    "mark_age": Case(bend("mark", lambda _: None), straighten),
    "account_age": Case(lambda it: it.venue.failing.add("account"), straighten),
    "position_mode": Case(bend("reading", lens.two_way), straighten),
    "mark_collar": Case(bend("quote", lens.leaning("0.006")), straighten),
    "index_collar": Case(bend("mark", lens.index_off("0.012")), straighten, guards={"basis": D(500)}),
    "margin_ratio": Case(bend("reading", lens.with_margin_ratio("0.55")), straighten),
    "liquidation_distance": Case(bend("reading", lens.with_liquidation_at("0.12")), straighten),
    "leverage": Case(lever(3), lever(1)),
    "margin_mode": Case(bend("reading", lens.isolated), straighten),
    "spread": Case(bend("quote", lens.spread_out("0.0015")), straighten),
    "depth": Case(bend("quote", lens.thin), straighten),
    "basis": Case(bend("mark", lens.index_off("0.004")), straighten, guards={"basis": D(25)}),
    "adverse_funding": Case(fund("-0.002"), fund(None)),
    "position": Case(nothing, lambda it: it.deposit("-0.1"), guards={"position": D("1.05")}),
    "orders_per_minute": Case(refuse, nothing, guards={"orders_per_minute": 4}),
    "orders_per_day": Case(refuse, nothing, guards={"orders_per_day": 4}, start_at=EVENING),
    "instrument_gone": Case(list_again(), list_again(instrument_of())),
    "cancels_per_hour": Case(sink, straighten, guards={"cancels_per_hour": 2}, again="0.02"),
    "daily_notional": Case(
        nothing, nothing, guards={"daily_notional": D(80_000)}, start_at=EVENING, more="0.5", less="-0.7", again="0.2"
    ),
    "daily_cost": Case(
        nothing, nothing, guards={"daily_cost": D(5)}, start_at=EVENING, more="0.5", less="-0.7", again="0.2"
    ),
}
ELSEWHERE = {
    "switch_lease": "it shuts an account, or the whole program: test_switch and test_engine_gate",
    "breaker": "it shuts an account, or the whole program: test_breakers and test_engine_gate",
    "restricted": "it lasts for a cool-down: test_breakers",
    "quiet": "it lasts until a moment: test_breakers",
    "foreign_drift": "it lasts for an hour: test_changes",
    "free_margin": "it takes a liquidation: test_changes",
    "price_drift": "it lasts for ten minutes: test_price_drift",
    "futile_hedges": "it halts for good: test_futile_hedges",
    "price_sources": "it takes a price that somebody else contradicts: test_engine_sources",
    "depeg": "it takes a pair that tells the price of money: test_money",
    "numeraire": "it takes contracts that settle in coins: test_money",
    "expiring": "it takes a dated contract: test_roll",
    "basis_yearly": "it takes a dated contract: test_roll",
    "order_notional": "an order is sized within it, so that it denies nothing: test_execution and test_engine_limits",
}
KINDS = {name: kind for name, kind, _ in GUARDS}


def test_every_guard_is_tripped_somewhere() -> None:
    assert CASES.keys() | ELSEWHERE.keys() == KINDS.keys()
    assert not CASES.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_guard_trips_blocks_and_clears_in_the_running_daemon(name: str, tmp_path: Path) -> None:
    case = CASES[name]

    async def script(it: Play) -> None:
        await it.until_hedged()
        case.trip(it)
        await it.sleep(7)
        it.deposit(case.more)
        await it.until(lambda: denied(it, name), f"denied by {name}", within=40)
        it.venue.refuse = None
        before = len(it.venue.placed)
        await it.sleep(15)
        assert len(it.venue.placed) == before, f"an order left while {name} was tripped"
        assert it.decision.reason is Reason(name)
        await what_only_reduces(it, name, case.less)
        case.clear(it)
        it.deposit(case.again)
        await it.until_hedged(within=400)

    policy = policy_of(hedge_of(guards=case.guards))
    it = play(script, policy, tmp_path, start_at=case.start_at)
    assert all(trade.maker for trade in it.trades)
    assert it.state.halted is None


def denied(it: Play, name: str) -> bool:
    """Denied, or about an order that rests: canceled, for the guard's own reason."""
    return it.decision.action in (Action.DENY, Action.CANCEL) and it.decision.reason is Reason(name)


async def what_only_reduces(it: Play, name: str, less: str) -> None:
    """Less is held: an order that makes the short position smaller passes, except where the facts are in doubt."""
    before = len(it.venue.placed)
    it.deposit(less)
    await it.sleep(15)
    new = it.venue.placed[before:]
    if KINDS[name] is Kind.FACT:
        assert not new, f"{name} speaks of facts: nothing may be sent"
        return
    assert new, f"{name} must not stop what reduces: {it.story()}"
    assert all(order.reduce_only for order in new)


def test_a_resting_order_is_taken_off_when_facts_are_in_doubt(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lens.leaning("-0.002")
        it.deposit("-0.2")
        await it.until(lambda: bool(it.resting()), "resting")
        it.venue.quote = lambda _: None
        await it.until(lambda: not it.resting(), "off the book", within=10)
        assert it.decision.reason is Reason.QUOTE_AGE

    play(script, policy_of(hedge_of()), tmp_path)


@pytest.mark.parametrize(
    ("guard", "bent", "blocked", "still", "free"),
    [
        ("margin_ratio", lens.with_margin_ratio, "0.5", "0.41", "0.39"),
        ("liquidation_distance", lens.with_liquidation_at, "0.15", "0.24", "0.26"),
    ],
)
def test_a_levelled_guard_lets_go_only_past_the_level_beneath(
    guard: str, bent: Any, blocked: str, still: str, free: str, tmp_path: Path
) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        placed = len(it.venue.placed)
        it.venue.reading = bent(blocked)
        await it.sleep(7)
        it.deposit("0.05")
        await it.until(lambda: denied(it, guard), "denied", within=20)
        it.venue.reading = bent(still)
        await it.sleep(15)
        assert len(it.venue.placed) == placed, "between the levels it stays as it was"
        it.venue.reading = bent(free)
        await it.until(lambda: len(it.venue.placed) > placed, "an order", within=15)

    play(script, policy_of(hedge_of()), tmp_path)
