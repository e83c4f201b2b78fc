"""What a decision is made on: an instrument and its prices, the exposure, the target, the band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hedger.engine.decision.choice import choose
from hedger.engine.held.exposure import coins_for, exposure
from hedger.engine.held.freshness import stale_input
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Exposure, State
from hedger.engine.known.widths import Widths
from hedger.engine.wanted.aim import Aim, aim
from hedger.engine.wanted.conditions import smallest_order
from hedger.engine.wanted.other_coins import flaw_of_crossing, price_of, seen_from
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ONE, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision is made on: one instrument's prices and the hedge's exposure, target and band, in coins.

    `per_unit` is the delta in coins of one unit of the instrument, `price` that of a coin in quote. `deviation` is net
    delta minus target; `inside` whether it lies in the band. With a `flaw` in what the band is computed from, nothing
    may be traded.
    """

    instrument: Instrument
    quote: Quote
    mark: Mark
    per_unit: Decimal
    price: Decimal
    exposure: Exposure
    target: Decimal
    edges: Widths
    deviation: Decimal
    inside: bool
    flaw: str | None = None


def gather(state: State, hedge: Hedge) -> Facts | None:
    """The facts of a hedge on the instrument that it would trade; None while something was never seen."""
    if hedge.cross is not None:
        return _across(state, hedge)
    held = exposure(state, hedge)
    id = chosen(state, hedge, held)
    instrument, mark = state.instruments.get(id), state.marks.get(id)
    if instrument is None or mark is None or held is None:
        return None
    price = instrument.coin_price(mark[0].index_price)
    return _on(state, hedge, id, held, price, aim(state, hedge, held, price))


def _on(state: State, hedge: Hedge, id: InstrumentId, held: Exposure, price: Decimal, wanted: Aim) -> Facts | None:
    """The facts on one instrument, of what is held and wanted and a coin's price; None while it was not seen."""
    instrument, quote, mark = state.instruments.get(id), state.quotes.get(id), state.marks.get(id)
    if instrument is None or quote is None or mark is None:
        return None
    deviation = held.delta - wanted.target
    return Facts(
        instrument=instrument,
        quote=quote[0],
        mark=mark[0],
        per_unit=coins_for(state, hedge, instrument, ONE),
        price=price,
        exposure=held,
        target=wanted.target,
        edges=wanted.edges,
        deviation=deviation,
        inside=wanted.edges.holds(deviation),
        flaw=wanted.flaw,
    )


def chosen(state: State, hedge: Hedge, held: Exposure | None = None) -> InstrumentId:
    """The instrument to trade, by the owner's rule: see `engine/decision/choice.py`."""
    return hedge.instruments[0] if len(hedge.instruments) == 1 else choose(state, hedge, held).id


def facts_on(state: State, hedge: Hedge, facts: Facts, id: InstrumentId) -> Facts:
    """The same facts with another instrument to trade, one whose quote and mark have been seen."""
    instrument, quote, mark = state.instruments[id], state.quotes[id][0], state.marks[id][0]
    per_unit = coins_for(state, hedge, instrument, ONE)
    return replace(facts, instrument=instrument, quote=quote, mark=mark, per_unit=per_unit)


# --- in other coins ---------------------------------------------------------------------------------------------------


def _across(state: State, hedge: Hedge) -> Facts | None:
    """The facts on the instrument that an order works on, or else on the one that the book moves with furthest out of
    the band. Until it is measured how the coins move together, the holding alone, with the flaw that it is so."""
    held, price = exposure(state, hedge), price_of(state, hedge, hedge.underlying)
    if held is None or price is None:
        return None
    wanted, flaw = aim(state, hedge, held, price), flaw_of_crossing(state, hedge)
    edges = _no_narrower(wanted.edges, smallest_order(state, hedge))
    coins, half = held.holding - wanted.target, min(edges.upper, edges.lower)
    seen = {id: seen_from(state, hedge, id, coins, half) or held for id in hedge.instruments}
    aimed = Aim(ZERO, edges, wanted.flaw if flaw is None else flaw)
    legs = [leg for id in hedge.instruments if (leg := _on(state, hedge, id, seen[id], price, aimed)) is not None]
    working = {o.id for o in state.orders.values() if o.hedge == hedge.name and o.live}
    fresh = [leg for leg in legs if stale_input(state, hedge, leg.instrument.id) is None]
    at_work = [leg for leg in legs if leg.instrument.id in working]
    return max(at_work or fresh or legs, key=_out, default=None)


def _no_narrower(edges: Widths, least: Decimal) -> Widths:
    """A band that the smallest order of every instrument fits into, whatever the coins cost now."""
    return edges._replace(upper=max(edges.upper, least), lower=max(edges.lower, least))


def _out(facts: Facts) -> Decimal:
    """How far out of its band a deviation is: 1 at an edge."""
    return facts.deviation / facts.edges.upper if facts.deviation > 0 else -facts.deviation / facts.edges.lower
