"""Any event at any time: the engine has no order of events that it cannot bear, and no two orders at work."""

from dataclasses import replace
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.state import Mode, State, initial_state
from hedger.engine.step import step
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.message import (
    AccountRead,
    CancelAnswered,
    ClockMeasured,
    Event,
    FillsRead,
    FundingRead,
    InstrumentsLoaded,
    JournalChanged,
    Operation,
    OperatorAsked,
    OrderAccepted,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderWrittenOff,
    PlaceOrder,
    ReadFailed,
    Stamped,
    StreamChanged,
    TimePassed,
)
from hedger.model.order import RejectReason, ReportStatus, Side
from hedger.runtime.journal import Row
from hedger.runtime.record import rows_of
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import (
    NOW,
    fill_of,
    hedging,
    mark_at,
    order_id,
    order_of,
    position_at,
    quote_at,
    reading_of,
    report_of,
)

POLICY = policy_of(hedge_of(), hedge_of("ETH"), settle_ms=500)
ELSEWHERE = InstrumentId(ACCOUNT, "DOGE/USDT:USDT")
OLD = order_of(sequence=1, status=OrderStatus.UNKNOWN, placed_at=NOW - 60_000, probed_at=1)
IDS = (order_id(1), order_id(2), order_id(3, epoch=2), order_id(1, epoch=2), "by-hand", order_id(1, epoch=9))

names = st.sampled_from(IDS)
instruments = st.sampled_from([perpetual(), perpetual("ETH"), ELSEWHERE])
lots = st.integers(0, 12).map(lambda n: D(n) / 10)
signed = st.integers(-30, 30).map(lambda n: D(n) / 10)
orders = st.builds(
    lambda name, id, side, quantity: replace(order_of(side, quantity + D("0.1")), client_order_id=name, id=id),
    names,
    instruments,
    st.sampled_from(Side),
    lots,
)
reports = st.builds(
    lambda order, status, filled: report_of(order, status, min(filled, order.quantity)),
    orders,
    st.sampled_from(ReportStatus),
    lots,
)
fills = st.builds(lambda order, trade: fill_of(order, "0.1", str(trade)), orders, st.integers(0, 9))


def reading_event(spot: D, position: D, listed: list[Order], age: int, rows: int) -> AccountRead:
    positions = (position_at(position), position_at("0", id=perpetual("ETH"), underlying="ETH"))[:rows]
    open_orders = [report_of(order, filled="0.1") for order in listed]
    reading = reading_of(spot, orders=open_orders, positions=positions)
    return AccountRead(requested_at=NOW - age, reading=reading)


def answered(kind: int, name: str) -> Event:
    made: tuple[Event, ...] = (
        OrderAccepted(client_order_id=name, venue_order_id="v1"),
        OrderRejected(client_order_id=name, reason=RejectReason.POST_ONLY_WOULD_CROSS, text=""),
        OrderOutcomeUnknown(client_order_id=name, text=""),
        CancelAnswered(client_order_id=name, known=False, text=""),
        OrderNotFound(client_order_id=name, requested_at=NOW),
    )
    return made[kind]


LOADED = InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(), instrument_of("ETH")))
events: st.SearchStrategy[Event] = st.one_of(
    st.just(TimePassed()),
    st.just(LOADED),
    st.just(InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of("ETH"),))),
    st.just(InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(multiplier="0.1"), instrument_of("ETH")))),
    st.builds(lambda name: OrderWrittenOff(client_order_id=name, reason="r"), names),
    st.builds(reading_event, signed, signed, st.lists(orders, max_size=2), st.integers(-20_000, 1), st.integers(0, 2)),
    st.builds(lambda id, up: quote_at(id=id, bid=str(59_000 + up)), instruments, st.integers(0, 1_000)),
    st.builds(lambda id: mark_at(id=id), instruments),
    reports,
    fills,
    st.builds(answered, st.integers(0, 4), names),
    st.builds(
        lambda id, some: FillsRead(id=id, requested_at=NOW, since_at=0, fills=tuple(some)), instruments, st.lists(fills)
    ),
    st.builds(
        lambda id, n: FundingRead(
            account=ACCOUNT,
            requested_at=NOW,
            since_at=0,
            payments=(FundingPayment(id=id, payment_id=str(n), amount=D(1), asset="USDT", exchange_at=NOW),),
        ),
        instruments,
        st.integers(0, 3),
    ),
    st.just(ReadFailed(account=ACCOUNT, what="account", reason="no")),
    st.builds(lambda up: StreamChanged(account=ACCOUNT, up=up, text=""), st.booleans()),
    st.builds(lambda ms: ClockMeasured(account=ACCOUNT, offset_ms=ms), st.integers(-9_000, 9_000)),
    st.builds(lambda ok: JournalChanged(healthy=ok, text="full"), st.booleans()),
    st.builds(lambda what: OperatorAsked(operation=what, reason="r"), st.sampled_from(Operation)),
)
stories = st.lists(st.tuples(st.integers(0, 4_000), events), min_size=10, max_size=60)


def beginning(how: str) -> State:
    """A start, with or without an order that an earlier one left, or the middle of things.

    The daemon loads instruments before it reads anything else.
    """
    if how == "hedging":
        state = hedging("1", policy=POLICY)._replace(epoch=2)
    else:
        state = initial_state(POLICY, now=NOW, epoch=2)
    state = state._replace(orders={OLD.client_order_id: OLD}) if how == "recovered" else state
    return step(state, Stamped(NOW, LOADED), POLICY).state


def at_work(state: State, hedge: str) -> list[Order]:
    return [o for o in state.orders.values() if o.hedge == hedge and o.live and o.status is not OrderStatus.UNKNOWN]


@settings(max_examples=400)
@given(stories, st.sampled_from(["fresh", "recovered", "hedging"]))
def test_no_story_is_too_strange_to_be_told(story: list[tuple[int, Event]], how: str) -> None:
    state, now = beginning(how), NOW
    for later, event in story:
        now += later
        before, result = state, step(state, Stamped(now, event), POLICY)
        state = result.state
        creates = [command for command in result.commands if isinstance(command, PlaceOrder)]
        if creates:
            assert before.mode not in (Mode.BOOT, Mode.RECONCILING, Mode.DRAINING) or state.mode is Mode.HEDGING
            assert state.mode in (Mode.HEDGING, Mode.REDUCE_ONLY)
            assert state.halted is None
            assert state.draining is None
            assert state.journal_fault is None
        for command in creates:
            hedge = state.orders[command.client_order_id].hedge
            assert not at_work(before, hedge), "one working order of a hedge"
            assert command.quantity > 0
        assert all(o.remaining >= 0 for o in state.orders.values()), "nothing fills more than all of an order"
        assert all(isinstance(row, Row) for row in rows_of(before, Stamped(now, event), result))
        assert state.now >= before.now
        assert state.halted is None or creates == []


@given(stories)
def test_a_drained_program_creates_nothing_more(story: list[tuple[int, Event]]) -> None:
    state, now = beginning("hedging"), NOW
    drain = OperatorAsked(operation=Operation.DRAIN, reason="end")
    beginnings: list[tuple[int, Event]] = [(0, LOADED), (0, drain)]
    for later, event in [*beginnings, *story]:
        now += later
        result = step(state, Stamped(now, event), POLICY)
        state = result.state
        assert not [command for command in result.commands if isinstance(command, PlaceOrder)]
