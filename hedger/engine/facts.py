"""What a decision is made on: an instrument and its prices, the exposure, the target, the band."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedger.engine.aim import aim
from hedger.engine.band import Widths
from hedger.engine.exposure import coins_of, exposure
from hedger.engine.freshness import stale_input
from hedger.engine.policy import Hedge
from hedger.engine.state import Exposure, State
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision is made on: one instrument's prices and the hedge's exposure, target and band, in coins.

    `per_unit` is the delta in coins of one unit of the instrument, `price` that of a coin in quote. `deviation` is net
    delta minus target; `inside` whether it lies in the band.
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


def gather(state: State, hedge: Hedge) -> Facts | None:
    """The facts of a hedge on the instrument that it would trade; None while something was never seen."""
    id = chosen(state, hedge)
    instrument, quote, mark = state.instruments.get(id), state.quotes.get(id), state.marks.get(id)
    held = exposure(state, hedge)
    if instrument is None or quote is None or mark is None or held is None:
        return None
    price = instrument.coin_price(mark[0].index_price)
    target, edges = aim(state, hedge, held, price)
    deviation = held.delta - target
    return Facts(
        instrument=instrument,
        quote=quote[0],
        mark=mark[0],
        per_unit=coins_of(state, instrument, ONE),
        price=price,
        exposure=held,
        target=target,
        edges=edges,
        deviation=deviation,
        inside=edges.holds(deviation),
    )


def chosen(state: State, hedge: Hedge) -> InstrumentId:
    """The instrument to trade: the first in order of preference that is listed and whose inputs are fresh."""
    id = hedge.instruments[0]
    if len(hedge.instruments) > 1:
        listed = [id for id in hedge.instruments if id not in state.delisted] or [id]
        id = next((id for id in listed if stale_input(state, hedge, id) is None), listed[0])
    return id
