"""Before the first order on Binance: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hedger.errors import AskAgain, ConfigError
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.binance.codes import API, FAPI, NO_SUCH_SYMBOL
from hedger.venues.binance.doors import host_of, private, public
from hedger.venues.binance.listing import derivatives_of, has_ended, is_trading, rules_of
from hedger.venues.binance.names import api_of, contract_apis, raw_name, settles_in_coin
from hedger.venues.binance.payloads import CommissionRate, ServerTime
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing, not_listed
from hedger.venues.wire import reader

_read_time: Understand[ServerTime] = reader(ServerTime)
_read_fees: Understand[CommissionRate] = reader(CommissionRate)


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    told = await link.asker.need("time", link.client.fapipublic_get_time, _read_time, host=link.hosts[FAPI], lane=lane)
    return told.serverTime


async def load_listing(link: Link, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`, but for those that have ended; ConfigError for any
    other that it does not list."""
    spot_symbols = [symbol for symbol in symbols if ":" not in symbol]
    listed, spots = await together(_derivatives(link, contract_apis(symbols)), _spots(link, spot_symbols))
    markets = {str(market["symbol"]): market for market in listed + spots}
    ended = _ended(link, symbols, markets)
    symbols = [symbol for symbol in symbols if symbol not in ended]
    for symbol in symbols:
        if symbol not in markets:
            raise not_listed("Binance", symbol, markets if ":" in symbol else await _all_spots(link))
    chosen = [markets[symbol] for symbol in symbols]
    link.client.set_markets(chosen)
    instruments = await together(*(_instrument(link, market) for market in chosen))
    raw = {rules.id: str(market["id"]) for market, rules in zip(chosen, instruments, strict=True)}
    return Listing(
        account=link.account,
        derivatives=derivatives_of(listed),
        raw=raw | {InstrumentId(link.account, symbol): raw_name(symbol) for symbol in ended},
        ids={(raw[rules.id], rules.kind): rules.id for rules in instruments},
        instruments={rules.id: rules for rules in instruments},
        gone=frozenset(InstrumentId(link.account, symbol) for symbol in ended),
    )


def _ended(link: Link, symbols: Sequence[str], markets: Mapping[str, Any]) -> list[str]:
    try:
        return [symbol for symbol in symbols if has_ended(symbol, markets, link.venue_now())]
    except ValueError as problem:
        raise AskAgain(f"binance: the rules are not understood: {explain(problem)}.") from None


async def reload_rules(link: Link, listing: Listing, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out.

    The client and the listing go by them from now on. What had ended before the start is not looked for.
    """
    symbols = [symbol for symbol in symbols if InstrumentId(link.account, symbol) in listing.instruments]
    markets = await _markets_of(link, symbols)
    try:
        trading = [markets[symbol] for symbol in symbols if symbol in markets and is_trading(markets[symbol])]
    except ValueError as problem:
        raise AskAgain(f"binance: the rules are not understood: {explain(problem)}.") from None
    found = await together(*(_instrument(link, market) for market in trading))
    link.client.set_markets(list({**link.client.markets, **{str(m["symbol"]): m for m in trading}}.values()))
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def _markets_of(link: Link, symbols: Sequence[str]) -> dict[str, Any]:
    """What the venue lists now by ccxt's names: every derivative, and the spot pairs among `symbols`."""
    spots = [symbol for symbol in symbols if ":" not in symbol]
    listed, pairs = await together(_derivatives(link, contract_apis(symbols)), _spots(link, spots))
    return {str(market["symbol"]): market for market in listed + pairs}


async def load_derivatives(link: Link, api: str) -> dict[str, Listed]:
    """Every contract of an API that the venue lists now, by its own name."""
    return derivatives_of(await _derivatives(link, (api,)))


async def _derivatives(link: Link, apis: Sequence[str]) -> list[Any]:
    lists = await together(*(_contracts(link, api) for api in apis))
    return [market for markets in lists for market in markets]


async def _contracts(link: Link, api: str) -> list[Any]:
    method = public(link, api, "get_exchangeinfo")
    return await link.asker.need("futures listing", _markets(link, method, {}), _some, host=link.hosts[api])


async def _spots(link: Link, symbols: Sequence[str]) -> list[Any]:
    """The markets of the spot pairs asked for, of which the venue is asked for no more: it lists thousands."""
    if not symbols:
        return []
    raws = json.dumps([symbol.replace("/", "") for symbol in symbols], separators=(",", ":"))
    found = await link.asker.ask(
        "spot listing",
        _markets(link, link.client.public_get_exchangeinfo, {"symbols": raws}),
        _some,
        host=link.hosts[API],
        absent=NO_SUCH_SYMBOL,
    )
    if found is None and len(symbols) > 1:  # One of them is not listed, and the others are told only without it.
        return [market for part in await together(*(_spots(link, [symbol]) for symbol in symbols)) for market in part]
    return found or []


async def _all_spots(link: Link) -> list[str]:
    found = await link.asker.need(
        "spot listing",
        _markets(link, link.client.public_get_exchangeinfo, {}),
        _some,
        host=link.hosts[API],
    )
    return [str(market["symbol"]) for market in found]


def _markets(link: Link, method: Any, params: dict[str, Any]) -> Callable[[], Awaitable[list[Any]]]:
    """A call that reads a listing as ccxt's markets; inside the call, for ccxt trips over a broken row."""

    async def call() -> list[Any]:
        payload = await method(params)
        return [market for market in map(link.client.parse_market, payload["symbols"]) if market is not None]

    return call


def _some(markets: list[Any]) -> list[Any]:
    if not markets:
        raise ValueError("an empty listing")
    return markets


async def _instrument(link: Link, market: Any) -> Instrument:
    try:
        if market["type"] == "spot":
            return rules_of(market, link.account, None)
        if market["type"] not in ("swap", "future") or not (market["linear"] or settles_in_coin(market["symbol"])):
            told = "is no spot pair, and no future that settles in the money that it is priced in or in its own coin"
            raise ConfigError(f"{market['symbol']} {told}: it is not traded.")
        return rules_of(market, link.account, await _fees(link, api_of(market["symbol"]), str(market["id"])))
    except ValueError as problem:
        raise AskAgain(f"binance: the rules of {market['symbol']} are not understood: {problem}.") from None


async def _fees(link: Link, api: str, raw: str) -> CommissionRate:
    method = private(link, api, "get_commissionrate")

    def understand(payload: Any) -> CommissionRate:
        fees = _read_fees(payload)
        if fees.symbol != raw:
            raise ValueError(f"the fees of {fees.symbol} came as an answer about {raw}")
        return fees

    return await link.asker.need("fees", lambda: method({"symbol": raw}), understand, host=host_of(link, api))
