"""What is taken off the book when nothing may rest, what a day's limit counts, and what keeps the hedger going."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.guards.mode import SETTLED_PROBES
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy, Target, TargetKind
from hedger.engine.known.state import Mode, Reason, State, initial_state
from hedger.engine.news.belief import CONFIRM_AGAINST_US_MS
from hedger.engine.step import Result
from hedger.model.message import (
    CancelOrder,
    Event,
    FillsRead,
    FindOrder,
    Operation,
    OperatorAsked,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    ReadFills,
    Stamped,
    Stop,
    TimePassed,
)
from hedger.model.order import RejectReason, ReportStatus, Side
from hedger.model.spans import DAY_MS
from tests.support.engine_policies import hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    feed,
    fill_of,
    hedging,
    mark_at,
    order_of,
    placed,
    quote_at,
    read_at,
    reading_of,
    report_of,
    started,
)

TICK = TimePassed()


def canceled(results: list[Result]) -> set[str]:
    return {c.client_order_id for r in results for c in r.commands if isinstance(c, CancelOrder)}


# --- nothing may rest -------------------------------------------------------------------------------------------------

STUCK = order_of(sequence=1, status=OrderStatus.PENDING_CANCEL, cancel_at=NOW, cancels=9, placed_at=NOW - 5_000)
OPEN = order_of(sequence=2, status=OrderStatus.OPEN, venue_order_id="v2", placed_at=NOW - 1_000)
OLDER = replace(OPEN, client_order_id=order_of(sequence=3).client_order_id, placed_at=NOW - 9_000)
LOST = order_of(sequence=4, status=OrderStatus.UNKNOWN, placed_at=NOW - 2_000)


@pytest.mark.parametrize("operation", [Operation.HALT, Operation.DRAIN, Operation.PAUSE])
@pytest.mark.parametrize("orders", [(STUCK, OPEN), (OPEN, STUCK), (OLDER, OPEN), (OPEN, OLDER), (LOST, OPEN)])
def test_a_halt_takes_every_open_order_off_whatever_else_is_stuck(
    operation: Operation, orders: tuple[Order, ...]
) -> None:
    state = hedging("1", orders=orders)
    state, results = feed(state, (NOW + 1, OperatorAsked(operation=operation, reason="a person")))
    for n in range(1, 20):
        state, more = feed(state, (NOW + 250 * n, TICK))
        results += more
    assert {o.client_order_id for o in orders if o is not STUCK} <= canceled(results)
    assert not placed(results)


def test_a_drain_ends_only_once_a_reading_asked_for_after_the_last_end_was_believed() -> None:
    state, _ = feed(hedging("1", "-1", orders=[OPEN]), (NOW, OperatorAsked(operation=Operation.DRAIN, reason="enough")))
    ended = replace(report_of(OPEN, ReportStatus.CANCELED), venue_order_id="v2")
    state, results = feed(
        state,
        (NOW + 1_000, TICK),
        (NOW + 1_100, ended),
        (NOW + 1_200, TICK),
        read_at(NOW + 1_300, reading_of("1", "-1"), requested_at=NOW + 1_050),
        (NOW + 1_400, TICK),
    )
    assert not state.stopped
    assert not any(isinstance(command, Stop) for result in results for command in result.commands)
    state, results = feed(state, read_at(NOW + 1_500, reading_of("1", "-1")))
    assert state.stopped
    assert any(isinstance(command, Stop) for command in results[0].commands)


@pytest.mark.parametrize("orders", [(OLDER, OPEN), (OPEN, OLDER)])
def test_of_two_orders_on_the_book_only_the_newest_stays_while_we_hedge(orders: tuple[Order, ...]) -> None:
    """Both together are what is due: neither overshoots."""
    _, results = feed(hedging("1", orders=orders), *((NOW + 250 * n, TICK) for n in range(1, 8)))
    assert canceled(results) == {OLDER.client_order_id}


@pytest.mark.parametrize("operation", [Operation.HALT, Operation.DRAIN, Operation.PAUSE])
def test_an_order_of_unknown_fate_is_canceled_by_our_id_while_nothing_may_rest(operation: Operation) -> None:
    state, results = feed(hedging("1", orders=[LOST]), (NOW + 1, OperatorAsked(operation=operation, reason="")))
    for n in range(1, 10):
        state, more = feed(state, (NOW + 500 * n, TICK))
        results += more
    asked = [c for r in results for c in r.commands if isinstance(c, CancelOrder)]
    assert {(c.client_order_id, c.venue_order_id) for c in asked} == {(LOST.client_order_id, None)}
    assert any(isinstance(c, FindOrder) for r in results for c in r.commands), "and looked for as before"
    assert state.orders[LOST.client_order_id].status is OrderStatus.UNKNOWN, "a cancel proves nothing"


def test_an_order_of_unknown_fate_is_only_looked_for_while_we_hedge() -> None:
    state, results = feed(hedging("0.5", orders=[LOST]), *((NOW + 500 * n, TICK) for n in range(1, 10)))
    assert state.mode is Mode.HEDGING
    assert not canceled(results)


# --- what a day may cost ----------------------------------------------------------------------------------------------

LEAN = policy_of(hedge_of(guards={"daily_notional": D(100_000)}))


def spent(state: State) -> D:
    return state.hedges["btc"].day_notional


def test_orders_that_were_sent_again_and_again_spend_nothing_of_the_day() -> None:
    """The touch walks away and the order follows it, several times the daily limit in all."""
    state, sent = hedging("0.5", policy=LEAN), list[str]()
    for n in range(1, 100):
        at, price = NOW + 1_000 * n, D(60_000) - n
        book, mark = quote_at(str(price), str(price + D("0.1")), at=at), mark_at(str(price), at=at)
        read = read_at(at, reading_of("0.5", "0", at=at))
        state, results = feed(state, (at, mark), (at, book), read, (at, TICK), policy=LEAN)
        for order in placed(results):
            sent.append(order.client_order_id)
            yes = OrderAccepted(client_order_id=order.client_order_id, venue_order_id=f"v{len(sent)}")
            state, _ = feed(state, (at, yes), policy=LEAN)
        for name in canceled(results):
            record = report_of(state.orders[name], ReportStatus.CANCELED, at=at)
            off = replace(record, venue_order_id=state.orders[name].venue_order_id or "")
            state, _ = feed(state, (at, off), policy=LEAN)
    assert len(sent) > 10
    assert spent(state) == 0
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert decision.reason is not Reason.DAILY_NOTIONAL


@pytest.mark.parametrize("side", Side)
def test_the_day_counts_what_filled_once_however_it_was_learnt(side: Side) -> None:
    order = order_of(side, status=OrderStatus.OPEN, venue_order_id="v1")
    fills = [fill_of(order, "0.2", trade) for trade in ("1", "2")]
    news: list[Event] = [fills[0], report_of(order, filled="0.4"), fills[1], fills[1], fills[0]]
    state, _ = feed(hedging("1", orders=[order]), *((NOW + n, event) for n, event in enumerate(news, start=1)))
    assert spent(state) == D("0.4") * 60_000
    late = fill_of(order, "0.1", "3")
    state, _ = feed(state, (NOW + 10, report_of(order, ReportStatus.CANCELED, "0.4")), (NOW + 20, late))
    assert spent(state) == D("0.5") * 60_000, "a fill that comes after the end was traded too"
    tomorrow = (NOW // DAY_MS + 1) * DAY_MS
    other = order_of(side, sequence=2, status=OrderStatus.OPEN, venue_order_id="v2")
    state = state._replace(orders={**state.orders, other.client_order_id: other})
    state, _ = feed(state, (tomorrow, replace(fill_of(other, "0.1"), venue_order_id="v2")))
    assert spent(state) == D("0.1") * 60_000


@pytest.mark.parametrize("late_news", [ReportStatus.EXPIRED, ReportStatus.REJECTED, ReportStatus.CANCELED])
def test_a_refused_order_gives_nothing_of_the_day_back(late_news: ReportStatus) -> None:
    order = order_of()
    state = hedging("1", orders=[order])
    traded = replace(state.hedges["btc"], day=NOW // DAY_MS, day_notional=D(50_000))
    no = OrderRejected(client_order_id=order.client_order_id, reason=RejectReason.POST_ONLY_WOULD_CROSS, text="")
    events = ((NOW + 1, no), (NOW + 2, report_of(order)), (NOW + 3, report_of(order, late_news)))
    state, _ = feed(state._replace(hedges={"btc": traded}), *events)
    assert spent(state) == 50_000


@pytest.mark.parametrize(("status", "due"), [(OrderStatus.UNKNOWN, []), (OrderStatus.CANCELED, [D("1.2")])])
def test_what_may_still_fill_counts_against_the_day_until_it_ends(status: OrderStatus, due: list[D]) -> None:
    """1.2 BTC are due beside 0.5 BTC of unknown fate: 102,000 in all, where 100,000 may be traded."""
    order = order_of(status=status)
    state = hedging("1.7" if order.live else "1.2", policy=LEAN, orders=[order])
    state, results = feed(state, (NOW + 1, TICK), policy=LEAN)
    decision = state.hedges["btc"].decision
    assert decision is not None
    assert [o.quantity for o in placed(results)] == due
    assert (decision.reason is Reason.DAILY_NOTIONAL) is order.live


# --- healthy, and kept going ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trend", ["0.999", "1.001"])
def test_a_quote_target_in_a_trend_is_not_called_futile(trend: str) -> None:
    """The target moves twice as far in each round as an order may trade: the deviation grows all the while."""
    target = Target(kind=TargetKind.QUOTE, value=D(6_000_000))
    hedge = hedge_of(target=target, execution={"slice_quantity": D("0.05")}, guards={"position": D(1_000)})
    policy, start = policy_of(hedge), D("100.5") if trend < "1" else D("99.5")
    state = hedging(start, "0", policy=policy)
    price, position, orders = D(60_000), D(0), 0
    for n in range(1, 13):
        at, price = NOW + 10_000 * n, (price * D(trend)).quantize(D("0.1"))
        book, mark = quote_at(str(price), str(price + D("0.1")), at=at), mark_at(str(price), at=at)
        read = read_at(at + 1, reading_of(start, position, at=at + 1))
        state, results = feed(state, (at, mark), (at, book), read, policy=policy)
        assert state.halted is None
        for order in placed(results):
            position, orders = position + order.side.sign * order.quantity, orders + 1
            fill = fill_of(state.orders[order.client_order_id], order.quantity, f"{n}", at=at + 3)
            state, _ = feed(state, (at + 3, replace(fill, venue_order_id=f"v{n}")), policy=policy)
    assert orders >= 6


def test_hedges_that_change_nothing_are_still_called_futile() -> None:
    state = hedging("1")
    for n in range(1, 5):
        at = NOW + 40_000 * n
        read = read_at(at + 1, reading_of("1", "0", at=at + 1))
        state, results = feed(state, (at, mark_at(at=at)), (at, quote_at(at=at)), read, read)
        later = at + 1 + CONFIRM_AGAINST_US_MS
        prices = ((later, mark_at(at=later)), (later, quote_at(at=later)))
        state, again = feed(state, *prices, read_at(later, reading_of("1", "0", at=later)))
        for order in placed(results + again):
            fill = fill_of(state.orders[order.client_order_id], order.quantity, f"{n}", at=later + 1)
            back = replace(fill, side=Side.BUY, venue_order_id=f"x{n}", client_order_id="by-hand")
            state, _ = feed(state, (later + 1, replace(fill, venue_order_id=f"v{n}")), (later + 2, back))
    assert state.mode is Mode.HALTED
    assert "left the deviation where it was" in (state.halted or "")


@pytest.mark.parametrize("refusals", [10, 40])
def test_a_rest_after_refusals_is_never_longer_than_the_cooldown(refusals: int) -> None:
    policy = policy_of(hedge_of(execution={"max_attempts": 100}))
    state = hedging("1", policy=policy)
    for n in range(1, refusals + 1):
        order = order_of(sequence=n)
        state = state._replace(orders={order.client_order_id: order})
        reason = RejectReason.POST_ONLY_WOULD_CROSS
        no = OrderRejected(client_order_id=order.client_order_id, reason=reason, text="")
        state, _ = feed(state, (NOW + n, no), policy=policy)
    rest = state.hedges["btc"].rest_until - state.now
    assert 0 < rest <= policy.hedges[0].execution.attempts_cooldown_ms


# --- fills that are hard to find --------------------------------------------------------------------------------------


def reconciling(order: Order, fill_at: int | None) -> tuple[State, list[ReadFills]]:
    """Half an hour of a start that finds an old order filled; the venue knows its fill from `fill_at`, or not."""
    state, asked = started()._replace(epoch=2, orders={order.client_order_id: order}), list[ReadFills]()
    state, _ = feed(state, (NOW + 1, report_of(order, ReportStatus.FILLED, "0.5", at=NOW - 299_000)))
    for n in range(1, 900):
        at = NOW + 2_000 * n
        read = read_at(at, reading_of("1", "-1", at=at))
        state, results = feed(state, (at, mark_at(at=at)), (at, quote_at(at=at)), read, (at, TICK))
        for ask in [c for r in results for c in r.commands if isinstance(c, ReadFills)]:
            asked.append(ask)
            known = fill_at is not None and ask.since_at <= fill_at
            fills = (fill_of(order, "0.5", at=fill_at or 0),) if known else ()
            answer = FillsRead(id=order.id, requested_at=at, since_at=ask.since_at, fills=fills)
            state, _ = feed(state, (at, answer))
    return state, asked


OLD = order_of(epoch=1, status=OrderStatus.UNKNOWN, placed_at=NOW - 10_000, probed_at=1, venue_order_id="v1")


def test_reconciling_ends_although_the_fills_of_an_old_order_cannot_be_found() -> None:
    state, asked = reconciling(OLD, None)
    assert state.mode is Mode.HEDGING
    assert len(asked) > SETTLED_PROBES, "it is asked for on and on"


def test_fills_are_found_where_the_clock_of_an_earlier_start_was_fast() -> None:
    """It wrote that it sent the order five minutes later than it did."""
    state, asked = reconciling(OLD, NOW - 299_000)
    assert [ask.since_at for ask in asked] == sorted((ask.since_at for ask in asked), reverse=True)
    assert state.ledgers["btc"].fills == 1
    assert state.mode is Mode.HEDGING


def two_accounts() -> tuple[State, Policy, Order, Order]:
    here, there = perpetual(), perpetual(account="other")
    one = hedge_of()
    two = hedge_of(name="other", instruments=(there,), spot_accounts=("other",))
    policy = policy_of(one, two)
    first = order_of(sequence=1, status=OrderStatus.CANCELED, venue_order_id="v1")
    second = order_of(sequence=2, id=there, hedge="other", status=OrderStatus.FILLED, venue_order_id="v1")
    second = replace(second, reported=D("0.5"))
    state = initial_state(policy, now=NOW, epoch=1)._replace(
        orders={o.client_order_id: o for o in (first, second)},
        instruments={id: instrument_of(id=id) for id in (here, there)},
    )
    return state, policy, first, second


def test_a_fill_with_only_the_venues_id_is_matched_on_its_own_instrument() -> None:
    state, policy, first, second = two_accounts()
    fill = replace(fill_of(second, "0.5"), client_order_id=None)
    read = FillsRead(id=second.id, requested_at=NOW, since_at=0, fills=(fill,))
    state, _ = feed(state, Stamped(NOW, read), policy=policy)
    assert not state.orders[second.client_order_id].fills_missing
    assert state.orders[first.client_order_id].booked == 0
    assert (state.ledgers["other"].fills, state.ledgers["btc"].fills) == (1, 0)


def test_a_create_of_unknown_fate_at_a_halt_is_reserved_and_canceled_by_our_id() -> None:
    sent = order_of()
    lost = OrderOutcomeUnknown(client_order_id=sent.client_order_id, text="")
    halt = OperatorAsked(operation=Operation.HALT, reason="")
    state, results = feed(hedging("1", orders=[sent]), (NOW + 1, halt), (NOW + 2, lost), (NOW + 600, TICK))
    assert canceled(results) == {sent.client_order_id}
    assert state.orders[sent.client_order_id].remaining == sent.quantity
