"""Whether a policy can be carried out with the instruments that the venue really has.

The engine never rounds an order past where it should end. So with the smallest order m (in coins: the minimum
quantity and the minimum notional, rounded up to whole lots), a band of [−L, +U] around the target is reachable iff

    m ≤ U  and  m ≤ L.

Were U smaller, a deviation between U and m would be outside the band with no order small enough to correct it
without carrying the book past its target. A band that rebalances to its edge is traded in orders of at least m, which
the same inequality keeps on the near side of the target. A relative band is as wide as its floor, or as its fraction
of the static holding if that is more; spot balances are not known here and only widen it. A computed band is never
narrower than the smallest order; only a limit on its width could make it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Band, BandRule, Hedge, Policy
from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come, expiry_day
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ONE, ZERO, ceil_to, plain

_KINDS = {Kind.SPOT: "a spot market", Kind.OPTION: "an option, which is read and never traded"}


class _Case(NamedTuple):
    hedge: Hedge
    instrument: Instrument
    price: Decimal | None

    @property
    def lot(self) -> Decimal:
        """One lot, in coins."""
        return self._coins(self.instrument.lot_size)

    @property
    def least_units(self) -> Decimal:
        """The smallest order, in units; without a price, the minimum notional is left out."""
        least = max(self.instrument.min_quantity, self.instrument.lot_size)
        if self.price is not None:
            least = max(least, self.instrument.min_notional / self.instrument.notional(ONE, self.price))
        return ceil_to(least, self.instrument.lot_size)

    @property
    def smallest(self) -> Decimal:
        """The smallest order, in coins."""
        return self._coins(self.least_units)

    def _coins(self, units: Decimal) -> Decimal:
        """Units in coins: of a contract worth a sum of money, to a hundred-millionth; nothing known without a price."""
        if self.instrument.payoff is not Payoff.INVERSE:
            return units * self.instrument.contract_multiplier
        return ZERO if self.price is None else round(self.instrument.coins(units, self.price), 8)


def check_reachable(
    policy: Policy,
    instruments: Sequence[Instrument],
    prices: Mapping[InstrumentId, Decimal] | None = None,
    now: int = 0,
) -> None:
    """Raises ConfigError, of one sentence a line, for what these instruments cannot do.

    `prices` are in quote per unit of the instrument, as the venue quotes them; what needs a price is checked
    for the instruments that have one. A dated contract that is not listed and whose day has come by `now` (ms since
    1970) has ended: a hedge can do without it as long as another of its instruments is listed.
    """
    known = {instrument.id: instrument for instrument in instruments}
    faults: list[str] = []
    for hedge in policy.hedges:
        faults += _unlisted(hedge, known.keys(), now)
        for id in hedge.instruments:
            if id in known:
                faults += _faults(_Case(hedge, known[id], (prices or {}).get(id)))
    if faults:
        raise ConfigError("\n".join(faults))


def ended(hedge: Hedge, listed: Set[InstrumentId], now: int) -> list[InstrumentId]:
    """A hedge's contracts that are not listed because they have ended."""
    return [id for id in hedge.instruments if id not in listed and day_has_come(id.symbol, now)]


def _unlisted(hedge: Hedge, listed: Set[InstrumentId], now: int) -> Iterator[str]:
    where, over = f"hedges.{hedge.name}.instruments", ended(hedge, listed, now)
    for id in hedge.instruments:
        if id not in listed and id not in over:
            yield f"{where}: the venue does not list {id}; check the symbol"
    if len(over) == len(hedge.instruments):
        last = max(over, key=lambda id: str(expiry_day(id.symbol)))
        like = f"{last.account}:{last.symbol.rpartition('-')[0]}"
        yield (
            f"{where}: {last} expired on {expiry_day(last.symbol)} and no other is listed; write the perpetual {like}, "
            "or a contract of a later day"
        )


def _faults(case: _Case) -> Iterator[str]:
    unsuitable = _unsuitable(case)
    if unsuitable is not None:
        yield f"hedges.{case.hedge.name}.instruments: {case.instrument.id} {unsuitable}"
        return
    if case.hedge.cross is not None:  # what a lot is in coins of ours depends on two prices: the engine widens the band
        return
    yield from _band_faults(case)
    yield from _limit_faults(case)


def _unsuitable(case: _Case) -> str | None:
    instrument, underlying = case.instrument, case.hedge.underlying
    if instrument.kind not in (Kind.PERPETUAL, Kind.FUTURE):
        return f"is {_KINDS[instrument.kind]}, and a hedge needs a perpetual or a dated future"
    if instrument.underlying not in case.hedge.coins:
        return f"is a contract on {instrument.underlying}, and the hedge is of {underlying}"
    if instrument.payoff is Payoff.QUANTO or instrument.settle not in (instrument.quote, underlying):
        return f"settles in {instrument.settle} and is priced in {instrument.quote}: a quanto is never traded"
    if (instrument.settle == instrument.quote) is not (instrument.payoff is Payoff.LINEAR):
        told = f"settles in {instrument.settle} and is priced in {instrument.quote}, and the venue calls it"
        return f"{told} {instrument.payoff}: its rules are not understood"
    if not instrument.post_only:
        return "has no post-only orders, and the hedger sends no others"
    if min(instrument.lot_size, instrument.tick_size, instrument.contract_multiplier) <= 0:
        return "came without its lot size, tick size or multiplier: the venue's rules were not read"
    return None


def _band_faults(case: _Case) -> Iterator[str]:
    band, name = case.hedge.band, case.hedge.name
    coin, id = case.hedge.underlying, case.instrument.id
    if band.rule is BandRule.QUOTE and min(band.upper, band.lower) < case.instrument.min_notional:
        yield (
            f"hedges.{name}.band: the smallest order of {id} is worth {plain(case.instrument.min_notional)} "
            f"{case.instrument.quote}, more than the {plain(min(band.upper, band.lower))} on a side of the band; "
            "widen it"
        )
        return
    side = _narrow_side(case)
    if side is None or side >= case.smallest:
        return
    what = "one lot" if case.smallest == case.lot else "the smallest order"
    wider = "the whole band" if case.smallest > _whole_band(case) else "one side of the band"
    width = _whole_band(case) if case.smallest > _whole_band(case) else side
    yield (
        f"hedges.{name}.band: {what} of {id} is {plain(case.smallest)} {coin}, wider than {wider} of {plain(width)} "
        f"{coin}; widen each side to at least {plain(case.smallest)} {coin}{_floor_hint(band)}"
    )


def _floor_hint(band: Band) -> str:
    return " (by its floor)" if band.rule is BandRule.RELATIVE else " or hedge with a contract of smaller lots"


def _sides(case: _Case) -> tuple[Decimal, Decimal] | None:
    """The band's least widths in coins, above and below; None where nothing is known of them."""
    band = case.hedge.band
    if band.rule in (BandRule.COINS, *OCCASIONAL):
        return band.upper, band.lower
    if band.rule in COMPUTED:  # never narrower than the smallest order, unless a limit is set that is
        limits = [side for side in (band.upper, band.lower) if side]
        return (min(limits), min(limits)) if limits else None
    if band.rule is BandRule.RELATIVE:
        size = abs(case.hedge.static_quantity)
        sides = max(band.upper * size, band.floor), max(band.lower * size, band.floor)
        return sides if min(sides) > 0 else None
    if case.price is None:
        return None
    coin_price = case.instrument.coin_price(case.price)
    return band.upper / coin_price, band.lower / coin_price


def _narrow_side(case: _Case) -> Decimal | None:
    sides = _sides(case)
    return None if sides is None else min(sides)


def _whole_band(case: _Case) -> Decimal:
    return sum(_sides(case) or (), Decimal(0))


def _limit_faults(case: _Case) -> Iterator[str]:
    """Limits under the smallest order would refuse every order. A slice is never less than that; only one that no price
    could make enough is a mistake."""
    hedge, instrument = case.hedge, case.instrument
    order = f"the smallest order of {instrument.id} is"
    quantities = (
        ("execution.slice_quantity", hedge.execution.slice_quantity, case._replace(price=None).smallest),
        ("guards.position", hedge.guards.position, case.smallest),
    )
    for key, quantity, least in quantities:
        if quantity is not None and quantity < least:
            limit = f"{plain(quantity)} {hedge.underlying}"
            yield f"hedges.{hedge.name}.{key}: {limit} is too little: {order} {plain(least)}"
    least = instrument.min_notional
    if case.price is not None:
        least = max(least, instrument.notional(case.least_units, case.price))
    if hedge.guards.order_notional < least:
        limit = f"{plain(hedge.guards.order_notional)} {instrument.quote}"
        yield f"hedges.{hedge.name}.guards.order_notional: {limit} is too little: {order} worth {plain(least)}"
