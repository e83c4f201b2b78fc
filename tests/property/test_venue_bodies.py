"""Whatever the venue sends in place of a good answer: it is refused by ValueError, or every number of it is one."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.venues.binance import account as account
from hedger.venues.binance import options as options
from hedger.venues.binance import parse as parse
from hedger.venues.binance import payloads
from hedger.venues.binance.codes import DAPI
from hedger.venues.binance.coin import CoinParts, CoinReader, CoinWallets, read_coin_account, read_coin_risks
from hedger.venues.binance.listing import rules_of
from hedger.venues.binance.positions import Configs, PositionReader
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader
from tests.support.wire_bodies import (
    AT,
    bodies,
    futures_account,
    futures_symbol,
    held,
    income,
    order_record,
    risk,
    trade,
)
from tests.support.wire_bodies import (
    settings as symbol_settings,
)
from tests.support.wire_coin import PERP, coin_account, coin_held, coin_risk
from tests.wire.test_venue_options import row as option_row

BTC = InstrumentId("main", "BTC/USDT:USDT")
KNOWN = {
    "BTCUSDT": Listed(BTC.symbol, "BTC", Decimal(1)),
    "ETHUSDT": Listed("ETH/USDT:USDT", "ETH", Decimal(1)),
}
LISTS = {
    "account": futures_account(held("BTCUSDT", "-0.5"), held("ETHUSDT", "2")),
    "risks": [risk("BTCUSDT", "-0.5"), risk("ETHUSDT", "2")],
    "configs": [symbol_settings("BTCUSDT"), symbol_settings("ETHUSDT")],
}
MARKET = {"symbol": BTC.symbol, "id": "BTCUSDT", "base": "BTC", "quote": "USDT", "settle": "USDT"}
ORDER = {
    "s": "BTCUSDT", "c": "h1", "S": "SELL", "q": "0.002", "p": "60000.1", "x": "TRADE", "X": "FILLED", "i": 2, "l": "1",
    "z": "0.002", "L": "60000", "T": AT, "t": 7, "m": True, "R": False, "n": "0.1", "N": "USDT",
}  # fmt: skip
MARK = {"e": "markPriceUpdate", "E": AT, "s": "BTCUSDT", "p": "60100.5", "i": "60099.1", "r": "0.00038", "T": AT + 1}
BOOK = {"e": "bookTicker", "s": "BTCUSDT", "b": "60000", "B": "1", "a": "60001", "A": "2", "E": AT}


def positions(body: Any) -> tuple[Position, ...]:
    if not isinstance(body, dict) or body.keys() != LISTS.keys():
        raise ValueError("only the answers are odd here, not that there are three")
    listing = SimpleNamespace(derivatives=KNOWN, raw={BTC: "BTCUSDT"}, contracts=(BTC,), coins={"BTC"}, gone=set())
    link = SimpleNamespace(account="main")

    async def load() -> dict[str, Listed]:
        raise AssertionError("nothing is loaded here")

    made = PositionReader(cast(Link, link), cast(Listing, listing), load)
    told = account.read_futures(body["account"]), account.read_risks(body["risks"]), Configs(body["configs"])
    return made.positions(*told)


COINS = {
    "account": coin_account(coin_held(PERP, "-20")),
    "risks": [coin_risk(PERP, "-20")],
}


def coin_wallets(body: Any) -> CoinWallets:
    if not isinstance(body, dict) or body.keys() != COINS.keys():
        raise ValueError("only the answers are odd here, not that there are two")
    id = InstrumentId("main", "BTC/USD:BTC")
    listing = SimpleNamespace(
        derivatives={PERP: Listed(id.symbol, "BTC", Decimal(100), None, Payoff.INVERSE)},
        raw={id: PERP},
        contracts=(id,),
        coins={"BTC"},
        instruments={id: SimpleNamespace(settle="BTC")},
        gone=set(),
    )
    link, known = cast(Link, SimpleNamespace(account="main")), cast(Listing, listing)

    async def load() -> dict[str, Listed]:
        raise AssertionError("nothing is loaded here")

    made = CoinReader(link, known, PositionReader(link, known, load, DAPI), cast(Suspicion, None))
    return made.wallets(CoinParts(read_coin_account(body["account"]), read_coin_risks(body["risks"])))


READ: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "lists of positions": (LISTS, positions),
    "wallets of coins": (COINS, coin_wallets),
    "option": (option_row(), lambda told: reader(options.OptionRow)(told).is_sound),
    "order": (order_record(), lambda told: parse.report_of(reader(payloads.OrderRecord)(told), BTC)),
    "trade": (trade(1), lambda told: parse.fill_of(reader(payloads.Trade)(told), BTC)),
    "income": (income(1), lambda told: parse.payment_of(reader(payloads.Income)(told), BTC)),
    "rules": (futures_symbol("BTC"), lambda told: rules_of(MARKET | {"info": told}, "main", None)),
    "premium": (
        bodies()["GET", "/fapi/v1/premiumIndex"],
        lambda told: parse.mark_of(reader(payloads.Premium)(told), BTC, 1),
    ),
    "order news": ({"E": AT, "o": ORDER}, lambda told: parse.news_of_frame(reader(payloads.OrderFrame)(told), BTC)),
    "mark news": (MARK, lambda told: parse.mark_of_frame(reader(payloads.MarkFrame)(told), BTC, 1)),
    "book news": (BOOK, lambda told: parse.quote_of_frame(reader(payloads.BookFrame)(told), BTC, AT)),
    "spot wallet": (bodies()["GET", "/api/v3/account"], account.read_spot),
}
ODD: list[Any] = (
    [None, "", "x", 0, -1, 1.5, True, {}, [], [None], {"a": None}, "NaN", "-Infinity", "1e99", "9" * 30, "-0.1", 2**70,
     10**400, "\u0661", "BTCUSDT", "ETHUSDT", "TRADING", float("nan"), "0"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """The name of a body and the body, with one to four of its parts taken away, doubled or replaced."""
    name = draw(st.sampled_from(sorted(READ)))
    body = json.loads(json.dumps(READ[name][0]))
    for _ in range(draw(st.integers(1, 4))):
        body = changed(draw, body)
    return name, body


def changed(draw: st.DrawFn, body: Any) -> Any:
    keys = list(body) if isinstance(body, dict) else list(range(len(body))) if isinstance(body, list) else []
    if not keys or draw(st.integers(0, 9)) == 0:
        return deepcopy(draw(st.sampled_from(ODD)))
    key, how = draw(st.sampled_from(keys)), draw(st.sampled_from(["drop", "replace", "double", "deeper", "deeper"]))
    if how == "drop":
        del body[key]
    elif how == "double" and isinstance(body, list):
        body.append(body[key])
    else:
        body[key] = deepcopy(draw(st.sampled_from(ODD))) if how == "replace" else changed(draw, body[key])
    return body


def numbers(value: object) -> Iterator[Decimal]:
    """Every decimal in a value of ours."""
    if isinstance(value, Decimal):
        yield value
    parts: list[object] = list(value) if isinstance(value, tuple | list) else []
    if isinstance(value, dict):
        parts = list(value.values())
    if is_dataclass(value):
        parts = [getattr(value, field.name) for field in fields(value)]
    for part in parts:
        yield from numbers(part)


@settings(max_examples=300)
@given(mutated())
def test_an_odd_answer_is_refused_by_value_or_every_number_of_it_is_finite(told: tuple[str, Any]) -> None:
    refused_or_finite(*told)


def refused_or_finite(name: str, body: Any) -> None:
    try:
        understood = READ[name][1](body)
    except (ValueError, ArithmeticError, AskAgain, ConfigError, CredentialsError, GiveUp):
        return
    assert all(number.is_finite() for number in numbers(understood))


def with_one_odd_part(body: Any) -> Iterator[Any]:
    """The body with each of its parts, however deep, replaced by each odd value, and taken away."""
    yield from ODD
    keys = list(body) if isinstance(body, dict) else list(range(len(body))) if isinstance(body, list) else []
    for key in keys:
        without = body.copy()
        del without[key]
        yield without
        for odd in with_one_odd_part(body[key]):
            changed_body = body.copy()
            changed_body[key] = odd
            yield changed_body


@pytest.mark.parametrize("name", READ)
def test_whatever_stands_in_one_place_is_refused_by_value_or_finite(name: str) -> None:
    for body in with_one_odd_part(READ[name][0]):
        refused_or_finite(name, body)


def test_every_body_that_is_not_changed_is_understood() -> None:
    for body, read in READ.values():
        assert read(json.loads(json.dumps(body)))
