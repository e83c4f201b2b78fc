"""What we hold on Binance, read all or nothing, with flat proven by two sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.binance.codes import API, FAPI, NO_SUCH_SYMBOL
from hedger.venues.binance.coin import CoinParts, CoinReader, CoinWallets
from hedger.venues.binance.doors import host_of, private
from hedger.venues.binance.margins import margin_of, own_margins
from hedger.venues.binance.names import api_of
from hedger.venues.binance.options import OptionReader
from hedger.venues.binance.parse import cause_of, report_of
from hedger.venues.binance.payloads import (
    FuturesAccount,
    FuturesAsset,
    OrderRecord,
    PositionMode,
    RiskRow,
    SpotAccount,
    SpotBalance,
    SpotRow,
)
from hedger.venues.binance.portfolio import FuturesPart, PortfolioReader
from hedger.venues.binance.positions import Configs, PositionReader
from hedger.venues.link import Link
from hedger.venues.listing import Listing, split_multiplier
from hedger.venues.suspicion import Suspicion
from hedger.venues.vanished import Vanished
from hedger.venues.wire import reader

T = TypeVar("T")
# Binance then lists every asset that it has, also those of which we hold none [V]; it is its default, and said anyway.
ALL_ASSETS = {"omitZeroBalances": "false"}

read_spot: Understand[SpotAccount] = reader(SpotAccount)
read_futures: Understand[FuturesAccount] = reader(FuturesAccount)
read_risks: Understand[list[RiskRow]] = reader(list[RiskRow])
read_mode: Understand[PositionMode] = reader(PositionMode)
read_orders: Understand[list[OrderRecord]] = reader(list[OrderRecord])
_read_asset: Understand[FuturesAsset] = reader(FuturesAsset)
_read_balance: Understand[SpotBalance] = reader(SpotBalance)


class AccountReader:
    """Reads one account."""

    def __init__(
        self,
        link: Link,
        listing: Listing,
        positions: PositionReader,
        suspicion: Suspicion,
        *,
        coin: CoinReader | None = None,
        options: OptionReader | None = None,
        portfolio: PortfolioReader | None = None,
    ) -> None:
        """`coin` where COIN-M contracts are configured, `options` where the keys may read options, `portfolio` where
        the account is in portfolio margin."""
        self._portfolio = portfolio
        self._coin = coin
        self._options = options
        self._suspicion = suspicion
        self._link = link
        self._listing = listing
        self._positions = positions
        # The rows of our coins in the spot wallet that held some: one that goes missing is not read as none.
        self._held: frozenset[str] = frozenset()
        # The same of the derivatives wallet, which may leave out what there is nothing of.
        self._vanished = Vanished()

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at = self._link.venue_now()
        parts, coin, options = await together(self._read_parts(), self._read_coin(), self._read_options())
        _, futures, _, configs, *_ = parts
        await self._positions.learn(futures.held, futures.risks)
        await self._doubt_unnamed(configs)
        reading = self._put_together(asked_at, *parts)
        if self._coin is not None and coin is not None:
            reading = _with_coins(reading, self._coin.wallets(coin), futures.account.assets)
        return replace(reading, options=options)

    async def _read_coin(self) -> CoinParts | None:
        return None if self._coin is None else await self._coin.read()

    async def _read_options(self) -> tuple[OptionPosition, ...]:
        return () if self._options is None else await self._options.read()

    async def _read_parts(self) -> list[Any]:
        link, host = self._link, host_of(self._link, FAPI)
        return await together(
            self._need("spot account", link.client.private_get_account, ALL_ASSETS, read_spot, link.hosts[API]),
            self._portfolio.read() if self._portfolio is not None else self._read_futures(),
            self._need("position mode", private(link, FAPI, "get_accountconfig"), {}, read_mode, host),
            self._need("symbol settings", private(link, FAPI, "get_symbolconfig"), {}, Configs, host),
            *(self._open_orders(id) for id in self._listing.contracts),
        )

    async def _read_futures(self) -> FuturesPart:
        client, host = self._link.client, self._link.hosts[FAPI]
        account, risks = await together(
            self._need("futures account", client.fapiprivatev3_get_account, {}, read_futures, host),
            self._need("position risk", client.fapiprivatev3_get_positionrisk, {}, read_risks, host),
        )
        return FuturesPart(account=account, held=account, risks=risks)

    async def _open_orders(self, id: InstrumentId) -> list[OrderRecord]:
        """The orders on an instrument's book. The venue need not know one any more that its listing calls gone."""
        link, raw, api = self._link, self._listing.raw[id], api_of(id.symbol)
        method = private(link, api, "get_openorders")
        found: list[OrderRecord] | None = await link.asker.ask(
            "open orders", lambda: method({"symbol": raw}), read_orders, host=host_of(link, api), absent=NO_SUCH_SYMBOL
        )
        if found is None and not await self._suspicion.is_gone(id):
            raise AskAgain(f"binance: open orders: the venue lists {raw} and does not know it.")
        return found or []

    async def _doubt_unnamed(self, configs: Configs) -> None:
        """A contract of ours that has no settings any more may be gone."""
        for id in self._listing.contracts:
            if api_of(id.symbol) == FAPI and not configs.names(self._listing.raw[id]):
                await self._suspicion.is_gone(id)

    async def _need(self, what: str, method: Any, params: dict[str, Any], understand: Understand[T], host: str) -> T:
        return await self._link.asker.need(what, lambda: method(params), understand, host=host)

    def _put_together(
        self,
        asked_at: int,
        spot: SpotAccount,
        futures: FuturesPart,
        mode: PositionMode,
        configs: Configs,
        *orders: list[OrderRecord],
    ) -> AccountReading:
        own = own_margins(futures.account, self._moneys(), shared=self._shared(mode))
        return AccountReading(
            account=self._link.account,
            spot=_with_more(self._coins(spot), futures.coins),
            collateral=self._collateral(futures.account),
            positions=self._positions.positions(futures.held, futures.risks, configs),
            margin=margin_of(futures.account, own),
            coin_margins=own,
            open_orders=self._orders(orders),
            one_way=not mode.dualSidePosition,
            exchange_at=asked_at,
        )

    def _moneys(self) -> frozenset[str]:
        """What our USDⓈ-M contracts settle in."""
        ours = (self._listing.instruments[id] for id in self._listing.contracts if id not in self._listing.gone)
        return frozenset(rules.settle for rules in ours if api_of(rules.id.symbol) == FAPI)

    def _shared(self, mode: PositionMode) -> bool | None:
        """Whether the whole account backs every contract, as it always does in portfolio margin."""
        return True if self._portfolio is not None else mode.multiAssetsMargin

    def _collateral(self, futures: FuturesAccount) -> dict[str, Decimal]:
        """Balances of the derivatives wallet; one that we neither trade nor settle in is left out when it is odd."""
        held: dict[str, Decimal] = {}
        ours = self._listing.coins | {rules.settle for rules in self._listing.instruments.values()}
        for row in futures.assets:
            concerns = split_multiplier(row.asset)[0] in ours
            if concerns and row.asset in held:
                raise ValueError(f"the derivatives wallet lists {row.asset} twice")
            try:
                held[row.asset] = _read_asset(row.model_dump()).walletBalance
            except ValueError:
                if concerns:
                    raise ValueError(f"the derivatives wallet's row of {row.asset} is not understood") from None
        coins = {split_multiplier(asset)[0]: balance for asset, balance in held.items()}
        self._vanished.believe(coins, frozenset(ours), self._link.clock.now_ms())
        return held

    def _coins(self, spot: SpotAccount) -> dict[str, Decimal]:
        """Coins held, zeros included, in coins: 5 of the asset 1000SATS are 5,000 SATS.

        Every coin of ours is among them. One that we do not trade is left out when a row of it is not understood.
        """
        rows, odd = self._balances(spot)
        coins: dict[str, Decimal] = {}
        for row in rows:
            coin, multiplier = split_multiplier(row.asset)
            coins[coin] = coins.get(coin, ZERO) + (row.free + row.locked) * multiplier
        missing = sorted(self._held - {row.asset for row in rows}) + sorted(self._listing.coins - coins.keys())
        if missing:
            raise ValueError(f"the spot wallet does not list {missing[0]}, and what is not listed is not zero")
        ours = [row for row in rows if split_multiplier(row.asset)[0] in self._listing.coins]
        self._held = frozenset(row.asset for row in ours if row.free + row.locked > 0)
        return {coin: quantity for coin, quantity in coins.items() if coin not in odd}

    def _balances(self, spot: SpotAccount) -> tuple[list[SpotBalance], set[str]]:
        """The rows that are understood, and the coins that are not ours and have one that is not."""
        rows, odd, seen = [], set(), set()
        for row in spot.balances:
            try:
                if row.asset in seen:
                    raise ValueError(f"{row.asset} is told twice")
                seen.add(row.asset)
                rows.append(_read_balance(row.model_dump()))
            except ValueError:
                coin, _ = split_multiplier(row.asset)
                if coin in self._listing.coins:
                    raise ValueError(f"the spot wallet's row of {row.asset} is not understood") from None
                odd.add(coin)
        return rows, odd

    def _orders(self, lists: Iterable[list[OrderRecord]]) -> tuple[OrderReport, ...]:
        reports = []
        for id, orders in zip(self._listing.contracts, lists, strict=True):
            reports += [_report_on(order, id, self._listing.raw[id]) for order in orders]
        for report in reports:
            self._link.seen.note(report, cause_of(report.client_order_id))
        return tuple(reports)


def _with_more(coins: dict[str, Decimal], more: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The coins with those of another wallet beside them."""
    return coins | {coin: coins.get(coin, ZERO) + quantity for coin, quantity in more.items()}


def _with_coins(reading: AccountReading, coins: CoinWallets, assets: Iterable[SpotRow]) -> AccountReading:
    """The reading with the COIN-M wallets beside those of USDⓈ-M. A coin may be in both: each balance counts once, and
    where COIN-M's profit in a coin is told, so is that of USDⓈ-M contracts that settle in it."""
    collateral, unrealized = dict(reading.collateral), dict(coins.unrealized)
    for coin, balance in coins.collateral.items():
        collateral[coin] = collateral.get(coin, ZERO) + balance
    for row in assets:
        if row.asset in unrealized and row.asset in reading.collateral:
            unrealized[row.asset] += _read_asset(row.model_dump()).unrealizedProfit
    return replace(
        reading,
        collateral=collateral,
        unrealized=unrealized,
        coin_margins={**reading.coin_margins, **coins.margins},
        positions=reading.positions + coins.positions,
        one_way=reading.one_way and coins.one_way,
    )


def _report_on(order: OrderRecord, id: InstrumentId, raw: str) -> OrderReport:
    if order.symbol != raw:
        raise ValueError(f"an order of {order.symbol} came as an answer about {raw}")
    return report_of(order, id)
