"""A hedge in other coins for a person: how the coins move together, and what risk is left."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from hedger.engine.crossing import coins_in, flaw_of_crossing, risk_left
from hedger.engine.exposure import exposure
from hedger.engine.policy import Hedge
from hedger.engine.state import State


def crossing_status(state: State, hedge: Hedge) -> dict[str, Any] | None:
    """The betas of the coin that is held on each other one, and the deviation of the book's value with the hedge and
    without it, in quote per √year. None where a hedge needs no other coins."""
    if hedge.cross is None:
        return None
    held, known = exposure(state, hedge), state.crossings.get(hedge.name)
    risk = None if held is None else risk_left(state, hedge, held.holding)
    coins = coins_in(state, hedge)
    betas = {}
    if known is not None and known.coins == coins:
        betas = {coin: round(known.rows[0][i] / known.rows[i][i], 4) for i, coin in enumerate(coins) if i}
    return {
        "betas": betas,
        "shrinkage": None if known is None else round(known.shrinkage, 4),
        "residual_risk": None if risk is None else round(risk[0], 2),
        "unhedged_risk": None if risk is None else round(risk[1], 2),
        "flaw": flaw_of_crossing(state, hedge),
    }


def crossing_line(state: State, hedge: Hedge) -> Text:
    """The same on one line."""
    told = crossing_status(state, hedge) or {}
    if told.get("flaw"):
        return Text(str(told["flaw"]), "yellow")
    betas = ", ".join(f"{beta:.2f} on {coin}" for coin, beta in told.get("betas", {}).items())
    if not told.get("unhedged_risk"):
        return Text(f"beta {betas}")
    share = told["residual_risk"] / told["unhedged_risk"]
    return Text(f"beta {betas}; {share:.0%} of the risk is left, {told['residual_risk']:,.0f} a √year")
