"""Before the first order on MEXC: what is listed, and the modes of the account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.venues.asking import Understand, explain, together
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing, name_there
from hedger.venues.mexc.answers import Row, answered
from hedger.venues.mexc.codes import API, NO_SUCH_SYMBOL
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.listing import (
    Known,
    contract_rules,
    is_trading,
    spot_is_trading,
    spot_rules,
    spot_symbol,
    unknown_symbol,
)
from hedger.venues.mexc.payloads import Fees, LeverageRow, PositionRow, SpotListing, SpotPair
from hedger.venues.mexc.stance import LONG, OPEN_TYPES, SHORT, Stance
from hedger.venues.modes import Change
from hedger.venues.wire import Moment, TextMoment, reader

# What is set for a contract of which nothing is held is asked for no more often.
SETTINGS_MS = 20_000
ONE_WAY = 2


def _mode(value: object) -> object:
    """The position mode: a number, or an object that has it."""
    return value.get("positionMode") if isinstance(value, dict) else value


Mode = Annotated[int, BeforeValidator(_mode), Field(strict=True, ge=1, le=2)]
read_mode: Understand[int] = answered(Mode)


_read_time: Understand[int] = answered(TextMoment)
_read_fees: Understand[Fees] = answered(Fees)
_read_leverage: Understand[list[LeverageRow]] = answered(list[LeverageRow])
_read_held: Understand[list[Row]] = answered(list[Row])
_read_position: Understand[PositionRow] = reader(PositionRow)
_read_spot: Understand[SpotListing] = reader(SpotListing)
_TAKES = {MarginMode.ISOLATED: (1, 3), MarginMode.CROSS: (2, 3)}


async def ask_time(link: Link, lane: Lane) -> int:
    """The venue's time."""
    method = link.client.contract_public_get_ping
    told: Moment = await link.asker.need("time", method, _read_time, host=link.hosts[API], lane=lane)
    return told


async def load_listing(link: Link, contracts: Contracts, symbols: Sequence[str]) -> Listing:
    """Read what the venue lists and the rules and fees of `symbols`; ConfigError for one that it does not list, that is
    not traded here, or that settles in another money than the others."""
    known, pairs = await _listed(link, contracts, symbols)
    for symbol in symbols:
        if symbol not in known and symbol not in pairs:
            raise unknown_symbol(symbol, [*known, *pairs])
    found = await together(*(_rules(link, contracts, known.get(symbol), pairs.get(symbol)) for symbol in symbols))
    monies = sorted({rules.settle for rules in found if rules.kind is Kind.PERPETUAL})
    if len(monies) > 1:
        told = " and ".join(monies)
        raise ConfigError(f"contracts in {told} have a wallet each: put them on two accounts of the configuration.")
    if not monies:
        raise ConfigError("an account on MEXC needs a contract to trade, such as BTC/USDT:USDT.")
    raw = {rules.id: known[s].raw if s in known else pairs[s].symbol for s, rules in zip(symbols, found, strict=True)}
    return Listing(
        account=link.account,
        derivatives={name: contract.listed for name, contract in contracts.by_raw.items()},
        raw=raw,
        ids={(raw[rules.id], rules.kind): rules.id for rules in found},
        instruments={rules.id: rules for rules in found},
    )


async def reload_rules(
    link: Link, contracts: Contracts, listing: Listing, symbols: Sequence[str]
) -> tuple[Instrument, ...]:
    """The rules and fees of `symbols` as they are now; one that does not trade any more is left out."""
    known, pairs = await _listed(link, contracts, symbols)
    trading = [s for s in symbols if s in known and is_trading(known[s].row)]
    trading += [s for s in symbols if s in pairs and spot_is_trading(pairs[s])]
    found = await together(*(_rules(link, contracts, known.get(s), pairs.get(s)) for s in trading))
    listing.renew([InstrumentId(link.account, symbol) for symbol in symbols], found)
    return tuple(found)


async def _listed(
    link: Link, contracts: Contracts, symbols: Sequence[str]
) -> tuple[dict[str, Known], dict[str, SpotPair]]:
    """What the venue lists now by the client's names: every contract, and the spot pairs that are asked for."""
    spots = [symbol for symbol in symbols if ":" not in symbol]
    known, *lists = await together(contracts.load(), *(_spot(link, symbol) for symbol in spots))
    return known, {spot_symbol(row, contracts.money): row for rows in lists for row in rows}


async def _spot(link: Link, symbol: str) -> list[SpotPair]:
    """One spot pair, of which the venue is asked for no more: it lists thousands."""
    raw = "".join(name_there(link.client, part) for part in symbol.split("/"))
    call = partial(link.client.spot_public_get_exchangeinfo, {"symbol": raw})
    found = await link.asker.ask("spot listing", call, _read_spot, host=link.hosts[API], absent=NO_SUCH_SYMBOL)
    return [row for row in found.symbols if row.symbol == raw] if found is not None else []


async def _rules(link: Link, contracts: Contracts, known: Known | None, pair: SpotPair | None) -> Instrument:
    try:
        if known is not None:
            return contract_rules(known, link.account, await _fees(link, known.raw))
        assert pair is not None
        return spot_rules(pair, link.account, contracts.money)
    except ValueError as problem:
        raise AskAgain(f"mexc: the rules are not understood: {explain(problem)}.") from None


async def _fees(link: Link, raw: str) -> Fees:
    def understand(payload: Any) -> Fees:
        told = _read_fees(payload)
        if told.symbol not in (None, raw):
            raise ValueError(f"the fees of {told.symbol} came as an answer about {raw}")
        return told

    call = partial(link.client.contract_private_get_account_tiered_fee_rate_v2, {"symbol": raw})
    return await link.asker.need("fees", call, understand, host=link.hosts[API])


@dataclass(slots=True)
class Settings:
    """What is set for contracts of which nothing is held, kept for a while. MEXC sets leverage for each direction and
    each margin mode; the margin mode itself goes with each order."""

    link: Link
    stance: Stance
    kept: dict[str, tuple[int, MarginMode, Decimal]]

    async def leverage(self, raw: str) -> Decimal:
        """The larger of both directions, in the margin mode that our orders say."""
        now, wanted = self.link.clock.now_ms(), self.stance.wanted
        kept = self.kept.get(raw)
        if kept is None or kept[1] is not wanted or now - kept[0] >= SETTINGS_MS:
            rows = await self.rows(raw)
            fitting = [row for row in rows if row.openType == OPEN_TYPES[wanted]]
            kept = self.kept[raw] = now, wanted, max(row.leverage for row in fitting or rows)
        return kept[2]

    async def rows(self, raw: str) -> list[LeverageRow]:
        """What the venue says is set for a contract."""

        def some(payload: Any) -> list[LeverageRow]:
            rows = _read_leverage(payload)
            if not rows:
                raise ValueError(f"no leverage of {raw}")
            return rows

        call = partial(self.link.client.contract_private_get_position_leverage, {"symbol": raw})
        return await self.link.asker.need("leverage", call, some, host=self.link.hosts[API])


async def differences(
    link: Link,
    contracts: Contracts,
    settings: Settings,
    raws: Sequence[str],
    leverage: int,
    margin_mode: MarginMode,
) -> list[Change]:
    """What must be set so that positions are one-way and each contract has this leverage in this margin mode, which
    from now on goes with each order. GiveUp where a contract does not take the mode, or is held in the other one."""
    client, host, changes = link.client, link.hosts[API], []
    mode = await link.asker.need(
        "position mode", client.contract_private_get_position_position_mode, read_mode, host=host
    )
    if mode != ONE_WAY:
        call = partial(client.contract_private_post_position_change_position_mode, {"positionMode": ONE_WAY})
        changes.append(Change("one-way mode", call, host))
    settings.stance.wanted = margin_mode
    for raw in raws:
        if contracts.by_raw[raw].row.positionOpenType not in _TAKES[margin_mode]:
            raise GiveUp(f"mexc: {raw} does not take {margin_mode} margin: choose the other mode.")
        changes += await _of_contract(link, settings, raw, leverage, margin_mode)
    return changes


async def _of_contract(
    link: Link, settings: Settings, raw: str, leverage: int, margin_mode: MarginMode
) -> list[Change]:
    open_type, name = OPEN_TYPES[margin_mode], f"leverage {leverage} at {margin_mode} margin on {raw}"
    held = await _held(link, raw)
    if any(row.openType != open_type for row in held):
        raise GiveUp(f"mexc: {raw} is held in the other margin mode than {margin_mode}, which ends with the position.")
    method, asked = link.client.contract_private_post_position_change_leverage, []
    if held:
        asked = [{"positionId": _number(row), "leverage": leverage} for row in held if row.leverage != leverage]
    else:
        rows = await settings.rows(raw)
        set_so = {r.positionType for r in rows if r.openType == open_type and r.leverage == leverage}
        otherwise = {r.positionType for r in rows if r.openType == open_type and r.leverage != leverage}
        asked = [
            {"symbol": raw, "leverage": leverage, "openType": open_type, "positionType": direction}
            for direction in (LONG, SHORT)
            if direction not in set_so or direction in otherwise
        ]
        settings.kept.pop(raw, None)
    return [Change(name, partial(method, params), link.hosts[API]) for params in asked]


async def _held(link: Link, raw: str) -> list[PositionRow]:
    def understand(payload: Any) -> list[PositionRow]:
        rows = [_read_position(row.model_dump()) for row in _read_held(payload) if row.symbol == raw]
        return [row for row in rows if row.holdVol]

    call = partial(link.client.contract_private_get_position_open_positions, {"symbol": raw})
    return await link.asker.need("position", call, understand, host=link.hosts[API])


def _number(row: PositionRow) -> int | str:
    """A position's number as the venue takes it."""
    return int(row.positionId) if row.positionId.isdecimal() else row.positionId
