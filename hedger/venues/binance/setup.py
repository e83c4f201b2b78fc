"""Before the first order on Binance: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.binance.account import read_mode
from hedger.venues.binance.codes import API, FAPI, NO_SUCH_SYMBOL, SAME_MARGIN_MODE, SAME_POSITION_MODE
from hedger.venues.binance.listing import derivatives_of, has_ended, is_trading, name_of_ended, rules_of, unknown_symbol
from hedger.venues.binance.parse import MARGIN_MODES
from hedger.venues.binance.payloads import ApiRestrictions, CommissionRate, ServerTime
from hedger.venues.binance.positions import Configs
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.modes import Change
from hedger.venues.profile import KeyRights
from hedger.venues.wire import reader

_read_time: Understand[ServerTime] = reader(ServerTime)
_read_rights: Understand[ApiRestrictions] = reader(ApiRestrictions)
_read_fees: Understand[CommissionRate] = reader(CommissionRate)


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    told = await link.asker.need("time", link.client.fapipublic_get_time, _read_time, host=link.hosts[FAPI], lane=lane)
    return told.serverTime


async def check_key(link: Link) -> KeyRights:
    """What the keys may do. The demo network has no such question."""
    client = link.client
    rights = await link.asker.need(
        "rights of the key", client.sapi_get_account_apirestrictions, _read_rights, host=link.hosts[API]
    )
    return KeyRights(
        may_read=rights.enableReading,
        may_trade=rights.enableFutures,
        may_withdraw=rights.enableWithdrawals,
        bound=rights.ipRestrict,
    )


async def load_listing(link: Link, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`, but for those that have ended; ConfigError for any
    other that it does not list."""
    spot_symbols = [symbol for symbol in symbols if ":" not in symbol]
    listed, spots = await together(_derivatives(link), _spots(link, spot_symbols))
    markets = {str(market["symbol"]): market for market in listed + spots}
    ended = _ended(link, symbols, markets)
    symbols = [symbol for symbol in symbols if symbol not in ended]
    for symbol in symbols:
        if symbol not in markets:
            raise unknown_symbol(symbol, markets if ":" in symbol else await _all_spots(link))
    chosen = [markets[symbol] for symbol in symbols]
    link.client.set_markets(chosen)
    instruments = await together(*(_instrument(link, market) for market in chosen))
    raw = {rules.id: str(market["id"]) for market, rules in zip(chosen, instruments, strict=True)}
    return Listing(
        account=link.account,
        derivatives=derivatives_of(listed),
        raw=raw | {InstrumentId(link.account, symbol): name_of_ended(symbol) for symbol in ended},
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
    listed, pairs = await together(_derivatives(link), _spots(link, spots))
    return {str(market["symbol"]): market for market in listed + pairs}


async def load_derivatives(link: Link) -> dict[str, Listed]:
    """Every derivative that the venue lists now, by its own name."""
    return derivatives_of(await _derivatives(link))


async def _derivatives(link: Link) -> list[Any]:
    method = link.client.fapipublic_get_exchangeinfo
    return await link.asker.need("futures listing", _markets(link, method, {}), _some, host=link.hosts[FAPI])


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
        if market["type"] not in ("swap", "future") or not market["linear"]:
            told = "is no spot pair, and no future that settles in the money that it is priced in"
            raise ConfigError(f"{market['symbol']} {told}: it is not traded.")
        return rules_of(market, link.account, await _fees(link, str(market["id"])))
    except ValueError as problem:
        raise AskAgain(f"binance: the rules of {market['symbol']} are not understood: {problem}.") from None


async def _fees(link: Link, raw: str) -> CommissionRate:
    client = link.client

    def understand(payload: Any) -> CommissionRate:
        fees = _read_fees(payload)
        if fees.symbol != raw:
            raise ValueError(f"the fees of {fees.symbol} came as an answer about {raw}")
        return fees

    return await link.asker.need(
        "fees", lambda: client.fapiprivate_get_commissionrate({"symbol": raw}), understand, host=link.hosts[FAPI]
    )


async def differences(
    link: Link, listing: Listing, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode
) -> list[Change]:
    """What must be set so that the account is one-way and each contract has this leverage and margin mode."""
    client, host = link.client, link.hosts[FAPI]
    mode, configs = await together(
        link.asker.need("position mode", client.fapiprivate_get_accountconfig, read_mode, host=host),
        link.asker.need("symbol settings", client.fapiprivate_get_symbolconfig, Configs, host=host),
    )
    if not mode.canTrade:
        raise GiveUp("binance: the venue does not let this account trade: ask it why, then start again.")
    changes: list[Change] = []
    if mode.dualSidePosition:
        call = partial(client.fapiprivate_post_positionside_dual, {"dualSidePosition": "false"})
        changes.append(Change("one-way mode", call, host, SAME_POSITION_MODE))
    for id in ids:
        raw = listing.raw[id]
        try:
            config = configs.of(raw)
        except ValueError as problem:
            raise AskAgain(f"binance: symbol settings: {problem}.") from None
        if MARGIN_MODES[config.marginType] is not margin_mode:
            kind = "CROSSED" if margin_mode is MarginMode.CROSS else "ISOLATED"
            call = partial(client.fapiprivate_post_margintype, {"symbol": raw, "marginType": kind})
            changes.append(Change(f"{margin_mode} margin on {raw}", call, host, SAME_MARGIN_MODE))
        if config.leverage != leverage:
            call = partial(client.fapiprivate_post_leverage, {"symbol": raw, "leverage": str(leverage)})
            changes.append(Change(f"leverage {leverage} on {raw}", call, host))
    return changes
