"""What we hold on Bybit, read all or nothing: one wallet for coins, collateral and profit, each counted once.

A coin of ours stands in `spot`, money that contracts settle in stands in `collateral`, both without unrealised profit,
and the profit of the contracts stands in `unrealized`. What options are worth is in none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.bybit.asked import host_of, need_rows, rows_of
from hedger.venues.bybit.codes import MARGIN_MODES
from hedger.venues.bybit.names import Category, category_of
from hedger.venues.bybit.options import OptionReader
from hedger.venues.bybit.parse import report_of
from hedger.venues.bybit.payloads import AccountInfo, Coin, CoinRow, OrderRecord, PositionRow, Row, Wallet
from hedger.venues.bybit.positions import PositionReader, settle_of
from hedger.venues.bybit.setup import named_rows, read_info
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader

MONEY = frozenset({"USDT", "USDC"})
_POSITIONS, _ORDERS = 200, 50  # rows in a page
_MOST_NAMED = 30
_BLIND = "the account is in isolated margin mode, in which the venue tells no margin of it: set it to cross margin"

_read_wallet: Understand[Wallet] = reader(Wallet)
_read_coin: Understand[Coin] = reader(Coin)
_read_row: Understand[Row] = reader(Row)
_read_order: Understand[OrderRecord] = reader(OrderRecord)


class AccountReader:
    """Reads one account."""

    def __init__(
        self, link: Link, listing: Listing, positions: PositionReader, options: OptionReader, suspicion: Suspicion
    ) -> None:
        self._link = link
        self._listing = listing
        self._positions = positions
        self._options = options
        self._suspicion = suspicion
        # What was held besides: it is named from then on, so that one that goes missing is not read as none.
        self._seen: frozenset[str] = frozenset()

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at = self._link.venue_now()
        trading = [id for id in self._listing.contracts if id not in self._listing.gone]
        named, everything, info, orders, options, lists, *ours = await together(
            self._wallet(sorted(self._our_coins() | self._seen)),
            self._wallet(()),
            read_info(self._link),
            self._open_orders(),
            self._held_options(),
            self._held_contracts(),
            *(self._own_rows(id) for id in trading),
        )
        await self._positions.learn(lists)
        held = self._positions.held(lists)
        rows = {id: told for id, told in zip(trading, ours, strict=True) if told}
        coins = self._coins(named, everything)
        held_options = await self._options.read(options)
        self._check_margin(coins.values(), lists, has_options=bool(options))
        positions = self._positions.positions(held, rows, MARGIN_MODES[info.marginMode])
        margin = _margin_of(named, info)
        balances = {name: _net_of(coin) for name, coin in coins.items()}
        return AccountReading(
            account=self._link.account,
            spot={coin: quantity for coin, quantity in balances.items() if coin not in MONEY},
            collateral={coin: quantity for coin, quantity in balances.items() if coin in MONEY},
            positions=positions,
            margin=margin,
            open_orders=orders,
            one_way=not any(row.positionIdx for told in rows.values() for row in told),
            exchange_at=asked_at,
            options=held_options,
            unrealized=self._positions.unrealized(held),
            coin_margins=self._coin_margins(margin, positions),
        )

    # --- what is asked -----------------------------------------------------------------------------------------------

    def _our_coins(self) -> frozenset[str]:
        """Every coin of ours, and all money: what is named is told though it is nothing."""
        settled = {rules.settle for rules in self._listing.instruments.values()}
        return frozenset(self._listing.coins | settled | MONEY)

    async def _wallet(self, coins: Sequence[str]) -> Wallet:
        """The account with the named coins, else with those that are not nothing."""
        params = {"accountType": "UNIFIED"} | ({"coin": ",".join(coins)} if coins else {})

        def understand(payload: Any) -> Wallet:
            wallets = [_read_wallet(row) for row in rows_of(payload)]
            if len(wallets) != 1:
                raise ValueError(f"{len(wallets)} accounts came as an answer about one")
            return wallets[0]

        method = self._link.client.private_get_v5_account_wallet_balance
        return await self._link.asker.need("wallet", lambda: method(dict(params)), understand, host=host_of(self._link))

    async def _held_contracts(self) -> list[Mapping[str, Any]]:
        """The rows of every open position in contracts, whatever it settles in."""
        settles = {settle_of(x) for x in self._listing.derivatives.values() if x.payoff is Payoff.LINEAR} | MONEY
        scopes = [{"category": "linear", "settleCoin": settle} for settle in sorted(settles)]
        method, limit = self._link.client.private_get_v5_position_list, {"limit": _POSITIONS}
        parts = await together(
            *(
                need_rows(self._link, "positions", method, {**scope, **limit})
                for scope in [*scopes, {"category": "inverse"}]
            )
        )
        return [row for part in parts for row in part]

    async def _held_options(self) -> list[dict[str, Any]]:
        params = {"category": Category.OPTION.value, "limit": _POSITIONS}
        return await need_rows(self._link, "options", self._link.client.private_get_v5_position_list, params)

    async def _own_rows(self, id: InstrumentId) -> Sequence[PositionRow]:
        """The rows of a contract of ours. The venue need not know one any more that its listing calls gone."""
        rows = await named_rows(self._link, self._listing, id)
        if rows is None and not await self._suspicion.is_gone(id):
            raise AskAgain(f"bybit: position: the venue lists {self._listing.raw[id]} and does not know it.")
        return rows or ()

    async def _open_orders(self) -> tuple[OrderReport, ...]:
        """Every open order of the configured contracts."""
        scopes: dict[tuple[str, str], None] = {}
        for id in self._listing.contracts:
            linear = category_of(id.symbol) is Category.LINEAR
            scopes["linear" if linear else "inverse", self._listing.instruments[id].settle if linear else ""] = None
        parts = await together(*(self._orders_of(category, settle) for category, settle in scopes))
        return tuple(report for part in parts for report in part)

    async def _orders_of(self, category: str, settle: str) -> list[OrderReport]:
        params = {"category": category, "limit": _ORDERS} | ({"settleCoin": settle} if settle else {})
        method = self._link.client.private_get_v5_order_realtime
        found: dict[str, OrderReport] = {}
        for row in await need_rows(self._link, "open orders", method, params):
            id = self._listing.contract(_read_row(row).symbol)
            if id is not None:
                report = report_of(_read_order(row), id)
                found[report.venue_order_id] = report
                self._link.seen.note(report)
        return list(found.values())

    # --- what was told -----------------------------------------------------------------------------------------------

    def _coins(self, named: Wallet, everything: Wallet) -> dict[str, Coin]:
        """The coins that were named, and those that are held besides; ValueError where one of ours is not told, or is
        nothing in the one answer and held in the other."""
        ours = self._our_coins()
        missing = sorted(ours - {row.coin for row in named.coin})
        if missing:
            raise ValueError(f"the wallet does not tell {missing[0]}, and what is not told is not zero")
        found, others = _understood(named.coin, must=ours), _understood(everything.coin, must=ours)
        for coin in others.keys() & found.keys():
            if _net_of(others[coin]) and not _net_of(found[coin]):
                raise ValueError(f"the wallet tells {coin} as nothing, and as held")
        told = {**others, **found}
        held = [coin for coin in told if _net_of(told[coin]) and coin not in ours]
        self._seen = frozenset(held[:_MOST_NAMED])
        return told

    def _check_margin(self, coins: Iterable[Coin], lists: Iterable[Mapping[str, Any]], *, has_options: bool) -> None:
        margins = {coin.coin: coin.totalPositionMM or ZERO for coin in coins}
        self._positions.check_margin(lists, margins, MONEY if has_options else ())

    def _coin_margins(self, margin: Margin, positions: Sequence[Position]) -> dict[str, Margin]:
        """The margin of the account in each coin that a contract of ours settles in: the whole account backs it."""
        found = {}
        for row in positions:
            ours = row.id in self._listing.contracts and row.id not in self._listing.gone
            if ours and row.payoff is Payoff.INVERSE:
                found[row.underlying] = margin.in_coins(row.mark_price)
        return found


def _understood(rows: Iterable[CoinRow], must: Collection[str]) -> dict[str, Coin]:
    """The coins by name; one that is not understood is left out, unless it `must` be."""
    found: dict[str, Coin] = {}
    for row in rows:
        if row.coin in found:
            raise ValueError(f"{row.coin} is told twice")
        try:
            found[row.coin] = _read_coin(row.model_dump())
        except ValueError:
            if row.coin in must:
                raise ValueError(f"the wallet's row of {row.coin} is not understood") from None
    return found


def _net_of(coin: Coin) -> Decimal:
    """What is ours of a coin: since loans are made by hand, the balance has what was borrowed in it."""
    return coin.walletBalance - coin.spotBorrow


def _margin_of(wallet: Wallet, info: AccountInfo) -> Margin:
    told = (
        wallet.totalMarginBalance,
        wallet.totalMaintenanceMargin,
        wallet.totalInitialMargin,
        wallet.totalAvailableBalance,
    )
    equity, maintenance, initial, available = told
    if equity is None or maintenance is None or initial is None or available is None:
        isolated = MARGIN_MODES[info.marginMode] is MarginMode.ISOLATED
        raise ValueError(_BLIND if isolated else "the venue tells no margin of the account")
    if maintenance < 0 or initial < 0:
        raise ValueError("a margin is below zero")
    return Margin(equity=equity, maintenance_margin=maintenance, initial_margin=initial, available=available)
