"""Before the first order on WEEX: what is listed and may be traded by API, our fees, and the modes of the account."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.errors import AskAgain, ConfigError
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.venues.asking import Understand, explain, together
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.modes import Change
from hedger.venues.profile import KeyRights
from hedger.venues.weex.codes import CONTRACT, MONEY, NO_SUCH_SYMBOL, SPOT
from hedger.venues.weex.listing import (
    contract_rules,
    listed_of,
    pair_rules,
    raw_name,
    read_contract,
    read_pair,
    unknown_symbol,
)
from hedger.venues.weex.parse import MARGIN_MODES
from hedger.venues.weex.payloads import AccountConfig, Fees, Row, ServerTime, SymbolConfig
from hedger.venues.wire import Payload, reader


class _Listed(Payload):
    symbols: list[Row]


_read_time: Understand[ServerTime] = reader(ServerTime)
_read_listed: Understand[_Listed] = reader(_Listed)
_read_tradable: Understand[list[str]] = reader(list[str])
_read_fees: Understand[Fees] = reader(Fees)
_read_configs: Understand[list[SymbolConfig]] = reader(list[SymbolConfig])
_read_account: Understand[AccountConfig] = reader(AccountConfig)


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    method = link.client.contract_get_capi_v3_market_time
    told = await link.asker.need("time", method, _read_time, host=link.hosts[CONTRACT], lane=lane)
    return told.serverTime


async def check_key(link: Link) -> KeyRights:
    """What the venue says: whether the account may trade. It does not tell the rights of the keys; `canWithdraw` is of
    the account too, and its API has no withdrawal that keys could ask for."""
    method = link.client.contractprivate_get_capi_v3_account_accountconfig
    told = await link.asker.need("account", method, _read_account, host=link.hosts[CONTRACT])
    return KeyRights(may_read=True, may_trade=told.canTrade, may_withdraw=None, bound=None)


async def load_listing(link: Link, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`; ConfigError for one that it does not list, or does
    not trade by API."""
    rows = await _contract_rows(link)
    found = await _instruments(link, symbols, rows, leave_out=False)
    raw = {rules.id: raw_name(rules.id.symbol) for rules in found}
    return Listing(
        account=link.account,
        derivatives=listed_of(rows),
        raw=raw,
        ids={(raw[rules.id], rules.kind): rules.id for rules in found},
        instruments={rules.id: rules for rules in found},
    )


async def load_derivatives(link: Link) -> dict[str, Listed]:
    """Every contract that the venue lists now, by its own name."""
    return listed_of(await _contract_rows(link))


async def reload_rules(link: Link, listing: Listing, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out."""
    found = await _instruments(link, symbols, await _contract_rows(link), leave_out=True)
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def _contract_rows(link: Link) -> list[Row]:
    def understand(payload: Any) -> list[Row]:
        rows = _read_listed(payload).symbols
        if not rows:
            raise ValueError("an empty listing")
        return rows

    method = link.client.contract_get_capi_v3_market_exchangeinfo
    return await link.asker.need("listing", method, understand, host=link.hosts[CONTRACT], lane=Lane.RECONCILE)


async def _tradable(link: Link) -> frozenset[str]:
    """The contracts that may be traded by API. An empty list is not believed."""

    def understand(payload: Any) -> frozenset[str]:
        names = frozenset(_read_tradable(payload))
        if not names:
            raise ValueError("no contract may be traded by API")
        return names

    method = link.client.contract_get_capi_v3_market_apitradingsymbols
    return await link.asker.need("contracts traded by API", method, understand, host=link.hosts[CONTRACT])


async def _instruments(link: Link, symbols: Sequence[str], rows: list[Row], *, leave_out: bool) -> list[Instrument]:
    listed, tradable = listed_of(rows), await _tradable(link)
    names = {found.symbol: raw for raw, found in listed.items()}
    by_raw = {row.symbol: row for row in rows}
    found: list[Instrument] = []
    for symbol in symbols:
        if ":" not in symbol:
            found += await _pair(link, symbol, leave_out=leave_out)
            continue
        raw = names.get(symbol)
        if raw is not None and raw != raw_name(symbol):
            raise AskAgain(f"weex: {symbol} has the name {raw}, which is not understood.")
        if raw is None or raw not in tradable:
            if leave_out:
                continue
            if raw is None:
                raise unknown_symbol(symbol, names.keys())
            raise ConfigError(f"{symbol} may not be traded by API on WEEX.")
        if listed[raw].symbol.rpartition(":")[2] != MONEY:
            raise ConfigError(f"{symbol} does not settle in {MONEY}, the only wallet of WEEX that is read here.")
        found.append(await _contract(link, by_raw[raw]))
    return found


async def _contract(link: Link, row: Row) -> Instrument:
    def understand(payload: Any) -> Fees:
        told = _read_fees(payload)
        if told.symbol != row.symbol:
            raise ValueError(f"the fees of {told.symbol} came as an answer about {row.symbol}")
        return told

    call = partial(link.client.contractprivate_get_capi_v3_account_commissionrate, {"symbol": row.symbol})
    fees = await link.asker.need("fees", call, understand, host=link.hosts[CONTRACT])
    try:
        return contract_rules(read_contract(row.model_dump()), link.account, fees)
    except ValueError as problem:
        raise AskAgain(f"weex: the rules of {row.symbol} are not understood: {explain(problem)}.") from None


async def _pair(link: Link, symbol: str, *, leave_out: bool) -> list[Instrument]:
    """The rules of one spot pair, of which the venue is asked for no more: it lists thousands."""
    raw = raw_name(symbol)
    call = partial(link.client.public_get_api_v3_exchangeinfo, {"symbol": raw})
    listed = await link.asker.ask("spot listing", call, _read_listed, host=link.hosts[SPOT], absent=NO_SUCH_SYMBOL)
    rows = [row for row in (listed.symbols if listed is not None else []) if row.symbol == raw]
    if not rows:
        if leave_out:
            return []
        raise unknown_symbol(symbol, ())
    try:
        row = read_pair(rows[0].model_dump())
    except ValueError as problem:
        raise AskAgain(f"weex: the rules of {symbol} are not understood: {explain(problem)}.") from None
    if f"{row.baseAsset}/{row.quoteAsset}" != symbol:
        raise AskAgain(f"weex: {symbol} is listed as {row.baseAsset}/{row.quoteAsset}, which is not understood.")
    if not row.enableTrade:
        if leave_out:
            return []
        raise ConfigError(f"{symbol} is not open for trading on WEEX.")
    return [pair_rules(row, link.account)]


async def read_config(link: Link, raw: str) -> SymbolConfig:
    """The margin mode, the position mode and the leverage of a contract."""

    def understand(payload: Any) -> SymbolConfig:
        rows = [row for row in _read_configs(payload) if row.symbol == raw]
        if len(rows) != 1:
            raise ValueError(f"the settings of {raw} came {len(rows)} times")
        return rows[0]

    call = partial(link.client.contractprivate_get_capi_v3_account_symbolconfig, {"symbol": raw})
    return await link.asker.need("settings of a contract", call, understand, host=link.hosts[CONTRACT])


async def differences(
    link: Link, listing: Listing, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode
) -> list[Change]:
    """What must be set so that each contract has one position on a side, this margin mode and this leverage."""
    contracts = [listing.raw[id] for id in ids if listing.instruments[id].kind is not Kind.SPOT]
    parts = await together(*(_of_contract(link, raw, leverage, margin_mode) for raw in contracts))
    return [change for part in parts for change in part]


async def _of_contract(link: Link, raw: str, leverage: int, margin_mode: MarginMode) -> list[Change]:
    client, host, changes = link.client, link.hosts[CONTRACT], []
    told = await read_config(link, raw)
    kind = "CROSSED" if margin_mode is MarginMode.CROSS else "ISOLATED"
    if MARGIN_MODES[told.marginType] is not margin_mode or told.separatedType != "COMBINED":
        params = {"symbol": raw, "marginType": kind, "separatedType": "COMBINED"}
        call = partial(client.contractprivate_post_capi_v3_account_margintype, params)
        changes.append(Change(f"{margin_mode} margin and combined positions on {raw}", call, host))
    if leverages(told, margin_mode) != {leverage}:
        names = ["crossLeverage"] if kind == "CROSSED" else ["isolatedLongLeverage", "isolatedShortLeverage"]
        params = {"symbol": raw, "marginType": kind, **dict.fromkeys(names, str(leverage))}
        call = partial(client.contractprivate_post_capi_v3_account_leverage, params)
        changes.append(Change(f"leverage {leverage} on {raw}", call, host))
    return changes


def leverages(told: SymbolConfig, margin_mode: MarginMode) -> set[Any]:
    """The leverages that count in a margin mode."""
    if margin_mode is MarginMode.CROSS:
        return {told.crossLeverage}
    return {told.isolatedLongLeverage, told.isolatedShortLeverage}
