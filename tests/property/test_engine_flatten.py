"""Flatten for any book, any fills in any order and orders of unknown fate: nothing grows, nothing turns round.

The venue of this test honours no reduce-only: what keeps a position from turning round here is the size of our orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal as D

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Reason, State
from hedger.engine.step import step
from hedger.model.message import (
    CancelOrder,
    Event,
    Operation,
    OperatorAsked,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    Stamped,
    TimePassed,
)
from hedger.model.order import Fill, OrderReport, RejectReason, ReportStatus, Side
from tests.support.engine_policies import hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import fill_of, hedging, mark_at, order_of, quote_at, read_at, reading_of

LOT = D("0.001")
POLICY = policy_of(hedge_of(guards={"price_drift": D(5_000)}, execution={"cooldown_ms": 0, "reprice_ms": 500}))
SLICED = policy_of(hedge_of(guards={"price_drift": D(5_000), "order_notional": D(15_000)}))
FLATTEN = OperatorAsked(operation=Operation.FLATTEN, reason="a test")


@dataclass
class Resting:
    """An order as the venue has it."""

    side: Side
    left: D


@dataclass
class Desk:
    """A venue that fills what rests when it is told to, and whose news come late, in any order, or not at all."""

    policy: Policy
    state: State
    position: D
    book: dict[str, Resting] = field(default_factory=dict)
    news: list[Event] = field(default_factory=list)
    past: list[tuple[int, D]] = field(default_factory=list)
    trades: int = 0
    orders: int = 0

    def tell(self, event: Event) -> None:
        self.past.append((self.state.now, self.position))
        result = step(self.state, Stamped(self.state.now, event), self.policy)
        self.state = result.state
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self._sent(command)
            elif isinstance(command, CancelOrder):
                self._canceled(command)

    def _sent(self, order: PlaceOrder) -> None:
        """Every order that leaves closes the true position at most, with all that rests on its side."""
        self.orders += 1
        beside = sum((o.left for o in self.book.values() if o.side is order.side), D(0))
        assert order.reduce_only
        assert order.quantity > 0
        assert order.quantity % LOT == 0
        assert self.position * order.side.sign < 0, f"{order} adds to {self.position}"
        assert order.quantity + beside <= abs(self.position), f"{order} beside {beside} turns {self.position} round"
        self.book[order.client_order_id] = Resting(order.side, order.quantity)

    def _canceled(self, order: CancelOrder) -> None:
        name = order.client_order_id
        if name in self.book:
            gone = self.book.pop(name)
            known = self.state.orders[name]
            self.news.append(self._report(known, ReportStatus.CANCELED, known.quantity - gone.left))

    # --- what happens -----------------------------------------------------------------------------------------------

    def later(self, ms: int) -> None:
        now = self.state.now + ms
        self.state = self.state._replace(now=now)
        self.tell(quote_at(at=now))
        self.tell(mark_at(at=now))
        self.tell(TimePassed())

    def answer(self, how: int) -> None:
        """The answer to an order that was sent: taken, lost on the way back, or refused."""
        waiting = [o for o in self.state.orders.values() if o.status is OrderStatus.SENT]
        if not waiting:
            return
        name = waiting[0].client_order_id
        if how == 0:
            self.tell(OrderOutcomeUnknown(client_order_id=name, text="lost"))
        elif how == 1 and name in self.book and self.book[name].left == waiting[0].quantity:
            del self.book[name]
            refused = OrderRejected(client_order_id=name, reason=RejectReason.POST_ONLY_WOULD_CROSS, text="")
            self.tell(refused)
        else:
            self.tell(OrderAccepted(client_order_id=name, venue_order_id=f"v-{name}"))

    def fill(self, which: int, tenths: int) -> None:
        """A part of an order fills; the news of it is on its way."""
        if not self.book:
            return
        name = list(self.book)[which % len(self.book)]
        resting = self.book[name]
        quantity = max(LOT, (resting.left * tenths / 10).quantize(LOT))
        quantity = min(quantity, resting.left)
        before, self.position = self.position, self.position + resting.side.sign * quantity
        resting.left -= quantity
        if not resting.left:
            del self.book[name]
        order = self.state.orders[name]
        if order.flatten:
            assert abs(self.position) < abs(before), "what flattens makes it smaller"
            assert self.position * before >= 0, "it turned round"
        self.trades += 1
        self.news.append(self._fill(order, quantity))

    def hear(self, which: int) -> None:
        """One of the news on the way arrives."""
        if self.news:
            self.tell(self.news.pop(which % len(self.news)))

    def read(self, lag_ms: int) -> None:
        """A reading of what the venue held a while ago: it may lag behind by as much as is allowed for."""
        as_of = self.state.now - min(lag_ms, self.policy.settle_ms - 1)
        held = next(
            (p for at, p in reversed(self.past) if at <= as_of), self.past[0][1] if self.past else self.position
        )
        self.tell(read_at(self.state.now, reading_of("1", held, at=self.state.now)).event)

    def find(self) -> None:
        """The venue's record of an order of unknown fate."""
        lost = [o for o in self.state.orders.values() if o.status is OrderStatus.UNKNOWN]
        if lost:
            order = lost[0]
            resting = self.book.get(order.client_order_id)
            filled = order.quantity - (resting.left if resting else D(0))
            status = ReportStatus.WORKING if resting else ReportStatus.FILLED
            self.tell(self._report(order, status, filled))

    def _fill(self, order: Order, quantity: D) -> Fill:
        made = fill_of(order, quantity, trade_id=f"t{self.trades}", at=self.state.now)
        return replace(made, venue_order_id=f"v-{order.client_order_id}")

    def _report(self, order: Order, status: ReportStatus, filled: D) -> OrderReport:
        return OrderReport(
            id=order.id,
            client_order_id=order.client_order_id,
            venue_order_id=f"v-{order.client_order_id}",
            side=order.side,
            quantity=order.quantity,
            filled=filled,
            price=order.price,
            status=status,
            reduce_only=order.reduce_only,
            exchange_at=self.state.now,
        )


def desk_of(policy: Policy, position: D, before: Sequence[tuple[Side, int, bool]]) -> Desk:
    """A desk with orders of before the flatten: what rests and is known, and what is of unknown fate and may rest."""
    orders, book = [], {}
    for number, (side, tenths, known) in enumerate(before, start=1):
        status = OrderStatus.OPEN if known else OrderStatus.UNKNOWN
        order = order_of(side, D(tenths) / 10, sequence=number, status=status)
        order = replace(order, venue_order_id=f"v-{order.client_order_id}")
        orders.append(order)
        book[order.client_order_id] = Resting(side, order.quantity)
    state = hedging("1", position, policy=policy, orders=orders, instrument=instrument_of(min_notional=D(0)))
    return Desk(policy, state, position, book)


SIDES = st.sampled_from([Side.BUY, Side.SELL])
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("later"), st.integers(50, 4_000)),
        st.tuples(st.just("answer"), st.integers(0, 4)),
        st.tuples(st.just("fill"), st.integers(0, 5), st.integers(1, 10)),
        st.tuples(st.just("hear"), st.integers(0, 5)),
        st.tuples(st.just("read"), st.integers(0, 4_000)),
        st.tuples(st.just("find")),
    ),
    min_size=5,
    max_size=50,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    position=st.decimals(min_value=-2, max_value=2, places=4),
    before=st.lists(st.tuples(SIDES, st.integers(1, 5), st.booleans()), max_size=2),
    happenings=HAPPENINGS,
    sliced=st.booleans(),
)
def test_no_order_of_a_flatten_could_do_more_than_close_the_true_position(
    position: D, before: list[tuple[Side, int, bool]], happenings: list[tuple[object, ...]], sliced: bool
) -> None:
    desk = desk_of(SLICED if sliced else POLICY, position, before)
    desk.tell(FLATTEN)
    for what, *numbers in happenings:
        getattr(desk, str(what))(*numbers)
    if desk.state.flattening["btc"].flat_at:
        assert abs(desk.position) < LOT
        assert not desk.book


@settings(max_examples=30, deadline=None)
@given(position=st.decimals(min_value=-2, max_value=2, places=4), sliced=st.booleans(), pieces=st.integers(1, 10))
def test_where_the_venue_answers_it_always_comes_to_less_than_a_lot(position: D, sliced: bool, pieces: int) -> None:
    desk = desk_of(SLICED if sliced else POLICY, position, ())
    desk.tell(FLATTEN)
    for _ in range(400):
        desk.later(800)
        desk.answer(4)
        desk.fill(0, pieces)
        while desk.news:
            desk.hear(0)
        desk.read(0)
        if desk.state.flattening["btc"].flat_at:
            break
    assert desk.state.flattening["btc"].flat_at
    assert abs(desk.position) < LOT
    decision = desk.state.hedges["btc"].decision
    assert decision is not None
    assert decision.reason is Reason.FLAT
