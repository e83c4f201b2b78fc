"""What stands between an account and its next order, in words and as JSON: switch, breaker, a wish for quiet."""

from __future__ import annotations

from typing import Any

from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.state import AccountView, State
from hedger.engine.known.switch import Switch
from hedger.ops.figures import iso, span

BREAKER_WORDS: dict[BreakerStatus, str] = {
    BreakerStatus.CLOSED: "orders leave",
    BreakerStatus.OPEN: "nothing is created",
    BreakerStatus.HALF_OPEN: "one order may try",
    BreakerStatus.RESTRICTED: "only what reduces a position is created",
}


def gate_words(state: State, account: str) -> str | None:
    """Why creates on an account are stopped or limited, None where nothing is in their way."""
    view = state.accounts[account]
    shared = (_switch(view.switch, state.now), _breaker(view.breaker, state.now), _quiet(view, state.now))
    words = ((id, _breaker(own, state.now)) for id, own in sorted(view.instrument_breakers.items()))
    found = (*shared, *(f"{id.symbol}: {text}" for id, text in words if text is not None))
    return "; ".join(text for text in found if text is not None) or None


def gate_status(state: State, account: str) -> dict[str, Any]:
    """An account's gate for the status file. Moments are None where there is none."""
    view = state.accounts[account]
    switch, breaker = view.switch, view.breaker
    return {
        "creates_stopped": gate_words(state, account),
        "switch_timeout_s": None if switch is None else switch.timeout_ms / 1000,
        "switch_lease_until": None if switch is None or not switch.armed else iso(switch.lease_until),
        "breaker": breaker.status.value,
        "breaker_cause": breaker.cause or None,
        "breaker_until": iso(breaker.until_at) if breaker.until_at else None,
        "breaker_trips": breaker.tripped,
        "instrument_breakers": {id.symbol: own.status.value for id, own in sorted(view.instrument_breakers.items())},
        "quiet_until": iso(view.quiet_until_at) if view.quiet_until_at > state.now else None,
        "banned": view.banned and view.quiet_until_at > state.now,
    }


def _switch(switch: Switch | None, now: int) -> str | None:
    if switch is None or now < switch.lease_until:
        return None
    if not switch.armed:
        return "its dead man's switch is not armed yet"
    fired = " and may have fired" if switch.may_have_fired(now) else ""
    return f"its dead man's switch was not extended in time{fired}"


def _breaker(breaker: Breaker, now: int) -> str | None:
    if breaker.status is BreakerStatus.CLOSED:
        return None
    wait = f" for {span(breaker.until_at - now)}" if breaker.until_at > now else ""
    return f"{BREAKER_WORDS[breaker.status]}{wait}: {breaker.cause}"


def _quiet(view: AccountView, now: int) -> str | None:
    if now >= view.quiet_until_at:
        return None
    return f"the venue {'has banned us' if view.banned else 'asked for quiet'} for {span(view.quiet_until_at - now)}"
