"""What cannot be true of a price, a reading or an execution: such news is treated as if it had never come.

What it would have freshened grows stale, and nothing is created on it. A reading with one false number is no reading;
of rows and orders that are not ours, only that their numbers are numbers is asked. What is beyond all bounds is no
number either: arithmetic on it fails or says anything at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from decimal import Decimal

import numpy as np

from hedger.engine.formulas.option_columns import columns
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.identity import parse_order_id
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, FillsRead, FundingRatesRead, FundingRead, InstrumentsLoaded
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import Fill, OrderReport

Number = tuple[str, Decimal]

# No price, lot or quantity that is positive lies outside of the first two, and no amount at all beyond the others.
LEAST, MOST = Decimal("1e-12"), Decimal("1e15")
FAINTEST, LARGEST = Decimal("1e-60"), Decimal("1e18")
MOST_BASIS = 3  # a mark further than this from its index, in times, is in other units
LONGEST_FUNDING_MS = 365 * 86_400_000
LONGEST_SETTLEMENT_MS = 86_400_000


def flaw_of(event: Event, coins: Set[str] | None = None) -> str | None:
    """What of an event cannot be true, in words; None where nothing is wrong with it.

    `coins` are those that are hedged; where None, every one counts as hedged.
    """
    match event:
        case Quote():
            return _flaw_of_quote(event)
        case Mark():
            return _flaw_of_mark(event)
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
        case FundingRatesRead():
            return _first(finite=[(f"rate of {r.settled_at}", r.rate) for r in event.rates])
        case InstrumentsLoaded():
            return next((flaw for rules in event.instruments if (flaw := _flaw_of_rules(rules))), None)
        case _:
            return None


def _flaw_of_quote(quote: Quote) -> str | None:
    """A book whose sides touch or cross is no market to join."""
    bid, ask, here, there = quote.bid, quote.ask, quote.bid_quantity, quote.ask_quantity
    finite = bid.is_finite() and ask.is_finite() and here.is_finite() and there.is_finite()
    if finite and LEAST <= bid < ask <= MOST and LEAST <= here <= MOST and LEAST <= there <= MOST:
        return None
    return f"{quote.id}: a bid of {here} at {bid} and an ask of {there} at {ask} are no market"


def _flaw_of_mark(mark: Mark) -> str | None:
    """The delta of options, of dated and of inverse contracts hangs on both prices."""
    positive = (("mark price", mark.mark_price), ("index price", mark.index_price))
    flaw = _first(positive=positive, finite=(("funding rate", mark.funding_rate),))
    if flaw is None and not 0 <= mark.funding_interval_ms <= LONGEST_FUNDING_MS:
        return f"funding interval is {mark.funding_interval_ms} ms"
    return flaw or _flaw_of_units(mark.mark_price, mark.index_price)


def _flaw_of_units(mark_price: Decimal, index_price: Decimal) -> str | None:
    if mark_price <= MOST_BASIS * index_price and index_price <= MOST_BASIS * mark_price:
        return None
    return f"mark price {mark_price} and index price {index_price} are not in the same units"


def _flaw_of_fill(fill: Fill) -> str | None:
    return _first(positive=(("quantity", fill.quantity), ("price", fill.price)), finite=(("fee", fill.fee),))


def _flaw_of_report(report: OrderReport) -> str | None:
    """Somebody's order that closes a whole position has no quantity; an order of ours always has one."""
    quantity, filled = ("quantity", report.quantity), ("filled", report.filled)
    if parse_order_id(report.client_order_id or "") is None:
        return _first(least_zero=(quantity, filled))
    return _first(positive=(quantity,), least_zero=(filled,))


def _flaw_of_rules(rules: Instrument) -> str | None:
    if rules.expiry_at is not None and rules.expiry_at <= 0:
        return f"expiry is {rules.expiry_at}"
    if not 0 <= rules.settlement_ms <= LONGEST_SETTLEMENT_MS:
        return f"settlement average is {rules.settlement_ms} ms long"
    steps = (("tick", rules.tick_size), ("lot", rules.lot_size), ("multiplier", rules.contract_multiplier))
    return _first(
        positive=(*steps, ("most quantity", rules.max_quantity)),
        least_zero=(("least notional", rules.min_notional), ("least quantity", rules.min_quantity)),
        finite=(("maker's fee", rules.maker_fee), ("taker's fee", rules.taker_fee)),
    )


def _flaw_of_reading(reading: AccountReading, coins: Set[str] | None) -> str | None:
    """One false number and the whole reading is refused: nobody knows which of the others are true."""
    told = (reading.spot, reading.collateral, reading.unrealized, reading.accrued)
    balances = [entry for balances in told for entry in balances.items()]
    margins = (reading.margin, *reading.coin_margins.values())
    flaw = _first(finite=balances) or next((flaw for margin in margins if (flaw := _flaw_of_margin(margin))), None)
    return flaw or next(_flaws_of_rows(reading, coins), None)


def _flaw_of_margin(margin: Margin) -> str | None:
    return _first(
        least_zero=(("maintenance margin", margin.maintenance_margin), ("initial margin", margin.initial_margin)),
        finite=(("equity", margin.equity), ("available", margin.available)),
    )


def _flaws_of_rows(reading: AccountReading, coins: Set[str] | None) -> Iterator[str]:
    yield from _told_twice(reading, coins)
    for row in reading.positions:
        flaw = _flaw_of_ours(row) if coins is None or row.underlying in coins else _flaw_of_foreign(row)
        if flaw is not None:
            yield f"{row.id}: {flaw}"
    for option in _doubtful(reading.options):
        flaw = _flaw_of_option(option) if coins is None or option.underlying in coins else None
        if flaw is not None:
            yield f"{option.id}: {flaw}"
    for report in reading.open_orders:
        flaw = _flaw_of_report(report)
        if flaw is not None:
            yield f"order {report.client_order_id}: {flaw}"


def _doubtful(options: tuple[OptionPosition, ...]) -> list[OptionPosition]:
    """Those in which a flaw cannot be ruled out at one glance at the numbers of all."""
    if not options:
        return []
    known = columns(options)
    plain = known.complete & known.between(1.01 * float(LEAST), 0.99 * float(MOST)) & (known.expiry_at > 0)
    plain &= (known.settlement_ms >= 0) & (known.settlement_ms <= LONGEST_SETTLEMENT_MS)
    return [options[place] for place in np.flatnonzero(~plain).tolist()]


def _told_twice(reading: AccountReading, coins: Set[str] | None) -> Iterator[str]:
    """A row that a page boundary repeats would count twice. Only a two-way account has two rows of a contract."""
    ids = [option.id for option in reading.options if coins is None or option.underlying in coins]
    if reading.one_way:
        ids += [row.id for row in reading.positions if coins is None or row.underlying in coins]
    seen: set[InstrumentId] = set()
    for id in ids:
        if id in seen:
            yield f"{id} is told twice"
        seen.add(id)


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
    flaw = flaw or _first(least_zero=[(name, value) for name, value in told if value is not None])
    if flaw is None and row.quantity and row.index_price:
        return _flaw_of_units(row.mark_price, row.index_price)
    return flaw


def _flaw_of_option(option: OptionPosition) -> str | None:
    """An option without terms is none. What it is priced with may be missing for a while: then nothing is created, and
    the rest of the reading, which saves margin, still counts (`engine/formulas/overlay.py`)."""
    strike, multiplier = ("strike", option.strike), ("multiplier", option.contract_multiplier)
    terms = (strike, multiplier, ("expiry", Decimal(option.expiry_at)))
    if not 0 <= option.settlement_ms <= LONGEST_SETTLEMENT_MS:
        return f"settlement average is {option.settlement_ms} ms long"
    told = (option.index_price, option.forward_price, option.mark_price, option.mark_sigma)
    absurd = [("a price", value) for value in told if value is not None and value.is_finite()]
    return _first(positive=terms, finite=(("quantity", option.quantity), *absurd))


def _flaw_of_foreign(row: Position) -> str | None:
    """A contract on a coin that nobody hedges here moves no delta: what the venue does not tell of it is no reason to
    go without the rest."""
    prices = (row.mark_price, row.entry_price, row.liquidation_price or ZERO)
    told = (row.quantity, row.contract_multiplier, row.leverage, *prices)
    return None if all(_is_amount(value) for value in told) else "a number is none"


def _first(
    *,
    positive: tuple[Number, ...] | list[Number] = (),
    least_zero: tuple[Number, ...] | list[Number] = (),
    finite: tuple[Number, ...] | list[Number] = (),
) -> str | None:
    """The first number that is not what its kind must be."""
    for name, value in positive:
        if not value.is_finite() or not LEAST <= value <= MOST:
            return f"{name} is {value}"
    for name, value in least_zero:
        if not _is_amount(value) or value < 0:
            return f"{name} is {value}"
    for name, value in finite:
        if not _is_amount(value):
            return f"{name} is {value}"
    return None


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and (not value or FAINTEST <= abs(value) <= LARGEST)
