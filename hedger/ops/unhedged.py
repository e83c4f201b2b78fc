"""Whether a hedge has been outside its band for too long, and whether that is a trouble or what a person wished."""

from __future__ import annotations

from hedger.engine.known.latch import forbidden
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State


def on_purpose(state: State, hedge: Hedge) -> bool:
    """Whether a person keeps the hedge from hedging: it is paused, or was flattened."""
    return forbidden(state.paused, state.flattening.get(hedge.name), reduces=False) is not None


def is_unhedged(state: State, hedge: Hedge) -> bool:
    """Whether the hedge has been outside its band for longer than its owner allows, and nobody wished it to be."""
    return _too_long(state, hedge) and not on_purpose(state, hedge)


def is_unhedged_on_purpose(state: State, hedge: Hedge) -> bool:
    """The same of a hedge that a person paused or flattened."""
    return _too_long(state, hedge) and on_purpose(state, hedge)


def outside_ms(state: State, hedge: Hedge) -> int:
    """How long the hedge has been outside its band since the start, the present spell included."""
    memory = state.hedges[hedge.name]
    now = 0 if memory.outside_since is None else state.now - memory.outside_since
    return memory.outside_ms + now


def _too_long(state: State, hedge: Hedge) -> bool:
    since = state.hedges[hedge.name].outside_since
    return since is not None and state.now - since >= hedge.unhedged_after_ms
