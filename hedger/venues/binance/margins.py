"""What backs our USDⓈ-M contracts: the whole account, or in single-asset mode the one money that each settles in.

In single-asset mode the totals of `GET /fapi/v3/account` are of USDT alone, whatever else is traded and however near it
is to its liquidation; what a contract in USDC hangs on stands in the row of USDC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hedger.model.account import Margin
from hedger.venues.asking import Understand
from hedger.venues.binance.payloads import FuturesAccount, OwnMargin
from hedger.venues.wire import reader

TOLD_AS_TOTAL = "USDT"
_read_own: Understand[OwnMargin] = reader(OwnMargin)


def own_margins(account: FuturesAccount, moneys: Collection[str], *, shared: bool | None) -> dict[str, Margin]:
    """The margin of each of `moneys`, which contracts settle in, where it backs only those; empty where the totals say
    all.

    `shared` is whether all moneys back all contracts (multi-assets mode), None where the venue does not say it.
    ValueError where that matters and is not told, and for a money whose wallet is not.
    """
    apart = sorted(set(moneys) - {TOLD_AS_TOTAL})
    if shared or not apart:
        return {}
    if shared is None:
        raise ValueError(f"the venue does not say whether {apart[0]} is backed by the whole account")
    own = {money: _own_margin(account, money) for money in apart}
    return own | ({TOLD_AS_TOTAL: _total(account)} if TOLD_AS_TOTAL in moneys else {})


def margin_of(account: FuturesAccount, own: Mapping[str, Margin]) -> Margin:
    """The margin of all: of several moneys that back only their own, of the one that is nearest to liquidation."""
    return max(own.values(), key=lambda margin: (margin.margin_ratio, margin.equity), default=_total(account))


def _total(account: FuturesAccount) -> Margin:
    return Margin(
        equity=account.totalMarginBalance,
        maintenance_margin=account.totalMaintMargin,
        initial_margin=account.totalInitialMargin,
        available=account.availableBalance,
    )


def _own_margin(account: FuturesAccount, money: str) -> Margin:
    rows = [row for row in account.assets if row.asset == money]
    if len(rows) != 1:
        raise ValueError(f"the derivatives wallet does not tell the margin of {money}")
    return own_margin_of(_read_own(rows[0].model_dump()))


def own_margin_of(row: OwnMargin) -> Margin:
    """The margin of one wallet, in its own asset."""
    return Margin(
        equity=row.marginBalance,
        maintenance_margin=row.maintMargin,
        initial_margin=row.initialMargin,
        available=row.availableBalance,
    )
