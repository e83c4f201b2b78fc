"""What the books say of one event at a time: every sign in both directions, and what belongs to whom."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.attribution import Component, attribute
from hedger.engine.news.benchmarks import compare
from hedger.engine.news.books import EXPLAINED_AFTER_MS
from hedger.model.account import MarginMode, Position
from hedger.model.order import FillCause
from hedger.model.spans import DAY_MS
from tests.support.account_world import DATED, EXPIRY_AT, INVERSE, PERPETUAL, AccountWorld
from tests.support.engine_policies import perpetual
from tests.support.option_rows import call, gamma, put, worth

NEAR = D("1e-9")


def opened(**held: D) -> AccountWorld:
    world = AccountWorld(**held)  # type: ignore[arg-type]
    world.read()
    return world


def rising(world: AccountWorld, by: str) -> AccountWorld:
    world.index += D(by)
    world.read()
    return world


@pytest.mark.parametrize(("by", "made"), [("100", "200"), ("-100", "-200")])
def test_coins_gain_when_their_price_rises_and_lose_when_it_falls(by: str, made: str) -> None:
    assert rising(opened(), by).part(Component.SPOT) == D(made)


@pytest.mark.parametrize(("quantity", "by", "made"), [("-2", "9", "-18"), ("-2", "-9", "18"), ("2", "9", "18")])
def test_a_short_future_loses_what_the_index_rises(quantity: str, by: str, made: str) -> None:
    world = opened()
    world.fill(PERPETUAL, D(quantity), world.mark(PERPETUAL))
    assert rising(world, by).part(Component.FUTURES_INDEX) == D(made)
    assert world.part(Component.FUTURES_BASIS) == 0


@pytest.mark.parametrize(("quantity", "by", "made"), [("-2", "5", "-10"), ("-2", "-5", "10"), ("3", "5", "15")])
def test_a_short_future_loses_what_the_basis_widens(quantity: str, by: str, made: str) -> None:
    world = opened()
    world.fill(PERPETUAL, D(quantity), world.mark(PERPETUAL))
    world.basis[PERPETUAL] += D(by)
    world.read()
    assert world.part(Component.FUTURES_BASIS) == D(made)
    assert world.part(Component.FUTURES_INDEX) == 0


@pytest.mark.parametrize("amount", ["12", "-12"])
def test_funding_received_is_a_gain_and_funding_paid_a_loss(amount: str) -> None:
    world = opened()
    world.hear_payment(world.fund(PERPETUAL, D(amount)))
    world.read()
    assert world.part(Component.FUNDING) == D(amount)
    assert world.part(Component.RESIDUAL) == 0


@pytest.mark.parametrize("amount", ["0.002", "-0.002"])
def test_funding_that_is_paid_all_the_time_counts_once_when_it_is_settled(amount: str) -> None:
    """It trickles into the wallet in pieces that are too small to be a transfer, and is told as one payment."""
    world = opened()
    for _ in range(40):
        world.accrue(INVERSE, D(amount) / 40)
        world.pass_time(200_000)
        world.read()
    assert world.made() == world.flows() == 0
    world.hear_payment(world.fund_accrued(INVERSE))
    world.read()
    world.settle()
    assert world.part(Component.FUNDING) == D(amount) * world.index
    assert world.part(Component.RESIDUAL) == world.flows() == 0


@pytest.mark.parametrize(("fee", "made"), [("24", "-24"), ("-6", "6")])
def test_a_fee_is_a_loss_and_a_rebate_a_gain(fee: str, made: str) -> None:
    world = opened()
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL), fee=D(fee))
    world.read()
    assert world.part(Component.FEES) == D(made)
    assert world.part(Component.RESIDUAL) == 0


def test_a_fee_in_a_third_coin_is_taken_from_that_coin_at_its_price() -> None:
    world = opened()
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL), fee=D("0.01"), fee_asset="BNB")
    world.bnb = D(700)
    world.read()
    assert world.part(Component.FEES) == D("-7")
    assert world.part(Component.SPOT) == 300
    assert world.part(Component.RESIDUAL) == 0


def test_a_fee_in_what_has_no_price_is_noted_and_valued_at_nothing() -> None:
    world = opened()
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL), fee=D(2), fee_asset="POINTS")
    world.read()
    assert world.part(Component.FEES) == 0
    assert world.book.rows["btc"].unpriced == {"POINTS": D(-2)}


@pytest.mark.parametrize(("signed", "edge"), [("-1", "0.5"), ("1", "-0.5")])
def test_selling_above_the_mid_is_an_edge_and_buying_there_costs_it(signed: str, edge: str) -> None:
    world = opened()
    world.fill(PERPETUAL, D(signed), world.mark(PERPETUAL) + D("0.5"))
    world.read()
    assert world.part(Component.EXECUTION_EDGE) == D(edge)


@pytest.mark.parametrize(("signed", "delay"), [("-1", "100"), ("1", "-100")])
def test_waiting_while_the_price_rises_is_a_gain_to_who_sells(signed: str, delay: str) -> None:
    world = opened()
    world.fill(PERPETUAL, D(signed), world.mark(PERPETUAL), decided=world.mark(PERPETUAL) - 100)
    world.read()
    assert world.part(Component.DELAY) == D(delay)
    assert world.part(Component.FUTURES_INDEX) == -D(delay), "counted from the decision, it made that much less"


@pytest.mark.parametrize(("asset", "amount", "dollars"), [("BTC", "0.5", 30_000), ("USDT", "-500", -500)])
def test_what_comes_in_from_outside_is_a_flow_and_no_profit(asset: str, amount: str, dollars: int) -> None:
    world = opened()
    world.deposit(asset, D(amount))
    world.settle()
    assert world.flows() == dollars
    assert world.made() == 0


def test_a_transfer_is_told_from_a_payment_that_we_hear_of_late() -> None:
    world = opened()
    payment = world.fund(PERPETUAL, D(50))
    world.read()
    assert world.book.rows[""].open == 50
    world.hear_payment(payment)
    world.settle()
    assert (world.part(Component.FUNDING), world.part(Component.RESIDUAL), world.flows()) == (D(50), D(0), D(0))


def test_a_payment_that_is_heard_of_after_it_was_judged_is_no_flow_any_more() -> None:
    world = opened()
    payment = world.fund(PERPETUAL, D(50))
    world.settle()
    assert world.flows() == 50
    world.hear_payment(payment)
    world.settle()
    assert (world.part(Component.FUNDING), world.part(Component.RESIDUAL), world.flows()) == (D(50), D(0), D(0))


def test_small_change_that_nobody_explains_stays_a_residual_and_is_called_unexplained() -> None:
    world = opened()
    world.deposit("USDT", D("0.4"))
    world.read()
    assert world.book.rows[""].open == D("0.4")
    world.pass_time(EXPLAINED_AFTER_MS)
    row = world.read().rows[""]
    assert (row.unexplained, row.open) == (D("0.4"), D(0))
    assert (world.part(Component.RESIDUAL), world.flows()) == (D("0.4"), D(0))


def test_a_depeg_is_the_moneys_and_no_hedges() -> None:
    world = opened()
    world.usdt = D("0.98")
    world.read()
    assert world.book.rows[""].part(Component.STABLECOIN) == D(-2_000)
    assert world.book.rows["btc"].part(Component.STABLECOIN) == 0


def test_a_position_of_a_coin_that_no_hedge_covers_belongs_to_nobody() -> None:
    world = opened()

    row = Position(
        id=perpetual("ETH"),
        underlying="ETH",
        quantity=D(10),
        contract_multiplier=D(1),
        entry_price=D(3_000),
        mark_price=D(3_000),
        liquidation_price=None,
        leverage=D(1),
        margin_mode=MarginMode.CROSS,
    )
    world.foreigners = (row,)
    world.read()
    world.foreigners = (replace(row, mark_price=D(3_010)),)
    world.read()
    assert world.book.rows[""].part(Component.FUTURES_INDEX) == 100
    assert world.book.rows["btc"].made == 0


def test_a_short_inverse_contract_as_large_as_its_collateral_makes_nothing_whatever_the_price() -> None:
    """N = W·P: coins lose what the contract gains, in dollars, with no rebalancing."""
    world = AccountWorld(wallet={"BTC": D(2), "USDT": D(0), "BNB": D(0)})
    world.basis[INVERSE] = D(0)
    world.read()
    world.fill(INVERSE, -world.index * 2 / 100, world.index)
    began = world.net_value()
    for by in ("6000", "-12000", "30000"):
        rising(world, by)
        assert abs(world.part(Component.SPOT) + world.part(Component.FUTURES_INDEX)) < NEAR
        assert abs(world.net_value() - began) < NEAR
    assert world.part(Component.SPOT) != 0
    told = compare(world.book.rows.values())
    assert abs(told.unhedged - 2 * 24_000) < NEAR, "without the contract there are two coins and nothing else"
    assert abs(told.static) < NEAR
    assert abs(told.rebalancing) < NEAR


@pytest.mark.parametrize("quantity", ["5", "-5"])
@pytest.mark.parametrize("kind", [call, put])
def test_a_long_option_is_long_gamma_and_pays_theta_and_a_short_one_the_reverse(kind, quantity: str) -> None:
    world = AccountWorld()
    option = kind(world, D(quantity))
    world.options = {option.id: option}
    world.read()
    world.pass_time(DAY_MS // 4)
    world.index += 500
    world.options = {option.id: replace(kind(world, D(quantity), D("0.52")), id=option.id)}
    world.read()
    sign = D(quantity) / 5
    assert world.part(Component.GAMMA) * sign > 0
    assert world.part(Component.THETA) * sign < 0
    assert world.part(Component.VEGA) * sign > 0, "volatility rose"
    assert world.part(Component.DELTA) * sign * option.option_type.sign > 0
    years = (EXPIRY_AT - world.now + DAY_MS / 4) / (365 * DAY_MS)
    expected = float(quantity) * gamma(60_000, 60_000, 0.5, years) * 500**2 / 2
    assert abs(float(world.part(Component.GAMMA)) / expected - 1) < 1e-4
    option_parts = (Component.DELTA, Component.GAMMA, Component.THETA, Component.VEGA, Component.RESIDUAL)
    made = sum((world.part(part) for part in option_parts), D(0))
    begin = worth(60_000, 60_000, 0.5, years, option.option_type.sign)
    end = worth(60_500, 60_000, 0.52, (EXPIRY_AT - world.now) / (365 * DAY_MS), option.option_type.sign)
    assert abs(float(made) / (float(quantity) * (end - begin)) - 1) < 1e-3
    assert abs(world.part(Component.RESIDUAL)) < abs(made) / 20


def test_an_option_that_is_bought_comes_in_at_its_mark_and_its_premium_goes_out() -> None:
    world = opened()
    option = call(world, D(2))
    assert option.mark_price is not None
    world.options = {option.id: option}
    world.wallet["USDT"] -= 2 * option.mark_price + 5
    world.settle()
    assert abs(world.flows() + 5) < D("0.01")
    assert abs(world.made()) < D("0.01") * abs(world.flows()) + 600, "only the time that passed"


@pytest.mark.parametrize(("kind", "index", "paid"), [(call, "62000", 2_000), (put, "62000", 0), (put, "57000", 3_000)])
def test_an_option_that_expires_is_paid_out_and_that_is_no_flow(kind, index: str, paid: int) -> None:
    world = AccountWorld()
    option = kind(world, D(-3))
    world.options = {option.id: option}
    world.read()
    world.pass_time(EXPIRY_AT - world.now + 1)
    world.index, world.options = D(index), {}
    world.wallet["USDT"] -= 3 * paid
    world.wallet["BTC"] = D(2)
    world.settle()
    assert option.mark_price is not None
    options = world.made() - world.part(Component.SPOT)
    assert abs(options - 3 * (option.mark_price - paid)) < NEAR
    assert world.flows() == 0


def test_a_dated_future_that_settles_near_the_index_leaves_no_flow_behind() -> None:
    world = opened()
    world.fill(DATED, D(-2), world.mark(DATED))
    world.read()
    world.pass_time(EXPIRY_AT - world.now + 1)
    world.foreign(DATED, D(2), world.index - 3, cause=FillCause.SETTLEMENT)
    world.settle()
    assert world.flows() == 0
    assert abs(world.part(Component.RESIDUAL)) <= 2 * 13


@pytest.mark.parametrize("cause", [FillCause.LIQUIDATION, FillCause.DELEVERAGING, FillCause.SETTLEMENT])
@pytest.mark.parametrize("late", [True, False])
def test_what_the_venues_own_hand_trades_is_our_profit_or_loss_and_counts_once(cause: FillCause, late: bool) -> None:
    world = opened()
    world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL))
    world.read()
    fill = world.foreign(PERPETUAL, D(2), world.mark(PERPETUAL) + 40, cause=cause)
    if late:
        world.read()
    world.hear(fill)
    world.hear(fill)
    world.settle()
    assert world.made() == -80
    assert world.flows() == 0


def test_what_the_owner_trades_outside_is_a_flow() -> None:
    world = opened()
    fill = world.foreign(PERPETUAL, D(-2), world.mark(PERPETUAL) - 40)
    world.hear(fill)
    world.settle()
    assert (world.made(), world.flows()) == (D(0), D(-80))
    rising(world, "100")
    assert world.part(Component.FUTURES_INDEX) == -200, "from its first reading on it is part of the book"


def test_an_interval_over_midnight_belongs_to_the_day_that_it_ends_in() -> None:
    world = opened()
    world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL))
    world.read()
    first = world.book.day
    world.pass_time(DAY_MS - world.now % DAY_MS)
    book = rising(world, "100").book
    assert book.day == first + 1
    assert {row.day for row in book.ended} == {first}
    assert book.rows["btc"].opening == next(row for row in book.ended if row.hedge == "btc").closing
    assert book.rows["btc"].part(Component.FUTURES_INDEX) == -200


def test_the_hedge_that_is_left_alone_keeps_its_first_size_and_is_paid_funding_for_it() -> None:
    world = opened()
    world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL), fee=D(10))
    world.read()
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL), fee=D(5))
    world.read()
    world.hear_payment(world.fund(PERPETUAL, D(30)))
    rising(world, "-100")
    told = compare(world.book.rows.values())
    assert told.unhedged == -200
    assert told.static == -10 - 200 + 200 + 20, "its own fee, its own size, and two thirds of the funding"
    assert told.hedged == -15 - 200 + 300 + 30
    assert told.rebalancing == 105


def outside_since(world: AccountWorld, at: int | None) -> None:
    memory = replace(world.state.hedges["btc"], outside_since=at)
    world.state = world.state._replace(hedges={**world.state.hedges, "btc": memory})


def test_half_a_hedge_is_not_the_one_that_would_have_been_left_alone() -> None:
    world = opened()
    outside_since(world, world.now)
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL))
    world.read()
    assert world.book.rows["btc"].first is None, "an order has a largest size, and the delta is still outside the band"
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL))
    outside_since(world, None)
    rising(world, "-100")
    rising(world, "-100")
    told = compare(world.book.rows.values())
    assert (told.unhedged, told.rebalancing) == (D(-400), D(0))


def test_until_the_first_hedge_stands_rebalancing_has_brought_nothing() -> None:
    world = opened()
    outside_since(world, world.now)
    world.fill(PERPETUAL, D(-1), world.mark(PERPETUAL))
    world.read()
    rising(world, "-100")
    told = compare(world.book.rows.values())
    assert (told.unhedged, told.hedged, told.static) == (D(-200), D(-100), D(-100))


def test_a_deposit_that_is_open_when_the_hedge_first_stands_was_not_made_by_it() -> None:
    world = opened()
    world.deposit("BTC", D(1))
    world.fill(PERPETUAL, D(-2), world.mark(PERPETUAL))
    world.read()
    assert world.book.rows["btc"].open
    told = compare(world.book.rows.values())
    assert (told.hedged, told.static) == (D(0), D(0))
    world.settle()
    assert compare(world.book.rows.values()).static == 0


def test_parts_that_do_not_add_up_are_a_bug_and_stop_everything() -> None:
    world = opened()
    start = world.book.carry.last
    end = replace(start, net_value=start.net_value + 1)
    with pytest.raises(AssertionError, match="dollars off"):
        attribute(start, end, {}, ())


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "0", "-1"])
def test_an_option_whose_inputs_are_no_numbers_is_not_split_and_stops_nothing(odd: str) -> None:
    world = AccountWorld()
    option = call(world, D(3))
    world.options = {option.id: option}
    world.read()
    world.index += 500
    worse = replace(call(world, D(3)), mark_sigma=D(odd), forward_price=D(odd))
    world.options = {option.id: worse}
    world.read()
    assert worse.mark_price is not None
    assert option.mark_price is not None
    assert world.part(Component.RESIDUAL) == 3 * (worse.mark_price - option.mark_price)
    world.options = {option.id: replace(worse, index_price=D(odd), mark_price=D("NaN"))}
    world.read()
    assert world.flows() == 0


def test_the_worked_example_of_the_page_comes_out_as_it_stands_there() -> None:
    world = opened()
    decided = world.mark(PERPETUAL)
    world.index += 10
    world.fill(PERPETUAL, D(-2), D("60020.5"), fee=D(24), decided=decided)
    world.hear_payment(world.fund(PERPETUAL, D(15)))
    world.index, world.basis[PERPETUAL] = D(59_900), D(12)
    world.deposit("BTC", D("0.1"))
    world.settle()
    page = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text(encoding="utf-8")
    table = page.partition("## A worked example")[2]
    told = re.findall(r"^\| \**`?(\w+)`?\** \|.*\| \**([+−][\d,]+)\** \|$", table, flags=re.MULTILINE)
    numbers = {name: D(amount.replace(",", "").replace("−", "-")) for name, amount in told}
    reckoned = {part.value: amount for part in Component if (amount := world.part(part))}
    assert numbers == {**reckoned, "profit": world.made(), "flow": world.flows()}


def test_a_payment_that_is_listed_again_is_booked_once() -> None:
    world = opened()
    payment = world.fund(PERPETUAL, D(12))
    world.hear_payment(payment)
    world.read()
    world.hear_payment(payment)
    world.settle()
    assert (world.part(Component.FUNDING), world.flows(), world.made()) == (D(12), D(0), D(12))


@pytest.mark.parametrize("index", ["61000", "75000"])
def test_the_payout_of_an_option_is_expected_at_the_reading_that_shows_it(index: str) -> None:
    """Nothing is open, and so nothing waits to be called a transfer."""
    world = AccountWorld()
    option = call(world, D(-3))
    world.options = {option.id: option}
    world.read()
    world.pass_time(EXPIRY_AT - world.now + 1)
    world.index, world.options = D(index), {}
    world.wallet["USDT"] -= 3 * (world.index - option.strike)
    world.read()
    assert world.flows() == 0
    assert all(row.open == 0 for row in world.book.rows.values())


def test_what_was_paid_and_traded_before_the_books_began_is_in_no_interval() -> None:
    world = AccountWorld()
    payment, fill = world.fund(PERPETUAL, D(12)), world.trade(PERPETUAL, D(-1), world.mark(PERPETUAL), fee=D(6))
    world.read()
    world.hear_payment(payment)
    world.hear(fill)
    world.settle()
    assert (world.made(), world.flows()) == (D(0), D(0))
    assert not world.book.carry.moved
