"""What cannot be true of a price, a reading or an execution: such news is treated as if it had never come.

What it would have freshened grows stale, and nothing is created on it. A reading with one false number is no reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, FillsRead, FundingRead, InstrumentsLoaded
from hedger.model.order import Fill, OrderReport

Number = tuple[str, Decimal]


def flaw_of(event: Event) -> str | None:
    """What of an event cannot be true, in words; None where nothing is wrong with it."""
    match event:
        case Quote():
            return _flaw_of_quote(event)
        case Mark():
            positive = (("mark price", event.mark_price), ("index price", event.index_price))
            return _first(positive=positive, finite=(("funding rate", event.funding_rate),))
        case Fill():
            return _flaw_of_fill(event)
        case OrderReport():
            return _flaw_of_report(event)
        case AccountRead():
            return _flaw_of_reading(event.reading)
        case FillsRead():
            return next((flaw for fill in event.fills if (flaw := _flaw_of_fill(fill))), None)
        case FundingRead():
            return _first(finite=[(f"payment {p.payment_id}", p.amount) for p in event.payments])
        case InstrumentsLoaded():
            return next((flaw for rules in event.instruments if (flaw := _flaw_of_rules(rules))), None)
        case _:
            return None


def _flaw_of_quote(quote: Quote) -> str | None:
    """A book whose sides touch or cross is no market to join."""
    bid, ask, here, there = quote.bid, quote.ask, quote.bid_quantity, quote.ask_quantity
    finite = bid.is_finite() and ask.is_finite() and here.is_finite() and there.is_finite()
    if finite and 0 < bid < ask and here > 0 and there > 0:
        return None
    return f"{quote.id}: a bid of {here} at {bid} and an ask of {there} at {ask} are no market"


def _flaw_of_fill(fill: Fill) -> str | None:
    return _first(positive=(("quantity", fill.quantity), ("price", fill.price)), finite=(("fee", fill.fee),))


def _flaw_of_report(report: OrderReport) -> str | None:
    return _first(positive=(("quantity", report.quantity),), least_zero=(("filled", report.filled),))


def _flaw_of_rules(rules: Instrument) -> str | None:
    positive = (("tick", rules.tick_size), ("lot", rules.lot_size), ("multiplier", rules.contract_multiplier))
    return _first(positive=positive, least_zero=(("least notional", rules.min_notional),))


def _flaw_of_reading(reading: AccountReading) -> str | None:
    """One false number and the whole reading is refused: nobody knows which of the others are true."""
    margin = reading.margin
    flaw = _first(
        least_zero=(("maintenance margin", margin.maintenance_margin), ("initial margin", margin.initial_margin)),
        finite=[
            *reading.spot.items(),
            *reading.collateral.items(),
            ("equity", margin.equity),
            ("available", margin.available),
        ],
    )
    return flaw or next(_flaws_of_rows(reading), None)


def _flaws_of_rows(reading: AccountReading) -> Iterator[str]:
    for row in reading.positions:
        mark = (("mark price", row.mark_price),)  # a venue need not price what nobody holds
        always = (("multiplier", row.contract_multiplier), ("leverage", row.leverage))
        flaw = _first(
            positive=(*always, *mark) if row.quantity else always,
            least_zero=mark,
            finite=(("position", row.quantity), ("entry price", row.entry_price)),
        )
        if flaw is None and row.liquidation_price is not None:
            flaw = _first(least_zero=(("liquidation price", row.liquidation_price),))
        if flaw is not None:
            yield f"{row.id}: {flaw}"
    for report in reading.open_orders:
        flaw = _flaw_of_report(report)
        if flaw is not None:
            yield f"order {report.client_order_id}: {flaw}"


def _first(
    *,
    positive: tuple[Number, ...] | list[Number] = (),
    least_zero: tuple[Number, ...] | list[Number] = (),
    finite: tuple[Number, ...] | list[Number] = (),
) -> str | None:
    """The first number that is not what its kind must be."""
    for name, value in positive:
        if not value.is_finite() or value <= 0:
            return f"{name} is {value}"
    for name, value in least_zero:
        if not value.is_finite() or value < 0:
            return f"{name} is {value}"
    for name, value in finite:
        if not value.is_finite():
            return f"{name} is {value}"
    return None
