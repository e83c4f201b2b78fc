"""What the instruments of a hedge earn or cost, which one is traded and why, and when it is left for the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from prometheus_client import Gauge
from rich.text import Text

from hedger.engine.decision.choice import choose, outlook, side_of
from hedger.engine.decision.roll import Roll, overdue, roll_of
from hedger.engine.formulas.carry import basis_yearly, basis_yearly_simple, breakeven_words, yearly
from hedger.engine.held.expiry import has_expired, left_ms
from hedger.engine.held.exposure import coins_of, exposure, position_of
from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Exposure, State
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import plain
from hedger.ops.figures import iso, percent
from hedger.ops.meters import Declaring

_UNKNOWN = math.nan
_OF_INSTRUMENT = ("hedge", "account", "symbol")
_OF_HEDGE = ("hedge",)


class Row(NamedTuple):
    """One instrument, in ratios a year, None where there is no such thing: `basis` and `simple` of a dated contract,
    `settled` (the last one), `next` and `expected` funding of a perpetual; `carry` is what the hedge's side earns."""

    id: InstrumentId
    basis_bps: Decimal
    basis: float | None
    simple: float | None
    settled: float | None
    next: float | None
    expected: float | None
    carry: float


class Standing(NamedTuple):
    """A hedge's instruments, the one that is traded and why, the roll that goes on, and when the next one begins."""

    rows: tuple[Row, ...]
    chosen: InstrumentId
    why: str
    roll: Roll | None
    left: Decimal
    roll_at: int | None
    late: str | None


def standing(state: State, hedge: Hedge) -> Standing | None:
    """What is known now; None while an account was never read."""
    held = exposure(state, hedge)
    if held is None:
        return None
    choice = choose(state, hedge, held)
    roll = roll_of(state, hedge, choice.id)
    left = abs(coins_of(state, state.instruments[roll.near], position_of(state, roll.near))) if roll else Decimal(0)
    rows = tuple(row for id in hedge.instruments if (row := _row(state, hedge, held, id)) is not None)
    return Standing(rows, choice.id, choice.why, roll, left, _roll_at(state, hedge), overdue(state, hedge))


def _row(state: State, hedge: Hedge, held: Exposure, id: InstrumentId) -> Row | None:
    instrument, mark = state.instruments.get(id), state.marks.get(id)
    if instrument is None or mark is None or has_expired(state, id):
        return None
    outlooked = outlook(state, hedge, id, side_of(state, hedge, held, id))
    prices, left = (mark[0].mark_price, mark[0].index_price), left_ms(instrument, state.now)
    bps = basis_bps(*prices)
    if left is not None:
        basis = basis_yearly(*prices, left)
        return Row(id, bps, basis, basis_yearly_simple(*prices, left), None, None, None, outlooked.carry)
    past = state.funding_rates.get(id, ())
    settled = yearly(float(past[-1].rate), past[-1].interval_ms) if past else None
    coming = yearly(float(mark[0].funding_rate), mark[0].funding_interval_ms)
    return Row(id, bps, None, None, settled, coming, outlooked.rate, outlooked.carry)


def _roll_at(state: State, hedge: Hedge) -> int | None:
    """When the first contract that the hedge holds something of is left for its end."""
    held = [state.instruments[id] for id in hedge.instruments if id in state.instruments and position_of(state, id)]
    ends = [rules.expiry_at for rules in held if rules.expiry_at is not None and rules.expiry_at > state.now]
    return min(ends) - hedge.carry.roll_before_ms if ends else None


# --- meters -----------------------------------------------------------------------------------------------------------


class CarryMeters:
    """Each instrument's carry, the one that is traded, and the roll."""

    def __init__(self, on: Declaring) -> None:
        self.basis: Gauge = on.gauge(
            "basis_annual_ratio", "ln(mark / index) a year of a dated contract. NaN of a perpetual.", _OF_INSTRUMENT
        )
        self.settled: Gauge = on.gauge(
            "funding_settled_annual_ratio", "The last funding that was settled, a year. NaN until read.", _OF_INSTRUMENT
        )
        self.expected: Gauge = on.gauge(
            "funding_expected_annual_ratio",
            "The mean funding a year that is expected over the horizon; positive: longs pay. NaN of a dated contract.",
            _OF_INSTRUMENT,
        )
        self.carry: Gauge = on.gauge(
            "carry_annual_ratio", "What the hedge's side earns (+) or pays (−) a year. NaN until known.", _OF_INSTRUMENT
        )
        self.chosen: Gauge = on.gauge("instrument_chosen", "1 for the instrument that is traded.", _OF_INSTRUMENT)
        self.roll_at: Gauge = on.gauge(
            "roll_timestamp_seconds", "When the contract that is held is left for the next. NaN without one.", _OF_HEDGE
        )
        self.left: Gauge = on.gauge("roll_left_coins", "Delta that a roll has still to move; 0 without one.", _OF_HEDGE)
        self.late: Gauge = on.gauge(
            "roll_late", "1 while something is held of a contract whose settlement average has begun.", _OF_HEDGE
        )


class CarryGauges:
    """The gauges of one hedge; what is not known is NaN."""

    def __init__(self, meters: CarryMeters, hedge: Hedge) -> None:
        self._hedge = hedge
        of_instrument = (meters.basis, meters.settled, meters.expected, meters.carry, meters.chosen)
        self._rows: dict[InstrumentId, tuple[Callable[[float], None], ...]] = {
            id: tuple(meter.labels(hedge.name, *id).set for meter in of_instrument) for id in hedge.instruments
        }
        self._roll = tuple(meter.labels(hedge.name).set for meter in (meters.roll_at, meters.left, meters.late))
        self._write(None)

    def adopt(self, hedge: Hedge) -> None:
        """Its owner has changed it; its instruments are those of the start."""
        self._hedge = hedge

    def show(self, state: State) -> None:
        """What is known now."""
        self._write(standing(state, self._hedge))

    def _write(self, now: Standing | None) -> None:
        rows = {row.id: row for row in now.rows} if now is not None else {}
        for id, writes in self._rows.items():
            row = rows.get(id)
            values = (row.basis, row.settled, row.expected, row.carry) if row is not None else (None,) * 4
            for write, value in zip(writes, (*values, float(now is not None and now.chosen == id)), strict=True):
                write(_UNKNOWN if value is None else value)
        at = now.roll_at if now is not None else None
        left, late = (float(now.left), float(now.late is not None)) if now is not None else (0.0, 0.0)
        for write, value in zip(self._roll, (_UNKNOWN if at is None else at / 1000, left, late), strict=True):
            write(value)


# --- for people -------------------------------------------------------------------------------------------------------


def carry_status(state: State, hedge: Hedge) -> dict[str, Any] | None:
    """One hedge for the status file: ratios a year, positive funding and basis are paid by longs."""
    now = standing(state, hedge)
    if now is None:
        return None
    return {
        "instrument": str(now.chosen),
        "why": now.why,
        "instruments": {str(row.id): _row_status(row) for row in now.rows},
        "breakeven": _breakeven(state, now),
        "roll": None
        if now.roll is None
        else f"{plain(now.left)} from {now.roll.near} to {now.roll.far}, {now.roll.why}",
        "roll_at": None if now.roll_at is None else iso(now.roll_at),
        "late": now.late,
    }


def _row_status(row: Row) -> dict[str, Any]:
    named = {
        "basis_yearly": row.basis,
        "basis_yearly_simple": row.simple,
        "funding_settled_yearly": row.settled,
        "funding_next_yearly": row.next,
        "funding_expected_yearly": row.expected,
        "carry_yearly": row.carry,
    }
    known = {name: round(value, 6) for name, value in named.items() if value is not None}
    return {"basis_bps": plain(round(row.basis_bps, 2)), **known}


def _breakeven(state: State, now: Standing) -> str | None:
    """Above which funding the first perpetual is better for a short than the first dated contract."""
    dated = next((row for row in now.rows if row.basis is not None), None)
    perpetual = next((row for row in now.rows if row.next is not None), None)
    if dated is None or perpetual is None or dated.basis is None:
        return None
    interval_ms = state.marks[perpetual.id][0].funding_interval_ms
    return breakeven_words(dated.id.symbol, dated.basis, perpetual.id.symbol, interval_ms)


def carry_line(state: State, hedge: Hedge) -> Text:
    """What the instrument that is traded earns a year, and where a roll stands."""
    now = standing(state, hedge)
    row = next((row for row in now.rows if row.id == now.chosen), None) if now is not None else None
    if now is None or row is None:
        return Text("–", style="dim")
    verb, style = ("earns", "green") if row.carry >= 0 else ("pays", "red")
    text = Text.assemble(row.id.symbol, " ", (verb, style), f" {percent(abs(Decimal(repr(row.carry))))} a year")
    if now.late is not None:
        return text.append(f" · {now.late}", style="bold red")
    if now.roll is not None:
        return text.append(f" · rolling {plain(now.left)} out of {now.roll.near.symbol}", style="yellow")
    return text if now.roll_at is None else text.append(f" · next roll {iso(now.roll_at)[:16]}", style="dim")
