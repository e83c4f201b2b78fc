"""Which of a hedge's instruments is traded: the first of the owner's list, or the one that is expected to earn most."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from hedger.engine.decision.failover import cannot_trade, has_margin, last_traded
from hedger.engine.decision.shares import due, lacking, next_of, parts
from hedger.engine.formulas.carry import basis_yearly, carry_to, expected_funding, fitted, switch_gain
from hedger.engine.held.expiry import averages, has_expired, is_due, left_ms, successor
from hedger.engine.held.exposure import coins_of, position_of
from hedger.engine.held.freshness import stale_input, venue_now
from hedger.engine.known.policy import ChoiceRule, Hedge
from hedger.engine.known.state import Exposure, Reason, State
from hedger.engine.wanted.aim import aim
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Mark
from hedger.model.numeric import ZERO, plain
from hedger.model.spans import YEAR_MS


class Outlook(NamedTuple):
    """What an instrument is expected to bring to a hedge's side, in ratios a year.

    `rate` is what longs pay shorts, `carry` what the hedge's side earns (+) or pays (−) of it. `cost` is half the
    spread and the maker's fee, a ratio of the notional; `deviation` that of the funding per √year, 0 where the carry is
    locked. `years` is how long it can be held within the horizon.
    """

    id: InstrumentId
    rate: float
    carry: float
    cost: float
    deviation: float
    years: float


class Choice(NamedTuple):
    """The instrument to trade, and why, in words."""

    id: InstrumentId
    why: str


def choose(state: State, hedge: Hedge, held: Exposure | None) -> Choice:
    """The instrument that a hedge trades now. One that is listed, not about to be left and with fresh inputs goes
    before one that is not; among those the owner's rule decides."""
    first = hedge.instruments[0]
    if len(hedge.instruments) == 1:
        return Choice(first, "the only one")
    there = [id for id in hedge.instruments if id not in state.delisted and not has_expired(state, id)] or [first]
    listed = [id for id in there if not is_left(state, hedge, id)] or there
    if held is not None and (hedge.shares is not None or hedge.failover.allowed):
        able, coins = tradable(state, hedge, held, listed)
        if able:
            return _of_the_able(state, hedge, held, able, coins)
    elif hedge.carry.rule is ChoiceRule.CARRY and held is not None:
        fresh = [id for id in listed if stale_input(state, hedge, id) is None]
        if len(fresh) > 1:
            return _by_carry(state, hedge, held, fresh)
    id = next((id for id in listed if stale_input(state, hedge, id) is None), _in_sight(state, hedge, listed))
    return Choice(id, "the first of the owner's list" if id == first else _passed_over(state, hedge))


def _in_sight(state: State, hedge: Hedge, listed: list[InstrumentId]) -> InstrumentId:
    """Where all inputs are too old: the one that only another account's absence stops, so that the reason given is
    the one that matters, or else the first."""
    if hedge.failover.allowed:
        for id in listed:
            stale = stale_input(state, hedge, id)
            if stale is not None and stale.reason is Reason.ACCOUNT_AGE:
                return id
    return listed[0]


def tradable(
    state: State, hedge: Hedge, held: Exposure, ids: Sequence[InstrumentId]
) -> tuple[list[InstrumentId], Decimal]:
    """Those of the instruments that can take the hedge's next order, and the coins (signed) that are due."""
    coins = due(state, hedge, held) or ZERO
    able = [id for id in ids if stale_input(state, hedge, id) is None]
    if hedge.failover.allowed:
        sign = 1 if coins > 0 else -1
        able = [id for id in able if cannot_trade(state, hedge, id, sign) is None]
    return able, coins


def _of_the_able(state: State, hedge: Hedge, held: Exposure, able: list[InstrumentId], coins: Decimal) -> Choice:
    """The choice among those that can take the next order, by shares, by carry or by the owner's order."""
    last = last_traded(state, hedge)
    if hedge.shares is not None:
        part = next_of(parts(state, hedge, hedge.shares, able, coins), coins, hedge.shares.hysteresis, last)
        return Choice(part.id, f"it lacks {plain(round(lacking(part, coins), 6))} coins of its share")
    if hedge.carry.rule is ChoiceRule.CARRY and len(able) > 1:
        return _by_carry(state, hedge, held, able)
    if last in able:
        return Choice(last, "the first of the owner's list" if last == hedge.instruments[0] else _STAYS)
    return Choice(
        able[0], "the first of the owner's list" if able[0] == hedge.instruments[0] else _stands_in(state, hedge)
    )


_STAYS = "it had the last order, and goes on while it can"


def _stands_in(state: State, hedge: Hedge) -> str:
    first = hedge.instruments[0]
    return cannot_trade(state, hedge, first, 1) or cannot_trade(state, hedge, first, -1) or _passed_over(state, hedge)


def _passed_over(state: State, hedge: Hedge) -> str:
    first = hedge.instruments[0]
    if first in state.delisted or has_expired(state, first):
        return f"{first} is not listed any more"
    return f"{first} is being left" if is_left(state, hedge, first) else f"{first} has no fresh inputs"


def is_left(state: State, hedge: Hedge, id: InstrumentId) -> bool:
    """Whether a contract is being left for the next one: its time has come, or the spread to the next one pays."""
    instrument = state.instruments.get(id)
    if instrument is None or instrument.expiry_at is None:
        return False
    if averages(instrument, venue_now(state, id.account)):
        return True
    following = successor(state, hedge, instrument)
    if following is None:
        return False
    position = position_of(state, id)
    pays = bool(position) and _spread_pays(state, hedge, instrument, following, 1 if position > 0 else -1)
    return is_due(hedge, instrument, venue_now(state, id.account)) or pays


def would_be_left(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> bool:
    """Whether a contract would be left again for the next one as soon as a position of that sign stood in it."""
    instrument = state.instruments[id]
    following = successor(state, hedge, instrument) if instrument.expiry_at is not None else None
    return following is not None and _spread_pays(state, hedge, instrument, following, sign)


def _spread_pays(state: State, hedge: Hedge, near: Instrument, far: Instrument, sign: int) -> bool:
    """Whether the basis between two ends is better for a position of that sign than the near contract's own, by what is
    asked."""
    wanted, gain = hedge.carry.roll_spread, calendar_gain(state, near, far, sign)
    return wanted is not None and gain is not None and gain >= float(wanted)


def calendar_gain(state: State, near: Instrument, far: Instrument, sign: int) -> float | None:
    """How much better, a year, a position of that sign fares in the far contract than theory says.

    Theory is the near contract's annualised basis held constant; the far one's between the two ends is
    ln(F₂/F₁)/(τ₂ − τ₁). None where either has no end, or has not been seen.
    """
    a, b = state.marks.get(near.id), state.marks.get(far.id)
    if near.expiry_at is None or far.expiry_at is None or a is None or b is None:
        return None
    own = basis_yearly(a[0].mark_price, a[0].index_price, near.expiry_at - state.now)
    near_ratio, far_ratio = (mark.mark_price / mark.index_price for mark in (a[0], b[0]))
    forward = basis_yearly(far_ratio, near_ratio, far.expiry_at - near.expiry_at)
    return None if own is None or forward is None else carry_to(forward - own, sign)


# --- by carry ---------------------------------------------------------------------------------------------------------


def _by_carry(state: State, hedge: Hedge, held: Exposure, ids: list[InstrumentId]) -> Choice:
    """The best of those with fresh inputs; the one that is held stays until another beats it by what a switch takes."""
    sign = side_of(state, hedge, held, ids[0])
    incumbent = held_most(state, hedge)
    all_of_them = [outlook(state, hedge, id, sign) for id in ids if _has_room(state, hedge, id, sign, incumbent)]
    if not all_of_them:
        return Choice(ids[0], "no other has margin")
    own = next((one for one in all_of_them if one.id == incumbent), None)
    if own is None:
        best = max(all_of_them, key=lambda one: _worth(hedge, one) - one.cost / one.years)
        return Choice(best.id, f"{_told(best, sign)}; nothing is held yet that another must beat")
    rivals = [one for one in all_of_them if one is not own]
    best = max(rivals, key=lambda one: margin_over(hedge, own, one), default=own)
    gain = margin_over(hedge, own, best) if best is not own else 0.0
    if best is own:
        return Choice(own.id, f"{_told(own, sign)}; there is no other")
    switch = f"a switch takes {_hurdle(hedge, own, best):.1%} a year"
    if gain > 0:
        return Choice(best.id, f"{_told(best, sign)} against {own.carry:+.1%} in {own.id.symbol}; {switch}")
    return Choice(own.id, f"{_told(own, sign)} against {best.carry:+.1%} in {best.id.symbol}; {switch}")


def _told(one: Outlook, sign: int) -> str:
    verb = "earns" if one.carry >= 0 else "pays"
    return f"a {'long' if sign > 0 else 'short'} in {one.id.symbol} {verb} {abs(one.carry):.1%} a year"


def side_of(state: State, hedge: Hedge, held: Exposure, id: InstrumentId) -> int:
    """The side that the hedge's position has or would have: +1 long, −1 short."""
    instrument, mark = state.instruments.get(id), state.marks.get(id)
    if instrument is None or mark is None:
        return -1
    wanted = aim(state, hedge, held, instrument.coin_price(mark[0].index_price)).target - held.unhedged
    return 1 if wanted > 0 else -1


def held_most(state: State, hedge: Hedge) -> InstrumentId | None:
    """The instrument in which most of the hedge's position stands, None where nothing is held."""
    sizes = {id: _size(state, id) for id in hedge.instruments if id in state.instruments and id not in state.delisted}
    best = max(sizes, key=lambda id: sizes[id], default=None)
    return best if best is not None and sizes[best] else None


def _size(state: State, id: InstrumentId) -> float:
    return float(abs(coins_of(state, state.instruments[id], position_of(state, id))))


def _has_room(state: State, hedge: Hedge, id: InstrumentId, sign: int, incumbent: InstrumentId | None) -> bool:
    """Whether the margin takes more of an instrument. In the wallet of what is held, closing that makes the room."""
    if incumbent is not None:
        own = state.instruments[incumbent]
        if (own.id.account, own.settle) == (id.account, state.instruments[id].settle):
            return True
    return has_margin(state, hedge, id, sign)


def outlook(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> Outlook:
    """What an instrument with a mark and a quote is expected to bring to a position of that sign."""
    instrument, mark = state.instruments[id], state.marks[id][0]
    left = left_ms(instrument, venue_now(state, id.account))
    horizon_ms = hedge.carry.horizon_ms
    if left is None:
        rate, deviation = perpetual_rate(state, mark, horizon_ms)
    else:
        rate, deviation = basis_yearly(mark.mark_price, mark.index_price, left) or 0.0, 0.0
        horizon_ms = max(1, min(horizon_ms, left - hedge.carry.roll_before_ms))
    return Outlook(id, rate, carry_to(rate, sign), _cost(state, instrument), deviation, horizon_ms / YEAR_MS)


def perpetual_rate(state: State, mark: Mark, horizon_ms: int) -> tuple[float, float]:
    """The expected funding a year over a horizon, and its standard deviation per √year."""
    now = float(mark.funding_rate)
    model = fitted(state.funding_rates.get(mark.id, ()), now, mark.funding_interval_ms)
    return expected_funding(model, now, horizon_ms), model.deviation


def _cost(state: State, instrument: Instrument) -> float:
    """What getting in or out of an instrument takes: the maker's fee, and half the spread for the wait."""
    quote = state.quotes.get(instrument.id)
    half = (quote[0].ask - quote[0].bid) / quote[0].mid_price / 2 if quote is not None else ZERO
    return float(instrument.maker_fee + half)


def margin_over(hedge: Hedge, own: Outlook, other: Outlook) -> float:
    """By how much a year another instrument beats the one that is held, beyond what the switch and the owner's
    hysteresis take: above 0 it does. The funding's deviation counts against whichever of the two has one."""
    return other.carry - own.carry - _hurdle(hedge, own, other)


def _hurdle(hedge: Hedge, own: Outlook, other: Outlook) -> float:
    cost, years, rid_of = own.cost + other.cost, min(own.years, other.years), own.deviation - other.deviation
    premium = float(hedge.carry.risk_premium)
    return float(hedge.carry.hysteresis) - switch_gain(0.0, cost=cost, years=years, premium=premium, deviation=rid_of)


def _worth(hedge: Hedge, one: Outlook) -> float:
    return one.carry - float(hedge.carry.risk_premium) * one.deviation * sqrt(one.years)
