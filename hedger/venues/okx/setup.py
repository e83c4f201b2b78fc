"""Before the first order on OKX: what is listed, what the keys may do, and the modes of the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.venues.asking import Understand, explain, together
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing, not_listed
from hedger.venues.modes import Change
from hedger.venues.okx.codes import NO_SUCH_INSTRUMENT, NOT_TRADING, REST
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.listing import has_ended, is_trading, name_of, rules_of
from hedger.venues.okx.payloads import (
    AccountConfig,
    FeeRates,
    InstrumentRow,
    LeverageRow,
    ServerTime,
    row_as,
    rows_as,
)
from hedger.venues.profile import KeyRights

_read_time: Understand[ServerTime] = row_as(ServerTime)
read_config: Understand[AccountConfig] = row_as(AccountConfig)
read_leverages: Understand[list[LeverageRow]] = rows_as(LeverageRow)
_read_fees: Understand[list[FeeRates]] = rows_as(FeeRates)
_read_instruments: Understand[list[InstrumentRow]] = rows_as(InstrumentRow)
MOST_NAMES = 20  # in one question about leverage
FEE_PAUSE_S, UNPAUSED = 0.45, 4  # fees may be asked for five times in two seconds
NOT_FOR_US = {
    "1": "is in spot mode, which trades no contracts: set futures or multi-currency margin mode",
    "4": "is in portfolio margin, which has no reduce-only and no leverage: set futures or multi-currency margin mode",
}


@dataclass(slots=True)
class Wanted:
    """How our orders are margined: OKX has no such setting, each order says it."""

    margin_mode: MarginMode = MarginMode.CROSS


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    method = link.client.public_get_public_time
    told = await link.asker.need("time", method, _read_time, host=link.hosts[REST], lane=lane)
    return told.ts


async def read_account_config(link: Link) -> AccountConfig:
    """The account's modes, and what these keys may do."""
    method = link.client.private_get_account_config
    return await link.asker.need("account configuration", method, read_config, host=link.hosts[REST])


async def check_key(link: Link) -> KeyRights:
    """What the keys may do."""
    config = await read_account_config(link)
    rights = {right.strip() for right in config.perm.split(",")}
    return KeyRights(
        may_read=bool(rights & {"read_only", "trade"}),
        may_trade="trade" in rights,
        may_withdraw="withdraw" in rights,
        bound=bool(config.ip),
    )


async def load_listing(link: Link, symbols: Sequence[str], contracts: Contracts) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`, but for those that have ended; ConfigError for any
    other that it does not list."""
    rows = await _rows_of(link, symbols, contracts)
    now = link.venue_now()
    ended = [symbol for symbol in symbols if has_ended(symbol, rows, now)]
    for symbol in symbols:
        if symbol not in rows and contracts.is_unread(name_of(symbol)):
            raise _not_understood(symbol)
        if symbol not in rows and symbol not in ended:
            raise not_listed("OKX", symbol, rows if ":" in symbol else await _all_spots(link))
    for symbol in ended:
        try:
            contracts.remember_ended(symbol, name_of(symbol))
        except ValueError:
            raise not_listed("OKX", symbol, rows) from None
    chosen = {symbol: rows[symbol] for symbol in symbols if symbol not in ended}
    instruments = await _instruments(link, chosen, contracts)
    link.client.set_markets([link.client.parse_market(row.model_dump(mode="json")) for row in chosen.values()])
    raw = {rules.id: chosen[rules.id.symbol].instId for rules in instruments}
    return Listing(
        account=link.account,
        derivatives={name: contract.listed for name, contract in contracts.by_raw.items()},
        raw=raw | {InstrumentId(link.account, symbol): name_of(symbol) for symbol in ended},
        ids={(raw[rules.id], rules.kind): rules.id for rules in instruments},
        instruments={rules.id: rules for rules in instruments},
        gone=frozenset(InstrumentId(link.account, symbol) for symbol in ended),
    )


async def reload_rules(
    link: Link, listing: Listing, contracts: Contracts, symbols: Sequence[str]
) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out.

    What had ended before the start is not looked for. A row that is not understood, or tells of another contract than
    before, is no proof that what it names does not trade: AskAgain.
    """
    symbols = [symbol for symbol in symbols if InstrumentId(link.account, symbol) in listing.instruments]
    rows = await _rows_of(link, symbols, contracts)
    for symbol in symbols:
        raw = listing.raw[InstrumentId(link.account, symbol)]
        if symbol not in rows and (raw in contracts.rows or contracts.is_unread(raw)):
            raise _not_understood(symbol)
    trading = {symbol: rows[symbol] for symbol in symbols if symbol in rows and is_trading(rows[symbol])}
    found = await _instruments(link, trading, contracts)
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


def _not_understood(symbol: str) -> AskAgain:
    return AskAgain(f"okx: the listing has a row of {symbol} that is not understood.")


async def _rows_of(link: Link, symbols: Sequence[str], contracts: Contracts) -> dict[str, InstrumentRow]:
    """What the venue lists now by our symbols: every contract, and the spot pairs among `symbols`."""
    spots = [symbol for symbol in symbols if ":" not in symbol]
    listed, *pairs = await together(contracts.load(), *(_spot(link, symbol) for symbol in spots))
    found: dict[str, InstrumentRow] = dict(listed)
    found |= {symbol: row for symbol, row in zip(spots, pairs, strict=True) if row is not None}
    return found


async def _spot(link: Link, symbol: str) -> InstrumentRow | None:
    """The row of one spot pair, None where it is not listed; the venue lists hundreds."""
    params = {"instType": "SPOT", "instId": name_of(symbol)}
    rows = await link.asker.ask(
        "spot listing",
        lambda: link.client.public_get_public_instruments(params),
        _read_instruments,
        host=link.hosts[REST],
        absent=NO_SUCH_INSTRUMENT,
    )
    for row in rows or []:
        if f"{row.baseCcy}/{row.quoteCcy}" == symbol:
            return row
    if rows:
        raise _not_understood(symbol)
    return None


async def _all_spots(link: Link) -> list[str]:
    method = link.client.public_get_public_instruments
    rows = await link.asker.need(
        "spot listing", lambda: method({"instType": "SPOT"}), _read_instruments, host=link.hosts[REST]
    )
    return [f"{row.baseCcy}/{row.quoteCcy}" for row in rows]


async def _instruments(link: Link, rows: Mapping[str, InstrumentRow], contracts: Contracts) -> list[Instrument]:
    fees: dict[tuple[str, str], list[FeeRates]] = {}
    found = []
    for row in rows.values():
        key = (row.instType, row.instFamily or row.uly or row.instId)
        if key not in fees:
            if len(fees) >= UNPAUSED:
                await link.clock.sleep(FEE_PAUSE_S)
            fees[key] = await _fees(link, *key)
        try:
            contract = contracts.by_raw.get(row.instId)
            found.append(rules_of(row, contract, link.account, _of_type(fees[key], row.instType)))
        except ValueError as problem:
            raise AskAgain(f"okx: the rules of {row.instId} are not understood: {explain(problem)}.") from None
    return found


async def _fees(link: Link, type: str, name: str) -> list[FeeRates]:
    params = {"instType": type, "instId" if type == "SPOT" else "instFamily": name}
    method = link.client.private_get_account_trade_fee
    return await link.asker.need("fees", lambda: method(params), _read_fees, host=link.hosts[REST])


def _of_type(rows: Sequence[FeeRates], type: str) -> FeeRates:
    for row in rows:
        if row.instType == type:
            return row
    raise ValueError(f"the fees of {type} are not told")


async def read_leverage(link: Link, raws: Sequence[str], margin_mode: MarginMode) -> list[LeverageRow] | None:
    """The leverage of contracts under a margin mode, None where the venue says that one of them does not exist."""
    rows: list[LeverageRow] = []
    for names in _asked_together(raws):
        found = await link.asker.ask(
            "leverage",
            partial(_ask_leverage, link, names, margin_mode),
            read_leverages,
            host=link.hosts[REST],
            absent=NOT_TRADING,
        )
        if found is None:
            return None
        rows += [row for row in found if row.mgnMode == margin_mode.value]
    return rows


def _asked_together(raws: Sequence[str]) -> list[Sequence[str]]:
    """Names for one question each: at most twenty, of one kind, as other questions of the venue's want them [V]."""
    kinds = ([raw for raw in raws if raw.endswith("-SWAP") is swaps] for swaps in (True, False))
    return [names[start : start + MOST_NAMES] for names in kinds for start in range(0, len(names), MOST_NAMES)]


async def _ask_leverage(link: Link, names: Sequence[str], margin_mode: MarginMode) -> Any:
    params = {"instId": ",".join(names), "mgnMode": margin_mode.value}
    return await link.client.private_get_account_leverage_info(params)


async def differences(
    link: Link,
    listing: Listing,
    wanted: Wanted,
    ids: Sequence[InstrumentId],
    leverage: int,
    margin_mode: MarginMode,
) -> list[Change]:
    """What must be set so that the account is one-way and each contract has this leverage under this margin mode."""
    wanted.margin_mode = margin_mode
    raws, host = [listing.raw[id] for id in ids if id not in listing.gone], link.hosts[REST]
    config = await read_account_config(link)
    if config.acctLv in NOT_FOR_US:
        raise GiveUp(f"okx: the account {NOT_FOR_US[config.acctLv]}.")
    if config.acctLv == "3" and margin_mode is MarginMode.ISOLATED:
        raise GiveUp("okx: multi-currency margin has no isolated positions: set margin_mode to cross.")
    changes: list[Change] = []
    if config.posMode != "net_mode":
        call = partial(link.client.private_post_account_set_position_mode, {"posMode": "net_mode"})
        changes.append(Change("one-way mode", call, host))
    rows = await read_leverage(link, raws, margin_mode)
    for raw in raws:
        told = {row.lever for row in rows or [] if row.instId == raw}
        if not told:
            raise AskAgain(f"okx: the venue does not tell the leverage of {raw}.")
        if told != {leverage}:
            params = {"instId": raw, "lever": str(leverage), "mgnMode": margin_mode.value}
            call = partial(link.client.private_post_account_set_leverage, params)
            changes.append(Change(f"leverage {leverage} on {raw}", call, host))
    return changes
