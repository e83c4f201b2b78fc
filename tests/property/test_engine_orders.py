"""The life of an order under any sequence of news, reports and fills."""

from dataclasses import replace
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from hedger.engine.known.orders import FINAL, TRANSITIONS, News, Order, OrderStatus, advance, apply_fill, apply_report
from hedger.model.identity import MAX_EPOCH, MAX_SEQUENCE, OrderIdentity, format_order_id, parse_order_id
from hedger.model.order import Fill, OrderReport, ReportStatus
from tests.support.engine_worlds import fill_of, order_of, report_of

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ORDER = order_of(quantity="1")
EVIDENCE = {News.SEEN_WORKING, News.SEEN_FILLED, News.SEEN_CANCELED, News.SEEN_EXPIRED, News.SEEN_REJECTED}

Change = News | OrderReport | Fill
news = st.sampled_from(list(News))
parts = st.integers(0, 10).map(lambda n: D(n) / 10)
# A record may name anything, more than the order too.
named = st.integers(0, 20).map(lambda n: D(n) / 10)
reports = st.builds(lambda status, filled: report_of(ORDER, status, filled), st.sampled_from(list(ReportStatus)), named)
# Ten trades of a tenth: any of them, in any order, any number of times, never come to more than the order.
fills = st.integers(0, 9).map(lambda trade: fill_of(ORDER, "0.1", str(trade)))
changes: st.SearchStrategy[list[Change]] = st.lists(st.one_of(news, reports, fills), max_size=30)


def apply(order: Order, change: Change, at: int) -> Order:
    match change:
        case News():
            return advance(order, change, at)
        case OrderReport():
            return apply_report(order, change, at)
        case _:
            return apply_fill(order, change, at)


def lives(sequence: list[Change]) -> list[tuple[Order, Change, Order]]:
    """(before, change, after) of each change."""
    order, told = ORDER, []
    for at, change in enumerate(sequence):
        after = apply(order, change, at)
        told.append((order, change, after))
        order = after
    return told


@given(changes)
def test_what_is_filled_never_shrinks_and_never_exceeds_the_order(sequence: list[Change]) -> None:
    for before, _, after in lives(sequence):
        assert before.filled <= after.filled <= after.quantity
        assert 0 <= after.remaining <= after.quantity
        assert after.remaining == (after.quantity - after.filled if after.live else 0)


@given(changes)
def test_each_trade_is_counted_once(sequence: list[Change]) -> None:
    told = lives(sequence)
    trades = {change.trade_id for _, change, _ in told if isinstance(change, Fill)}
    if told:
        assert told[-1][2].booked == D(len(trades)) / 10
        assert sorted(told[-1][2].trade_ids) == sorted(trades)


@given(changes)
def test_unknown_is_left_only_by_evidence_or_proof_or_a_person(sequence: list[Change]) -> None:
    for before, change, after in lives(sequence):
        if before.status is OrderStatus.UNKNOWN and after.status is not OrderStatus.UNKNOWN:
            proven = isinstance(change, News) and change in EVIDENCE | {News.PROVEN_ABSENT, News.WRITTEN_OFF}
            assert proven or isinstance(change, OrderReport | Fill)


@given(changes)
def test_a_final_state_is_final_but_for_a_wrong_proof(sequence: list[Change]) -> None:
    for before, change, after in lives(sequence):
        if before.status in FINAL and after.status is not before.status and change is not News.STILL_LISTED:
            assert before.status is OrderStatus.REJECTED, f"{before.status} became {after.status} by {change}"
            assert after.live or (isinstance(change, Fill) and after.remaining == 0 == after.quantity - after.booked)


@given(changes)
def test_a_person_writes_off_only_what_is_unknown(sequence: list[Change]) -> None:
    for before, change, after in lives(sequence):
        if change is News.WRITTEN_OFF:
            ended = before.status is OrderStatus.UNKNOWN
            assert after.status is (OrderStatus.REJECTED if ended else before.status)


@given(changes)
def test_a_lost_create_is_never_taken_as_refused(sequence: list[Change]) -> None:
    for before, change, after in lives(sequence):
        if change in (News.LOST, News.REFUSED, News.ACCEPTED) and before.status is not OrderStatus.SENT:
            assert after.status is before.status, "these speak of an order on its way only"
        if change is News.LOST and before.status is OrderStatus.SENT:
            assert after.status is OrderStatus.UNKNOWN


@given(changes)
def test_an_unrecognised_status_ends_nothing(sequence: list[Change]) -> None:
    for before, change, after in lives(sequence):
        if isinstance(change, OrderReport) and change.status is ReportStatus.UNRECOGNISED:
            assert after.status is before.status


@given(news)
def test_news_that_changes_nothing_returns_the_same_order(kind: News) -> None:
    for status in OrderStatus:
        order = replace(ORDER, status=status)
        if TRANSITIONS.get((status, kind), status) is status:
            assert advance(order, kind, 5) is order


def test_every_state_that_may_fill_can_end_on_the_venue_s_word() -> None:
    for status in set(OrderStatus) - FINAL:
        for kind in (News.SEEN_FILLED, News.SEEN_CANCELED, News.SEEN_EXPIRED, News.SEEN_REJECTED):
            assert TRANSITIONS[status, kind] in FINAL


# --- client order ids -------------------------------------------------------------------------------------------------

identities = st.builds(
    OrderIdentity,
    bot=st.text(DIGITS, min_size=3, max_size=3),
    epoch=st.integers(0, MAX_EPOCH),
    sequence=st.integers(0, MAX_SEQUENCE),
)


@given(identities)
def test_a_client_order_id_says_whose_it_is(identity: OrderIdentity) -> None:
    text = format_order_id(identity)
    assert len(text) == 16
    assert set(text) <= set(DIGITS)
    assert parse_order_id(text) == identity


@given(identities, st.integers(0, 15), st.sampled_from(DIGITS))
def test_one_changed_character_is_noticed(identity: OrderIdentity, place: int, wrong: str) -> None:
    text = format_order_id(identity)
    changed = text[:place] + wrong + text[place + 1 :]
    assert changed == text or parse_order_id(changed) is None


@given(identities, st.integers(0, 14))
def test_two_swapped_neighbours_are_noticed(identity: OrderIdentity, place: int) -> None:
    text = format_order_id(identity)
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert swapped == text or parse_order_id(swapped) is None


@given(st.text(max_size=20))
def test_any_text_is_read_without_an_error(text: str) -> None:
    identity = parse_order_id(text)
    assert identity is None or format_order_id(identity) == text
