"""The table of an order's life, word for word, and what records and executions make of what it has filled."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.orders import News, Order, OrderStatus, advance, apply_fill, apply_report
from hedger.model.order import ReportStatus
from tests.support.engine_worlds import NOW, fill_of, order_of, report_of

NEWS = "accepted refused lost cancel_sent seen_working seen_filled seen_canceled seen_expired seen_rejected vanished"
NEWS += " still_listed proven_absent written_off"
# A dot stands for no change. Columns as in NEWS.
TABLE = """
sent           open rejected unknown .              open filled canceled expired rejected .       .    .        .
open           .    .        .       pending_cancel .    filled canceled expired rejected unknown .    .        .
pending_cancel .    .        .       .              .    filled canceled expired rejected unknown .    .        .
unknown        .    .        .       .              open filled canceled expired rejected .       .    rejected rejected
filled         .    .        .       .              .    .      .        .       .        .       open .        .
canceled       .    .        .       .              .    .      .        .       .        .       open .        .
expired        .    .        .       .              .    .      .        .       .        .       open .        .
rejected       .    .        .       .              open .      .        .       .        .       .    .        .
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
LIVE = [OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.PENDING_CANCEL, OrderStatus.UNKNOWN]


def order_in(status: OrderStatus, **changes: object) -> Order:
    return replace(order_of(quantity="1", status=status), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "ends"), [(row[0], row[1:]) for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_piece_of_news_does_what_the_table_says(status: str, ends: list[str]) -> None:
    order = order_in(OrderStatus(status))
    for news, end in zip(NEWS.split(), ends, strict=True):
        after = advance(order, News(news), NOW + 7)
        assert after.status.value == (status if end == "." else end), news
        assert after is order if end == "." else after.changed_at == NOW + 7


def test_the_table_speaks_of_every_status_and_of_all_news() -> None:
    assert [row[0] for row in ROWS] == [status.value for status in OrderStatus]
    assert NEWS.split() == [news.value for news in News]
    assert [status for status in OrderStatus if order_in(status).live] == LIVE


@pytest.mark.parametrize("status", OrderStatus)
def test_a_record_with_a_status_that_nobody_knows_changes_no_status(status: OrderStatus) -> None:
    assert apply_report(order_in(status), report_of(order_of(), ReportStatus.UNRECOGNISED), NOW).status is status


@pytest.mark.parametrize(
    ("word", "end"),
    [
        (ReportStatus.WORKING, OrderStatus.OPEN),
        (ReportStatus.FILLED, OrderStatus.FILLED),
        (ReportStatus.CANCELED, OrderStatus.CANCELED),
        (ReportStatus.EXPIRED, OrderStatus.EXPIRED),
        (ReportStatus.REJECTED, OrderStatus.REJECTED),
    ],
)
def test_a_record_settles_an_order_of_unknown_fate(word: ReportStatus, end: OrderStatus) -> None:
    assert apply_report(order_in(OrderStatus.UNKNOWN), report_of(order_of(), word), NOW).status is end


@pytest.mark.parametrize(("told", "reported"), [("0", "0.4"), ("0.4", "0.4"), ("0.7", "0.7"), ("1", "1"), ("1.5", "1")])
def test_what_records_name_only_grows_and_never_beyond_the_order(told: str, reported: str) -> None:
    before = order_in(OrderStatus.OPEN, reported=D("0.4"), venue_order_id="v1")
    record = report_of(order_of(quantity="1"), filled=told)
    after = apply_report(before, record, NOW)
    assert (after.reported, after.filled, after.remaining) == (D(reported), D(reported), 1 - D(reported))
    assert after.fills_missing
    fresh = apply_report(replace(before, venue_order_id=None), record, NOW)
    assert (fresh.reported, fresh.venue_order_id) == (D(reported), "v1")


def test_an_execution_counts_once_and_names_the_order_at_the_venue() -> None:
    before = order_in(OrderStatus.SENT)
    once = apply_fill(before, fill_of(before, "0.4"), NOW + 7)
    assert (once.booked, once.trade_ids, once.venue_order_id) == (D("0.4"), ("1",), "v1")
    assert (once.status, once.remaining, once.fills_missing) == (OrderStatus.OPEN, D("0.6"), False)
    assert apply_fill(once, fill_of(before, "0.4"), NOW + 8) is once
    whole = apply_fill(once, fill_of(before, "0.6", "2"), NOW + 9)
    assert (whole.status, whole.remaining, whole.changed_at) == (OrderStatus.FILLED, D(0), NOW + 9)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_execution_shows_that_an_order_lives_where_that_was_in_doubt(status: OrderStatus) -> None:
    shown = {OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.REJECTED}
    after = apply_fill(order_in(status), fill_of(order_of(), "0.4"), NOW)
    assert after.status is (OrderStatus.OPEN if status in shown else status)
    assert after.booked == D("0.4"), "what was executed counts whatever we thought"


@pytest.mark.parametrize(("at", "booked"), [(NOW - 1, "0.3"), (NOW, "0.3"), (NOW + 1, "0.7")])
def test_what_an_orphan_filled_before_it_was_adopted_is_counted_already(at: int, booked: str) -> None:
    orphan = order_in(OrderStatus.OPEN, booked=D("0.3"), reported=D("0.3"), adopted_at=NOW)
    assert apply_fill(orphan, fill_of(orphan, "0.4", at=at), NOW + 5).booked == D(booked)


def test_the_most_that_any_evidence_says_has_filled() -> None:
    assert order_in(OrderStatus.OPEN, reported=D("0.4"), booked=D("0.1")).filled == D("0.4")
    assert order_in(OrderStatus.OPEN, reported=D("0.1"), booked=D("0.4")).filled == D("0.4")
    assert order_in(OrderStatus.CANCELED, reported=D("0.4")).remaining == 0
