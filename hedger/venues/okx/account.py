"""What we hold on OKX, read all or nothing, with flat proven by two lists."""

from __future__ import annotations

from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import AccountReading, Margin
from hedger.model.instrument import Payoff
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.codes import REST
from hedger.venues.okx.contracts import Contracts
from hedger.venues.okx.marks import MarkBook
from hedger.venues.okx.options import OptionReader
from hedger.venues.okx.paging import whole_list
from hedger.venues.okx.parse import cause_of, report_of
from hedger.venues.okx.payloads import (
    AccountBalance,
    AccountConfig,
    AccountRisk,
    LeverageRow,
    NamedRow,
    OrderRecord,
    row_as,
    rows_as,
)
from hedger.venues.okx.positions import Held, PositionReader
from hedger.venues.okx.setup import NOT_FOR_US, Wanted, read_account_config, read_leverage
from hedger.venues.okx.wallets import (
    Wallet,
    dollar_price,
    own_margin,
    refuse_unseen,
    wallet_of,
    whole_margin,
    worst,
)
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader

FUTURES_MODE = "2"
# The configuration may be asked for five times in two seconds; a complaint would cost a minute of quiet.
PAUSE_MS = 450

_read_balance: Understand[AccountBalance] = row_as(AccountBalance)
_read_positions: Understand[list[NamedRow]] = rows_as(NamedRow)
_read_risk: Understand[AccountRisk] = row_as(AccountRisk)
_read_orders: Understand[list[NamedRow]] = rows_as(NamedRow)
_read_order: Understand[OrderRecord] = reader(OrderRecord)


class AccountReader:
    """Reads one account."""

    def __init__(
        self,
        link: Link,
        listing: Listing,
        contracts: Contracts,
        positions: PositionReader,
        marks: MarkBook,
        wanted: Wanted,
        suspicion: Suspicion,
    ) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._positions = positions
        self._options = OptionReader(link, contracts)
        self._marks = marks
        self._wanted = wanted
        self._suspicion = suspicion
        self._begun_at = 0

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree, GiveUp in an account mode without contracts.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        await self._pause()
        asked_at = self._link.venue_now()
        config, balance, told, risk, leverages, orders = await self._read_parts()
        if config.acctLv == "1":
            raise GiveUp(f"okx: the account {NOT_FOR_US['1']}.")
        held = self._positions.agreed(told, risk.posData, balance)
        await self._contracts.learn((*held.contracts, *held.options))
        options = await self._options.read(held.options)
        settled = {self._listing.instruments[id].settle for id in self._listing.contracts}
        wallet = wallet_of(balance, risk, self._listing.coins, settled - self._listing.coins)
        refuse_unseen(wallet.rows, told, waiting=bool(orders))
        return AccountReading(
            account=self._link.account,
            spot=wallet.spot,
            collateral=wallet.collateral,
            positions=self._positions.positions(held, leverages),
            margin=self._margin(config, balance, wallet, held),
            open_orders=self._reports(orders),
            one_way=config.posMode == "net_mode",
            exchange_at=asked_at,
            options=options,
            unrealized=self._positions.unrealized(held),
            coin_margins=self._coin_margins(config, balance, wallet, held),
        )

    async def _pause(self) -> None:
        """Keep readings apart: a list that changes while it is read, as in a run of fills, is read again at once."""
        clock = self._link.clock
        left_ms = min(self._begun_at + PAUSE_MS - clock.now_ms(), PAUSE_MS)
        if left_ms > 0:
            await clock.sleep(left_ms / 1000)
        self._begun_at = clock.now_ms()

    async def _read_parts(self) -> list[Any]:
        client = self._link.client
        return await together(
            read_account_config(self._link),
            self._need("balance", client.private_get_account_balance, _read_balance),
            self._need("positions", client.private_get_account_positions, _read_positions),
            self._need("positions at risk", client.private_get_account_account_position_risk, _read_risk),
            self._leverages(),
            self._open_orders(),
        )

    async def _need(self, what: str, method: Any, understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, method, understand, host=self._link.hosts[REST])

    async def _leverages(self) -> list[LeverageRow]:
        """Of the contracts that trade. The venue leaves out one that does not, or says no more than that one does not
        exist: look which."""
        raws = {id: self._listing.raw[id] for id in self._listing.contracts if id not in self._listing.gone}
        rows = await read_leverage(self._link, list(raws.values()), self._wanted.margin_mode)
        told = {row.instId for row in rows or ()}
        gone = [id for id, raw in raws.items() if raw not in told and await self._suspicion.is_gone(id)]
        if gone or rows is None:
            why = f"{gone[0].symbol} does not trade any more" if gone else "it lists a contract and does not know it"
            raise AskAgain(f"okx: leverage: {why}.")
        return rows

    async def _open_orders(self) -> list[NamedRow]:
        """Every order that waits, of all kinds of instruments: in pages."""
        method = self._link.client.private_get_trade_orders_pending
        return await whole_list(self._link, "open orders", method, {}, _read_orders, _order_id)

    def _reports(self, rows: list[NamedRow]) -> tuple[OrderReport, ...]:
        """Those of our contracts; one of them that is not understood spoils the reading."""
        reports = []
        for row in rows:
            id = self._listing.contract(row.instId)
            if id is None:
                continue
            record = _read_order(row.model_dump())
            reports.append(report_of(record, id, self._contracts.by_raw[row.instId]))
            self._link.seen.note(reports[-1], cause_of(record))
        return tuple(reports)

    def _margin(self, config: AccountConfig, balance: AccountBalance, wallet: Wallet, held: Held) -> Margin:
        """That of all together; in the futures mode the worst of the currencies that back linear contracts."""
        if config.acctLv != FUTURES_MODE:
            return whole_margin(balance, backing=bool(_crossed(held)))
        return worst(own_margin(money, wallet.rows, _crossed(held)) for money in self._settled(Payoff.LINEAR))

    def _coin_margins(
        self, config: AccountConfig, balance: AccountBalance, wallet: Wallet, held: Held
    ) -> dict[str, Margin]:
        """That of each coin which backs inverse contracts: its own, or all together at the coin's price; in the futures
        mode that of each money too, where there are several."""
        inverse = self._settled(Payoff.INVERSE)
        if config.acctLv == FUTURES_MODE:
            moneys = self._settled(Payoff.LINEAR)
            apart = [*inverse, *(moneys if len(moneys) > 1 else ())]
            return {name: own_margin(name, wallet.rows, _crossed(held)) for name in apart}
        whole = whole_margin(balance, backing=bool(_crossed(held)))
        prices = {coin: dollar_price(wallet.rows.get(coin)) or self._marks.price_of(coin) for coin in inverse}
        return {coin: whole.in_coins(price) for coin, price in prices.items() if price}

    def _settled(self, payoff: Payoff) -> list[str]:
        """What our contracts of one kind settle in."""
        ours = (self._listing.instruments[id] for id in self._listing.contracts)
        return sorted({rules.settle for rules in ours if rules.payoff is payoff})


def _crossed(held: Held) -> set[str]:
    """The currencies that back a cross position in a contract: its margin is never nothing, as that of an option is."""
    return {row.ccy for row in held.contracts if row.mgnMode == "cross" and row.ccy}


def _order_id(row: NamedRow) -> str:
    id = row.model_dump().get("ordId")
    if not isinstance(id, str) or not id.isdecimal():
        raise ValueError("an open order has no id")
    return id
