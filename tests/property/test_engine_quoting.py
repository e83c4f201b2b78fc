"""Prices on the grid that never cross, levels that go up at once and down late, and cash with the right sign."""

from dataclasses import replace
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.guards.margin import severity
from hedger.engine.known.ledger import FillContext, Ledger, book_fill, book_funding
from hedger.engine.known.policy import Levels
from hedger.engine.known.state import Severity
from hedger.engine.wanted.quoting import passive_price, touch_moved_away
from hedger.model.account import FundingPayment
from hedger.model.order import Side
from tests.support.engine_policies import EXECUTION, instrument_of, perpetual
from tests.support.engine_worlds import NOW, fill_of, order_of, quote_at

ticks = st.sampled_from([D("0.1"), D("0.01"), D("0.5"), D("0.0001"), D(5)])
# Books as venues send them, and books that are locked, crossed, or off the grid after a change of tick size.
prices = st.tuples(st.integers(100_000, 200_000), st.integers(-50, 500), ticks)


@given(prices, st.integers(0, 20), st.sampled_from([D(1), D("0.5")]))
def test_a_price_lies_on_the_grid_and_never_crosses(book: tuple[int, int, D], offset: int, off_grid: D) -> None:
    n, spread, tick = book
    bid, ask = n * tick * off_grid, (n + spread) * tick * off_grid
    quote, instrument = quote_at(str(bid), str(ask)), instrument_of(tick_size=tick)
    execution = replace(EXECUTION, offset_ticks=offset)
    sell = passive_price(Side.SELL, quote, instrument, execution)
    buy = passive_price(Side.BUY, quote, instrument, execution)
    assert sell % tick == 0
    assert buy % tick == 0
    assert sell > bid, "a sell at or under the bid would take"
    assert buy < ask, "a buy at or over the ask would take"
    if bid < ask:
        assert sell >= ask + offset * tick
        assert buy <= bid - offset * tick


@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 20), st.sampled_from([D(1), D("0.5")]), ticks)
def test_a_coin_near_its_tick_is_bought_at_a_tick_or_more_or_has_no_passive_price(
    n: int, spread: int, offset: int, off_grid: D, tick: D
) -> None:
    bid, ask = n * tick * off_grid, (n + spread) * tick * off_grid
    execution = replace(EXECUTION, offset_ticks=offset)
    buy = passive_price(Side.BUY, quote_at(str(bid), str(ask)), instrument_of(tick_size=tick), execution)
    assert buy % tick == 0
    assert buy < ask
    assert (buy >= tick) is (ask > tick)
    assert buy <= max(bid, tick)


@given(st.sampled_from(Side), st.integers(-30, 30), st.integers(0, 60_000))
def test_the_touch_is_followed_by_the_same_rule_on_both_sides(side: Side, moved: int, age: int) -> None:
    """`moved` ticks away from the order: up for a buy, down for a sell."""
    order = order_of(side, price=D(60_000))
    tick = D("0.1")
    touch = D(60_000) + moved * tick * side.sign
    bid, ask = (touch, touch + tick) if side is Side.BUY else (touch - tick, touch)
    moves = touch_moved_away(order, quote_at(str(bid), str(ask)), instrument_of(), EXECUTION, NOW + age)
    if age < EXECUTION.reprice_ms or moved <= 0:
        assert not moves
    else:
        assert moves is (moved >= EXECUTION.reprice_ticks or age >= EXECUTION.linger_ms)


RISING = Levels(clear=D("0.3"), warn=D("0.4"), stop=D("0.5"), reduce=D("0.7"))
FALLING = Levels(clear=D("0.35"), warn=D("0.25"), stop=D("0.15"), reduce=D("0.08"))
ratios = st.integers(0, 120).map(lambda n: D(n) / 100)


def judged(before: Severity, value: D, rising: bool) -> Severity:
    return severity(before, value, RISING if rising else FALLING, rising_is_worse=rising)


@given(st.sampled_from(Severity), ratios, ratios, st.booleans())
def test_a_worse_value_is_never_judged_better(before: Severity, one: D, other: D, rising: bool) -> None:
    better, worse = (min(one, other), max(one, other)) if rising else (max(one, other), min(one, other))
    assert judged(before, better, rising) <= judged(before, worse, rising)


@given(st.sampled_from(Severity), st.sampled_from(Severity), ratios, st.booleans())
def test_who_was_worse_before_is_never_judged_better(one: Severity, other: Severity, value: D, rising: bool) -> None:
    assert judged(min(one, other), value, rising) <= judged(max(one, other), value, rising)


@given(st.sampled_from(Severity), ratios, st.booleans())
def test_a_level_is_reached_at_once_and_left_only_past_the_one_beneath(
    before: Severity, value: D, rising: bool
) -> None:
    after = judged(before, value, rising)
    fresh = judged(Severity.CLEAR, value, rising)
    assert after >= fresh, "a level that is crossed counts at once"
    assert judged(after, value, rising) is after, "the same value twice says the same"
    if after < before:
        levels = RISING if rising else FALLING
        beneath = (levels.clear, levels.warn, levels.stop)[after]
        assert value < beneath if rising else value > beneath


# --- cash ------------------------------------------------------------------------------------------------------------

CONTEXT = FillContext(
    decision_mid=D(100),
    fill_mid=D(101),
    opening=True,
    basis_bps=D(5),
    instrument=instrument_of(),
    prices={"BTC": D(100)},
)
amounts = st.integers(1, 10_000).map(lambda n: D(n) / 100)
offsets = st.integers(-500, 500).map(lambda n: D(n) / 100)


@given(st.sampled_from(Side), amounts, offsets)
def test_selling_higher_and_buying_lower_than_the_mid_is_income(side: Side, quantity: D, better: D) -> None:
    price = 100 - side.sign * better
    booked = book_fill(Ledger(), fill_of(order_of(side), quantity, price=price), CONTEXT)
    assert booked.slippage == quantity * better
    assert booked.edge == quantity * (better + side.sign)


@given(amounts, st.sampled_from(["USDT", "BTC", "BNB"]), st.booleans())
def test_a_fee_paid_is_negative_and_a_rebate_positive_in_any_asset(fee: D, asset: str, rebate: bool) -> None:
    signed = -fee if rebate else fee
    booked = book_fill(Ledger(), fill_of(order_of(), "1", fee=signed, fee_asset=asset), CONTEXT)
    if asset == "BNB":
        assert booked.fees == 0, "an asset without a price is kept apart, not guessed"
        assert booked.other_fees == {"BNB": -signed}
    else:
        assert booked.fees == -signed * (100 if asset == "BTC" else 1)
        assert not booked.other_fees


@given(offsets, amounts)
def test_funding_received_by_a_short_at_a_positive_rate_is_income(rate: D, short: D) -> None:
    """Cash to the holder = −(signed notional) × rate; here the venue's own amount for a short position."""
    received = -(-short * 100) * rate
    payment = FundingPayment(id=perpetual(), payment_id="1", amount=received, asset="USDT", exchange_at=NOW)
    assert book_funding(Ledger(), payment, D(1)).funding == received
    assert (received > 0) is (rate > 0)
    in_coin = FundingPayment(id=perpetual(), payment_id="2", amount=received / 100, asset="BTC", exchange_at=NOW)
    assert book_funding(Ledger(), in_coin, D(100)).total == received


@given(st.lists(st.tuples(st.sampled_from(Side), amounts, st.booleans()), max_size=20))
def test_sums_of_a_ledger_are_the_sums_of_its_fills(trades: list[tuple[Side, D, bool]]) -> None:
    ledger = Ledger()
    for side, quantity, maker in trades:
        ledger = book_fill(ledger, fill_of(order_of(side), quantity, price=D(100), maker=maker), CONTEXT)
    total = sum((quantity for _, quantity, _ in trades), D(0))
    assert ledger.fills == len(trades) == ledger.maker_fills + ledger.taker_fills
    assert (ledger.quantity, ledger.notional) == (total, total * 100)
    assert ledger.entry_basis_bps == (5 if trades else None)
