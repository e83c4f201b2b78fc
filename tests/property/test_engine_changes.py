"""Whatever moves a position, and however late we hear of it: our fills and the told changes come to the movement."""

from dataclasses import dataclass, field, replace
from decimal import Decimal as D

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Change, ChangeCause, State
from hedger.engine.step import step
from hedger.model.message import Event, FillsRead, Operation, OperatorAsked, ReadFills, Stamped, TimePassed
from hedger.model.order import Fill, FillCause, ReportStatus, Side
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, fill_of, hedging, order_of, read_at, reading_of, report_of

POLICY = policy_of(hedge_of(band=band("1000")), delta_jump_bands=D(1_000))
OURS = order_of(Side.SELL, "1000", status=OrderStatus.OPEN, venue_order_id="v1")
CAUSES = {
    FillCause.ORDER: ChangeCause.FOREIGN_TRADE,
    FillCause.LIQUIDATION: ChangeCause.LIQUIDATION,
    FillCause.DELEVERAGING: ChangeCause.DELEVERAGING,
    FillCause.SETTLEMENT: ChangeCause.SETTLEMENT,
}


@dataclass
class Venue:
    """An exchange of one position: its executions, and whether its history may be read and names them all."""

    position: D = D(0)
    fills: list[Fill] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    spot: D = D(1)

    def trade(self, side: Side, quantity: D, at: int, cause: FillCause | None, hide: bool) -> Fill:
        name = str(len(self.fills) + 1)
        made = fill_of(replace(OURS, side=side), quantity, name, at)
        if cause is not None:
            made = replace(made, client_order_id="by-hand", venue_order_id=f"x{name}", cause=cause)
        self.fills.append(made)
        if hide:
            self.hidden.add(name)
        self.position += side.sign * quantity
        return made


@dataclass
class Tale:
    """One run: what the engine was told, and what it told."""

    state: State
    policy: Policy = POLICY
    now: int = NOW
    changes: list[Change] = field(default_factory=list)
    asked: list[ReadFills] = field(default_factory=list)

    def tell(self, event: Event) -> None:
        result = step(self.state, Stamped(self.now, event), self.policy)
        self.state = result.state
        self.changes += result.changes
        self.asked += [c for c in result.commands if isinstance(c, ReadFills)]

    def read(self, venue: Venue) -> None:
        self.now += 1
        self.tell(read_at(self.now, reading_of(venue.spot, venue.position, at=self.now)).event)

    def end(self) -> None:
        """Our order is canceled, with the fills that it had."""
        order = self.state.orders.get(OURS.client_order_id)
        if order is not None and order.live:
            self.tell(report_of(order, ReportStatus.CANCELED, order.booked, self.now))

    def answer(self, venue: Venue) -> None:
        asked, self.asked = self.asked, []
        for command in asked:
            named = [fill for fill in venue.fills if fill.trade_id not in venue.hidden]
            fills = tuple(fill for fill in named if fill.exchange_at >= command.since_at)
            self.tell(FillsRead(id=perpetual(), requested_at=self.now, since_at=command.since_at, fills=fills))


steps = st.one_of(
    st.tuples(st.just("ours"), st.integers(1, 9), st.booleans()),
    st.tuples(st.just("theirs"), st.integers(-9, 9).filter(bool), st.sampled_from([*FillCause, None])),
    st.tuples(st.just("read"), st.integers(0, 0), st.none()),
    st.tuples(st.just("end"), st.integers(0, 0), st.none()),
    st.tuples(st.just("answer"), st.integers(0, 0), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 20), st.none()),
)


Step = tuple[str, int, object]


def begin() -> Tale:
    state = hedging("1", "0", policy=POLICY, orders=[OURS])
    return Tale(state._replace(accounts={ACCOUNT: replace(state.accounts[ACCOUNT], barrier_at=NOW - 60_000)}))


def play(tale: Tale, venue: Venue, story: list[Step]) -> dict[ChangeCause, D]:
    """The run of a story to its end, until everything was read and asked; what of it others did, by cause."""
    theirs = dict.fromkeys(ChangeCause, D(0))
    for what, number, how in story:
        tale.now += 400
        if what == "ours" and tale.state.orders[OURS.client_order_id].live:
            tale.tell(venue.trade(Side.SELL, D(number) / 10, tale.now - 10, None, hide=False))
        elif what == "theirs":
            cause = how if isinstance(how, FillCause) else FillCause.ORDER
            side = Side.BUY if number > 0 else Side.SELL
            venue.trade(side, D(abs(number)) / 10, tale.now - 10, cause, hide=how is None)
            theirs[ChangeCause.UNEXPLAINED if how is None else CAUSES[cause]] += D(number) / 10
        elif what == "read":
            tale.read(venue)
        elif what == "answer":
            tale.answer(venue)
        elif what == "end":
            tale.end()
        else:
            tale.now += number * 1_000
            tale.tell(TimePassed())
    tale.now += 31_000
    tale.end()
    for _ in range(60):
        tale.now += 3_000
        if tale.state.accounts[ACCOUNT].evidence.since_at:
            tale.tell(OperatorAsked(operation=Operation.RESUME, reason="what no list names is so all the same"))
        tale.read(venue)
        tale.tell(TimePassed())
        tale.answer(venue)
    return theirs


def told_in(tale: Tale, cause: ChangeCause) -> D:
    return sum((change.quantity for change in tale.changes if change.cause is cause), D(0))


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
@example([("theirs", -3, FillCause.ORDER), ("read", 0, None), ("wait", 6, None), ("read", 0, None), ("read", 0, None)])
def test_own_fills_and_changes_come_to_the_movement_of_the_position(story: list[Step]) -> None:
    tale, venue = begin(), Venue()
    play(tale, venue, story)
    view = tale.state.accounts[ACCOUNT]
    assert view.reading is not None
    assert view.reading.positions[0].quantity == venue.position, "in the end it is believed"
    assert not view.movement.shifts
    assert not view.ahead
    own = -sum((fill.quantity for fill in venue.fills if fill.client_order_id == OURS.client_order_id), D(0))
    assert own + sum((change.quantity for change in tale.changes), D(0)) == venue.position


def one_way(story: list[Step]) -> list[Step]:
    """What goes out and comes back between two readings cannot be seen: others only buy."""
    return [(what, abs(number), how) for what, number, how in story if what != "wait"]


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=20).map(one_way))
@example([("theirs", 1, None), ("theirs", 2, FillCause.ORDER), ("end", 0, None)])
@example([("ours", 1, False), ("theirs", 2, FillCause.LIQUIDATION), ("read", 0, None), ("ours", 3, False)])
def test_each_movement_is_told_with_its_own_cause(story: list[Step]) -> None:
    """As long as the venue answers within a minute."""
    tale, venue = begin(), Venue()
    theirs = play(tale, venue, story)
    assert {cause: told_in(tale, cause) for cause in ChangeCause} == theirs
