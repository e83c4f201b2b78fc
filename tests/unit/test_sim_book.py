"""The book's rules, one by one."""

from decimal import Decimal

from hedger.model.order import Side
from hedger.sim.book import Book, Match, Resting

D = Decimal


def put(book: Book, number: int, side: Side, price: str, quantity: str, owner: str | None = "a") -> list[Match]:
    order = Resting(order_id=number, owner=owner, side=side, price=D(price), remaining=D(quantity))
    return book.add(order)


def test_an_order_that_does_not_cross_rests_at_its_price() -> None:
    book = Book()
    assert put(book, 1, Side.SELL, "101", "2") == []
    assert book.best(Side.SELL) == (D(101), D(2))
    assert not book.crosses(Side.BUY, D("100.9"))
    assert book.crosses(Side.BUY, D(101))


def test_an_order_that_crosses_trades_at_the_makers_price_and_rests_the_remainder() -> None:
    book = Book()
    put(book, 1, Side.SELL, "101", "2")
    (match,) = put(book, 2, Side.BUY, "102", "3", owner="b")
    assert (match.maker.order_id, match.maker.price, match.quantity) == (1, D(101), D(2))
    assert book.best(Side.SELL) is None
    assert book.best(Side.BUY) == (D(102), D(1))


def test_an_owner_never_trades_with_itself_and_the_taker_expires() -> None:
    book = Book()
    put(book, 1, Side.SELL, "101", "2", owner="a")
    assert put(book, 2, Side.BUY, "102", "3", owner="a") == []
    assert book.find(2) is None
    assert book.best(Side.SELL) == (D(101), D(2))


def test_owners_trade_with_others_up_to_their_own_order() -> None:
    book = Book()
    put(book, 1, Side.SELL, "101", "1", owner="b")
    put(book, 2, Side.SELL, "101", "1", owner="a")
    (match,) = put(book, 3, Side.BUY, "101", "3", owner="a")
    assert match.maker.order_id == 1
    assert book.find(3) is None


def test_a_taker_stops_at_its_limit() -> None:
    book = Book()
    book.set_crowd(Side.BUY, D(100), D(1))
    book.set_crowd(Side.BUY, D(99), D(1))
    (match,) = book.take(Side.SELL, D(5), D(100), taker_id=9, owner="a")
    assert match.quantity == 1
    assert book.best(Side.BUY) == (D(99), D(1))


def test_a_canceled_order_is_out_and_a_second_cancel_finds_nothing() -> None:
    book = Book()
    put(book, 1, Side.BUY, "100", "1")
    assert book.cancel(1) is not None
    assert book.cancel(1) is None
    assert book.best(Side.BUY) is None


def test_a_reduced_order_keeps_its_place_in_the_queue() -> None:
    book = Book()
    put(book, 1, Side.BUY, "100", "2", owner="a")
    put(book, 2, Side.BUY, "100", "2", owner="b")
    book.reduce(1, D("1.5"))
    assert [(o.order_id, o.remaining) for o in book.queue(Side.BUY, D(100))] == [(1, D("0.5")), (2, D(2))]


def test_crowd_that_arrives_joins_behind_an_owned_order() -> None:
    book = Book()
    book.set_crowd(Side.BUY, D(100), D(1))
    put(book, 1, Side.BUY, "100", "1")
    book.set_crowd(Side.BUY, D(100), D(5))
    assert [o.remaining for o in book.queue(Side.BUY, D(100))] == [1, 1, 4]


def test_half_the_crowd_leaving_halves_what_is_ahead_and_not_more() -> None:
    book = Book()
    book.set_crowd(Side.BUY, D(100), D(4))
    put(book, 1, Side.BUY, "100", "1")
    book.set_crowd(Side.BUY, D(100), D(8))
    book.set_crowd(Side.BUY, D(100), D(4))
    assert [(o.owner, o.remaining) for o in book.queue(Side.BUY, D(100))] == [(None, D(2)), ("a", D(1)), (None, D(2))]


def test_crowd_that_crosses_an_owned_order_executes_it() -> None:
    book = Book()
    put(book, 1, Side.SELL, "101", "1")
    (match,) = book.set_crowd(Side.BUY, D(102), D(3))
    assert (match.maker.order_id, match.quantity, match.taker_owner) == (1, D(1), None)
    assert book.best(Side.BUY) == (D(102), D(2))


def test_crowd_that_crosses_the_crowd_replaces_it_without_a_trade() -> None:
    book = Book()
    book.set_crowd(Side.SELL, D(101), D(1))
    assert book.set_crowd(Side.BUY, D(101), D(2)) == []
    assert book.best(Side.SELL) is None
    assert book.best(Side.BUY) == (D(101), D(2))


def test_a_level_whose_crowd_leaves_keeps_the_owned_order() -> None:
    book = Book()
    book.set_crowd(Side.BUY, D(100), D(4))
    put(book, 1, Side.BUY, "100", "1")
    book.set_crowd(Side.BUY, D(100), D(0))
    assert book.levels(Side.BUY, 5) == [(D(100), D(1))]
