"""News that cannot be true is refused whole: its input grows stale, and nothing raises."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.news.sane import flaw_of
from hedger.engine.step import step
from hedger.model.message import AccountRead, Stamped
from hedger.model.order import Side
from hedger.sim import translation as words
from tests.support.checker_stand import ID, NOON, Stand
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import position_at
from tests.support.option_books import option_of

BAD = [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity"), D(-1)]


@pytest.mark.parametrize("field", ["bid", "ask", "bid_quantity", "ask_quantity"])
@pytest.mark.parametrize("value", [*BAD, D(0)])
def test_a_quote_with_a_false_number_is_as_if_it_had_never_come(field: str, value: D) -> None:
    stand = Stand()
    state = stand.state()
    quote, received_at = state.quotes[ID]
    bad = replace(quote, exchange_at=quote.exchange_at + 1, **{field: value})  # type: ignore[arg-type]
    after = step(state, Stamped(stand.now + 1, bad), stand.policy).state
    assert after.quotes[ID] == (quote, received_at)
    assert "no market" in after.accounts[ACCOUNT].last_failure


@pytest.mark.parametrize("bid", [D("60000.2"), D("60000.3")])
def test_a_locked_or_crossed_book_is_no_market(bid: D) -> None:
    stand = Stand()
    quote, _ = stand.state().quotes[ID]
    assert flaw_of(quote) is None
    assert flaw_of(replace(quote, bid=bid, ask=D("60000.2"))) is not None


@pytest.mark.parametrize("field", ["mark_price", "index_price"])
@pytest.mark.parametrize("value", [*BAD, D(0)])
def test_a_mark_with_a_false_price_is_refused(field: str, value: D) -> None:
    mark, _ = Stand().state().marks[ID]
    assert flaw_of(mark) is None
    assert flaw_of(replace(mark, **{field: value})) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("value", BAD)
def test_a_reading_with_one_false_number_is_not_believed(value: D) -> None:
    stand = Stand()
    state = stand.state()
    good = stand.reading(spot={"BTC": D(1), "USDT": D(5)})
    for bad in (
        replace(good, collateral={"USDT": value if not value.is_finite() else D("NaN")}),
        replace(good, margin=replace(good.margin, maintenance_margin=value)),
    ):
        read = AccountRead(requested_at=NOON + 6_000, reading=bad)
        after = step(state, Stamped(NOON + 6_001, read), stand.policy).state
        assert after.accounts[ACCOUNT].believed_at == state.accounts[ACCOUNT].believed_at
        assert after.accounts[ACCOUNT].failures == 1
    assert flaw_of(AccountRead(requested_at=1, reading=good)) is None


def test_an_equity_below_zero_can_be_true_and_one_that_is_no_number_not() -> None:
    stand = Stand()
    good = stand.reading()
    broke = replace(good, margin=replace(good.margin, equity=D(-5)))
    assert flaw_of(AccountRead(requested_at=1, reading=broke)) is None
    assert flaw_of(AccountRead(requested_at=1, reading=replace(good, margin=replace(good.margin, equity=D("NaN")))))


def test_an_order_of_no_size_in_a_list_makes_the_list_no_list() -> None:
    stand = Stand()
    resting = stand.rest(stand.order())
    assert resting.side is Side.SELL
    report = words.report(ID, resting)
    assert flaw_of(report) is None
    bad = stand.reading(open_orders=(replace(report, filled=D("NaN")),))
    assert flaw_of(AccountRead(requested_at=1, reading=bad)) is not None


@pytest.mark.parametrize("factor", ["10", "0.1", "100", "1.2"])
def test_a_price_that_leaps_is_not_used_before_the_held_one_is_long_stale(factor: str) -> None:
    stand = Stand()
    state = stand.state()
    quote, _ = state.quotes[ID]
    leapt = replace(quote, bid=quote.bid * D(factor), ask=quote.ask * D(factor), exchange_at=quote.exchange_at + 1)
    for waited, used in ((1_000, quote), (60_000, quote), (60_001, leapt)):
        after = step(state, Stamped(stand.now + waited, leapt), stand.policy).state
        assert after.quotes[ID][0] == used


def test_a_market_that_falls_by_a_tenth_at_once_is_followed() -> None:
    stand = Stand()
    state = stand.state()
    mark, _ = state.marks[ID]
    fallen = replace(mark, mark_price=mark.mark_price * D("0.9"), exchange_at=mark.exchange_at + 1)
    assert step(state, Stamped(stand.now + 1, fallen), stand.policy).state.marks[ID][0] == fallen


def test_a_row_that_is_told_twice_makes_a_reading_no_reading() -> None:
    """A page boundary repeats a row, and the option or the position would count twice."""
    stand = Stand()
    option, position = option_of(), position_at("-1")
    once = stand.reading(options=(option,), positions=(position,))

    def flaw(**changes: object) -> str | None:
        return flaw_of(AccountRead(requested_at=stand.now, reading=replace(once, **changes)))  # type: ignore[arg-type]

    assert flaw() is None
    for changes, row in (({"options": (option, option)}, option), ({"positions": (position, position)}, position)):
        assert flaw(**changes) == f"{row.id} is told twice"
    assert flaw(positions=(position, position), one_way=False) is None, "two legs: that they are is said elsewhere"
