"""A hedge on several accounts for a person: each instrument's share, and what stands against an order there."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from hedger.engine.decision.choice import tradable
from hedger.engine.decision.failover import cannot_trade
from hedger.engine.decision.shares import parts
from hedger.engine.guards.margin import backing, liquidation_distances, margin_ratios
from hedger.engine.held.exposure import coins_of, exposure, position_of
from hedger.engine.held.freshness import is_unseen
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import plain
from hedger.ops.figures import coins, span


def several_status(state: State, hedge: Hedge) -> dict[str, Any] | None:
    """Each instrument of a hedge with shares or failover: coins held, the coins that its share comes to now (None
    without shares, or while it cannot be traded), its account's worst margin ratio and liquidation distance, what of
    its wallet is free, in what it settles in, and why it cannot take the next order (None where it can). `unseen` are
    the accounts believed as they were last seen. None for another hedge."""
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


def absence_words(state: State, policy: Policy, account: str) -> str | None:
    """That an account is out of sight, since when, what the hedges that look at it do without it, and what its venue
    said last. None where it was read as lately as they ask, or not since the start."""
    view = state.accounts[account]
    hedges = [hedge for hedge in policy.hedges if account in state.accounts_of_hedge[hedge.name]]
    age = state.now - view.believed_at
    if view.reading is None or all(age <= hedge.guards.account_age for hedge in hedges):
        return None
    said = f"; {view.last_failure}" if view.last_failure else ""
    what = "; ".join(_without(state, hedge, account, age) for hedge in hedges)
    return f"out of sight for {span(age)}; {what}{said}"


def _without(state: State, hedge: Hedge, account: str, age: int) -> str:
    if not is_unseen(state, hedge, account):
        return f"{hedge.name} waits for it"
    others = dict.fromkeys(id.account for id in hedge.instruments if id.account != account)
    left = span(hedge.failover.blind_ms - age)
    return f"{hedge.name} goes on with {', '.join(others)} for another {left}, its positions as last seen"


def venues_line(state: State, hedge: Hedge) -> Text | None:
    """What each account of a hedge with shares or failover holds in coins, and which of them cannot take an order."""
    told = several_status(state, hedge)
    if told is None or not told["instruments"]:
        return None
    parts: list[Text] = []
    for id in (id for id in hedge.instruments if str(id) in told["instruments"]):
        held = coins_of(state, state.instruments[id], position_of(state, id))
        unseen = id.account in told["unseen"]
        why = " out of sight" if unseen else " no order there now" if told["instruments"][str(id)]["against"] else ""
        parts.append(Text.assemble(f"{id.account} {coins(held, signed=True)}", (why, "red" if unseen else "yellow")))
    return Text(" · ").join(parts)


def _row(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> dict[str, str | None]:
    reading, rules = state.accounts[id.account].reading, state.instruments[id]
    own = backing(reading, rules) if reading is not None else None
    ratios = margin_ratios(state, hedge, id.account)
    distances = liquidation_distances(state, hedge, id.account)
    return {
        "held": plain(coins_of(state, rules, position_of(state, id))),
        "margin_ratio": plain(round(max(ratios), 6)) if ratios else None,
        "liquidation_distance": plain(round(min(distances), 6)) if distances else None,
        "free_margin": plain(round(own.available, 8)) if own is not None else None,
        "against": cannot_trade(state, hedge, id, sign),
    }
