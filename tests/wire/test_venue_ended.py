"""A dated contract on Binance that had ended before the start: left out, and never asked about as if it traded."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from hedger.errors import ConfigError
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from tests.support.wire_bodies import futures_symbol
from tests.support.wire_venue import BTC, Desk, opened

LISTING = "/fapi/v1/exchangeInfo"
PAST = datetime.now(UTC) - timedelta(days=1)
DAY = f"{PAST:%y%m%d}"
NAME, SYMBOL = f"BTCUSDT_{DAY}", f"BTC/USDT:USDT-{DAY}"
ENDED = InstrumentId("main", SYMBOL)
BOTH = [SYMBOL, BTC.symbol]
T = TypeVar("T")


def with_ended(play: Callable[[Desk], Awaitable[T]], *rows: dict[str, Any], symbols: list[str] | None = None) -> T:
    async def scenario() -> T:
        async with opened(ready=False) as desk:
            listed = [futures_symbol("BTC"), futures_symbol("ETH"), futures_symbol("1000PEPE"), *rows]
            desk.fake.answers["GET", LISTING] = {"symbols": listed}
            desk.instruments = await desk.venue.open(symbols or BOTH)
            desk.fake.seen.clear()
            return await play(desk)

    return asyncio.run(scenario())


def delivered(status: str) -> dict[str, Any]:
    row = {"symbol": NAME, "contractType": "CURRENT_QUARTER DELIVERING", "status": status}
    return futures_symbol("BTC") | row | {"deliveryDate": int(PAST.timestamp() * 1000)}


@pytest.mark.parametrize(
    "rows", [(), (delivered("DELIVERED"),), (delivered("SETTLING"),)], ids=["gone", "told", "soon"]
)
def test_a_contract_whose_day_has_come_and_that_trades_no_more_is_left_out(rows: tuple[dict[str, Any], ...]) -> None:
    async def play(desk: Desk) -> list[InstrumentId]:
        return [rules.id for rules in desk.instruments]

    assert with_ended(play, *rows) == [BTC]


def test_one_that_still_trades_on_its_day_is_taken() -> None:
    async def play(desk: Desk) -> list[InstrumentId]:
        return [rules.id for rules in desk.instruments]

    assert with_ended(play, delivered("TRADING")) == [ENDED, BTC]


def test_a_contract_that_is_not_listed_before_its_day_is_an_error() -> None:
    later = f"BTC/USDT:USDT-{datetime.now(UTC) + timedelta(days=2):%y%m%d}"

    async def play(_: Desk) -> None:
        raise AssertionError("it opened")

    with pytest.raises(ConfigError, match=f"Binance lists no {later}"):
        with_ended(play, symbols=[later, BTC.symbol])


def test_a_start_with_nothing_that_is_listed_opens_and_leaves_the_sentence_to_the_policy() -> None:
    async def play(desk: Desk) -> int:
        return len(desk.instruments)

    assert with_ended(play, symbols=[SYMBOL]) == 0


def test_neither_the_switch_nor_a_reading_nor_the_rules_ask_about_it() -> None:
    async def play(desk: Desk) -> tuple[AccountReading, list[str]]:
        await desk.venue.extend_switch(BOTH, 60_000)
        reading = await desk.venue.read_account()
        assert [rules.id for rules in await desk.venue.read_instruments(BOTH)] == [BTC]
        return reading, [str(seen.params) for seen in desk.fake.seen]

    reading, asked = with_ended(play)
    assert [p.id for p in reading.positions] == [BTC]
    assert not [params for params in asked if NAME in params]


def test_an_order_of_an_earlier_start_is_still_looked_for_by_its_name() -> None:
    async def play(desk: Desk) -> set[str]:
        desk.fake.answers["GET", "/fapi/v1/userTrades"] = []
        assert await desk.venue.read_fills(ENDED, int(PAST.timestamp() * 1000)) == ()
        return {seen.params["symbol"] for seen in desk.fake.seen}

    assert with_ended(play) == {NAME}


def test_a_contract_that_was_left_out_and_is_told_again_waits_for_the_next_start() -> None:
    """Nothing of it is read: a position there would have no row, and an order no switch."""

    async def play(desk: Desk) -> list[InstrumentId]:
        desk.fake.answers["GET", LISTING] = {"symbols": [futures_symbol("BTC"), delivered("TRADING")]}
        return [rules.id for rules in await desk.venue.read_instruments(BOTH)]

    assert with_ended(play) == [BTC]
