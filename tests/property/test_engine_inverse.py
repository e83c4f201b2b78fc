"""Contracts that settle in coins: signs, units and identities, in both directions and at every price."""

from dataclasses import replace
from decimal import Decimal as D
from math import log, sqrt
from statistics import NormalDist
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.formulas.liquidation import (
    distance_by_equity,
    liquidation_price,
    tiers_of,
)
from hedger.engine.held.exposure import exposure
from hedger.engine.known.ledger import FillContext, Ledger, book_fill
from hedger.engine.known.policy import Numeraire, Policy
from hedger.engine.known.state import Action, Reason, State
from hedger.engine.news.settled import coins_owned
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.option import OptionPosition, OptionType
from hedger.model.order import Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_of,
    placed,
    position_at,
    quote_at,
    reading_of,
)
from tests.support.textbook import survives_inverse_short, survives_linear_short

ID = InstrumentId(ACCOUNT, "BTC/USD:BTC")
ENTRY = D(60_000)
THICK: dict[str, Any] = {"id": ID, "bid_quantity": D(500), "ask_quantity": D(500)}  # contracts of 100 dollars

prices = st.integers(10_000, 300_000).map(D)
moves = st.integers(-90, 400).map(lambda percent: 1 + D(percent) / 100)
sides = st.sampled_from(Side)
contracts = st.integers(1, 5_000).map(D)
offsets = st.integers(-500, 500).map(lambda n: D(n) / 10)


def coin_margined(**changes: Any) -> Instrument:
    """A contract of 100 dollars, as Binance's BTCUSD."""
    made = instrument_of(
        multiplier="100",
        id=ID,
        quote="USD",
        settle="BTC",
        payoff=Payoff.INVERSE,
        lot_size=D(1),
        min_quantity=D(1),
        min_notional=D(0),
        max_quantity=D(10**6),
    )
    return replace(made, **changes)


def held(units: D, mark: D, entry: D = ENTRY) -> Position:
    return position_at(
        units, id=ID, contract_multiplier=D(100), payoff=Payoff.INVERSE, entry_price=entry, mark_price=mark
    )


def profit(units: D, mark: D, entry: D = ENTRY) -> D:
    """In coins: N·(1/entry − 1/mark) of a long N."""
    return units * 100 * (1 / entry - 1 / mark)


def account(wallet: D, units: D, mark: D, at: int = NOW, **changes: Any) -> AccountReading:
    made = reading_of(
        "0",
        at=at,
        collateral={"BTC": wallet},
        unrealized={"BTC": profit(units, mark)},
        positions=(held(units, mark),),
        coin_margins={"BTC": margin_of(wallet + profit(units, mark))},
    )
    return replace(made, **changes)


def margin_of(equity: D, maintenance: D = D("0.001")) -> Margin:
    return Margin(equity=equity, maintenance_margin=maintenance, initial_margin=D(0), available=max(D(0), equity))


def world(reading: AccountReading, mark: D, **hedge: Any) -> tuple[State, Policy]:
    policy = policy_of(hedge_of(instruments=(ID,), guards={"position": D(1000)}, **hedge))
    state = hedging(policy=policy, instrument=coin_margined())
    state = state._replace(
        quotes={ID: (quote_at(str(mark), str(mark + D("0.1")), id=ID), NOW)},
        marks={ID: (mark_at(str(mark), id=ID), NOW)},
        accounts={ACCOUNT: replace(state.accounts[ACCOUNT], reading=reading)},
    )
    return state, policy


# --- what is neutral, and stays it ------------------------------------------------------------------------------------


@given(st.integers(1, 50).map(D), prices)
def test_a_short_of_the_wallet_at_its_entry_is_neutral_in_dollars_at_every_price(wallet: D, mark: D) -> None:
    """N = W·P_entry: E + N/P = W + N/P_entry = 0. It is never traded because the price moved."""
    units = -wallet * ENTRY / 100
    state, policy = world(account(wallet, units, mark), mark)
    found = exposure(state, policy.hedges[0])
    assert found is not None
    assert abs(found.delta) < D("1e-20")
    _, results = feed(
        state, (NOW + 100, quote_at(str(mark), str(mark + D("0.1")), at=NOW + 100, **THICK)), policy=policy
    )
    assert not placed(results)
    assert results[-1].decisions[0].action is Action.HOLD


@given(st.integers(1, 50).map(D), prices)
def test_the_dollar_value_of_that_book_does_not_move_with_the_price(wallet: D, mark: D) -> None:
    units = -wallet * ENTRY / 100
    assert abs((wallet + profit(units, mark)) * mark - wallet * ENTRY) < D("1e-15")


@given(st.integers(1, 50).map(D), prices)
def test_a_holder_who_counts_in_coins_needs_no_contract_at_all(wallet: D, mark: D) -> None:
    state, policy = world(account(wallet, D(0), mark), mark, numeraire=Numeraire.COIN)
    _, results = feed(
        state, (NOW + 100, quote_at(str(mark), str(mark + D("0.1")), at=NOW + 100, **THICK)), policy=policy
    )
    assert (results[-1].decisions[0].action, results[-1].decisions[0].reason) == (Action.HOLD, Reason.INSIDE_BAND)


@given(st.integers(1, 50).map(D), prices)
def test_a_wallet_alone_is_sold_with_the_right_sign_and_number_of_contracts(wallet: D, mark: D) -> None:
    state, policy = world(account(wallet, D(0), mark), mark)
    tick = (NOW + 100, quote_at(str(mark), str(mark + D("0.1")), at=NOW + 100, **THICK))
    _, results = feed(state, tick, policy=policy)
    (order,) = placed(results)
    assert order.side is Side.SELL
    most = min(wallet * mark / 100, D(200_000) / 100)
    assert most - 1 - most * D("0.03") <= order.quantity <= most, "to the lot, the order's notional and the free margin"


@given(prices, contracts, st.integers(1, 50).map(D), st.integers(-20, 20).map(D), st.integers(50, 200))
def test_both_views_of_an_option_book_in_coins_agree(mark: D, size: D, wallet: D, n: D, strike: int) -> None:
    """cash + Σ nΔ_BS + Σ N/P = E + Σ n(Δ_BS − c) + Σ N/P: the engine has the left side, with the options' value c left
    out of cash; on the right E has it, and the premium-adjusted delta is in its closed form (K/F)Φ(d₂)."""
    k, years, sigma = mark * strike / 100, 0.25, 0.6
    call = option_on(mark, k, n, int(years * 365 * 86_400_000), sigma)
    reading = replace(account(wallet, -size, mark), options=(call,) if n else ())
    state, policy = world(reading, mark)
    found = exposure(state, policy.hedges[0])
    assert found is not None
    d2 = (log(float(mark / k)) - sigma**2 * years / 2) / (sigma * sqrt(years))
    cdf, moneyness = NormalDist().cdf, float(k / mark)
    value = cdf(d2 + sigma * sqrt(years)) - moneyness * cdf(d2)
    equity = wallet + profit(-size, mark) + n * D(repr(value))
    adjusted = n * D(repr(moneyness * cdf(d2)))
    assert abs(found.delta - (equity + adjusted - size * 100 / mark)) < D("1e-9")


def option_on(mark: D, strike: D, quantity: D, left_ms: int, sigma: float) -> OptionPosition:
    """A call on an index that is its forward too."""
    return OptionPosition(
        id=InstrumentId(ACCOUNT, "BTC/USD:BTC-261225-70000-C"),
        underlying="BTC",
        option_type=OptionType.CALL,
        strike=strike,
        expiry_at=NOW + left_ms,
        settlement_ms=1_800_000,
        payoff=Payoff.INVERSE,
        settle="BTC",
        quantity=quantity,
        contract_multiplier=D(1),
        mark_price=None,
        mark_sigma=D(repr(sigma)),
        forward_price=mark,
        index_price=mark,
    )


# --- coins that come and go, and a price that moves -------------------------------------------------------------------


@given(st.integers(1, 50).map(D), contracts, sides, prices, moves)
def test_a_price_that_moves_is_no_deposit(wallet: D, size: D, side: Side, mark: D, move: D) -> None:
    units = side.sign * size
    before, after = (account(wallet, units, price) for price in (mark, mark * move))
    assert abs(coins_owned(after, "BTC") - coins_owned(before, "BTC")) < D("1e-20")
    richer = replace(after, collateral={"BTC": wallet + 1})
    assert abs(coins_owned(richer, "BTC") - coins_owned(before, "BTC") - 1) < D("1e-20")


# --- money ------------------------------------------------------------------------------------------------------------


@given(sides, contracts, prices, offsets)
def test_an_inverse_fill_earns_what_its_coins_are_worth_at_the_mid(side: Side, size: D, mid: D, better: D) -> None:
    """A buy at P has N·(1/P − 1/M) coins more than one at the mid M, which are N·(M − P)/P dollars at the mid."""
    price = mid - side.sign * better
    context = FillContext(
        decision_mid=mid, fill_mid=mid, basis_bps=D(0), opening=True, instrument=coin_margined(), prices={"BTC": mid}
    )
    booked = book_fill(Ledger(), fill_of(order_of(side), size, price=price, fee=D("0.001"), fee_asset="BTC"), context)
    in_coins = side.sign * size * 100 * (1 / price - 1 / mid)
    assert abs(booked.edge - in_coins * mid) < D("1e-12")
    assert (booked.edge > 0) is (better > 0)
    assert booked.notional == size * 100
    assert abs(booked.quantity - size * 100 / price) < D("1e-20")
    assert booked.fees == -D("0.001") * mid


# --- liquidation ------------------------------------------------------------------------------------------------------

TIERS = tiers_of([(D(0), D("0.004")), (D(50_000), D("0.005")), (D(250_000), D("0.01")), (D(10**6), D("0.025"))])
COIN_TIERS = tiers_of([(D(0), D("0.004")), (D(5), D("0.005")), (D(10), D("0.01")), (D(20), D("0.025"))])
ratios = st.integers(1, 300).map(lambda percent: D(percent) / 100)
rises = st.integers(1, 500).map(lambda percent: D(percent) / 100)


def needed(payoff: Payoff, notional: D) -> D:
    tiers = COIN_TIERS if payoff is Payoff.INVERSE else TIERS
    tier = [tier for tier in tiers if notional >= tier.floor][-1]
    return notional * tier.rate - tier.cum


@given(sides, st.integers(1, 3_000).map(lambda n: D(n) / 100), prices, ratios)
def test_at_the_linear_liquidation_price_equity_is_maintenance_in_the_tier_of_that_price(
    side: Side, size: D, entry: D, ratio: D
) -> None:
    quantity, wallet = side.sign * size, size * entry * ratio
    price = liquidation_price(payoff=Payoff.LINEAR, size=quantity, entry_price=entry, wallet=wallet, tiers=TIERS)
    if price is None:
        assert side is Side.BUY or ratio < D("0.03")
        return
    assert abs(wallet + quantity * (price - entry) - needed(Payoff.LINEAR, size * price)) < D("1e-15")


@given(sides, st.integers(1, 3_000).map(lambda n: D(n) / 100), prices, ratios)
def test_at_the_inverse_liquidation_price_equity_is_maintenance_in_the_tier_of_that_price(
    side: Side, coins: D, entry: D, ratio: D
) -> None:
    notional, wallet = side.sign * coins * entry, coins * ratio
    price = liquidation_price(payoff=Payoff.INVERSE, size=notional, entry_price=entry, wallet=wallet, tiers=COIN_TIERS)
    if side is Side.SELL and ratio >= 1:
        assert price is None, "a short with as many coins as it is short of cannot be liquidated by a rise"
    if price is not None:
        equity = wallet + notional * (1 / entry - 1 / price)
        assert abs(equity - needed(Payoff.INVERSE, abs(notional) / price)) < D("1e-15")
    elif side is Side.BUY:
        assert ratio < D("0.03"), "a long always has one"


@given(ratios, rises)
def test_a_short_survives_a_rise_exactly_when_its_liquidation_price_is_above_it(ratio: D, gain: D) -> None:
    flat = tiers_of([(D(0), D("0.01"))])
    entry, top = D(100), D(100) * (1 + gain)
    linear = liquidation_price(payoff=Payoff.LINEAR, size=D(-1), entry_price=entry, wallet=100 * ratio, tiers=flat)
    assert linear is not None
    if abs(linear - top) > D("1e-9"):
        assert survives_linear_short(ratio, gain, D("0.01")) is (linear > top)
    inverse = liquidation_price(payoff=Payoff.INVERSE, size=D(-100), entry_price=entry, wallet=ratio, tiers=flat)
    if inverse is None or abs(inverse - top) > D("1e-9"):
        assert survives_inverse_short(ratio, gain, D("0.01")) is (inverse is None or inverse > top)


@given(sides, st.sampled_from([Payoff.LINEAR, Payoff.INVERSE]), ratios)
def test_the_distance_by_equity_is_never_further_than_the_true_one(side: Side, payoff: Payoff, ratio: D) -> None:
    """Of one position alone, whose mark is its entry: the venue's own price and ours agree, or ours is the nearer."""
    flat, mark = tiers_of([(D(0), D("0.01"))]), D(60_000)
    inverse = payoff is Payoff.INVERSE
    size = D(60_000) if inverse else D(1)
    worth = D(1) if inverse else mark
    told = liquidation_price(payoff=payoff, size=side.sign * size, entry_price=mark, wallet=worth * ratio, tiers=flat)
    row = position_at(side.sign * size, payoff=payoff, mark_price=mark, contract_multiplier=D(1))
    ours = distance_by_equity(row, margin_of(worth * ratio, worth * D("0.01")))
    if told is None:
        assert ours is None or ours == 0 or ours >= D("0.99") or side is Side.SELL
        return
    truth = abs(told / mark - 1)
    assert ours is not None
    if ratio > D("0.01"):
        assert truth - D("0.011") <= ours <= truth + D("1e-15")
