"""Whatever comes of orders on a venue that can hold both legs, none of ours ever opens the second."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.model.instrument import InstrumentId
from hedger.model.message import PlaceOrder
from hedger.model.order import OrderReport, ReportStatus, Side
from hedger.venues.weex.codes import WINDOW_MS
from hedger.venues.weex.sides import FRESH_MS, Leg, Legs, Sides

ID = InstrumentId("main", "BTC/USDT:USDT")
BEAT_MS = 500


class HedgeMode:
    """A venue that keeps a long and a short apart. A close is cut to what is held; an opening order opens. A request
    may arrive as late as the venue believes it."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000
        self.legs = {Leg.LONG: 0, Leg.SHORT: 0}
        self.coming: list[tuple[int, str, Side, Leg, int]] = []
        self.book: dict[str, tuple[Side, Leg, int]] = {}
        self.list_orders()

    def arrive(self, every: bool) -> None:
        late = [one for one in self.coming if every or one[0] <= self.now]
        self.coming = [one for one in self.coming if one not in late]
        for _, name, side, leg, quantity in late:
            self.book[name] = (side, leg, quantity)

    def fill(self, name: str) -> int:
        side, leg, quantity = self.book.pop(name)
        if leg is Leg.opened_by(side):
            self.legs[leg] += quantity
            return quantity
        closed = min(quantity, self.legs[leg])
        self.legs[leg] -= closed
        return closed

    def list_orders(self) -> None:
        """The first half of a reading; what trades before the second is in one of the two."""
        self.asked_at = self.now
        self.opening = frozenset(leg for side, leg, _ in self.book.values() if leg is Leg.opened_by(side))

    def list_positions(self) -> Legs:
        held = {leg: Decimal(quantity) for leg, quantity in self.legs.items()}
        return Legs(held=held, opening=self.opening, read_at=self.asked_at)


def an_order(name: str, side: Side, quantity: int, *, reduce_only: bool = False) -> PlaceOrder:
    return PlaceOrder(
        id=ID,
        client_order_id=name,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(1),
        reduce_only=reduce_only,
        ttl_ms=3_000,
        decision_id=1,
    )


def report(name: str, side: Side, quantity: int, filled: int, status: ReportStatus, at: int) -> OrderReport:
    return OrderReport(
        id=ID,
        client_order_id=name,
        venue_order_id=f"v{name}",
        side=side,
        quantity=Decimal(quantity),
        filled=Decimal(filled),
        price=Decimal(1),
        status=status,
        reduce_only=False,
        exchange_at=at,
    )


DELAYS = st.sampled_from((0, 0, 0, 0, 4_000, WINDOW_MS - 1))
ORDERS = st.tuples(st.just("order"), st.sampled_from(Side), st.integers(1, 2), st.booleans(), DELAYS)
FILLS = st.tuples(st.just("fill"), st.integers(0, 9), st.booleans())
MOVES = st.one_of(
    ORDERS,
    ORDERS,
    FILLS,
    st.tuples(st.just("cancel"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("orders")),
    st.tuples(st.just("positions")),
    st.tuples(st.just("read")),
    st.tuples(st.just("read")),
    st.tuples(st.just("wait"), st.sampled_from((1, 5, 29, 31, 90))),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MOVES, min_size=12, max_size=40))
def test_no_order_that_is_let_go_ever_leads_to_both_legs_being_held(moves: list[tuple[object, ...]]) -> None:
    venue, sides, sent = HedgeMode(), Sides(), 0
    sides.learn(ID, venue.list_positions())
    for move in moves:
        venue.now += BEAT_MS
        venue.arrive(every=False)
        names = sorted(venue.book)
        match move:
            case ("order", Side() as side, int(quantity), bool(reduce_only), int(delay)):
                sent += 1
                order = an_order(f"{sent:03}", side, quantity, reduce_only=reduce_only)
                if sides.unfit(order, venue.now) is None:
                    leg = sides.send(order, venue.now)
                    assert not reduce_only or leg is not Leg.opened_by(side)
                    venue.coming.append((venue.now + delay, order.client_order_id, side, leg, quantity))
            case ("fill", int(which), bool(told)) if names:
                name = names[which % len(names)]
                side, _, quantity = venue.book[name]
                filled = venue.fill(name)
                if told and filled:
                    sides.hear(report(name, side, quantity, filled, ReportStatus.FILLED, venue.now), venue.now)
            case ("cancel", int(which), bool(told)) if names:
                name = names[which % len(names)]
                side, _, quantity = venue.book.pop(name)
                if told:
                    sides.hear(report(name, side, quantity, 0, ReportStatus.CANCELED, venue.now), venue.now)
            case ("orders",):
                venue.list_orders()
            case ("read",):
                venue.list_orders()
                sides.learn(ID, venue.list_positions())
            case ("positions",):
                sides.learn(ID, venue.list_positions())
            case ("wait", int(seconds)):
                venue.now += 1_000 * seconds
                venue.arrive(every=False)
            case _:
                pass  # there is nothing to fill or to cancel
        assert not all(venue.legs.values()), move


def test_a_reading_of_more_than_a_minute_ago_is_not_taken_for_what_is_held() -> None:
    venue, sides = HedgeMode(), Sides()
    assert "was not read" in str(sides.unfit(an_order("1", Side.SELL, 1), venue.now))
    sides.learn(ID, venue.list_positions())
    assert sides.unfit(an_order("1", Side.SELL, 1), venue.now + FRESH_MS) is None
    assert "was not read" in str(sides.unfit(an_order("1", Side.SELL, 1), venue.now + FRESH_MS + 1))


def test_an_older_reading_does_not_undo_a_newer_one() -> None:
    venue, sides = HedgeMode(), Sides()
    older = venue.list_positions()
    venue.now += 1
    venue.legs[Leg.LONG] = 2
    venue.list_orders()
    sides.learn(ID, venue.list_positions())
    sides.learn(ID, older)
    assert sides.send(an_order("1", Side.SELL, 2), venue.now) is Leg.LONG
