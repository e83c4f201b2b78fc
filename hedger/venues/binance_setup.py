"""Before the first order on Binance: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from hedger.errors import AskAgain, ConfigError, CredentialsError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.binance_account import read_mode
from hedger.venues.binance_codes import (
    API,
    FAPI,
    NO_SUCH_SYMBOL,
    SAME_MARGIN_MODE,
    SAME_POSITION_MODE,
    Environment,
)
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import (
    Listed,
    Listing,
    derivatives_of,
    has_ended,
    is_trading,
    name_of_ended,
    rules_of,
    unknown_symbol,
)
from hedger.venues.binance_parse import MARGIN_MODES
from hedger.venues.binance_positions import Configs
from hedger.venues.binance_wire import CommissionRate, KeyRights, ServerTime, reader
from hedger.venues.lanes import Lane

CLOCK_SAMPLES = 3
MOST_OFFSET_MS = 10 * 60_000

_read_time: Understand[ServerTime] = reader(ServerTime)
_read_rights: Understand[KeyRights] = reader(KeyRights)
_read_fees: Understand[CommissionRate] = reader(CommissionRate)


async def measure_clock(link: Link, *, lane: Lane = Lane.RECONCILE, most_ms: int | None = None) -> int:
    """The venue's clock less ours in milliseconds, from the quickest of a few answers, halving its way.

    More than `most_ms` is refused with AskAgain. That is for the start: later a machine may have slept.
    """
    client, samples = link.client, []
    for _ in range(CLOCK_SAMPLES):
        sent_at = link.clock.now_ms()
        told = await link.asker.need("time", client.fapipublic_get_time, _read_time, host=link.hosts[FAPI], lane=lane)
        back_at = link.clock.now_ms()
        samples.append((back_at - sent_at, told.serverTime - (sent_at + back_at) // 2))
    offset_ms = min(samples)[1]
    if most_ms is not None and abs(offset_ms) > most_ms:
        raise AskAgain(f"binance: time: its clock and ours are {offset_ms / 1000:.0f} s apart: set this machine's.")
    link.set_offset(offset_ms)
    return offset_ms


async def check_key(link: Link) -> bool:
    """Refuse keys that may withdraw, or may not trade futures; whether they are bound to addresses.

    The demo network has no such question.
    """
    client = link.client
    rights = await link.asker.need(
        "rights of the key", client.sapi_get_account_apirestrictions, _read_rights, host=link.hosts[API]
    )
    if rights.enableWithdrawals:
        raise CredentialsError("binance: the API key may withdraw: take that right from it, then start again.")
    if not rights.enableReading or not rights.enableFutures:
        raise CredentialsError("binance: the API key may not read and trade futures: give it both rights.")
    return rights.ipRestrict


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


async def configure(link: Link, raws: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
    """Set one-way mode, margin mode and leverage where they differ, and confirm by reading; GiveUp when refused.

    Where we only watch, nothing is set.
    """
    if link.environment is Environment.SHADOW:
        return
    changed = await _apply(link, await _differences(link, raws, leverage, margin_mode))
    left = await _differences(link, raws, leverage, margin_mode) if changed else []
    if left:
        raise GiveUp(f"binance: {left[0][0]} was accepted and is not in force: set it on the venue, then start again.")


Change = tuple[str, Any, dict[str, Any], Collection[int]]


async def _differences(link: Link, raws: Sequence[str], leverage: int, margin_mode: MarginMode) -> list[Change]:
    """What must be set: each with its name, its request, and the codes that say that it is so already."""
    client, host = link.client, link.hosts[FAPI]
    mode, configs = await together(
        link.asker.need("position mode", client.fapiprivate_get_accountconfig, read_mode, host=host),
        link.asker.need("symbol settings", client.fapiprivate_get_symbolconfig, Configs, host=host),
    )
    if not mode.canTrade:
        raise GiveUp("binance: the venue does not let this account trade: ask it why, then start again.")
    changes: list[Change] = []
    if mode.dualSidePosition:
        params = {"dualSidePosition": "false"}
        changes.append(("one-way mode", client.fapiprivate_post_positionside_dual, params, SAME_POSITION_MODE))
    for raw in raws:
        try:
            config = configs.of(raw)
        except ValueError as problem:
            raise AskAgain(f"binance: symbol settings: {problem}.") from None
        if MARGIN_MODES[config.marginType] is not margin_mode:
            kind = "CROSSED" if margin_mode is MarginMode.CROSS else "ISOLATED"
            params = {"symbol": raw, "marginType": kind}
            name = f"{margin_mode} margin on {raw}"
            changes.append((name, client.fapiprivate_post_margintype, params, SAME_MARGIN_MODE))
        if config.leverage != leverage:
            params = {"symbol": raw, "leverage": str(leverage)}
            changes.append((f"leverage {leverage} on {raw}", client.fapiprivate_post_leverage, params, ()))
    return changes


async def _apply(link: Link, changes: Sequence[Change]) -> bool:
    for name, method, params, same in changes:
        await link.asker.ask(
            name,
            _call(method, params),
            lambda payload: payload,
            host=link.hosts[FAPI],
            attempts=1,
            absent=same,
            final=True,
        )
    return bool(changes)


def _call(method: Any, params: dict[str, Any]) -> Any:
    return lambda: method(params)
