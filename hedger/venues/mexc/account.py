"""What we hold on MEXC, read all or nothing, with flat proven by a second question and by the wallet's own margin."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import Row, answered
from hedger.venues.mexc.codes import API, NO_SUCH_SYMBOL
from hedger.venues.mexc.open_orders import open_orders
from hedger.venues.mexc.parse import cause_of, margin_in_use, report_of
from hedger.venues.mexc.payloads import Asset, CurrencyRow, OrderRecord, Ticker
from hedger.venues.mexc.positions import Held, PositionReader
from hedger.venues.mexc.setup import ONE_WAY, Settings, read_mode
from hedger.venues.mexc.stance import Stance
from hedger.venues.mexc.tiers import maintenance_of
from hedger.venues.mexc.wallets import SpotReader, assert_accounted, held_in, margin_of, read_assets, wallets_of
from hedger.venues.seen import AskedCancels
from hedger.venues.wire import reader

read_rows: Understand[list[Row]] = answered(list[Row])
_read_order: Understand[OrderRecord] = reader(OrderRecord)
_read_ticker: Understand[Ticker] = answered(Ticker)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What one round of questions said."""

    spot: dict[str, Decimal]
    assets: list[CurrencyRow]
    mode: int
    rows: list[Row]
    orders: list[Row]


class AccountReader:
    """Reads one account."""

    def __init__(
        self,
        link: Link,
        listing: Listing,
        positions: PositionReader,
        settings: Settings,
        stance: Stance,
        asked: AskedCancels,
    ) -> None:
        self._link = link
        self._listing = listing
        self._positions = positions
        self._settings = settings
        self._stance = stance
        self._asked = asked
        self._spot = SpotReader(link, listing)

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at = self._link.venue_now()
        parts = await self._ask()
        await self._positions.learn(row.symbol for row in parts.rows)
        held = self._positions.understood(parts.rows)
        await self._prove_flat(held)
        self._stance.leverage |= await self._leverage(held)
        tickers = await self._tickers(held)
        needed = {self._listing.instruments[id].settle for id in self._listing.contracts}
        wallets = wallets_of(parts.assets, needed)
        margins = [margin_of(wallets[asset], self._maintenance(wallets[asset], held, tickers)) for asset in needed]
        collateral, unrealized = held_in(wallets)
        reading = AccountReading(
            account=self._link.account,
            spot=parts.spot,
            collateral=collateral,
            positions=self._positions.positions(held, tickers),
            margin=margins[0],
            open_orders=self._orders(parts.orders),
            one_way=parts.mode == ONE_WAY and not held.both_ways,
            exchange_at=asked_at,
            unrealized=unrealized,
        )
        net = {row.symbol: held.net(row.symbol) for row in held.rows}
        self._stance.read(one_way=reading.one_way, net=net, read_at=asked_at)
        return reading

    async def first(self) -> None:
        """Learn before the first order what orders depend on; while it is not proven, none is sent."""
        with suppress(AskAgain, ValueError):
            await self.read()

    async def _ask(self) -> _Parts:
        client = self._link.client
        spot, assets, mode, rows, orders = await together(
            self._spot.read(),
            self._need("futures wallet", client.contract_private_get_account_assets, read_assets),
            self._need("position mode", client.contract_private_get_position_position_mode, read_mode),
            self._need("positions", client.contract_private_get_position_open_positions, read_rows),
            open_orders(self._link),
        )
        return _Parts(spot=spot, assets=assets, mode=mode, rows=rows, orders=orders)

    async def _prove_flat(self, held: Held) -> None:
        """Ask about each contract of ours that is not held, by itself: what the others' margin may hide, such as where
        it is reckoned at the entry of one that has risen since. ValueError where it is held after all."""
        raws = [self._listing.raw[id] for id in self._listing.contracts if id not in self._listing.gone]
        await together(*(self._prove(raw) for raw in raws if not held.of(raw)))

    async def _prove(self, raw: str) -> None:
        method, host = self._link.client.contract_private_get_position_open_positions, self._link.hosts[API]
        rows = await self._link.asker.need("one position", partial(method, {"symbol": raw}), read_rows, host=host)
        if self._positions.understood(rows).of(raw):
            raise ValueError(f"{raw} is flat in one list of positions, and not in another")

    async def _leverage(self, held: Held) -> dict[str, Decimal]:
        """That of a position, and for a contract of which nothing is held what is set."""
        found = {}
        for id in self._listing.contracts:
            raw = self._listing.raw[id]
            rows = held.of(raw)
            if rows:
                found[raw] = max(row.leverage for row in rows)
            elif id not in self._listing.gone:
                found[raw] = await self._settings.leverage(raw)
        return found

    async def _need(self, what: str, method: Any, understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, lambda: method({}), understand, host=self._link.hosts[API])

    async def _tickers(self, held: Held) -> dict[str, Ticker]:
        """The marks of each configured contract and of each other that is held, read after the positions."""
        gone = {self._listing.raw[id] for id in self._listing.gone if id in self._listing.instruments}
        ours = [raw for id in self._listing.contracts if (raw := self._listing.raw[id]) not in gone]
        raws = list(dict.fromkeys([*ours, *(row.symbol for row in held.rows)]))
        found = await together(*(self._ticker(raw) for raw in raws))
        return {raw: ticker for raw, ticker in zip(raws, found, strict=True) if ticker is not None}

    async def _ticker(self, raw: str) -> Ticker | None:
        method, link = self._link.client.contract_public_get_ticker, self._link

        def understand(payload: Any) -> Ticker:
            ticker = _read_ticker(payload)
            if ticker.symbol != raw:
                raise ValueError(f"the prices of {ticker.symbol} came as an answer about {raw}")
            return ticker

        call = partial(method, {"symbol": raw})
        return await link.asker.ask("mark price", call, understand, host=link.hosts[API], absent=NO_SUCH_SYMBOL)

    def _maintenance(self, wallet: Asset, held: Held, tickers: dict[str, Ticker]) -> Decimal:
        """What the positions that settle in a wallet's asset need. Where a row of others is not understood, no less
        than the whole margin in use, of which maintenance is a part."""
        total, explained, count = ZERO, ZERO, 0
        for row in held.rows:
            known = self._positions.known(row.symbol)
            if known.settle != wallet.currency:
                continue
            if row.symbol not in tickers:
                raise ValueError(f"the position in {row.symbol} has no mark price")
            mark = tickers[row.symbol].fairPrice
            total += maintenance_of(known, row.holdVol, mark)
            explained += margin_in_use(row, known, mark)
            count += 1
        if held.odd:
            return max(total, wallet.positionMargin)
        assert_accounted(wallet, explained, count)
        return total

    def _orders(self, rows: Iterable[Row]) -> tuple[OrderReport, ...]:
        """Every open order of our contracts; what is odd about others is left out."""
        ids: dict[str, InstrumentId] = {self._listing.raw[id]: id for id in self._listing.contracts}
        reports = []
        for row in rows:
            if row.symbol in ids:
                record, id = _read_order(row.model_dump()), ids[row.symbol]
                self._stance.hear(record)
                unasked = not self._asked.knows(record.externalOid)
                report = report_of(record, id, self._positions.known(row.symbol), unasked=unasked)
                self._link.seen.note(report, cause_of(record.category))
                reports.append(report)
        return tuple(reports)
