"""What cannot be true of a price, a reading or an execution: such news is treated as if it had never come.

What it would have freshened grows stale, and nothing is created on it. A reading with one false number is no reading;
of rows and orders that are not ours, only that their numbers are numbers is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from decimal import Decimal

from hedger.model.account import AccountReading, Margin, Position
from hedger.model.identity import parse_order_id
from hedger.model.instrument import Instrument, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, FillsRead, FundingRead, InstrumentsLoaded
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import Fill, OrderReport

Number = tuple[str, Decimal]


def flaw_of(event: Event, coins: Set[str] | None = None) -> str | None:
    """What of an event cannot be true, in words; None where nothing is wrong with it.

    `coins` are those that are hedged; where None, every one counts as hedged.
    """
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
            return _flaw_of_reading(event.reading, coins)
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
    """Somebody's order that closes a whole position has no quantity; an order of ours always has one."""
    quantity, filled = ("quantity", report.quantity), ("filled", report.filled)
    if parse_order_id(report.client_order_id or "") is None:
        return _first(least_zero=(quantity, filled))
    return _first(positive=(quantity,), least_zero=(filled,))


def _flaw_of_rules(rules: Instrument) -> str | None:
    positive = (("tick", rules.tick_size), ("lot", rules.lot_size), ("multiplier", rules.contract_multiplier))
    return _first(positive=positive, least_zero=(("least notional", rules.min_notional),))


def _flaw_of_reading(reading: AccountReading, coins: Set[str] | None) -> str | None:
    """One false number and the whole reading is refused: nobody knows which of the others are true."""
    balances = [*reading.spot.items(), *reading.collateral.items(), *reading.unrealized.items()]
    margins = (reading.margin, *reading.coin_margins.values())
    flaw = _first(finite=balances) or next((flaw for margin in margins if (flaw := _flaw_of_margin(margin))), None)
    return flaw or next(_flaws_of_rows(reading, coins), None)


def _flaw_of_margin(margin: Margin) -> str | None:
    return _first(
        least_zero=(("maintenance margin", margin.maintenance_margin), ("initial margin", margin.initial_margin)),
        finite=(("equity", margin.equity), ("available", margin.available)),
    )


def _flaws_of_rows(reading: AccountReading, coins: Set[str] | None) -> Iterator[str]:
    for row in reading.positions:
        flaw = _flaw_of_ours(row) if coins is None or row.underlying in coins else _flaw_of_foreign(row)
        if flaw is not None:
            yield f"{row.id}: {flaw}"
    for option in reading.options:
        flaw = _flaw_of_option(option) if coins is None or option.underlying in coins else None
        if flaw is not None:
            yield f"{option.id}: {flaw}"
    for report in reading.open_orders:
        flaw = _flaw_of_report(report)
        if flaw is not None:
            yield f"order {report.client_order_id}: {flaw}"


def _flaw_of_ours(row: Position) -> str | None:
    mark = (("mark price", row.mark_price),)  # a venue need not price what nobody holds
    always = (("multiplier", row.contract_multiplier), ("leverage", row.leverage))
    flaw = _first(
        positive=(*always, *mark) if row.quantity else always,
        least_zero=mark,
        finite=(("position", row.quantity), ("entry price", row.entry_price)),
    )
    if flaw is None and row.quantity and row.payoff is Payoff.QUANTO:
        return "a quanto, whose delta hangs on the price of another coin too: close it, or hedge this coin elsewhere"
    told = (("liquidation price", row.liquidation_price), ("index price", row.index_price))
    return flaw or _first(least_zero=[(name, value) for name, value in told if value is not None])


def _flaw_of_option(option: OptionPosition) -> str | None:
    """An option without terms is none. What it is priced with may be missing for a while: then nothing is created, and
    the rest of the reading, which saves margin, still counts (`engine/overlay.py`)."""
    strike, multiplier = ("strike", option.strike), ("multiplier", option.contract_multiplier)
    terms = (strike, multiplier, ("expiry", Decimal(option.expiry_at)))
    return _first(positive=terms, finite=(("quantity", option.quantity),))


def _flaw_of_foreign(row: Position) -> str | None:
    """A contract on a coin that nobody hedges here moves no delta: what the venue does not tell of it is no reason to
    go without the rest."""
    prices = (row.mark_price, row.entry_price, row.liquidation_price or ZERO)
    told = (row.quantity, row.contract_multiplier, row.leverage, *prices)
    return None if all(value.is_finite() for value in told) else "a number is none"


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
