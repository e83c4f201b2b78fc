"""A coin without a future, hedged with those of two others: sides, sizes, one leg at a time, and what must be known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from hedger.engine.decision.facts import gather
from hedger.engine.formulas.volatility import Returns
from hedger.engine.guards.mode import with_mode
from hedger.engine.held.exposure import coins_for
from hedger.engine.held.valuation import standing
from hedger.engine.known.policy import Cross, Hedge, RebalanceTo, Target, TargetKind
from hedger.engine.known.state import Action, Reason, State, initial_state
from hedger.engine.wanted.other_coins import measured, risk_left
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId
from hedger.model.message import PlaceOrder, TimePassed
from hedger.model.numeric import ONE
from hedger.model.order import Side
from hedger.ops.figures import money
from hedger.ops.other_coins import crossing_line
from hedger.ops.panel import hedge_panel
from hedger.ops.status import hedge_status
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, mark_at, order_of, position_at, quote_at, reading_of

SPOT = InstrumentId(ACCOUNT, "ARB/USDT")
PRICES = {"ARB": 0.5, "BTC": 60_000.0, "ETH": 3_000.0}
LOADS = {"ARB": 1.5, "BTC": 0.8, "ETH": 1.1}
CROSS = Cross(spot=SPOT, coins=("BTC", "ETH"), halflife_bars=400, beta_band=D("0.1"))
HEDGE = hedge_of(
    "ARB",
    instruments=(perpetual("BTC"), perpetual("ETH")),
    cross=CROSS,
    band=band("2000"),
    guards={"position": D(2_000_000), "order_notional": D(10_000_000)},
)


def returns(seed: int = 1, last_at: int = NOW, bars: int = 700) -> dict[str, Returns]:
    """Hourly returns of one strong common factor."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.006, bars)
    return {
        coin: Returns(last_at, 3_600_000, tuple(round(float(r), 7) for r in load * common + rng.normal(0, 0.002, bars)))
        for coin, load in LOADS.items()
    }


def world(
    holding: str = "100000", btc: str = "0", eth: str = "0", hedge: Hedge = HEDGE, known: bool = True
) -> tuple[State, Hedge]:
    """A reconciled state with that many ARB outside, and positions in coins."""
    hedge = replace(hedge, static_quantity=D(holding))
    policy = policy_of(hedge)
    state = initial_state(policy, now=NOW, epoch=1)
    spot = quote_at("0.49995", "0.50005", id=SPOT)
    quotes, marks, rules = {SPOT: (spot, NOW)}, {}, {}
    for coin in hedge.cross.coins if hedge.cross is not None else ():
        id, price = perpetual(coin), D(str(PRICES[coin]))
        bid, ask = str(price - D("0.1")), str(price + D("0.1"))
        quotes[id] = (quote_at(bid, ask, id=id, bid_quantity=D(500), ask_quantity=D(500)), NOW)
        marks[id] = (mark_at(str(price), id=id), NOW)
        rules[id] = instrument_of(coin)
    held = {"BTC": D(btc), "ETH": D(eth)}
    rows = tuple(
        position_at(held[coin], id=perpetual(coin), underlying=coin, mark_price=D(str(PRICES[coin]))) for coin in held
    )
    view = replace(
        state.accounts[ACCOUNT],
        reading=_with(reading_of("0"), rows),
        believed_at=NOW - 1,
        barrier_at=NOW - 1_000,
        clean_cycles=5,
        stream_up=True,
    )
    state = state._replace(
        instruments=rules,
        quotes=quotes,
        marks=marks,
        reconciled=True,
        accounts={ACCOUNT: view},
        returns=returns() if known else {},
    )
    return measured(with_mode(state, policy), policy), hedge


def _with(reading: AccountReading, rows: tuple[Position, ...]) -> AccountReading:
    return replace(reading, positions=rows, spot={})


def _stretched(factor: float, last_at: int = NOW) -> dict[str, Returns]:
    """The same bars, but what is held moved more, or the other way."""
    known = returns(last_at=last_at)
    return {**known, "ARB": Returns(last_at, 3_600_000, tuple(factor * r for r in known["ARB"].values))}


def decided(state: State, hedge: Hedge) -> tuple[State, list[PlaceOrder]]:
    state, results = feed(state, (NOW, TimePassed()), policy=policy_of(hedge))
    return state, [c for result in results for c in result.commands if isinstance(c, PlaceOrder)]


@pytest.mark.parametrize("sign", [1, -1])
def test_one_future_is_traded_against_the_holding_by_its_beta(sign: int) -> None:
    alone = replace(HEDGE, instruments=(perpetual("ETH"),), cross=replace(CROSS, coins=("ETH",)))
    state, hedge = world(str(sign * 100_000), hedge=alone)
    _, (order,) = decided(state, hedge)
    assert order.side is (Side.SELL if sign > 0 else Side.BUY)
    (own, with_eth), (_, of_eth) = state.crossings["arb"].rows
    assert own > with_eth > 0
    assert float(order.quantity) * 3_000 == pytest.approx(100_000 * 0.5 * with_eth / of_eth, rel=0.001)


@pytest.mark.parametrize("sign", [1, -1])
def test_each_future_is_traded_once_on_the_way_to_the_hedge_of_least_risk(sign: int) -> None:
    """Each fill is played back as a position; coins that move alike are not traded to and fro."""
    held, narrow, orders = {"BTC": D(0), "ETH": D(0)}, replace(HEDGE, band=band("200")), list[PlaceOrder]()
    state, hedge = world(str(sign * 100_000), hedge=narrow)
    for _ in range(10):
        state, hedge = world(str(sign * 100_000), str(held["BTC"]), str(held["ETH"]), hedge=narrow)
        _, due = decided(state, hedge)
        orders += due
        if not due:
            break
        held[due[0].id.symbol[:3]] += due[0].side.sign * due[0].quantity
    assert [order.side for order in orders] == [Side.SELL if sign > 0 else Side.BUY] * 2
    facts, risk = gather(state, hedge), risk_left(state, hedge, D(sign * 100_000))
    assert facts is not None
    assert facts.inside
    matrix = np.array(state.crossings["arb"].rows)
    best = -np.linalg.solve(matrix[1:, 1:], matrix[1:, 0]) * 50_000 * sign
    assert float(held["BTC"]) * 60_000 == pytest.approx(best[0], abs=600)
    assert float(held["ETH"]) * 3_000 == pytest.approx(best[1], abs=600)
    assert risk is not None
    assert risk[0] < risk[1] / 3


def test_half_a_hedge_is_half_of_it() -> None:
    whole, half = world(), world(hedge=replace(HEDGE, target=Target(kind=TargetKind.RATIO, value=D("0.5"))))
    (one,), (other,) = decided(*whole)[1], decided(*half)[1]
    assert other.quantity == pytest.approx(one.quantity / 2, rel=D("0.03"))


def test_an_order_that_works_keeps_the_decision_on_its_own_leg() -> None:
    state, hedge = world()
    order = order_of(Side.SELL, "5", id=perpetual("ETH"), hedge="arb", price=D(3_000))
    facts = gather(state._replace(orders={order.client_order_id: order}), hedge)
    assert facts is not None
    assert facts.instrument.id == perpetual("ETH")
    assert facts.exposure.low < facts.exposure.delta
    assert facts.exposure.high == facts.exposure.delta


def test_what_an_unknown_order_may_have_done_is_counted_with_its_beta() -> None:
    state, hedge = world()
    free = gather(state, hedge)
    order = order_of(Side.SELL, "5", id=perpetual("ETH"), hedge="arb", price=D(3_000))
    busy = gather(state._replace(orders={order.client_order_id: order}), hedge)
    assert free is not None
    assert busy is not None
    per_lot = coins_for(state, hedge, state.instruments[perpetual("ETH")], ONE)
    assert busy.exposure.low == pytest.approx(busy.exposure.delta - 5 * per_lot)


def test_until_it_is_measured_how_the_coins_move_together_nothing_is_traded() -> None:
    state, hedge = world(known=False)
    after, orders = decided(state, hedge)
    assert not orders
    decision = after.hedges["arb"].decision
    assert decision is not None
    assert decision.action is Action.DENY
    assert decision.reason is Reason.BAND_INPUT
    assert "not measured yet" in decision.detail


def test_a_covariance_of_days_ago_is_not_traded_on() -> None:
    state, hedge = world()
    old = state.crossings["arb"]._replace(at=NOW - 4 * 86_400_000)
    after, orders = decided(state._replace(crossings={"arb": old}), hedge)
    assert not orders
    assert "last measured 96 h ago" in (after.hedges["arb"].decision.detail if after.hedges["arb"].decision else "")


def test_a_coin_whose_price_is_old_is_not_hedged() -> None:
    state, hedge = world()
    quote, _ = state.quotes[SPOT]
    after, orders = decided(state._replace(quotes={**state.quotes, SPOT: (quote, NOW - 60_000)}), hedge)
    assert not orders
    decision = after.hedges["arb"].decision
    assert decision is not None
    assert decision.reason is Reason.QUOTE_AGE
    assert str(SPOT) in decision.detail


def test_betas_that_move_little_are_not_followed_and_those_that_move_much_are() -> None:
    state, hedge = world()
    policy, first = policy_of(hedge), state.crossings["arb"]
    later = NOW + 3_600_000
    calm = measured(state._replace(now=later, returns=_stretched(1.04, later)), policy)
    assert calm.crossings["arb"].rows == first.rows
    assert calm.crossings["arb"].at == later
    for factor in (1.3, -1.0):
        rows = measured(state._replace(returns=_stretched(factor)), policy).crossings["arb"].rows
        assert rows[0][1] == pytest.approx(factor * first.rows[0][1], rel=0.1)


def test_bars_that_end_at_different_hours_are_laid_over_each_other() -> None:
    state, hedge = world()
    policy, ahead = policy_of(hedge), returns()
    shifted = Returns(NOW + 3_600_000, 3_600_000, (*ahead["BTC"].values[1:], 0.5))
    found = measured(state._replace(crossings={}, returns={**ahead, "BTC": shifted}), policy).crossings["arb"]
    cut = {coin: one._replace(values=one.values[1:]) for coin, one in ahead.items()}
    same = measured(state._replace(crossings={}, returns=cut), policy).crossings["arb"]
    assert found.rows == same.rows


def test_the_band_is_never_narrower_than_the_smallest_order_of_a_leg() -> None:
    state, hedge = world(hedge=replace(HEDGE, band=band("1", rebalance_to=RebalanceTo.EDGE)))
    facts = gather(state, hedge)
    assert facts is not None
    assert facts.edges.upper >= coins_for(state, hedge, state.instruments[perpetual("BTC")], D("0.002"))


def test_the_position_limit_counts_legs_in_coins_of_what_is_held() -> None:
    state, hedge = world(hedge=replace(HEDGE, guards=replace(HEDGE.guards, position=D(20_000))))
    _, (order,) = decided(state, hedge)
    price = D(str(PRICES[order.id.symbol[:3]]))
    assert order.quantity * price / D("0.5") <= 20_000


def test_a_person_is_told_the_betas_and_the_risk_that_is_left() -> None:
    state, hedge = world(btc="-0.483", eth="-14.37")
    told = hedge_status(state, hedge)
    assert set(told["cross"]["betas"]) == {"BTC", "ETH"}
    assert told["cross"]["residual_risk"] < told["cross"]["unhedged_risk"] / 2
    assert told["inside_band"]
    assert told["futures"] is None, "they are futures on other coins"
    assert told["cross"]["positions"] == {str(perpetual("BTC")): "-0.483", str(perpetual("ETH")): "-14.37"}
    assert "of the risk is left" in crossing_line(state, hedge).plain
    assert hedge_panel(state, hedge, 100) is not None
    unknown, hedge = world(known=False)
    assert "not measured yet" in crossing_line(unknown, hedge).plain


def test_the_coin_has_the_price_of_its_spot_pair_in_the_books() -> None:
    state, hedge = world()
    reading = replace(reading_of(), spot={"ARB": D(1_000)})
    at = standing(state, policy_of(hedge), reading, None)
    assert at is not None, "books begin although no future on the coin is known"
    assert at.prices["ARB"] == D("0.5")
    unseen = standing(state._replace(quotes={}), policy_of(hedge), reading, None)
    assert unseen is None


def test_the_view_names_the_legs_in_their_own_coins_and_values_the_delta_at_the_coin_that_is_held() -> None:
    state, hedge = world(btc="-0.483", eth="-14.37")
    facts = gather(state, hedge)
    assert facts is not None
    console = Console(width=110, file=StringIO(), color_system=None)
    console.print(hedge_panel(state, hedge, 110))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "−0.483 BTC −14.37 ETH" in shown
    assert f"≈ {money(facts.exposure.delta * D('0.5'), signed=True)} USDT" in shown


def test_a_covariance_is_as_old_as_the_oldest_of_its_coins_bars() -> None:
    state, hedge = world()
    hours = 3_600_000
    late = returns(last_at=NOW - 90 * hours)["ARB"]
    found = measured(state._replace(crossings={}, returns={**returns(), "ARB": late}), policy_of(hedge))
    assert found.crossings["arb"].at == NOW - 90 * hours
    after, orders = decided(found, hedge)
    assert not orders
    assert after.hedges["arb"].decision is not None
    assert "last measured 90 h ago" in after.hedges["arb"].decision.detail


def test_bars_that_do_not_overlap_measure_nothing() -> None:
    state, hedge = world()
    long_ago = returns(last_at=NOW - 780 * 3_600_000)["ARB"]
    found = measured(state._replace(crossings={}, returns={**returns(), "ARB": long_ago}), policy_of(hedge))
    assert not found.crossings


@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_while_a_leg_was_never_seen_nothing_is_traded_on_the_other(coin: str) -> None:
    """What is hedged already would be hedged a second time: the other leg's dollars are not in the book."""
    state, hedge = world(btc="-0.4", eth="-12")
    seen = {id: held for id, held in state.marks.items() if id != perpetual(coin)}
    after, orders = decided(state._replace(marks=seen), hedge)
    assert not orders
    assert after.hedges["arb"].decision is not None
    assert after.hedges["arb"].decision.reason is Reason.BAND_INPUT


def test_a_mark_that_stood_still_values_no_leg_of_the_book() -> None:
    state, hedge = world(btc="-0.4", eth="-6")
    old = mark_at("20000", id=perpetual("BTC"), at=NOW - 60_000)
    _, orders = decided(state._replace(marks={**state.marks, perpetual("BTC"): (old, NOW)}), hedge)
    assert not orders
    _, fresh = decided(state, hedge)
    assert fresh, "with a fresh one something is due"
