"""Answers to reads that are old, short of rows or in words that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from hedger.model.account import AccountReading
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, OrderReport, ReportStatus
from hedger.sim.faults.expiry import Endings
from hedger.sim.faults.house import House
from hedger.sim.faults.options import OptionRows

OLDEST_MS = 30_000
LATE_FILL_MS = 4_000
FINAL = frozenset({ReportStatus.FILLED, ReportStatus.CANCELED, ReportStatus.EXPIRED})

Timed = TypeVar("Timed", bound=Quote | Mark | Fill | OrderReport | AccountReading)


class Readings:
    """Bends one account's readings, order records and fills as the plan says."""

    def __init__(self, house: House) -> None:
        self._house, self._strikes = house, house.strikes
        self._rows, self.endings = OptionRows(house.strikes), Endings(house.strikes)

    def by_venue_clock(self, timed: Timed) -> Timed:
        """The same, in the times of the exchange's clock as it is."""
        error_ms = self._house.clock_error_ms()
        return replace(timed, exchange_at=timed.exchange_at + error_ms) if error_ms else timed

    # --- the account ----------------------------------------------------------------------------------------

    def account(self, reading: AccountReading) -> AccountReading:
        """A reading of the account as the venue gives it."""
        told = self._old(reading)
        told = self._rows.bend(self._lacking(self._truncated(told)))
        told = self.endings.bend(told)
        told = replace(told, open_orders=tuple(self.report(r) for r in told.open_orders if self._listed(r)))
        return self._without_sense(self.by_venue_clock(told))

    def _old(self, reading: AccountReading) -> AccountReading:
        """An older reading, half of the time with the stamp of a fresh one."""
        history, strikes = self._house.history, self._strikes
        history.append(reading)
        since = strikes.now - OLDEST_MS
        old = [r for r in history if since <= r.exchange_at and _differs(r, reading)]
        if not old or not strikes.due("D07"):
            return reading
        draw = strikes.draw("D07")
        chosen = draw.choice(old)
        strikes.tell("D07", f"a reading of {reading.exchange_at - chosen.exchange_at} ms ago")
        return replace(chosen, exchange_at=reading.exchange_at) if draw.random() < 0.5 else chosen

    def _truncated(self, reading: AccountReading) -> AccountReading:
        orders = reading.open_orders
        if not orders or not self._strikes.hits("V09", f"{len(orders)} open orders"):
            return reading
        return replace(reading, open_orders=orders[: self._strikes.draw("V09").randrange(len(orders))])

    def _lacking(self, reading: AccountReading) -> AccountReading:
        if not self._strikes.due("D08"):
            return reading
        form = self._strikes.draw("D08").randrange(5)
        name, lacking = (
            ("no positions", replace(reading, positions=())),
            ("no zero rows", replace(reading, positions=tuple(p for p in reading.positions if p.quantity))),
            ("a position less", replace(reading, positions=reading.positions[1:])),
            ("no balances", replace(reading, spot={}, collateral={})),
            ("no zero balances", replace(reading, spot=_held(reading.spot), collateral=_held(reading.collateral))),
        )[form]
        if lacking == reading:
            return reading
        self._strikes.tell("D08", name)
        return lacking

    def _listed(self, report: OrderReport) -> bool:
        name = report.client_order_id
        return not self._house.forgets(name, "open") and not self._house.lags(name)

    def _without_sense(self, reading: AccountReading) -> AccountReading:
        """Now and then a number of the account itself is none."""
        if not self._strikes.active("D01") or self._strikes.draw("D01").random() > 0.2:
            return reading
        nan, draw = Decimal("NaN"), self._strikes.draw("D01")
        form = draw.randrange(3)
        if form == 0:
            self._strikes.tell("D01", "the equity is NaN")
            return replace(reading, margin=replace(reading.margin, equity=nan))
        if form == 1:
            self._strikes.tell("D01", "a balance is NaN")
            return replace(reading, spot={**reading.spot, draw.choice(sorted(reading.spot) or ["BTC"]): nan})
        self._strikes.tell("D01", "a position is NaN")
        return replace(reading, positions=tuple(replace(p, quantity=nan) for p in reading.positions))

    # --- orders ---------------------------------------------------------------------------------------------

    def report(self, report: OrderReport) -> OrderReport:
        """A record of an order as the venue gives it."""
        if self._strikes.hits("D16", f"{report.client_order_id} was {report.status.value}"):
            report = replace(report, status=ReportStatus.UNRECOGNISED)
        return self.by_venue_clock(report)

    def found(self, name: str, report: OrderReport | None) -> OrderReport | None:
        """The answer to a query by our id."""
        if report is None or self._house.forgets(name, "find") or self._house.lags(name):
            return None
        return self.report(self.twin(report) or report)

    def twin(self, report: OrderReport) -> OrderReport | None:
        """After an order of ours has closed, the venue takes its id again for an order that expires empty."""
        if report.status not in FINAL or report.client_order_id not in self._house.sent:
            return None
        if not self._strikes.hits("V20", f"{report.client_order_id} a second time"):
            return None
        return replace(report, venue_order_id=f"{report.venue_order_id}9", filled=ZERO, status=ReportStatus.EXPIRED)

    # --- fills ----------------------------------------------------------------------------------------------

    def fill(self, fill: Fill) -> Fill:
        """A fill under the number that the venue gives it."""
        return self.by_venue_clock(replace(fill, trade_id=self._house.aliases.get(fill.trade_id, fill.trade_id)))

    def fills(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        """A list of fills as the venue gives it: late, out of order, or with some of them twice."""
        strikes = self._strikes
        late = [f for f in fills if f.exchange_at > strikes.now - LATE_FILL_MS]
        if late and strikes.hits("V10", f"{len(late)} fills are not in the history yet"):
            fills = tuple(f for f in fills if f not in late)
        if fills and strikes.hits("V11", "fills twice and out of order"):
            draw = strikes.draw("V11")
            fills = (*fills, draw.choice(fills))
            fills = tuple(draw.sample(fills, len(fills)))
        return tuple(self.fill(f) for f in fills)


def _differs(old: AccountReading, new: AccountReading) -> bool:
    return _facts(old) != _facts(new)


def _facts(reading: AccountReading) -> object:
    """What matters of a reading: marks move all the time."""
    return [(p.id, p.quantity) for p in reading.positions], reading.open_orders, reading.spot


def _held(rows: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {asset: quantity for asset, quantity in rows.items() if quantity}
