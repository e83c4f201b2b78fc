"""For any sequence of orders a book conserves quantity, keeps its queues, and is never crossed."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from hedger.model.order import Side
from hedger.sim.book import Book, Match, Resting

Step = tuple[str, Side, Decimal, Decimal, str | None]
PRICES = st.integers(95, 105).map(Decimal)
GRID = Decimal("0.1")
# Written to the tenth, also the whole ones: a book rounds to the finest step that stands on a level.
QUANTITIES = st.integers(1, 50).map(lambda n: n * GRID)
SIDES = st.sampled_from(Side)
OWNERS = st.sampled_from([None, "a", "b"])
ADDS = st.tuples(st.just("add"), SIDES, PRICES, QUANTITIES, OWNERS)
TAKES = st.tuples(st.just("take"), SIDES, PRICES, QUANTITIES, OWNERS)
CROWDS = st.tuples(st.just("crowd"), SIDES, PRICES, QUANTITIES | st.just(Decimal(0)), st.none())
CANCELS = st.tuples(st.just("cancel"), SIDES, PRICES, QUANTITIES, OWNERS)
STEPS = st.lists(ADDS | TAKES | CROWDS | CANCELS, max_size=40)


def play(book: Book, number: int, step: Step) -> list[Match]:
    what, side, price, quantity, owner = step
    match what:
        case "add":
            order = Resting(order_id=number, owner=owner, side=side, price=price, remaining=quantity)
            return book.add(order)
        case "take":
            return book.take(side, quantity, price, taker_id=number, owner=owner)
        case "crowd":
            return book.set_crowd(side, price, quantity)
        case _:
            book.cancel(number // 2)
            return []


def resting(book: Book) -> list[Resting]:
    return [o for side in Side for price, _ in book.levels(side, 1000) for o in book.queue(side, price)]


@given(STEPS)
def test_a_book_is_never_crossed_and_holds_nothing_empty(steps: list[Step]) -> None:
    book = Book()
    for number, step in enumerate(steps, start=1):
        play(book, number, step)
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or ask is None or bid[0] < ask[0]
        assert all(order.remaining > 0 for order in resting(book))
        for side in Side:
            levels = book.levels(side, 1000)
            assert levels == sorted(levels, reverse=side is Side.BUY)
            assert all(total == sum(o.remaining for o in book.queue(side, price)) for price, total in levels)


@given(STEPS)
def test_what_owners_send_is_resting_traded_canceled_or_expired(steps: list[Step]) -> None:
    book = Book()
    sent: dict[int, Decimal] = {}
    traded: dict[int, Decimal] = {}
    for number, step in enumerate(steps, start=1):
        if step[0] == "add" and step[4] is not None:
            sent[number] = step[3]
        for match in play(book, number, step):
            for order_id in (match.maker.order_id, match.taker_id):
                traded[order_id] = traded.get(order_id, Decimal(0)) + match.quantity
            assert match.quantity > 0
            assert match.taker_owner is None or match.taker_owner != match.maker.owner
    for order in resting(book):
        if order.order_id in sent:
            assert order.remaining == sent[order.order_id] - traded.get(order.order_id, Decimal(0))
    assert all(traded.get(order_id, Decimal(0)) <= quantity for order_id, quantity in sent.items())


@given(STEPS)
def test_executions_go_by_price_and_then_by_time(steps: list[Step]) -> None:
    book = Book()
    for number, step in enumerate(steps, start=1):
        before = {o.order_id: place for place, o in enumerate(resting(book))}
        matches = play(book, number, step)
        if step[0] in ("add", "take"):
            places = [before[match.maker.order_id] for match in matches]
            assert places == sorted(places)
            worse = [m.maker.price > step[2] if step[1] is Side.BUY else m.maker.price < step[2] for m in matches]
            assert not any(worse)


@example([(None, 10 * GRID), ("a", 10 * GRID), (None, 10 * GRID)], 10 * GRID)
@given(st.lists(st.tuples(OWNERS, QUANTITIES), min_size=1, max_size=12), QUANTITIES | st.just(Decimal(0)))
def test_a_thinner_crowd_moves_an_owned_order_up_by_its_share_only(
    queue: list[tuple[str | None, Decimal]], quantity: Decimal
) -> None:
    book = Book()
    for number, (owner, size) in enumerate(queue, start=1):
        book.add(Resting(order_id=number, owner=owner, side=Side.BUY, price=Decimal(100), remaining=size))
    before, crowd_before = crowd_ahead(book)
    book.set_crowd(Side.BUY, Decimal(100), quantity)
    after, crowd_after = crowd_ahead(book)
    assert crowd_after == quantity
    for order_id, ahead in before.items():
        if quantity >= crowd_before:
            assert after[order_id] == ahead
        else:
            share = ahead * quantity / crowd_before
            assert share - Decimal("1e-9") <= after[order_id] <= share + GRID


def crowd_ahead(book: Book) -> tuple[dict[int, Decimal], Decimal]:
    """Per owned order the crowd ahead of it, and the crowd in all."""
    ahead, total = {}, Decimal(0)
    for order in book.queue(Side.BUY, Decimal(100)):
        if order.owner is None:
            total += order.remaining
        else:
            ahead[order.order_id] = total
    return ahead, total
