"""On every venue, in each environment, the watchdog's own way asks about every kind of contract as the desk does.

The desk takes the venue's own names from its listing; the way out has none and must make them of ours.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import pytest

from hedger.errors import ConfigError, HedgerError
from hedger.model.message import CancelOrder
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.emergency import EmergencyAccount, EmergencyExit
from hedger.venues.network import Network
from hedger.venues.profile import VENUES, profile_of
from tests.support.leaping import PATIENCE_S
from tests.support.stand import stand_of
from tests.support.stands import bingx, bybit, deribit, mexc, okx, weex
from tests.support.wire_bodies import futures_symbol
from tests.support.wire_certificates import contexts
from tests.support.wire_coin import coin_bodies
from tests.support.wire_server import FakeVenue, Seen, plain_answer
from tests.support.wire_venue import OUR_ID, WireClock, opened


def _binance() -> FakeVenue:
    fake = FakeVenue()
    btc = futures_symbol("BTC")
    dated = btc | {"symbol": "BTCUSDT_261225", "contractType": "CURRENT_QUARTER", "deliveryDate": 1798185600000}
    usdc = btc | {"symbol": "BTCUSDC", "pair": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"}
    fake.answers |= coin_bodies()
    fake.answers["GET", "/fapi/v1/exchangeInfo"] = {"symbols": [btc, futures_symbol("1000PEPE"), dated, usdc]}
    return fake


def _bingx() -> FakeVenue:
    fake = bingx.fake()
    rows = [bingx.linear_contract(name) for name in ("BTC-USDT", "BTC-USDC", "1000PEPE-USDT", "TRUMPSOL-USDT")]
    fake.answers["GET", f"{bingx.SWAP}/v2/quote/contracts"] = bingx.ok(rows)
    return fake


def _mexc() -> FakeVenue:
    fake = mexc.fake()
    names = ("BTC_USDT", "BTC_USDC", "FLUX1_USDT")
    fake.answers["GET", mexc.DETAIL] = mexc.ok([mexc.contract(name) for name in names])
    fake.answers["GET", mexc.OPEN] = mexc.ok([])
    fake.answers["GET", mexc.FEES] = mexc.ok({"realMakerFee": 0.0001, "realTakerFee": 0.0004, "level": 1})
    return fake


def _weex() -> FakeVenue:
    fake = weex.fake()
    rates = {"makerCommissionRate": "0.0002", "takerCommissionRate": "0.0008"}
    fake.answers["GET", weex.FEES] = okx.answering(lambda seen: {"symbol": seen.params["symbol"], **rates})
    return fake


def _okx(*, demo: bool = False) -> FakeVenue:
    fake = okx.fake_okx(demo=demo)

    def listed(seen: Seen) -> object:
        rows = [okx.swap(), okx.swap("BTC-USD"), okx.swap("BTC-USDC"), okx.future(), okx.future(name="BTC-USD")]
        return okx.told(*(row for row in rows if row["instType"] == seen.params["instType"]))

    fake.answers["GET", okx.INSTRUMENTS] = okx.answering(listed)
    return fake


BTC, USDC, COIN, PEPE = "BTC/USDT:USDT", "BTC/USDC:USDC", "BTC/USD:BTC", "1000PEPE/USDT:USDT"
DATED, COIN_DATED = f"{BTC}-261225", f"{COIN}-261225"
# Every kind of contract that a venue trades, and where it has a test environment, some of them there. An account in
# portfolio margin on Binance is not traded.
KINDS: tuple[tuple[str, str, Callable[[], FakeVenue], tuple[str, ...]], ...] = (
    ("binance", "live", _binance, (BTC, USDC, PEPE, DATED, COIN, COIN_DATED)),
    ("binance", "testnet", _binance, (BTC, COIN_DATED)),
    ("bybit", "live", bybit.make_fake, (BTC, USDC, PEPE, DATED, COIN, COIN_DATED)),
    ("bybit", "testnet", bybit.make_fake, (BTC, COIN_DATED)),
    ("okx", "live", _okx, (BTC, USDC, f"{BTC}-271231", COIN, f"{COIN}-271231")),
    ("okx", "testnet", partial(_okx, demo=True), (BTC, f"{COIN}-271231")),
    ("deribit", "live", deribit.fake_deribit, (USDC, COIN, f"{COIN}-270326")),
    ("deribit", "testnet", deribit.fake_deribit, (USDC, COIN)),
    ("bingx", "live", _bingx, (BTC, PEPE, "TRUMP/USDT:USDT", "SOL/USD:SOL", COIN)),
    ("bingx", "live", _bingx, (USDC,)),
    ("bingx", "testnet", _bingx, (BTC,)),
    ("weex", "live", _weex, (BTC, PEPE)),
    ("mexc", "live", _mexc, (BTC, "FLUX/USDT:USDT")),
    ("mexc", "live", _mexc, (USDC,)),
)


def test_the_kinds_of_contracts_of_no_venue_and_of_no_test_environment_are_left_out() -> None:
    tests = {(venue, "testnet") for venue in VENUES if profile_of(venue).testnet is not None}
    assert {(venue, where) for venue, where, _, _ in KINDS} == {(venue, "live") for venue in VENUES} | tests


@pytest.mark.parametrize(("venue", "where", "fake", "symbols"), KINDS)
def test_on_every_venue_it_names_an_order_as_the_desk_does(
    venue: str, where: str, fake: Callable[[], FakeVenue], symbols: tuple[str, ...]
) -> None:
    """Host and method, path, parameters and what tells demo trading apart: all but what stamps and signs."""
    stand = stand_of(venue)

    async def scenario() -> None:
        async with opened(symbols, stand=stand, environment=where, fake=fake()) as desk:
            account = EmergencyAccount(
                venue=venue,
                environment=where,
                credentials=stand.credentials,
                network=Network(resolver=desk.resolver, ssl_context=contexts()[1]),
            )
            leave = EmergencyExit({"main": account}, WireClock(), pause_s=0.01, longest_s=1.0)
            assert {rules.id.symbol for rules in desk.instruments} == set(symbols)
            for id in (rules.id for rules in desk.instruments):
                order = CancelOrder(id=id, client_order_id=OUR_ID, venue_order_id=None)
                cancel, *_ = await _asked(desk.fake, desk.venue.cancel(order))
                find, *_ = await _asked(desk.fake, desk.venue.find_order(id, OUR_ID))
                desk.fake.answers[cancel[0], cancel[2]] = plain_answer(500, "")  # no proof: so it looks for the record
                left = asyncio.to_thread(leave, [LiveOrder(account="main", symbol=id.symbol, client_order_id=OUR_ID)])
                _, first, *others = await _asked(desk.fake, left)
                assert first == cancel
                assert find in others

    asyncio.run(scenario())


async def _asked(fake: FakeVenue, asking: Awaitable[object]) -> list[tuple[str, str, str, dict[str, str], bool]]:
    """What a question, or a few, came to on the wire; the answers do not matter."""
    fake.seen.clear()
    with suppress(HedgerError, TimeoutError):
        await asyncio.wait_for(asking, PATIENCE_S)
    stamps = {"timestamp", "signature", "recvWindow"}
    return [
        (
            seen.method,
            seen.host,
            seen.path,
            {name: value for name, value in seen.params.items() if name not in stamps},
            "x-simulated-trading" in seen.headers,
        )
        for seen in fake.seen
    ]


def test_a_contract_that_it_would_ask_for_by_another_name_is_not_opened() -> None:
    """To the cancel of an order under another name a venue says that it knows none, and so the order would be taken for
    gone while it is on the book."""
    fake = mexc.fake()
    fake.answers["GET", mexc.DETAIL] = mexc.ok([mexc.contract("XBT_USDT", baseCoin="BTC")])
    fake.answers["GET", mexc.FEES] = mexc.ok({"realMakerFee": 0.0001, "realTakerFee": 0.0004, "level": 1})

    async def scenario() -> None:
        async with opened([BTC], stand=stand_of("mexc"), fake=fake):
            """Not reached."""

    with pytest.raises(ConfigError, match="XBT_USDT on MEXC, and the watchdog would take it for BTC_USDT"):
        asyncio.run(scenario())
