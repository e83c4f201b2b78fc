"""What we hold on Binance, read all or nothing, with flat proven by two sources."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.binance_codes import API, FAPI
from hedger.venues.binance_link import Link
from hedger.venues.binance_listing import Listing, split_multiplier
from hedger.venues.binance_parse import flat_row, position_of, report_of
from hedger.venues.binance_wire import (
    FuturesAccount,
    FuturesPosition,
    OrderRecord,
    PositionMode,
    PositionRisk,
    SpotAccount,
    SymbolConfig,
    reader,
)

T = TypeVar("T")
TRIES = 3

read_spot: Understand[SpotAccount] = reader(SpotAccount)
read_futures: Understand[FuturesAccount] = reader(FuturesAccount)
read_risks: Understand[list[PositionRisk]] = reader(list[PositionRisk])
read_mode: Understand[PositionMode] = reader(PositionMode)
read_orders: Understand[list[OrderRecord]] = reader(list[OrderRecord])
_read_config: Understand[SymbolConfig] = reader(SymbolConfig)


def read_configs(payload: Any) -> dict[str, SymbolConfig]:
    """Leverage and margin mode of every symbol, by the venue's name."""
    if not isinstance(payload, list) or not payload:
        raise ValueError("not a list of symbols")
    configs = [_read_config(row) for row in payload]
    return {config.symbol: config for config in configs}


class AccountReader:
    """Reads one account. It remembers which coins the spot wallet held, so that a missing row is not read as none."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._listing = listing
        self._held: frozenset[str] = frozenset()

    async def read(self) -> AccountReading:
        """One complete reading; AskAgain where a part is missing or two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        for trial in range(TRIES):
            asked_at = self._link.venue_now()
            parts = await self._read_parts()
            try:
                return self._put_together(asked_at, *parts)
            except ValueError as problem:
                # A fill between two of the requests makes them differ once; a fault makes them differ again.
                if trial == TRIES - 1:
                    raise AskAgain(f"binance: account: {problem}.") from None
        raise AskAgain("binance: account: no try was made.")

    async def _read_parts(self) -> list[Any]:
        client = self._link.client
        raws = [self._listing.raw[id] for id in self._listing.perpetuals]
        return await together(
            self._need("spot account", client.private_get_account, {}, read_spot, API),
            self._need("futures account", client.fapiprivatev3_get_account, {}, read_futures),
            self._need("position risk", client.fapiprivatev3_get_positionrisk, {}, read_risks),
            self._need("position mode", client.fapiprivate_get_accountconfig, {}, read_mode),
            self._need("symbol settings", client.fapiprivate_get_symbolconfig, {}, read_configs),
            *(
                self._need("open orders", client.fapiprivate_get_openorders, {"symbol": raw}, read_orders)
                for raw in raws
            ),
        )

    async def _need(
        self, what: str, method: Any, params: dict[str, Any], understand: Understand[T], host: str = FAPI
    ) -> T:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[host])

    def _put_together(
        self,
        asked_at: int,
        spot: SpotAccount,
        futures: FuturesAccount,
        risks: list[PositionRisk],
        mode: PositionMode,
        configs: dict[str, SymbolConfig],
        *orders: list[OrderRecord],
    ) -> AccountReading:
        return AccountReading(
            account=self._link.account,
            spot=self._coins(spot),
            collateral={row.asset: row.walletBalance for row in futures.assets},
            positions=self._positions(futures, risks, configs),
            margin=Margin(
                equity=futures.totalMarginBalance,
                maintenance_margin=futures.totalMaintMargin,
                initial_margin=futures.totalInitialMargin,
                available=futures.availableBalance,
            ),
            open_orders=self._orders(orders),
            one_way=not mode.dualSidePosition,
            exchange_at=asked_at,
        )

    def _coins(self, spot: SpotAccount) -> dict[str, Decimal]:
        """Coins held, in coins: 5 of the asset 1000SATS are 5,000 SATS."""
        listed = {row.asset for row in spot.balances}
        if missing := sorted(self._held - listed):
            raise ValueError(f"the spot wallet no longer lists {missing[0]}, which it held")
        coins: dict[str, Decimal] = {}
        for row in spot.balances:
            coin, multiplier = split_multiplier(row.asset)
            coins[coin] = coins.get(coin, ZERO) + (row.free + row.locked) * multiplier
        self._held = frozenset(row.asset for row in spot.balances if row.free + row.locked > 0)
        return coins

    def _positions(
        self, futures: FuturesAccount, risks: list[PositionRisk], configs: dict[str, SymbolConfig]
    ) -> tuple[Position, ...]:
        """A row for each configured perpetual and each open position, when both lists agree on every quantity."""
        by_risk, by_account = _net(risks), _net(futures.positions)
        differing = {raw for raw in by_risk | by_account if by_risk.get(raw, ZERO) != by_account.get(raw, ZERO)}
        if differing:
            raise ValueError(f"the venue's two lists of positions differ on {min(differing)}")
        if futures.totalMaintMargin > 0 and not any(by_risk.values()):
            raise ValueError("maintenance margin is held for positions that no list shows")
        configured = [self._listing.raw[id] for id in self._listing.perpetuals]
        rows = {row.symbol: row for row in risks if row.positionAmt or row.symbol in configured}
        rows = {raw: flat_row(raw) for raw in configured} | rows
        return tuple(self._position(row, configs) for row in rows.values())

    def _position(self, row: PositionRisk, configs: dict[str, SymbolConfig]) -> Position:
        if row.symbol not in configs:
            raise ValueError(f"the venue does not tell the leverage of {row.symbol}")
        return position_of(row, self._link.account, self._listing.listed(row.symbol), configs[row.symbol])

    def _orders(self, lists: Iterable[list[OrderRecord]]) -> tuple[OrderReport, ...]:
        reports = []
        for id, orders in zip(self._listing.perpetuals, lists, strict=True):
            reports += [_report_on(order, id, self._listing.raw[id]) for order in orders]
        return tuple(reports)


def _report_on(order: OrderRecord, id: InstrumentId, raw: str) -> OrderReport:
    if order.symbol != raw:
        raise ValueError(f"an order of {order.symbol} came as an answer about {raw}")
    return report_of(order, id)


def _net(rows: Iterable[FuturesPosition]) -> dict[str, Decimal]:
    """Each symbol's net quantity; two rows for one symbol and side are no list of positions."""
    seen: set[tuple[str, str]] = set()
    net: dict[str, Decimal] = {}
    for row in rows:
        if (row.symbol, row.positionSide) in seen:
            raise ValueError(f"{row.symbol} is listed twice")
        seen.add((row.symbol, row.positionSide))
        net[row.symbol] = net.get(row.symbol, ZERO) + row.positionAmt
    return net
