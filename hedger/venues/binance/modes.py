"""How an account must be set on Binance: one-way, and each contract's margin mode and leverage, of each API its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.venues.asking import Understand, together
from hedger.venues.binance.account import read_mode
from hedger.venues.binance.codes import DAPI, SAME_MARGIN_MODE, SAME_POSITION_MODE
from hedger.venues.binance.coin import configs_of, read_parts
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.names import api_of, traded_apis
from hedger.venues.binance.parse import MARGIN_MODES
from hedger.venues.binance.payloads import DualSide
from hedger.venues.binance.positions import Configs
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.modes import Change
from hedger.venues.wire import reader

_read_dual_side: Understand[DualSide] = reader(DualSide)
_KINDS = {MarginMode.CROSS: "CROSSED", MarginMode.ISOLATED: "ISOLATED"}


class _Set(NamedTuple):
    """How an API's part of the account is set."""

    can_trade: bool
    one_way: bool
    configs: Configs


async def differences(
    link: Link, listing: Listing, ids: Sequence[InstrumentId], leverage: int, margin_mode: MarginMode
) -> list[Change]:
    """What must be set so that the account is one-way and each contract has this leverage and margin mode."""
    changes: list[Change] = []
    for api in traded_apis(id.symbol for id in ids):
        told = await _told(link, api)
        if not told.can_trade:
            raise GiveUp("binance: the venue does not let this account trade: ask it why, then start again.")
        if not told.one_way:
            call = partial(private(link, api, "post_positionside_dual"), {"dualSidePosition": "false"})
            changes.append(Change("one-way mode", call, host_of(link, api), SAME_POSITION_MODE))
        for id in ids:
            if api_of(id.symbol) == api:
                changes += _of_contract(link, api, listing.raw[id], told.configs, leverage, margin_mode)
    return changes


async def _told(link: Link, api: str) -> _Set:
    if api == DAPI:
        method = private(link, DAPI, "get_positionside_dual")
        parts, dual = await together(
            read_parts(link), link.asker.need("position mode", method, _read_dual_side, host=host_of(link, DAPI))
        )
        return _Set(parts.account.canTrade, not dual.dualSidePosition, configs_of(parts.risks))
    host = host_of(link, api)
    mode, configs = await together(
        link.asker.need("position mode", private(link, api, "get_accountconfig"), read_mode, host=host),
        link.asker.need("symbol settings", private(link, api, "get_symbolconfig"), Configs, host=host),
    )
    return _Set(mode.canTrade, not mode.dualSidePosition, configs)


def _of_contract(
    link: Link, api: str, raw: str, configs: Configs, leverage: int, margin_mode: MarginMode
) -> list[Change]:
    try:
        config = configs.of(raw)
    except ValueError as problem:
        raise AskAgain(f"binance: symbol settings: {problem}.") from None
    changes, host = [], host_of(link, api)
    if MARGIN_MODES[config.marginType] is not margin_mode:
        call = partial(private(link, api, "post_margintype"), {"symbol": raw, "marginType": _KINDS[margin_mode]})
        changes.append(Change(f"{margin_mode} margin on {raw}", call, host, SAME_MARGIN_MODE))
    if config.leverage != leverage:
        call = partial(private(link, api, "post_leverage"), {"symbol": raw, "leverage": str(leverage)})
        changes.append(Change(f"leverage {leverage} on {raw}", call, host))
    return changes
