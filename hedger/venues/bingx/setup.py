"""Before the first order on BingX: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hedger.errors import AskAgain, ConfigError
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.venues.asking import Understand, explain, together
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS, INVERSE, LINEAR, Book
from hedger.venues.bingx.codes import API, NO_SUCH_SYMBOL
from hedger.venues.bingx.listing import (
    derivatives_of,
    is_inverse,
    is_trading,
    raw_name,
    rules_of,
    unknown_symbol,
)
from hedger.venues.bingx.parse import MARGIN_MODES
from hedger.venues.bingx.payloads import AssetMode, Fees, Leverage, LinearFees, MarginType, PositionMode, ServerTime
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.modes import Change

_read_time: Understand[ServerTime] = answered(ServerTime)
_read_linear_fees: Understand[LinearFees] = answered(LinearFees)
_read_fees: Understand[Fees] = answered(Fees)
_read_asset_mode: Understand[AssetMode] = answered(AssetMode)
read_mode: Understand[PositionMode] = answered(PositionMode)
_read_margin_type: Understand[MarginType] = answered(MarginType)
_read_leverage: Understand[Leverage] = answered(Leverage)
_SINGLE = "singleAssetMode"
# Margin modes may be asked for twice a second.
PACE_S = 0.6


class UnknownContract(AskAgain):
    """The venue says that it does not know a contract of ours: it may not be listed any more."""


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    method = link.client.swap_v2_public_get_server_time
    told = await link.asker.need("time", method, _read_time, host=link.hosts[API], lane=lane)
    return told.serverTime


async def load_listing(link: Link, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`; ConfigError for one that it does not list, that
    simulated trading does not have, or that settles in another money than the others."""
    if link.environment is Environment.TESTNET:
        _refuse_what_is_not_simulated(symbols)
    markets = await _markets_of(link, symbols)
    for symbol in symbols:
        if symbol not in markets:
            raise unknown_symbol(symbol, markets)
    chosen = [markets[symbol] for symbol in symbols]
    link.client.set_markets(chosen)
    instruments = await _instruments(link, chosen)
    monies = sorted({rules.settle for rules in instruments if _is_linear(rules)})
    if len(monies) > 1:
        told = " and ".join(monies)
        raise ConfigError(f"contracts in {told} have a wallet each: put them on two accounts of the configuration.")
    raw = {rules.id: str(market["id"]) for market, rules in zip(chosen, instruments, strict=True)}
    return Listing(
        account=link.account,
        derivatives=_derivatives(markets),
        raw=raw,
        ids={(raw[rules.id], rules.kind): rules.id for rules in instruments},
        instruments={rules.id: rules for rules in instruments},
    )


def _is_linear(rules: Instrument) -> bool:
    return rules.kind is Kind.PERPETUAL and rules.payoff is Payoff.LINEAR


def _refuse_what_is_not_simulated(symbols: Sequence[str]) -> None:
    for symbol in symbols:
        if ":" not in symbol or is_inverse(symbol):
            raise ConfigError(
                f"{symbol} cannot be tried in BingX's simulated trading: it has USDT-M perpetuals only, such as "
                "BTC/USDT:USDT."
            )


async def reload_rules(link: Link, listing: Listing, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out.

    The client and the listing go by them from now on.
    """
    markets = await _markets_of(link, symbols)
    try:
        trading = [markets[symbol] for symbol in symbols if symbol in markets and is_trading(markets[symbol])]
    except ValueError as problem:
        raise AskAgain(f"bingx: the rules are not understood: {explain(problem)}.") from None
    found = await _instruments(link, trading)
    link.client.set_markets(list({**link.client.markets, **{str(m["symbol"]): m for m in trading}}.values()))
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def load_derivatives(link: Link, symbols: Sequence[str]) -> dict[str, Listed]:
    """Every contract that the venue lists now, in the books of `symbols`, by its own name."""
    return _derivatives(await _markets_of(link, [symbol for symbol in symbols if ":" in symbol]))


def _derivatives(markets: Mapping[str, Any]) -> dict[str, Listed]:
    return derivatives_of([market for market in markets.values() if market["type"] == "swap"])


async def _markets_of(link: Link, symbols: Sequence[str]) -> dict[str, Any]:
    """What the venue lists now by ccxt's names: every contract of the books that are asked for, and the spot pairs."""
    contracts = [symbol for symbol in symbols if ":" in symbol]
    spots = [symbol for symbol in symbols if ":" not in symbol]
    books = [book for book in BOOKS.values() if any(is_inverse(s) == (book is INVERSE) for s in contracts)]
    lists = await together(*(_contracts(link, book) for book in books), *(_spot(link, symbol) for symbol in spots))
    return {str(market["symbol"]): market for markets in lists for market in markets}


async def _contracts(link: Link, book: Book) -> list[Any]:
    call = _markets(link, getattr(link.client, book.contracts), {})
    return await link.asker.need(f"{book.title} listing", call, _some, host=link.hosts[API])


async def _spot(link: Link, symbol: str) -> list[Any]:
    """The market of one spot pair, of which the venue is asked for no more: it lists thousands."""
    params = {"symbol": raw_name(link.client, symbol)}
    call = _markets(link, link.client.spot_v1_public_get_common_symbols, params)
    found = await link.asker.ask("spot listing", call, lambda m: m, host=link.hosts[API], absent=NO_SUCH_SYMBOL)
    return [market for market in found or [] if market["type"] == "spot"]


def _markets(link: Link, method: Any, params: dict[str, Any]) -> Callable[[], Awaitable[list[Any]]]:
    """A call that reads a listing as ccxt's markets; inside the call, for ccxt trips over a broken row."""

    async def call() -> list[Any]:
        payload = await method(params)
        rows = payload["data"]
        rows = rows["symbols"] if isinstance(rows, dict) else rows
        named = [row for row in rows if str(row.get("symbol")).count("-") == 1]
        return [market for market in map(link.client.parse_market, named) if market is not None]

    return call


def _some(markets: list[Any]) -> list[Any]:
    if not markets:
        raise ValueError("an empty listing")
    return markets


async def _instruments(link: Link, markets: Sequence[Any]) -> list[Instrument]:
    """The rules of markets. Our fees are those of a whole book, so each book is asked once."""
    books = [book for book in BOOKS.values() if any(_in(market, book) for market in markets)]
    fees = dict(zip(books, await together(*(_fees(link, book) for book in books)), strict=True))
    found = []
    for market in markets:
        book = next((book for book in books if _in(market, book)), None)
        try:
            found.append(rules_of(market, link.account, fees[book] if book is not None else None))
        except ValueError as problem:
            raise AskAgain(f"bingx: the rules of {market['symbol']} are not understood: {problem}.") from None
    return found


def _in(market: Any, book: Book) -> bool:
    return market["type"] == "swap" and bool(market["inverse"]) == (book is INVERSE)


async def _fees(link: Link, book: Book) -> Fees:
    method, host = getattr(link.client, book.fees), link.hosts[API]
    if book is INVERSE:
        return await link.asker.need("fees", method, _read_fees, host=host)
    told = await link.asker.need("fees", method, _read_linear_fees, host=host)
    return told.commission


async def read_leverage(link: Link, book: Book, raw: str) -> Leverage:
    """The leverage that is set for a contract."""
    told: Leverage = await _of_symbol(link, "leverage", book.leverage, raw, _read_leverage)
    return told


async def read_margin_type(link: Link, book: Book, raw: str) -> MarginMode:
    """The margin mode that is set for a contract."""

    def understand(payload: Any) -> MarginType:
        told = _read_margin_type(payload)
        if told.marginType not in MARGIN_MODES:
            raise ValueError("the margin mode of a contract is none that we know")
        return told

    found: MarginType = await _of_symbol(link, "margin mode", book.margin_type, raw, understand)
    return MARGIN_MODES[found.marginType]


async def _of_symbol(link: Link, what: str, method: str, raw: str, understand: Understand[Any]) -> Any:
    def checked(payload: Any) -> Any:
        told = understand(payload)
        if told.symbol not in (None, raw):
            raise ValueError(f"the {what} of {told.symbol} came as an answer about {raw}")
        return told

    call = partial(getattr(link.client, method), {"symbol": raw})
    found = await link.asker.ask(what, call, checked, host=link.hosts[API], absent=NO_SUCH_SYMBOL)
    if found is None:
        raise UnknownContract(f"bingx: {what}: the venue does not know {raw}.")
    return found


async def differences(
    link: Link, listing: Listing, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode
) -> list[Change]:
    """What must be set so that USDT-M trades one-way and in one money, and each contract has this leverage and margin
    mode. COIN-M has no question about its position mode: an order in the other one is refused by the venue."""
    changes: list[Change] = []
    if any(listing.instruments[id].payoff is Payoff.LINEAR for id in ids):
        changes += await _of_account(link)
    for number, id in enumerate(ids):
        book = BOOKS[listing.instruments[id].payoff]
        if number:
            await link.clock.sleep(PACE_S)
        changes += await _of_contract(link, book, listing.raw[id], leverage, margin_mode)
    return changes


async def _of_account(link: Link) -> list[Change]:
    client, host = link.client, link.hosts[API]
    changes = []
    mode = await link.asker.need("position mode", client.swap_v1_private_get_positionside_dual, read_mode, host=host)
    if mode.dualSidePosition:
        call = partial(client.swap_v1_private_post_positionside_dual, {"dualSidePosition": "false"})
        changes.append(Change("one-way mode", call, host))
    if link.environment is not Environment.TESTNET:
        assets = await link.asker.need(
            "asset mode", client.swap_v1_private_get_trade_assetmode, _read_asset_mode, host=host
        )
        if assets.assetMode != _SINGLE:
            call = partial(client.swap_v1_private_post_trade_assetmode, {"assetMode": _SINGLE})
            changes.append(Change("single-asset mode", call, host))
    return changes


async def _of_contract(link: Link, book: Book, raw: str, leverage: int, margin_mode: MarginMode) -> list[Change]:
    client, host, changes = link.client, link.hosts[API], []
    if await read_margin_type(link, book, raw) is not margin_mode:
        kind = "CROSSED" if margin_mode is MarginMode.CROSS else "ISOLATED"
        call = partial(getattr(client, book.set_margin_type), {"symbol": raw, "marginType": kind})
        changes.append(Change(f"{margin_mode} margin on {raw}", call, host))
    told = await read_leverage(link, book, raw)
    if {told.longLeverage, told.shortLeverage} != {leverage}:
        for side in ("BOTH",) if book is LINEAR else ("LONG", "SHORT"):
            params = {"symbol": raw, "side": side, "leverage": str(leverage)}
            changes.append(
                Change(f"leverage {leverage} on {raw}", partial(getattr(client, book.set_leverage), params), host)
            )
    return changes
