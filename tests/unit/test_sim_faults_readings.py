"""What a venue that lies says of an account and of prices, at the port."""

from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal

import pytest

from hedger.model.account import AccountReading
from hedger.model.market import Mark, Quote
from hedger.sim.nouns import Wallet
from tests.support.faulty_desk import ID, SPOT_ID, FaultyDesk, at_a_faulty_desk, constant, with_form

D = Decimal


def quotes(desk: FaultyDesk) -> list[Quote]:
    return [hint for _, hint in desk.hints if isinstance(hint, Quote)]


def numbers(price: Quote | Mark) -> Iterable[Decimal]:
    return (value for f in fields(price) if isinstance(value := getattr(price, f.name), Decimal))


def test_an_older_reading_is_served_with_and_without_its_own_time() -> None:
    async def story(desk: FaultyDesk) -> None:
        now = D(0)
        stale: set[bool] = set()
        for _ in range(12):
            desk.exchange.deposit("main", Wallet.SPOT, "BTC", D("0.01"))
            now = desk.exchange.truth("main").spot["BTC"]
            asked_at = desk.clock.now_ms()
            reading = await desk.venue.read_account()
            if reading.spot["BTC"] < now:
                stale.add(reading.exchange_at >= asked_at)
            assert asked_at - reading.exchange_at < 30_000
            await desk.clock.sleep(2)
        assert stale == {True, False}
        assert 6 <= len(desk.struck("D07")) <= 12

    at_a_faulty_desk(constant("D07"), story)


def test_rows_are_missing_from_a_reading_in_every_way() -> None:
    async def story(desk: FaultyDesk) -> None:
        desk.exchange.deposit("main", Wallet.SPOT, "ETH", D(0))
        ways = {(len(r.positions), len(r.spot), len(r.collateral)) for r in [await read(desk) for _ in range(40)]}
        assert (0, 3, 1) in ways
        assert (1, 0, 0) in ways
        assert (1, 2, 1) in ways
        assert (await read(desk)).one_way

    async def read(desk: FaultyDesk) -> AccountReading:
        return await desk.venue.read_account()

    at_a_faulty_desk(constant("D08"), story)


def test_prices_and_sizes_are_no_numbers_zero_or_negative() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.clock.sleep(60)
        streamed = [hint for _, hint in desk.hints if isinstance(hint, Quote | Mark)]
        read = await desk.venue.read_prices([ID, SPOT_ID])
        for price in (*streamed, *read):
            assert any(not n.is_finite() or n <= 0 for n in numbers(price)) or isinstance(price, Mark)
        values = [n for price in streamed for n in numbers(price)]
        assert any(n.is_nan() for n in values)
        assert any(n == 0 for n in values)
        assert any(n < 0 for n in values if not n.is_nan())

    at_a_faulty_desk(constant("D01"), story)


def test_the_accounts_own_numbers_are_none_now_and_then() -> None:
    async def story(desk: FaultyDesk) -> None:
        readings = [await desk.venue.read_account() for _ in range(60)]
        assert any(r.margin.equity.is_nan() for r in readings)
        assert any(n.is_nan() for r in readings for n in r.spot.values())
        assert any(p.quantity.is_nan() for r in readings for p in r.positions)
        assert sum(not r.margin.equity.is_nan() for r in readings) > 40

    at_a_faulty_desk(constant("D01"), story)


@pytest.mark.parametrize(
    ("form", "factor", "of_quotes", "of_marks", "of_index"),
    [
        (0, D(10), True, True, True),
        (1, D("0.1"), True, True, True),
        (5, D(100), True, False, False),
        (6, D(10), False, True, True),
        (10, D("0.1"), False, False, True),
    ],
)
def test_prices_come_in_other_units(
    form: int, factor: Decimal, of_quotes: bool, of_marks: bool, of_index: bool
) -> None:
    async def story(desk: FaultyDesk) -> None:
        quote, mark = await desk.venue.read_prices([ID])
        assert isinstance(quote, Quote)
        assert isinstance(mark, Mark)
        scales = (of_quotes, quote.mid_price), (of_marks, mark.mark_price), (of_index, mark.index_price)
        for bent, price in scales:
            assert price / (factor if bent else 1) == pytest.approx(D(60_000), rel=D("0.02"))

    at_a_faulty_desk(with_form("D02", 12, form), story)


def test_books_are_crossed_locked_one_sided_empty_and_wide() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.clock.sleep(120)
        seen = quotes(desk)
        assert any(q.bid > q.ask > 0 for q in seen)
        assert any(q.bid == q.ask for q in seen)
        assert any(q.ask == 0 for q in seen)
        assert any(q.bid_quantity == 0 and q.ask_quantity == 0 for q in seen)
        assert any(q.ask > q.bid * D("1.2") for q in seen)

    at_a_faulty_desk(constant("D03"), story)


def test_when_the_phase_is_over_every_answer_is_straight_again() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.venue.read_account()
        await desk.clock.sleep(21)
        told = len(desk.hits)
        struck = sum(desk.hits.values())
        assert told >= 3
        await desk.place()
        reading = await desk.venue.read_account()
        (quote, mark) = await desk.venue.read_prices([ID])
        assert all(n.is_finite() for price in (quote, mark) for n in numbers(price))
        assert len(reading.open_orders) == len(reading.positions) == 1
        await desk.clock.sleep(60)
        assert sum(desk.hits.values()) == struck

    at_a_faulty_desk(constant("D01", "D03", "D07", "D08", "V09", "V01", "V23", "N04", "D02", seconds=20), story)
