"""Prices, fills, funding and the past on WEEX, each list whole; who was maker is told, or the list is not believed."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import FundingPayment
from hedger.model.market import Mark, Quote
from hedger.model.order import Fill, FillCause, Side
from hedger.model.spans import HOUR_MS
from hedger.venues.abilities import Ability
from tests.support.stand import OUR_ID, proves
from tests.support.stands.weex import (
    AT,
    BARS,
    BOOK,
    BTC,
    FILLS,
    INCOME,
    ORDER,
    ORDER_ID,
    PAIR,
    PREMIUM,
    RATES,
    SPOT_BARS,
    STAND,
    fill,
    income,
    incomes,
    premium,
    record,
    refusal,
)
from tests.support.wire_server import Seen, plain_answer
from tests.support.wire_venue import Desk, opened

Asked = Callable[[Desk], Awaitable[Any]]


def asked(ask: Asked, answers: dict[tuple[str, str], Any] | None = None) -> tuple[Any, list[Seen]]:
    async def scenario() -> tuple[Any, list[Seen]]:
        async with opened(stand=STAND) as desk:
            desk.fake.answers |= answers or {}
            return await ask(desk), list(desk.fake.seen)

    return asyncio.run(scenario())


def fills(since_ms: int = HOUR_MS) -> Asked:
    return lambda desk: desk.venue.read_fills(BTC, desk.fake.clock_ms() - since_ms)


def funding(since_ms: int = HOUR_MS) -> Asked:
    return lambda desk: desk.venue.read_funding(desk.fake.clock_ms() - since_ms)


def told_between(rows: list[Any], page: int, wrap: Callable[[list[Any], bool], Any]) -> Any:
    """The newest `page` rows of the window that is asked for, as the venue tells them."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        start, end = int(seen.params["startTime"]), int(seen.params["endTime"])
        found = [row for row in rows if start <= int(row["time"]) <= end]
        return web.json_response(wrap(found[-page:], len(found) > page))

    return answer


def lately(count: int, now: int, make: Callable[..., Any], id: str) -> list[Any]:
    return [make(**{id: 1000 + n, "time": now - 1_900_000 + 7_000 * n}) for n in range(count)]


@proves(Ability.FILLS)
def test_a_fill_is_coins_with_its_fee_and_who_was_maker_and_our_id_by_its_order() -> None:
    async def scenario(desk: Desk) -> Any:
        await desk.venue.read_account()  # by which the order is known
        at = desk.fake.clock_ms() - 1_000
        desk.fake.answers["GET", FILLS] = [fill(time=at)]
        return at, await desk.venue.read_fills(BTC, at - HOUR_MS)

    (at, found), _ = asked(scenario)
    assert found == (
        Fill(
            id=BTC,
            trade_id="737074389731770728",
            venue_order_id=ORDER_ID,
            client_order_id=OUR_ID,
            side=Side.SELL,
            quantity=Decimal("0.0020"),
            price=Decimal("60000.1"),
            fee=Decimal("0.024"),
            fee_asset="USDT",
            maker=True,
            exchange_at=at,
        ),
    )


@proves(Ability.FILLS)
@pytest.mark.parametrize("maker", ["missing", None, "true", 1, "MAKER"])
def test_a_fill_that_does_not_say_who_was_maker_is_refused_and_never_taken_for_a_makers(maker: Any) -> None:
    async def scenario(desk: Desk) -> Any:
        row = fill(time=desk.fake.clock_ms() - 1_000, maker=maker)
        desk.fake.answers["GET", FILLS] = [{k: v for k, v in row.items() if v != "missing"}]
        return await desk.venue.read_fills(BTC, desk.fake.clock_ms() - HOUR_MS)

    with pytest.raises(AskAgain, match="maker"):
        asked(scenario)


@proves(Ability.FILLS)
def test_a_takers_fill_is_told_as_one() -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", FILLS] = [fill(time=desk.fake.clock_ms() - 1_000, maker=False)]
        return await desk.venue.read_fills(BTC, desk.fake.clock_ms() - HOUR_MS)

    (found,), _ = asked(scenario)
    assert found.maker is False


@proves(Ability.FILLS)
def test_a_full_list_of_fills_is_asked_for_by_shorter_times_until_every_one_is_told_once() -> None:
    async def scenario(desk: Desk) -> Any:
        now = desk.fake.clock_ms()
        rows = lately(260, now, fill, "id")
        desk.fake.answers["GET", FILLS] = told_between(rows, 100, lambda found, _more: found)
        return await desk.venue.read_fills(BTC, now - 2_000_000)

    found, seen = asked(scenario)
    assert len(found) == 260 == len({one.trade_id for one in found})
    assert [one.exchange_at for one in found] == sorted(one.exchange_at for one in found)
    assert len([one for one in seen if one.path == FILLS]) > 3


@proves(Ability.FILLS)
def test_a_list_that_stays_full_in_one_moment_is_not_taken_for_the_whole() -> None:
    rows = [fill(id=1000 + n, time=AT) for n in range(100)]
    with pytest.raises(AskAgain, match="more rows of one moment"):
        asked(fills(), {("GET", FILLS): rows})


@pytest.mark.parametrize(
    "changes",
    [{"symbol": "ETHUSDT"}, {"qty": "0"}, {"qty": "NaN"}, {"price": "-1"}, {"time": AT // 1000}, {"side": "LONG"}],
)
def test_an_odd_fill_spoils_the_list(changes: dict[str, Any]) -> None:
    with pytest.raises(AskAgain):
        asked(fills(), {("GET", FILLS): [fill(**changes)]})


@proves(Ability.FORCED)
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("BURST_LIQUIDATE_SHORT", FillCause.LIQUIDATION),
        ("ADL", FillCause.DELEVERAGING),
        ("LIMIT", FillCause.ORDER),
    ],
)
def test_the_cause_of_a_fill_is_told_by_the_type_of_its_order(kind: str, cause: FillCause) -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", FILLS] = [fill(orderId=77, time=desk.fake.clock_ms() - 1_000)]
        desk.fake.answers["GET", ORDER] = record(orderId=77, clientOrderId="", type=kind, timeInForce="IOC")
        return await desk.venue.read_fills(BTC, desk.fake.clock_ms() - HOUR_MS)

    (found,), _ = asked(scenario)
    assert (found.cause, found.client_order_id) == (cause, None)


def test_fills_count_even_where_the_venue_does_not_tell_of_their_order() -> None:
    async def scenario(desk: Desk) -> Any:
        desk.fake.answers["GET", FILLS] = [fill(time=desk.fake.clock_ms() - 1_000)]
        desk.fake.answers["GET", ORDER] = plain_answer(500, "")
        return await desk.venue.read_fills(BTC, desk.fake.clock_ms() - HOUR_MS)

    (found,), _ = asked(scenario)
    assert (found.client_order_id, found.cause) == (None, FillCause.ORDER)


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_received_is_positive_and_that_of_other_contracts_is_left_out() -> None:
    async def scenario(desk: Desk) -> Any:
        at = desk.fake.clock_ms() - 1_000
        ours, theirs = income(time=str(at)), income(billId="8", symbol="ETHUSDT", time=str(at))
        other = income(billId="9", incomeType="transfer_in", time=str(at))
        desk.fake.answers["POST", INCOME] = incomes(ours, theirs, other)
        return at, await desk.venue.read_funding(at - HOUR_MS)

    (at, found), seen = asked(scenario)
    assert found == (
        FundingPayment(
            id=BTC, payment_id="793622764958253481", amount=Decimal("0.00000378"), asset="USDT", exchange_at=at
        ),
    )
    sent = next(one.params for one in seen if one.path == INCOME)
    assert (sent["incomeType"], sent["limit"]) == ("position_funding", 100)


@proves(Ability.FUNDING_PAYMENTS)
def test_funding_is_asked_for_by_shorter_times_while_there_is_a_next_page() -> None:
    async def scenario(desk: Desk) -> Any:
        now = desk.fake.clock_ms()
        rows = lately(250, now, income, "billId")
        desk.fake.answers["POST", INCOME] = told_between(rows, 100, lambda found, more: incomes(*found, more=more))
        return await desk.venue.read_funding(now - 2_000_000)

    found, _ = asked(scenario)
    assert len({one.payment_id for one in found}) == 250 == len(found)
    with pytest.raises(AskAgain, match="more rows of one moment"):
        asked(funding(), {("POST", INCOME): incomes(income(), more=True)})


def test_a_funding_payment_without_a_contract_is_not_believed() -> None:
    with pytest.raises(AskAgain):
        asked(funding(), {("POST", INCOME): incomes(income(symbol=None))})


@proves(Ability.PRICES, Ability.FUNDING_RATE)
def test_prices_are_the_best_and_the_mark_with_its_index_and_the_rate_to_come() -> None:
    (quote, pair, mark), seen = asked(lambda desk: desk.venue.read_prices([BTC, PAIR]))
    assert quote == Quote(
        id=BTC,
        bid=Decimal("60000.1"),
        bid_quantity=Decimal("12.5"),
        ask=Decimal("60000.2"),
        ask_quantity=Decimal("8.3"),
        exchange_at=AT,
    )
    assert pair.id == PAIR
    assert mark == Mark(
        id=BTC,
        mark_price=Decimal("60100.5"),
        index_price=Decimal("60099.1"),
        funding_rate=Decimal("0.00003489"),
        funding_interval_ms=8 * HOUR_MS,
        next_funding_at=AT + HOUR_MS,
        exchange_at=AT,
    )
    assert {one.host for one in seen} == {"api-contract.weex.com", "api-spot.weex.com"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREMIUM, [premium(), premium()]),
        (PREMIUM, [premium(symbol="ETHUSDT")]),
        (PREMIUM, premium(collectCycle=0)),
        (PREMIUM, premium(markPrice="0")),
        (PREMIUM, premium(time=AT // 1000)),
        (BOOK, []),
        (BOOK, {"symbol": "BTCUSDT", "bidPrice": "2", "bidQty": "1", "askPrice": "1", "askQty": "1"}),
        (BOOK, {"symbol": "BTCUSDT", "bidPrice": "1", "bidQty": "1", "askPrice": "2", "askQty": "1"}),
        (BOOK, {"symbol": "BTCUSDT", "bidPrice": "NaN", "bidQty": "1", "askPrice": "1", "askQty": "1"}),
    ],
)
def test_odd_prices_are_not_believed(path: str, body: Any) -> None:
    with pytest.raises(AskAgain):
        asked(lambda desk: desk.venue.read_prices([BTC]), {("GET", path): body})


def _bars(closed_by: int, count: int) -> list[list[Any]]:
    newest = closed_by // HOUR_MS * HOUR_MS
    return [[newest - n * HOUR_MS, "10", "12", "9", "11", "0", 0, "0", 0, "0", "0"] for n in range(count, -1, -1)]


@proves(Ability.PAST)
def test_bars_of_the_index_are_closed_and_follow_each_other() -> None:
    async def scenario(desk: Desk, path: str, id: Any, drop: bool = False) -> Any:
        rows = _bars(desk.fake.clock_ms(), 5)
        desk.fake.answers["GET", path] = rows[:2] + rows[3:] if drop else rows
        return await desk.venue.read_candles(id, HOUR_MS, 3)

    bars, seen = asked(lambda desk: scenario(desk, BARS, BTC))
    assert [bar.close for bar in bars] == [Decimal(11)] * 3
    assert seen[-1].params["interval"] == "1h"
    assert len(asked(lambda desk: scenario(desk, SPOT_BARS, PAIR))[0]) == 3
    with pytest.raises(AskAgain, match="a bar is missing"):
        asked(lambda desk: scenario(desk, BARS, BTC, drop=True))
    with pytest.raises(GiveUp):
        asked(lambda desk: desk.venue.read_candles(BTC, 3 * 60_000, 10))


@proves(Ability.PAST)
def test_past_rates_follow_each_other_up_to_the_newest() -> None:
    async def scenario(desk: Desk, shift: int = 0) -> Any:
        newest = desk.fake.clock_ms() // HOUR_MS * HOUR_MS - shift
        rows = [
            {"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingTime": newest - n * 8 * HOUR_MS, "markPrice": "1"}
            for n in range(4)
        ]
        desk.fake.answers["GET", RATES] = rows
        return await desk.venue.read_funding_rates(BTC, 3)

    rates, _ = asked(scenario)
    assert [(rate.rate, rate.interval_ms) for rate in rates] == [(Decimal("0.0001"), 8 * HOUR_MS)] * 3
    with pytest.raises(AskAgain, match="the newest settlement"):
        asked(lambda desk: scenario(desk, 30 * HOUR_MS))


def test_a_refusal_of_a_list_is_never_an_empty_one() -> None:
    for status, body in ((400, refusal(-1170, "out of range")), (200, {"msg": "?", "code": "-1000"})):
        with pytest.raises(AskAgain):
            asked(fills(), {("GET", FILLS): plain_answer(status, str(body).replace("'", '"'))})
