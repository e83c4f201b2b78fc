"""COIN-M on the wire: every failure of an answer, the weight of a cycle, streams, and the watchdog's way out."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest
from aiohttp import web

from hedger.model.market import Mark, Quote
from hedger.model.message import StreamChanged
from hedger.model.order import OrderReport
from hedger.runtime.lifeline import LiveOrder
from hedger.settings.schema import PollingSettings
from hedger.venues.abilities import Ability
from hedger.venues.binance.codes import WEIGHT_LIMITS
from tests.support.leaping import in_leaps
from tests.support.stand import Route, proves
from tests.support.stands.binance import STAND
from tests.support.wire_bodies import AT, echo
from tests.support.wire_coin import DATED as DATED_NAME
from tests.support.wire_coin import PERP, coin_bodies, coin_order
from tests.support.wire_conformance import ANYWHERE, outcomes, wrong
from tests.support.wire_outcomes import NEVER_LEFT
from tests.support.wire_server import FakeVenue, Seen
from tests.support.wire_venue import OUR_ID, Desk, WireClock, opened
from tests.wire.test_emergency import cancel
from tests.wire.test_venue_coin import BOTH, COIN, DATED, ORDER, on_coin
from tests.wire.test_venue_streams import Reader, order_frame


def good(seen: Seen) -> Any:
    """What Binance answers about COIN-M when nothing is wrong."""
    match seen.method, seen.path:
        case "POST", "/dapi/v1/order":
            return echo(seen.params)
        case "DELETE" | "GET", "/dapi/v1/order":
            status = "CANCELED" if seen.method == "DELETE" else "NEW"
            return coin_order(status=status, clientOrderId=seen.params["origClientOrderId"])
        case "POST", "/dapi/v1/countdownCancelAll":
            return {"symbol": seen.params["symbol"], "countdownTime": seen.params["countdownTime"]}
        case _:
            return coin_bodies()[seen.method, seen.path]


def fake() -> FakeVenue:
    """Binance with COIN-M."""

    async def answer(_request: web.Request, seen: Seen) -> web.StreamResponse:
        return web.json_response(good(seen))

    found = FakeVenue(good=good)
    found.answers |= coin_bodies() | {("GET", ORDER): answer, ("DELETE", ORDER): answer}
    return found


COIN_STAND = replace(
    STAND,
    contract=COIN,
    quantity=D(20),
    price=D("50000.1"),
    fake=fake,
    routes={
        "create": Route("POST", ORDER, 1),
        "cancel": Route("DELETE", ORDER, 1),
        "find": Route("GET", ORDER, 3),
        "account": Route("GET", "/dapi/v1/account", 9),
        "switch": Route("POST", "/dapi/v1/countdownCancelAll", 1),
    },
)
# Published weights of requests, and ccxt's where they are the same.
WEIGHTS = {
    "/dapi/v1/account": 5,
    "/dapi/v1/positionSide/dual": 30,
    "/dapi/v1/ticker/bookTicker": 5,
    "/dapi/v1/premiumIndex": 10,
    "/dapi/v1/income": 20,
}


def test_answers_in_coins_that_prove_nothing_are_taken_for_nothing_and_an_order_is_sent_once() -> None:
    """A part of the failures: whose answer it is they do not depend on, and the whole table is tried on USDⓈ-M."""
    found = in_leaps(outcomes(COIN_STAND, ANYWHERE[::6]))
    rows = {row.name: row for row in ANYWHERE}
    assert len(found) >= 5 * 12
    assert [str(one) for one in found if wrong(COIN_STAND, one, rows[one.fault])] == []


def test_what_never_left_for_coins_was_not_sent() -> None:
    found = in_leaps(outcomes(COIN_STAND, NEVER_LEFT, apart=True))
    rows = {row.name: row for row in NEVER_LEFT}
    assert [str(one) for one in found if wrong(COIN_STAND, one, rows[one.fault])] == []


def test_polls_of_coins_leave_half_of_what_their_host_allows() -> None:
    polling = PollingSettings()

    async def play(desk: Desk) -> Counter[str]:
        used: Counter[str] = Counter()
        for ask, every_s in (
            (desk.venue.read_account(), polling.account_s),
            (desk.venue.read_prices([COIN, DATED]), polling.prices_s),
            (desk.venue.read_funding(AT), polling.funding_s),
        ):
            desk.fake.seen.clear()
            await ask
            for seen in desk.fake.seen:
                used[seen.host] += int(WEIGHTS.get(seen.path, 1) * 60 / every_s)
        return used

    answers = coin_bodies()
    for path in ("/dapi/v1/premiumIndex", "/dapi/v1/ticker/bookTicker"):
        (row,) = answers["GET", path]
        answers["GET", path] = [row, row | {"symbol": DATED_NAME}, row | {"symbol": "ETHUSD_PERP"}]
    used = on_coin(play, (COIN.symbol, DATED.symbol), answers)
    assert 0 < used["dapi.binance.com"] < WEIGHT_LIMITS["dapi"] / 2


# --- streams ----------------------------------------------------------------------------------------------------------

BOOK = {"e": "bookTicker", "u": 17242169, "s": PERP, "ps": "BTCUSD", "b": "39999.0", "B": "37", "a": "40001.0"}
MARK = {
    "e": "markPriceUpdate",
    "E": AT,
    "s": PERP,
    "p": "40000.5",
    "P": "0",
    "i": "39991.1",
    "r": "0.0007",
    "T": AT + 1,
}
DATED_MARK = MARK | {"s": DATED_NAME, "p": "41000.5", "r": "", "T": 0}


@proves(Ability.STREAMS)
def test_books_marks_and_our_orders_in_coins_are_streamed_from_their_own_host() -> None:
    async def play(desk: Desk) -> tuple[Any, ...]:
        hints = Reader(desk)
        await hints.until(StreamChanged, up=True)
        await desk.fake.push("dstream.binance.com/ws/0", BOOK | {"A": "5", "T": AT, "E": AT})
        await desk.fake.push("dstream.binance.com/ws/0", MARK)
        await desk.fake.push("dstream.binance.com/ws/0", DATED_MARK)
        await desk.fake.push("dstream.binance.com/ws/CK1", order_frame(s=PERP, q="20", p="50000.1"))
        told = (
            await hints.until(Quote, id=COIN),
            await hints.until(Mark, id=COIN),
            await hints.until(Mark, id=DATED),
            await hints.until(OrderReport, id=COIN),
        )
        await hints.stop()
        return *told, desk.fake.subscriptions, [host for host, _, _ in desk.fake.sockets]

    quote, mark, dated, report, subscribed, hosts = on_coin(play, (COIN.symbol, DATED.symbol))
    assert (quote.bid, quote.ask, quote.exchange_at) == (D(39999), D(40001), AT)
    assert (mark.mark_price, mark.index_price, mark.next_funding_at) == (D("40000.5"), D("39991.1"), AT + 1)
    assert (dated.mark_price, dated.funding_rate) == (D("41000.5"), D(0))
    assert (report.client_order_id, report.quantity) == (OUR_ID, D(20))
    names = [f"{raw}@{kind}" for raw in ("btcusd_perp", "btcusd_261225") for kind in ("bookTicker", "markPrice@1s")]
    assert subscribed == [names]
    assert set(hosts) == {"dstream.binance.com"}


def test_who_trades_both_kinds_has_a_stream_of_orders_for_each_and_both_keys_are_renewed() -> None:
    async def scenario() -> set[tuple[str, str]]:
        clock, both = WireClock(speed=2000), asyncio.Event()
        fake = FakeVenue(clock_ms=clock.now_ms, judges_age=False)
        renewed: set[tuple[str, str]] = set()

        async def renew(_request: Any, seen: Any) -> web.StreamResponse:
            renewed.add((seen.host, seen.path))
            if len(renewed) == 2:
                both.set()
            return web.json_response({})

        keys = {("PUT", "/dapi/v1/listenKey"): renew, ("PUT", "/fapi/v1/listenKey"): renew}
        fake.answers |= coin_bodies() | keys
        async with opened(BOTH, fake=fake, clock=clock) as desk:
            hints = Reader(desk)
            async with asyncio.timeout(60):
                await both.wait()
            await hints.stop()
        return renewed

    assert asyncio.run(scenario()) == {
        ("dapi.binance.com", "/dapi/v1/listenKey"),
        ("fapi.binance.com", "/fapi/v1/listenKey"),
    }


def test_a_listen_key_in_coins_that_expires_begins_their_stream_of_orders_again() -> None:
    async def play(desk: Desk) -> int:
        hints = Reader(desk)
        await hints.until(StreamChanged, up=True)
        await desk.fake.push("/ws/CK1", {"e": "listenKeyExpired", "E": AT})
        await hints.until(StreamChanged, up=False)
        await hints.until(StreamChanged, 2, up=True)
        await hints.stop()
        return len(desk.fake.requests("POST", "/dapi/v1/listenKey"))

    assert on_coin(play) == 2


def test_market_data_in_coins_that_breaks_is_subscribed_again() -> None:
    async def play(desk: Desk) -> int:
        hints = Reader(desk)
        await hints.until(StreamChanged, up=True)
        (broken,) = (connection for _, path, connection in desk.fake.sockets if path == "/ws/0")
        await broken.close()
        await hints.until(StreamChanged, up=False)
        await hints.until(StreamChanged, 2, up=True)
        await desk.fake.push("dstream.binance.com/ws/0", MARK)
        await hints.until(Mark, id=COIN)
        await hints.stop()
        return len(desk.fake.subscriptions)

    assert on_coin(play) == 2


# --- the watchdog -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "path", "raw"),
    [
        (COIN.symbol, ORDER, PERP),
        (DATED.symbol, ORDER, DATED_NAME),
        ("BTC/USDT:USDT-261225", "/fapi/v1/order", "BTCUSDT_261225"),
    ],
)
def test_the_watchdog_cancels_each_order_at_its_host_by_its_name(symbol: str, path: str, raw: str) -> None:
    left, seen, faults = cancel(
        lambda fake: fake.answers.update({("DELETE", path): coin_order(clientOrderId=OUR_ID, status="CANCELED")}),
        (LiveOrder(account="main", symbol=symbol, client_order_id=OUR_ID),),
    )
    assert (left, faults) == ([], [])
    (sent,) = (request for request in seen if request.method == "DELETE")
    assert (sent.path, sent.params["symbol"]) == (path, raw)
