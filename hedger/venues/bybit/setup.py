"""Before the first order on Bybit: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.bybit.asked import ask_rows, host_of, need_rows, read_envelope, rows_of
from hedger.venues.bybit.codes import NO_SUCH_SYMBOL, SAME_LEVERAGE, SAME_MARGIN_MODE, SAME_POSITION_MODE
from hedger.venues.bybit.listing import (
    Market,
    derivatives_of,
    has_ended,
    interval_of,
    markets_of,
    name_of_ended,
    rules_of,
)
from hedger.venues.bybit.names import Category, category_of, raw_name
from hedger.venues.bybit.payloads import AccountInfo, ApiKey, FeeRate, PositionRow, ServerTime
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing, not_listed
from hedger.venues.modes import Change
from hedger.venues.profile import KeyRights
from hedger.venues.wire import reader

T = TypeVar("T")
UNIFIED = (5, 6)
_PAGE = 1_000
# Unasked the venue lists what trades; what does not yet, or no more, it lists where it is asked for that.
_NOT_TRADING = ("PreLaunch", "Delivering")
_CONTRACTS = (Category.LINEAR, Category.INVERSE)
_read_time: Understand[ServerTime] = reader(ServerTime)
_read_key: Understand[ApiKey] = reader(ApiKey)
_read_info: Understand[AccountInfo] = reader(AccountInfo)
_read_fees: Understand[FeeRate] = reader(FeeRate)
_read_position: Understand[PositionRow] = reader(PositionRow)


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""

    def understand(payload: Any) -> int:
        return int(_read_time(read_envelope(payload).result).timeNano) // 1_000_000

    return await link.asker.need(
        "time", link.client.public_get_v5_market_time, understand, host=host_of(link), lane=lane
    )


async def check_key(link: Link) -> KeyRights:
    """What the keys may do."""
    key = await link.asker.need(
        "rights of the key",
        link.client.private_get_v5_user_query_api,
        lambda payload: _read_key(read_envelope(payload).result),
        host=host_of(link),
    )
    words = {word for rights in key.permissions.values() for word in rights}
    trades = "DerivativesTrade" in words or "Order" in key.permissions.get("ContractTrade", [])
    return KeyRights(
        may_read=True,
        may_trade=key.readOnly == 0 and trades,
        may_withdraw=key.readOnly == 0 and "Withdraw" in words,
        bound=bool(key.ips) and "*" not in key.ips,
        expire_at=_end_of(key),
    )


def _end_of(key: ApiKey) -> int | None:
    """When the venue ends the keys (ms), None where they last. What it says of that in another form is no reason not to
    start."""
    if not isinstance(key.deadlineDay, int) or key.deadlineDay < 0:
        return None
    try:
        end = datetime.fromisoformat(str(key.expiredAt))
    except ValueError:
        return None
    return int(end.timestamp() * 1000) if end.tzinfo is not None else None


async def read_info(link: Link) -> AccountInfo:
    """The account's kind and margin mode."""
    return await link.asker.need(
        "account",
        link.client.private_get_v5_account_info,
        lambda payload: _read_info(read_envelope(payload).result),
        host=host_of(link),
    )


async def check_unified(link: Link) -> None:
    """ConfigError for an account of an older kind, which keeps coins and contracts in several wallets."""
    if (await read_info(link)).unifiedMarginStatus not in UNIFIED:
        raise ConfigError(
            "bybit: this is no unified trading account of version 2, which is the only kind that is read: upgrade it "
            "on the venue (it cannot be undone), or trade on another account."
        )


async def load_listing(link: Link, symbols: Sequence[str]) -> tuple[Listing, Mapping[InstrumentId, int]]:
    """Read what the venue lists and the rules and fees of `symbols`, but for those that have ended; ConfigError for any
    other that it does not list. Also how often each perpetual pays funding, in milliseconds."""
    found = await _listed(link, symbols)
    markets = {market.symbol: market for market in found}
    ended = [symbol for symbol in symbols if _understood(has_ended, symbol, markets, link.venue_now())]
    chosen = []
    for symbol in symbols:
        if symbol in ended:
            continue
        if symbol not in markets:
            raise not_listed("Bybit", symbol, [name for name in markets if (":" in name) == (":" in symbol)])
        chosen.append(markets[symbol])
    instruments = await _instruments(link, chosen)
    ids = {market.symbol: rules.id for market, rules in zip(chosen, instruments, strict=True)}
    gone = {InstrumentId(link.account, symbol): name_of_ended(symbol) for symbol in ended}
    listing = Listing(
        account=link.account,
        derivatives=derivatives_of(market for market in found if market.category is not Category.SPOT),
        raw={ids[market.symbol]: market.raw for market in chosen} | gone,
        ids={(market.raw, rules.kind): rules.id for market, rules in zip(chosen, instruments, strict=True)},
        instruments={rules.id: rules for rules in instruments},
        gone=frozenset(gone),
    )
    contracts = [market for market in chosen if market.category is not Category.SPOT]
    return listing, {ids[market.symbol]: _understood(interval_of, market) for market in contracts}


async def reload_rules(link: Link, listing: Listing, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out.

    The listing goes by them from now on. What had ended before the start is not looked for.
    """
    symbols = [symbol for symbol in symbols if InstrumentId(link.account, symbol) in listing.instruments]
    markets = {market.symbol: market for market in await _listed(link, symbols)}
    trading = [markets[symbol] for symbol in symbols if symbol in markets and _is_trading(markets[symbol])]
    found = await _instruments(link, trading)
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def load_derivatives(link: Link) -> dict[str, Listed]:
    """Every derivative that the venue lists now, by its own name, with those that do not trade yet or no more."""
    untraded = (_untraded(link, category, status) for category in _CONTRACTS for status in _NOT_TRADING)
    parts = await together(_listed(link, []), *untraded)
    return derivatives_of(market for part in parts for market in part)


async def _listed(link: Link, symbols: Sequence[str]) -> list[Market]:
    """Every perpetual and dated contract, and the spot pairs among `symbols`: the venue lists hundreds of those."""
    pairs = [symbol for symbol in symbols if ":" not in symbol]
    needed = frozenset(raw_name(symbol) for symbol in symbols)
    contracts = (_contracts(link, category, needed) for category in _CONTRACTS)
    parts = await together(*contracts, *(_pair(link, pair) for pair in pairs))
    return [market for part in parts for market in part]


async def _contracts(link: Link, category: Category, needed: frozenset[str]) -> list[Market]:
    method = link.client.public_get_v5_market_instruments_info
    rows = await need_rows(link, f"{category} listing", method, {"category": category.value, "limit": _PAGE})
    if not rows:
        raise AskAgain(f"bybit: {category} listing: it is empty.")
    return _understood(markets_of, rows, category, needed)


async def _untraded(link: Link, category: Category, status: str) -> list[Market]:
    """The contracts of a status in which they do not trade; none where the venue tells no such list. It must not keep
    from being learned what trades: what is not learned is not known, and a position in it is not believed."""
    method = link.client.public_get_v5_market_instruments_info
    params = {"category": category.value, "status": status, "limit": _PAGE}
    with suppress(AskAgain, GiveUp):
        rows = await ask_rows(link, f"{category} listing", method, params, absent=NO_SUCH_SYMBOL)
        return _understood(markets_of, rows or [], category)
    return []


async def _pair(link: Link, symbol: str) -> list[Market]:
    """The market of a spot pair; none where the venue knows none, or another comes as an answer."""
    method = link.client.public_get_v5_market_instruments_info
    params = {"category": "spot", "symbol": raw_name(symbol)}
    rows = await ask_rows(link, "spot listing", method, params, absent=NO_SUCH_SYMBOL)
    return [
        market
        for market in _understood(markets_of, rows or [], Category.SPOT, [raw_name(symbol)])
        if market.symbol == symbol
    ]


def _understood(read: Callable[..., T], *arguments: Any) -> T:
    try:
        return read(*arguments)
    except ValueError as problem:
        raise AskAgain(f"bybit: the rules are not understood: {explain(problem)}.") from None


def _is_trading(market: Market) -> bool:
    return _understood(lambda: market.is_trading)


async def _instruments(link: Link, markets: Sequence[Market]) -> list[Instrument]:
    """The rules of markets, with our fees: one question for each category, for the venue allows few of them."""
    categories = sorted({market.category for market in markets})
    fees = dict(zip(categories, await together(*(_fees(link, category) for category in categories)), strict=True))
    return [_understood(_rules_of, market, link.account, fees[market.category]) for market in markets]


def _rules_of(market: Market, account: str, fees: Mapping[str, Any]) -> Instrument:
    if market.raw not in fees:
        raise ValueError(f"the venue does not tell the fees of {market.raw}")
    return rules_of(market, account, _read_fees(fees[market.raw]))


async def _fees(link: Link, category: Category) -> dict[str, Any]:
    """The rows of our fees by the venue's names, unread but for those."""

    def understand(payload: Any) -> dict[str, Any]:
        rows = rows_of(payload)
        found = {str(row.get("symbol")): row for row in rows}
        if len(found) != len(rows):
            raise ValueError("the fees of a symbol are told twice")
        return found

    method, params = link.client.private_get_v5_account_fee_rate, {"category": category.value}
    return await link.asker.need("fees", lambda: method(dict(params)), understand, host=host_of(link))


async def differences(
    link: Link, listing: Listing, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode
) -> list[Change]:
    """What must be set so that the account is one-way and each contract has this leverage and margin mode.

    GiveUp for isolated margin, in which the venue tells no margin of the account, and for an account in portfolio
    margin: to leave that is the owner's to decide, for it may take more margin than there is.
    """
    if margin_mode is MarginMode.ISOLATED:
        raise GiveUp(
            "bybit: in isolated margin mode the venue tells no margin of the account, and the guards would be blind: "
            "set margin_mode to cross."
        )
    ids = [id for id in ids if id in listing.contracts]
    info, *held = await together(read_info(link), *(rows_of_contract(link, listing, id) for id in ids))
    if info.marginMode == "PORTFOLIO_MARGIN":
        raise GiveUp(
            "bybit: the account is in portfolio margin: set it to cross margin on the venue, then start again."
        )
    changes = [] if info.marginMode == "REGULAR_MARGIN" else [_margin_change(link)]
    for id, rows in zip(ids, held, strict=True):
        changes += _contract_changes(link, listing, id, rows, leverage)
    return changes


async def rows_of_contract(link: Link, listing: Listing, id: InstrumentId) -> list[PositionRow]:
    """The rows of one contract, which the venue tells though it is flat; AskAgain where it does not."""
    rows = await named_rows(link, listing, id)
    if not rows:
        raise AskAgain(f"bybit: position: the venue tells nothing of {listing.raw[id]}.")
    return rows


async def named_rows(link: Link, listing: Listing, id: InstrumentId) -> list[PositionRow] | None:
    """The rows of one contract by its name; None where the venue knows no such contract."""
    raw = listing.raw[id]
    params = {"category": category_of(id.symbol).value, "symbol": raw}

    def understand(payload: Any) -> list[PositionRow]:
        rows = [_read_position(row) for row in rows_of(payload)]
        if not rows or any(row.symbol != raw for row in rows):
            raise ValueError(f"the position of something else came as an answer about {raw}")
        if len({row.positionIdx for row in rows}) != len(rows):
            raise ValueError(f"a side of {raw} is told twice")
        return rows

    method = link.client.private_get_v5_position_list
    return await link.asker.ask(
        "position", lambda: method(dict(params)), understand, host=host_of(link), absent=NO_SUCH_SYMBOL
    )


def _margin_change(link: Link) -> Change:
    call = partial(link.client.private_post_v5_account_set_margin_mode, {"setMarginMode": "REGULAR_MARGIN"})
    return Change("cross margin of the account", call, host_of(link), SAME_MARGIN_MODE)


def _contract_changes(
    link: Link, listing: Listing, id: InstrumentId, rows: Sequence[PositionRow], leverage: int
) -> list[Change]:
    client, raw, host = link.client, listing.raw[id], host_of(link)
    named = {"category": category_of(id.symbol).value, "symbol": raw}
    changes = []
    if any(row.positionIdx for row in rows):
        call = partial(client.private_post_v5_position_switch_mode, {**named, "mode": 0})
        changes.append(Change(f"one-way mode on {raw}", call, host, SAME_POSITION_MODE))
    if any(row.leverage != leverage for row in rows):
        sides = {"buyLeverage": str(leverage), "sellLeverage": str(leverage)}
        call = partial(client.private_post_v5_position_set_leverage, {**named, **sides})
        changes.append(Change(f"leverage {leverage} on {raw}", call, host, SAME_LEVERAGE))
    return changes
