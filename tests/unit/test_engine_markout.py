"""What fills earned: edge at once, realised spread ten seconds later, basis at entry; and nothing from prices of
another time."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.state import State
from hedger.engine.news.markout import GIVEN_UP_MS, HORIZON_MS, NEAR_MS
from hedger.model.message import Stamped, TimePassed
from hedger.model.order import ReportStatus, Side
from tests.support.engine_worlds import NOW, feed, fill_of, hedging, mark_at, order_of, quote_at, report_of

FILLED = NOW + 20_000
DUE = FILLED + HORIZON_MS
TICK = TimePassed()


def prices(at: int, mid: str = "60000", *, basis: str = "0", given_at: int | None = None) -> tuple[Stamped, Stamped]:
    """A book a tenth wide around `mid`, and a mark that stands `basis` in a hundred over its index."""
    venue_at = at if given_at is None else given_at
    mark = mark_at("60000", at=venue_at, mark_price=D(60_000) * (1 + D(basis) / 100))
    book = quote_at(str(D(mid) - D("0.05")), str(D(mid) + D("0.05")), at=venue_at)
    return Stamped(at, book), Stamped(at, mark)


def working(side: Side, position: str = "0", spot: str | None = None) -> State:
    order = order_of(side, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    return hedging(spot or str(-side.sign), position, orders=[order])


def filled(side: Side, *, at: int = FILLED, heard_at: int | None = None, position: str = "0") -> State:
    """Filled at 60,000 while the book stood around 60,001."""
    heard = at if heard_at is None else heard_at
    fill = fill_of(order_of(side, "0.5"), "0.5", at=at)
    return feed(working(side, position), *prices(heard, "60001"), (heard, fill))[0]


def ledger(state: State) -> Ledger:
    return state.ledgers["btc"]


# --- realised spread --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mid", ["60010", "59990", "60000"])
@pytest.mark.parametrize("side", Side)
def test_realised_spread_is_booked_ten_seconds_after_a_fill_from_the_mid_then(side: Side, mid: str) -> None:
    state, _ = feed(filled(side), *prices(DUE - 1, mid), (DUE - 1, TICK))
    assert ledger(state).realised_spread == 0
    state, _ = feed(state, *prices(DUE, mid), (DUE, TICK), (DUE + 250, TICK))
    assert ledger(state).realised_spread == side.sign * D("0.5") * (D(mid) - 60_000)
    assert state.markouts == ()


@pytest.mark.parametrize("side", Side)
def test_realised_spread_waits_for_a_fresh_book_and_is_given_up_without_one(side: Side) -> None:
    state = filled(side)
    for at in range(DUE, DUE + GIVEN_UP_MS + 1, 1_000):
        state, _ = feed(state, (at, TICK))
    assert ledger(state).realised_spread == 0
    assert state.markouts == ()
    late, _ = feed(filled(side), (DUE + 5_000, TICK), *prices(DUE + 6_000, "60010"), (DUE + 6_000, TICK))
    assert ledger(late).realised_spread == side.sign * 5


@pytest.mark.parametrize("side", Side)
def test_a_fill_that_was_learnt_of_late_has_neither_edge_nor_realised_spread(side: Side) -> None:
    state = filled(side, heard_at=FILLED + NEAR_MS + 1)
    assert state.markouts == ()
    later = FILLED + 2 * HORIZON_MS
    state, _ = feed(state, *prices(later, "61000"), (later, TICK))
    assert ledger(state).fills == 1
    assert ledger(state).edge == ledger(state).realised_spread == 0
    assert ledger(state).slippage == 0, "the mid at the decision was the price"


def test_two_fills_are_each_booked_at_their_own_time() -> None:
    first, second = (fill_of(order_of(), "0.25", trade, at=FILLED + ms) for trade, ms in (("1", 0), ("2", 4_000)))
    state, _ = feed(working(Side.SELL), *prices(FILLED), (FILLED, first), *prices(FILLED + 4_000))
    state, _ = feed(state, (FILLED + 4_000, second), *prices(DUE, "59990"), (DUE, TICK))
    assert ledger(state).realised_spread == D("2.5")
    state, _ = feed(state, *prices(DUE + 4_000, "60020"), (DUE + 4_000, TICK))
    assert ledger(state).realised_spread == D("2.5") - 5


# --- edge and basis ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", Side)
def test_edge_is_the_mid_at_the_fill_against_its_price(side: Side) -> None:
    assert ledger(filled(side)).edge == side.sign * D("0.5")


@pytest.mark.parametrize("given_at", [FILLED - NEAR_MS - 1, FILLED + NEAR_MS + 1])
@pytest.mark.parametrize("side", Side)
def test_edge_and_entry_basis_are_not_booked_with_a_book_of_another_time(side: Side, given_at: int) -> None:
    fill = fill_of(order_of(side, "0.5"), "0.5", at=FILLED)
    book, mark = prices(FILLED, "60001", basis="0.5")[0], prices(FILLED, basis="0.5")[1]
    book = Stamped(FILLED, quote_at("60000", "60002", at=given_at))
    state, _ = feed(working(side), book, mark, (FILLED, fill))
    assert ledger(state).edge == 0
    assert ledger(state).entry_basis_bps is None


@pytest.mark.parametrize("given_at", [FILLED - NEAR_MS - 1, FILLED + NEAR_MS + 1])
@pytest.mark.parametrize("side", Side)
def test_entry_basis_is_not_booked_with_a_mark_of_another_time(side: Side, given_at: int) -> None:
    fill = fill_of(order_of(side, "0.5"), "0.5", at=FILLED)
    book, mark = prices(FILLED, "60001")[0], prices(FILLED, basis="0.5", given_at=given_at)[1]
    state, _ = feed(working(side), book, mark, (FILLED, fill))
    assert ledger(state).edge == side.sign * D("0.5")
    assert ledger(state).entry_basis_bps is None


@pytest.mark.parametrize("basis", ["0.5", "-0.5"])
@pytest.mark.parametrize("side", Side)
def test_entry_basis_is_that_of_the_fills_that_opened(side: Side, basis: str) -> None:
    order = order_of(side, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    fills = [fill_of(order, "0.25", trade, at=FILLED + ms) for trade, ms in (("1", 0), ("2", 1_000))]
    state, _ = feed(hedging("1", "0", orders=[order]), *prices(FILLED, basis=basis), (FILLED, fills[0]))
    state, _ = feed(state, *prices(FILLED + 1_000, basis="0"), (FILLED + 1_000, fills[1]))
    assert ledger(state).entry_basis_bps == D(basis) * 100 / 2


@pytest.mark.parametrize("reported_first", [False, True])
@pytest.mark.parametrize("side", Side)
def test_entry_basis_weighs_no_fill_that_closed(side: Side, reported_first: bool) -> None:
    """A whole position is taken off; the record of the order may come before its executions."""
    order = order_of(side, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    state = hedging("0", str(-side.sign * D("0.5")), orders=[order])
    state, _ = feed(state, *prices(FILLED, basis="0.5"))
    if reported_first:
        state, _ = feed(state, (FILLED, report_of(order, ReportStatus.FILLED, "0.5")))
    state, _ = feed(state, (FILLED, fill_of(order, "0.5", at=FILLED)))
    assert ledger(state).fills == 1
    assert ledger(state).entry_basis_bps is None


@pytest.mark.parametrize("reported_first", [False, True])
@pytest.mark.parametrize("side", Side)
def test_a_fill_that_opens_counts_whether_its_record_came_first_or_not(side: Side, reported_first: bool) -> None:
    order = order_of(side, "0.5", status=OrderStatus.OPEN, venue_order_id="v1")
    state, _ = feed(hedging("1", "0", orders=[order]), *prices(FILLED, basis="0.5"))
    if reported_first:
        state, _ = feed(state, (FILLED, report_of(order, ReportStatus.FILLED, "0.5")))
    state, _ = feed(state, (FILLED, replace(fill_of(order, "0.5"), exchange_at=FILLED)))
    assert ledger(state).entry_basis_bps == 50
