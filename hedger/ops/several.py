"""A hedge on several accounts for a person: each instrument's share, and what stands against an order there."""

from __future__ import annotations

from typing import Any

from hedger.engine.choice import tradable
from hedger.engine.exposure import coins_of, exposure, position_of
from hedger.engine.failover import cannot_trade
from hedger.engine.freshness import is_unseen
from hedger.engine.margin import liquidation_distances, margin_ratios
from hedger.engine.policy import Hedge
from hedger.engine.shares import parts
from hedger.engine.state import State
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import plain


def several_status(state: State, hedge: Hedge) -> dict[str, Any] | None:
    """Each instrument of a hedge with shares or failover: coins held, the coins that its share comes to now (None
    without shares, or while it cannot be traded), its account's worst margin ratio and liquidation distance and free
    margin in money, and why it cannot take the next order (None where it can). `unseen` are the accounts believed as
    they were last seen. None for another hedge."""
    if hedge.shares is None and not hedge.failover.allowed:
        return None
    held = exposure(state, hedge)
    if held is None:
        return {"instruments": {}, "unseen": []}
    known = [id for id in hedge.instruments if id in state.instruments and id in state.marks]
    able, due = tradable(state, hedge, held, known)
    found = [] if hedge.shares is None or not able else parts(state, hedge, hedge.shares, able, due)
    wanted = {part.id: plain(round(part.wanted, 6)) for part in found}
    sign = 1 if due > 0 else -1
    rows = {str(id): {**_row(state, hedge, id, sign), "share": wanted.get(id)} for id in known}
    unseen = [name for name in state.accounts_of_hedge[hedge.name] if is_unseen(state, hedge, name)]
    return {"instruments": rows, "unseen": unseen}


def _row(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> dict[str, str | None]:
    reading = state.accounts[id.account].reading
    ratios = margin_ratios(state, hedge, id.account)
    distances = liquidation_distances(state, hedge, id.account)
    return {
        "held": plain(coins_of(state, state.instruments[id], position_of(state, id))),
        "margin_ratio": plain(round(max(ratios), 6)) if ratios else None,
        "liquidation_distance": plain(round(min(distances), 6)) if distances else None,
        "free_margin": plain(round(reading.margin.available, 2)) if reading is not None else None,
        "against": cannot_trade(state, hedge, id, sign),
    }
