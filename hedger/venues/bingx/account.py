"""What we hold on BingX, read all or nothing, with flat proven by the wallet's own margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.books import BOOKS, INVERSE, LINEAR, Book
from hedger.venues.bingx.codes import API, NO_SUCH_SYMBOL
from hedger.venues.bingx.history import HistoryReader
from hedger.venues.bingx.parse import report_of
from hedger.venues.bingx.payloads import AssetRow, OrderRecord, Orders, PositionRow, Row, Wallet
from hedger.venues.bingx.positions import Held, PositionReader, Settings
from hedger.venues.bingx.setup import PACE_S, UnknownContract, read_leverage, read_margin_type, read_mode
from hedger.venues.bingx.tiers import Tiers, inverse_maintenance, linear_maintenance, margin_of
from hedger.venues.bingx.wallets import SpotReader, assert_accounted, held_in, read_assets, wallets_of
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader

# The settings of a contract of which nothing is held are asked for no more often: two questions a second are allowed.
SETTINGS_MS = 20_000
# About how many contracts one reading asks by themselves, a second's worth at a time: a reading must not take longer
# than it may be old.
MOST_ASKED, AT_ONCE = 10, 5
_NO_MARGIN = Margin(equity=ZERO, maintenance_margin=ZERO, initial_margin=ZERO, available=ZERO)

_read_rows: Understand[list[Row]] = answered(list[Row])
_read_orders: Understand[Orders] = answered(Orders)
_read_order: Understand[OrderRecord] = reader(OrderRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one book says."""

    book: Book
    ids: tuple[InstrumentId, ...]
    assets: list[AssetRow]
    rows: list[Row]
    orders: Orders


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """What one book comes to."""

    wallets: dict[str, Wallet]
    margins: dict[str, Margin]
    positions: list[Position]
    orders: list[OrderReport]
    both_ways: bool


class AccountReader:
    """Reads one account: the spot wallet, and those books of contracts of which some are configured."""

    def __init__(
        self,
        link: Link,
        listing: Listing,
        positions: PositionReader,
        prices: HistoryReader,
        suspicion: Suspicion,
    ) -> None:
        self._prices = prices
        self._suspicion = suspicion
        self._link = link
        self._listing = listing
        self._positions = positions
        self._spot = SpotReader(link, listing)
        self._tiers = Tiers(link)
        self._settings: dict[str, tuple[int, Settings]] = {}
        # When each contract was last asked about by itself and found flat; none that has been held since.
        self._asked_at: dict[str, int] = {}

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at = self._link.venue_now()
        books = [book for book in BOOKS.values() if self._ids(book)]
        spot, one_way, *parts = await together(
            self._spot.read(), self._one_way(books), *(self._part(book) for book in books)
        )
        await self._positions.learn([row for part in parts for row in part.rows])
        sums = [await self._sum(part) for part in parts]
        collateral, unrealized = held_in(one.wallets for one in sums)
        margins = {book: one.margins for book, one in zip(books, sums, strict=True)}
        return AccountReading(
            account=self._link.account,
            spot=spot,
            collateral=collateral,
            positions=tuple(row for one in sums for row in one.positions),
            margin=next(iter(margins.get(LINEAR, {}).values()), _NO_MARGIN),
            open_orders=tuple(order for one in sums for order in one.orders),
            one_way=one_way and not any(one.both_ways for one in sums),
            exchange_at=asked_at,
            unrealized=unrealized,
            coin_margins=margins.get(INVERSE, {}),
        )

    def _ids(self, book: Book) -> tuple[InstrumentId, ...]:
        rules = self._listing.instruments
        return tuple(id for id in self._listing.contracts if rules[id].payoff is book.payoff)

    async def _one_way(self, books: Sequence[Book]) -> bool:
        """The position mode of USDT-M; COIN-M has no such question."""
        if LINEAR not in books:
            return True
        method = self._link.client.swap_v1_private_get_positionside_dual
        mode = await self._link.asker.need("position mode", method, read_mode, host=self._link.hosts[API])
        return not mode.dualSidePosition

    async def _part(self, book: Book) -> _Part:
        assets, rows, orders = await together(
            self._need(f"{book.title} wallet", book.balance, read_assets),
            self._need(f"{book.title} positions", book.positions, _read_rows),
            self._need(f"{book.title} open orders", book.open_orders, _read_orders),
        )
        return _Part(book=book, ids=self._ids(book), assets=assets, rows=rows, orders=orders)

    async def _need(self, what: str, method: str, understand: Understand[Any]) -> Any:
        call = getattr(self._link.client, method)
        return await self._link.asker.need(what, lambda: call({}), understand, host=self._link.hosts[API])

    async def _sum(self, part: _Part) -> _Sum:
        needed = {self._listing.instruments[id].settle for id in part.ids}
        wallets = wallets_of(part.assets, needed)
        held = self._positions.understood(part.rows)
        await self._prove_flat(part, held)
        positions = self._positions.positions(held, await self._settings_of(part, held), part.ids)
        margins = {}
        for asset in sorted(needed):
            rows = [row for rows in held.rows.values() for row in rows if self._settles(row.symbol, asset)]
            odd = any(self._settles(raw, asset) for raw in held.odd)
            # An odd row of others may use margin; where none of ours is missing, nothing has to be proven flat.
            if not odd or any(self._listing.raw[id] not in held.rows for id in part.ids):
                assert_accounted(part.book, asset, wallets[asset], rows, self._at_most(part, asset))
            margins[asset] = margin_of(wallets[asset], await self._maintenance(part.book, wallets[asset], rows, odd))
        return _Sum(
            wallets=wallets,
            margins=margins,
            positions=positions,
            orders=self._orders(part),
            both_ways=held.both_ways,
        )

    async def _prove_flat(self, part: _Part, held: Held) -> None:
        """Ask about contracts of ours that are not held, by themselves, where another is: the margin of that one may
        hide them, such as where it is reckoned at the entry of one that has risen since. ValueError where one is held.

        Of many, a reading asks about those that were held before or never asked about, and some of the others in turn.
        """
        ours = {self._listing.raw[id]: id for id in part.ids if id not in self._listing.gone}
        flat = [raw for raw in ours if not held.has(raw)]
        for raw in ours.keys() - set(flat):
            self._asked_at.pop(raw, None)
        if held.odd or any(held.has(raw) for raw in held.rows):
            flat.sort(key=lambda raw: self._asked_at.get(raw, 0))
            new = sum(raw not in self._asked_at for raw in flat)
            due = flat[: max(new, MOST_ASKED)]
            for first in range(0, len(due), AT_ONCE):
                await together(*(self._prove(part.book, ours[raw]) for raw in due[first : first + AT_ONCE]))

    async def _prove(self, book: Book, id: InstrumentId) -> None:
        link, raw = self._link, self._listing.raw[id]
        call = partial(getattr(link.client, book.positions), {"symbol": raw})
        rows = await link.asker.ask("one position", call, _read_rows, host=link.hosts[API], absent=NO_SUCH_SYMBOL)
        if rows is None and not await self._suspicion.is_gone(id):
            raise UnknownContract(f"bingx: one position: the venue does not know {raw}.")
        if rows is not None and self._positions.understood(rows).has(raw):
            raise ValueError(f"{raw} is flat in one list of positions, and not in another")
        self._asked_at[raw] = link.clock.now_ms()

    def _settles(self, raw: str, asset: str) -> bool:
        """Whether a contract is margined in this asset; of one that we do not know, it may be."""
        listed = self._positions.derivatives.get(raw)
        return listed is None or listed.symbol.rpartition(":")[2] == asset

    async def _maintenance(self, book: Book, wallet: Wallet, rows: Sequence[PositionRow], odd: bool) -> Decimal:
        if book is INVERSE:
            return inverse_maintenance(wallet, rows, self._positions.derivatives)
        rows = [row for row in rows if row.positionAmt]
        untold = [row.symbol for row in rows if not await self._tiers.have(row.symbol)]
        return linear_maintenance(wallet, rows, self._tiers, odd=odd or bool(untold))

    async def _settings_of(self, part: _Part, held: Held) -> dict[str, Settings]:
        """What is set for those contracts of ours of which nothing is held; a row tells it of the others.

        What was read before is read again for one contract at a time.
        """
        now, found, asked = self._link.clock.now_ms(), {}, 0
        for id in part.ids:
            raw = self._listing.raw[id]
            if held.has(raw) or id in self._listing.gone:
                continue
            if raw not in self._settings or (not asked and now - self._settings[raw][0] >= SETTINGS_MS):
                if asked:
                    await self._link.clock.sleep(PACE_S)
                asked += 1
                try:
                    self._settings[raw] = now, await self._set_for(part.book, raw)
                except UnknownContract:
                    if not await self._suspicion.is_gone(id):
                        raise
                    continue
            found[raw] = self._settings[raw][1]
            if part.book is INVERSE:
                found[raw] = replace(found[raw], mark_price=(await self._prices.mark(id)).mark_price)
        return found

    async def _set_for(self, book: Book, raw: str) -> Settings:
        mode = await read_margin_type(self._link, book, raw)
        told = await read_leverage(self._link, book, raw)
        return Settings(leverage=max(told.longLeverage, told.shortLeverage), margin_mode=mode)

    def _orders(self, part: _Part) -> list[OrderReport]:
        """Every open order of our contracts; what is odd about others is left out."""
        ids = {self._listing.raw[id]: id for id in part.ids}
        reports = []
        for row in part.orders.orders:
            id = ids.get(row.symbol)
            if id is not None:
                record = _read_order(row.model_dump())
                reports.append(report_of(record, id, part.book.payoff, unasked=False))
        for report in reports:
            self._link.seen.note(report)
        known = {report.venue_order_id for report in reports}
        if len(known) != len(reports):
            raise ValueError("an open order is listed twice")
        return reports

    def _at_most(self, part: _Part, asset: str) -> Decimal:
        """What the orders on the book may use of a wallet's margin at most; of one that is not understood, nothing."""
        return sum((self._value(row, asset) for row in part.orders.orders if self._settles(row.symbol, asset)), ZERO)

    def _value(self, row: Row, asset: str) -> Decimal:
        try:
            record = _read_order(row.model_dump())
        except ValueError:
            return ZERO
        quantity = record.origQty or record.quantity or ZERO
        listed = self._positions.derivatives.get(row.symbol)
        if listed is not None and listed.payoff is Payoff.INVERSE:
            return quantity * listed.contract_multiplier / record.price if record.price else ZERO
        return quantity * record.price
