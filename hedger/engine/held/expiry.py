"""The end of a dated contract: when it is left, when nothing may be added any more, and when it has settled."""

from __future__ import annotations

from hedger.engine.held.freshness import Denied, venue_now
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Reason, State
from hedger.model.account import AccountReading
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.spans import HOUR_MS


def left_ms(instrument: Instrument, now: int) -> int | None:
    """How long a dated contract still has, in ms; not positive once it has expired, None for one without an end."""
    return None if instrument.expiry_at is None else instrument.expiry_at - now


def has_expired(state: State, id: InstrumentId) -> bool:
    """Whether a contract's last moment has passed: what was held of it has been settled by the venue."""
    instrument = state.instruments.get(id)
    return (
        instrument is not None
        and instrument.expiry_at is not None
        and instrument.expiry_at <= venue_now(state, id.account)
    )


def is_over(state: State, id: InstrumentId) -> bool:
    """Whether a contract has expired, or its day has come and it is listed no more: no reading need tell of it."""
    return has_expired(state, id) or (id in state.delisted and day_has_come(id.symbol, state.now))


def has_settled(state: State, id: InstrumentId, reading: AccountReading) -> bool:
    """Whether a reading shows that a contract was settled: its last moment has passed, and nothing of it is there."""
    return has_expired(state, id) and not any(p.id == id and p.quantity for p in reading.positions)


def averages(instrument: Instrument, now: int) -> bool:
    """Whether a contract's settlement average has begun: what is held of it goes by itself now."""
    left = left_ms(instrument, now)
    return left is not None and left <= instrument.settlement_ms


def is_due(hedge: Hedge, instrument: Instrument, now: int) -> bool:
    """Whether a contract is so near its end that its hedge leaves it for the next."""
    left = left_ms(instrument, now)
    return left is not None and left <= hedge.carry.roll_before_ms


def successor(state: State, hedge: Hedge, instrument: Instrument) -> Instrument | None:
    """The next contract: the first of the owner's list that is listed, on the same coin, ends later or never, and is
    not due itself."""
    for id in hedge.instruments:
        other = state.instruments.get(id)
        if other is None or id == instrument.id or id in state.delisted or other.underlying != instrument.underlying:
            continue
        later = other.expiry_at is None or (instrument.expiry_at is not None and other.expiry_at > instrument.expiry_at)
        if later and not is_due(hedge, other, venue_now(state, other.id.account)):
            return other
    return None


def refuses_more(state: State, hedge: Hedge, instrument: Instrument) -> Denied | None:
    """Why nothing may be added to a contract: its settlement average is near or has begun, or there is a next one to
    which the hedge has moved on."""
    now = venue_now(state, instrument.id.account)
    left = left_ms(instrument, now)
    if left is None:
        return None
    if left <= max(instrument.settlement_ms, hedge.guards.expiring):
        return Denied(Reason.EXPIRING, f"{instrument.id} {_ends(left)}, and nothing is added so near its settlement")
    if is_due(hedge, instrument, now):
        following = successor(state, hedge, instrument)
        if following is not None:
            return Denied(Reason.EXPIRING, f"{instrument.id} {_ends(left)}: {following.id} is used instead")
    return None


def _ends(left: int) -> str:
    return "has expired" if left <= 0 else f"expires in {left / HOUR_MS:.1f} h"
