"""What we hold on WEEX, read all or nothing, with flat proven by a second question and by the wallet's own profit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, explain, together
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.weex.codes import CONTRACT, MONEY
from hedger.venues.weex.known import Known
from hedger.venues.weex.pages import open_orders
from hedger.venues.weex.parse import MARGIN_MODES, opened_by, report_of
from hedger.venues.weex.payloads import AssetRow, OrderRecord, Row, Wallet
from hedger.venues.weex.positions import Held, PositionReader, Settings, assert_explained
from hedger.venues.weex.setup import leverages, read_config
from hedger.venues.weex.sides import Leg, Legs, Sides
from hedger.venues.weex.wallets import SpotReader, wallet_of
from hedger.venues.wire import reader

# The settings of a contract are asked for no more often: each question weighs ten.
SETTINGS_MS = 20_000
# The venue tells neither maintenance margin nor its table of tiers. A tenth of the positions' value is more than its
# tiers ask of positions up to millions [V], so a margin that looks sufficient is.
MAINTENANCE_PART = Decimal("0.1")

_read_assets: Understand[list[AssetRow]] = reader(list[AssetRow])
_read_rows: Understand[list[Row]] = reader(list[Row])
_read_order: Understand[OrderRecord] = reader(OrderRecord)


class AccountReader:
    """Reads one account: the spot wallet, the contracts wallet, its positions and its open orders."""

    def __init__(self, link: Link, listing: Listing, positions: PositionReader, sides: Sides, known: Known) -> None:
        self._link = link
        self._listing = listing
        self._positions = positions
        self._sides = sides
        self._known = known
        self._spot = SpotReader(link, listing)
        self._settings: dict[str, tuple[int, Settings]] = {}

    async def begin(self) -> None:
        """Learn which legs are held before the first reading, so that an order can be told what it is for."""
        asked_at = self._link.venue_now()
        orders, rows = await self._orders_and_positions()
        try:
            self._teach(self._positions.understood(rows), self._records(orders), asked_at)
        except ValueError as problem:
            raise AskAgain(f"weex: positions: {explain(problem)}.") from None

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at = self._link.venue_now()
        spot, assets, (orders, rows) = await together(
            self._spot.read(),
            self._need("contracts wallet", self._link.client.contractprivate_get_capi_v3_account_balance, _read_assets),
            self._orders_and_positions(),
        )
        await self._positions.learn(rows)
        wallet, held = wallet_of(assets, MONEY), self._positions.understood(rows)
        assert_explained(wallet, held)
        await self._prove_flat(held)
        settings = await self._settings_of()
        records = self._records(orders)
        reports = self._reports(records)
        self._teach(held, records, asked_at)
        combined = all(one.combined for one in settings.values())
        return AccountReading(
            account=self._link.account,
            spot=spot,
            collateral={MONEY: wallet.balance},
            positions=tuple(self._positions.positions(held, settings)),
            margin=margin_of(wallet, held),
            open_orders=tuple(reports),
            one_way=combined and held.is_one_way,
            exchange_at=asked_at,
            unrealized={MONEY: wallet.unrealizePnl},
        )

    async def _orders_and_positions(self) -> tuple[list[Row], list[Row]]:
        """Orders before positions: what fills in between is then in one of the two lists at least, never in neither."""
        orders = await open_orders(self._link)
        method = self._link.client.contractprivate_get_capi_v3_account_position_allposition
        return orders, await self._need("positions", method, _read_rows)

    async def _need(self, what: str, call: Any, understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, call, understand, host=self._link.hosts[CONTRACT])

    async def _prove_flat(self, held: Held) -> None:
        """Ask about each contract of ours that is not held, by itself; ValueError where it is held after all."""
        raws = [self._listing.raw[id] for id in self._listing.contracts if id not in self._listing.gone]
        await together(*(self._prove(raw) for raw in raws if not held.of(raw)))

    async def _prove(self, raw: str) -> None:
        method = self._link.client.contractprivate_get_capi_v3_account_position_singleposition
        rows = await self._need("one position", partial(method, {"symbol": raw}), _read_rows)
        if any(row.symbol != raw for row in rows) or self._positions.understood(rows).of(raw):
            raise ValueError(f"{raw} is flat in one list of positions, and not in another")

    async def _settings_of(self) -> dict[str, Settings]:
        """What is set for each contract of ours that trades."""
        now, found = self._link.clock.now_ms(), {}
        for id in self._listing.contracts:
            raw = self._listing.raw[id]
            if id in self._listing.gone:
                continue
            if raw not in self._settings or now - self._settings[raw][0] >= SETTINGS_MS:
                told = await read_config(self._link, raw)
                mode = MARGIN_MODES[told.marginType]
                most, combined = max(leverages(told, mode)), told.separatedType == "COMBINED"
                self._settings[raw] = now, Settings(leverage=most, margin_mode=mode, combined=combined)
            found[raw] = self._settings[raw][1]
        return found

    def _records(self, rows: Sequence[Row]) -> list[tuple[InstrumentId, OrderRecord]]:
        """Every open order of our contracts; what is odd about others is left out."""
        found = []
        for row in rows:
            id = self._listing.contract(row.symbol)
            if id is not None:
                found.append((id, _read_order(row.model_dump())))
        return found

    def _reports(self, records: Sequence[tuple[InstrumentId, OrderRecord]]) -> list[OrderReport]:
        reports = [report_of(record, id, self._known) for id, record in records]
        for report in reports:
            self._link.seen.note(report)
            self._sides.hear(report, self._link.venue_now())
        return reports

    def _teach(self, held: Held, records: Sequence[tuple[InstrumentId, OrderRecord]], asked_at: int) -> None:
        """Let orders go by what was read now."""
        for id in self._listing.contracts:
            raw = self._listing.raw[id]
            opening = frozenset(leg for of, one in records if of == id and (leg := opened_by(one)) is not None)
            legs = {leg: held.leg(raw, leg) for leg in Leg}
            self._sides.learn(id, Legs(held=legs, opening=opening, read_at=asked_at))


def margin_of(wallet: Wallet, held: Held) -> Margin:
    """The contracts wallet's margin. Where a row of others is not understood, no less is needed than is in use."""
    used = sum((row.marginSize for rows in held.rows.values() for row in rows), ZERO) + wallet.frozen
    equity = wallet.balance + wallet.unrealizePnl
    maintenance = MAINTENANCE_PART * held.value
    if held.odd:
        maintenance = max(maintenance, equity - wallet.availableBalance)
    return Margin(
        equity=equity,
        maintenance_margin=maintenance,
        initial_margin=used,
        available=max(wallet.availableBalance, ZERO),
    )
