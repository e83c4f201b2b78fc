"""A hedge in other coins for a person: how the coins move together, and what risk is left."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from hedger.engine.held.exposure import coins_of, exposure, position_of
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.engine.wanted.other_coins import coins_in, flaw_of_crossing, risk_left
from hedger.model.numeric import plain
from hedger.ops.figures import coins

LEG_PLACES = 3


def crossing_status(state: State, hedge: Hedge) -> dict[str, Any] | None:
    """The betas of the coin that is held on each other one, the positions in units, and the deviation of the
    book's value with the hedge and without it, in quote per √year. None where a hedge needs no other coins."""
    if hedge.cross is None:
        return None
    held, known = exposure(state, hedge), state.crossings.get(hedge.name)
    risk = None if held is None else risk_left(state, hedge, held.holding)
    among = coins_in(state, hedge)
    betas = {}
    if known is not None and known.coins == among:
        betas = {coin: round(known.rows[0][i] / known.rows[i][i], 4) for i, coin in enumerate(among) if i}
    return {
        "betas": betas,
        "positions": {str(id): plain(position_of(state, id)) for id in hedge.instruments},
        "shrinkage": None if known is None else round(known.shrinkage, 4),
        "residual_risk": None if risk is None else round(risk[0], 2),
        "unhedged_risk": None if risk is None else round(risk[1], 2),
        "flaw": flaw_of_crossing(state, hedge),
    }


def crossing_line(state: State, hedge: Hedge) -> Text:
    """The same on one line, for the view."""
    told = crossing_status(state, hedge) or {}
    if told.get("flaw"):
        return Text(str(told["flaw"]), "yellow")
    betas = ", ".join(f"{beta:.2f} on {coin}" for coin, beta in told.get("betas", {}).items())
    if not told.get("unhedged_risk"):
        return Text(f"{_legs(state, hedge)} · beta {betas}")
    share = told["residual_risk"] / told["unhedged_risk"]
    left = f"{share:.0%} of the risk is left, {told['residual_risk']:,.0f} a √year"
    return Text(f"{_legs(state, hedge)} · beta {betas} · {left}")


def _legs(state: State, hedge: Hedge) -> str:
    """The futures, each in its own coins: `−18.8 ETH −1.78 BTC`."""
    known = [state.instruments[id] for id in hedge.instruments if id in state.instruments]
    legs = [(coins_of(state, rules, position_of(state, rules.id)), rules.underlying) for rules in known]
    return " ".join(f"{coins(round(held, LEG_PLACES), signed=True)} {coin}" for held, coin in legs)
