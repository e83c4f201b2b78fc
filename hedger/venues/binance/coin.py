"""What we hold in COIN-M: a wallet for each coin, whose profit is a coin too, and contracts counted in dollars.

A coin is counted once: its wallet balance is collateral, what its contracts have made is unrealised profit, told at the
same marks as the positions, and its margin is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from hedger.model.account import Margin, Position
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand, together
from hedger.venues.binance.codes import DAPI
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.margins import own_margin_of
from hedger.venues.binance.names import settles_in_coin
from hedger.venues.binance.payloads import CoinAccount, CoinRisk, OwnMargin, RiskRow, SpotRow
from hedger.venues.binance.positions import Configs, PositionReader
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing, split_multiplier
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import Payload, reader

# What a sum of a wallet's rounded numbers may miss (that nothing else is in the margin balance is what the documented
# example shows [V]), and how far a price may move between two answers of a moment.
DUST, SLACK = Decimal("0.000001"), Decimal("0.001")
MOST_MOVED = Decimal("0.03")
_MARGIN_MODES = {"cross": "CROSSED", "isolated": "ISOLATED"}

read_coin_account: Understand[CoinAccount] = reader(CoinAccount)
read_coin_risks: Understand[list[RiskRow]] = reader(list[RiskRow])
_read_asset: Understand[OwnMargin] = reader(OwnMargin)
_read_risk: Understand[CoinRisk] = reader(CoinRisk)


class CoinWallets(NamedTuple):
    """What COIN-M adds to a reading, each by coin; `one_way` is its own position mode."""

    collateral: Mapping[str, Decimal]
    unrealized: Mapping[str, Decimal]
    margins: Mapping[str, Margin]
    positions: tuple[Position, ...]
    one_way: bool


class CoinParts(NamedTuple):
    """What was answered, before it is put together."""

    account: CoinAccount
    risks: list[RiskRow]


class _Held(NamedTuple):
    """The account's list of positions, with the maintenance margin of all coins together: a sign that any is held."""

    totalMaintMargin: Decimal
    positions: list[RiskRow]


async def read_parts(link: Link) -> CoinParts:
    """The two questions about COIN-M. That about the position mode weighs five times as much as both, and the rows of
    positions show it: in hedge mode, and only there, each contract has a long and a short one."""
    host = host_of(link, DAPI)

    def need(what: str, name: str, understand: Understand[Any]) -> Any:
        method: Callable[[], Any] = private(link, DAPI, name)
        return link.asker.need(what, method, understand, host=host)

    found = await together(
        need("COIN-M account", "get_account", read_coin_account),
        need("COIN-M position risk", "get_positionrisk", read_coin_risks),
    )
    return CoinParts(*found)


def configs_of(risks: Iterable[RiskRow]) -> Configs:
    """Leverage and margin mode as COIN-M tells them, in the rows of positions: one of each contract, held or not."""
    rows: dict[str, dict[str, Any]] = {}
    for row in risks:
        told = row.model_dump()
        mode = told.get("marginType")
        rows.setdefault(row.symbol, told | {"marginType": _MARGIN_MODES.get(str(mode), mode)})
    return Configs(list(rows.values()))


class CoinReader:
    """Reads the COIN-M side of an account of which COIN-M contracts are configured."""

    def __init__(self, link: Link, listing: Listing, positions: PositionReader, suspicion: Suspicion) -> None:
        self._link = link
        self._listing = listing
        self._positions = positions
        self._suspicion = suspicion

    async def read(self) -> CoinParts:
        """The venue's answers, and what they say of contracts that we did not know."""
        parts = await read_parts(self._link)
        await self._positions.learn(_Held(ZERO, parts.account.positions), parts.risks)
        for id in self._contracts():
            if self._listing.raw[id] not in _named(parts):
                await self._suspicion.is_gone(id)
        return parts

    def _contracts(self) -> list[Any]:
        return [id for id in self._listing.contracts if settles_in_coin(id.symbol)]

    def wallets(self, parts: CoinParts) -> CoinWallets:
        """Positions and coins; ValueError where the parts do not fit together, or a flat contract is not told."""
        ids = self._contracts()
        for id in ids:
            if self._listing.raw[id] not in _named(parts) and id not in self._listing.gone:
                raise ValueError(f"no list of positions has a row of {self._listing.raw[id]}, not even a flat one")
        assets = self._assets(parts.account.assets)
        missing = {self._listing.instruments[id].settle for id in ids} - assets.keys()
        if missing:
            raise ValueError(f"the COIN-M account does not list {min(missing)}, and what is not listed is not zero")
        maintenance = sum((row.maintMargin for row in assets.values()), ZERO)
        held = _Held(maintenance, parts.account.positions)
        positions = self._positions.positions(held, parts.risks, configs_of(parts.risks))
        for row in positions:
            if row.quantity and row.mark_price <= 0:
                raise ValueError(f"the venue tells no mark price of the position in {row.id.symbol}")
        unrealized = {coin: self._unrealized(coin, row, parts.risks) for coin, row in assets.items()}
        for coin in sorted(assets.keys() & self._listing.coins):
            held_coins = sum((abs(row.delta) for row in positions if row.underlying == coin), ZERO)
            _check_wallet(assets[coin], unrealized[coin], held_coins)
        return CoinWallets(
            collateral={coin: row.walletBalance for coin, row in assets.items()},
            unrealized=unrealized,
            margins={coin: own_margin_of(row) for coin, row in assets.items()},
            positions=positions,
            one_way=all(_side(row) == "BOTH" for row in (*parts.risks, *parts.account.positions)),
        )

    def _assets(self, rows: Iterable[SpotRow]) -> dict[str, OwnMargin]:
        """The wallets that are understood; one of a coin that is not ours is left out when it is odd."""
        assets: dict[str, OwnMargin] = {}
        for row in rows:
            ours = split_multiplier(row.asset)[0] in self._listing.coins
            if row.asset in assets and ours:
                raise ValueError(f"the COIN-M account lists {row.asset} twice")
            try:
                assets[row.asset] = _read_asset(row.model_dump())
            except ValueError:
                if ours:
                    raise ValueError(f"the COIN-M wallet's row of {row.asset} is not understood") from None
        return assets

    def _unrealized(self, coin: str, asset: OwnMargin, risks: Iterable[RiskRow]) -> Decimal:
        """What the contracts on a coin have made, in that coin. Of ours it is the sum of the rows of the positions, so
        that it belongs to their marks: the account's own was told a moment before or after."""
        if coin not in self._listing.coins:
            return asset.unrealizedProfit
        listed = ((row, self._positions.listed(row.symbol)) for row in risks)
        return sum((_profit(_risk(row), it) for row, it in listed if it is not None and it.underlying == coin), ZERO)


def _profit(row: CoinRisk, listed: Listed) -> Decimal:
    """What a contract has made, in coins; ValueError where its entry and its mark do not come to it: the mark is what
    its delta goes by."""
    notional, prices = row.positionAmt * listed.contract_multiplier, (row.entryPrice, row.markPrice)
    if notional and min(prices) > 0:
        reckoned = notional / row.entryPrice - notional / row.markPrice
        if abs(row.unRealizedProfit - reckoned) > DUST + MOST_MOVED * abs(notional) / min(prices):
            raise ValueError(f"the profit of {row.symbol} is not what its entry and its mark come to")
    return row.unRealizedProfit


def _check_wallet(asset: OwnMargin, unrealized: Decimal, held: Decimal) -> None:
    """A balance is delta, and so is a profit: each is believed where the venue's other numbers come to it. `held` is
    how many coins the contracts are, long and short together: the price may have moved between two answers."""
    apart = abs(asset.walletBalance + asset.unrealizedProfit - asset.marginBalance)
    if apart > DUST + SLACK * max(abs(asset.walletBalance), abs(asset.marginBalance)):
        raise ValueError(f"the balance and the profit in {asset.asset} do not come to the COIN-M margin balance")
    if abs(unrealized - asset.unrealizedProfit) > DUST + MOST_MOVED * held:
        raise ValueError(f"the profit in {asset.asset} of the positions is not that of the COIN-M account")


def _side(row: RiskRow) -> object:
    return row.model_dump().get("positionSide")


def _risk(row: Payload) -> CoinRisk:
    try:
        return _read_risk(row.model_dump())
    except ValueError:
        raise ValueError("the venue's row of a COIN-M position is not understood") from None


def _named(parts: CoinParts) -> set[str]:
    return {row.symbol for row in parts.risks} | {row.symbol for row in parts.account.positions}
