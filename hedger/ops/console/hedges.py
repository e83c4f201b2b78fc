"""One hedge as the console tells it: what the status file says, and what a person on call asks next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hedger.engine.decision.facts import Facts, gather
from hedger.engine.formulas.carry import yearly_funding
from hedger.engine.guards.margin import distance_of
from hedger.engine.held.exposure import coins_for, exposure, position_of
from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Hedge, Levels
from hedger.engine.known.state import Decision, State
from hedger.model.account import Position
from hedger.model.numeric import plain
from hedger.ops.alarms import flatten_words
from hedger.ops.console.guards import guard_limits, guard_states, guard_values
from hedger.ops.lines import decision_line
from hedger.ops.pnl import today
from hedger.ops.readiness import stale_detail
from hedger.ops.status import hedge_status
from hedger.ops.words import ACTION_WORDS, ORDER_WORDS, REASON_WORDS, target_words

# Told otherwise here: with ages that would have to be sent again every second, or by their words.
_OTHERWISE = ("orders", "orders_working", "last_decision", "last_decision_id", "net_delta")

Json = dict[str, Any]


def hedge_document(state: State, hedge: Hedge) -> Json:
    """One hedge as JSON: coins and quote as plain strings, moments ending in `at` or `since` in ms, None where nothing
    is known."""
    status, facts = hedge_status(state, hedge), gather(state, hedge)
    memory, flatten = state.hedges[hedge.name], state.flattening.get(hedge.name)
    told = {name: value for name, value in status.items() if name not in _OTHERWISE}
    return told | {
        "underlying": hedge.underlying,
        "instruments": [str(id) for id in hedge.instruments],
        "target_words": target_words(hedge.target),
        "quote": _quote_of(state, hedge),
        **_place(facts),
        "across": _across(state, hedge, facts),
        "stale": stale_detail(state, hedge),
        "outside_since": memory.outside_since,
        "flatten": None if flatten is None else flatten_words(flatten),
        "unhedged_after_ms": hedge.unhedged_after_ms,
        "prices": None if facts is None else _prices(facts),
        "funding_now": None if facts is None else _funding(state, hedge, facts),
        "basis": None if facts is None else _basis(state, hedge, facts),
        "margin": {"state": memory.margin_severity.name.lower(), "levels": _levels(hedge.guards.margin_ratio)},
        "liquidation": {
            "state": memory.liquidation_severity.name.lower(),
            "levels": _levels(hedge.guards.liquidation_distance),
        },
        "positions": _positions(state, hedge),
        "orders": [_order(order) for order in state.orders.values() if order.hedge == hedge.name and order.live],
        "pnl_complete": bool(today(state, hedge.name)),
        "guards": guard_limits(hedge.guards),
        "guard_values": guard_values(state, hedge),
        "guard_states": guard_states(state, hedge),
        "decision": None if memory.decision is None else decision_document(memory.decision),
    }


def decision_document(decision: Decision) -> Json:
    """A decision as `decision_line` has it, with `at` in ms and the words for its action and reason."""
    words = {"action_words": ACTION_WORDS[decision.action], "words": REASON_WORDS[decision.reason]}
    return {**decision_line(decision), "at": decision.at, **words}


def _quote_of(state: State, hedge: Hedge) -> str | None:
    instrument = state.instruments.get(hedge.instruments[0])
    return None if instrument is None else instrument.quote


def _place(facts: Facts | None) -> Json:
    """Where the delta is and where the band ends, in coins; `low` and `high` are where working orders may carry it."""
    if facts is None:
        return dict.fromkeys(("delta", "delta_worth", "low", "high", "deviation", "upper", "lower", "flaw"))
    held, target, edges = facts.exposure, facts.target, facts.edges
    return {
        "delta": _coins(held.delta),
        "delta_worth": plain(round(held.delta * facts.price, 2)),
        "low": _coins(held.low),
        "high": _coins(held.high),
        "deviation": _coins(facts.deviation),
        "upper": _coins(target + edges.upper),
        "lower": _coins(target - edges.lower),
        "flaw": facts.flaw,
    }


def _across(state: State, hedge: Hedge, facts: Facts | None) -> str | None:
    """What the futures on other coins come to in this one: with what is held it makes the delta. None without any."""
    held = exposure(state, hedge) if hedge.cross is not None else None
    if held is None or facts is None:
        return None
    return _coins(facts.exposure.delta - held.unhedged)


def _prices(facts: Facts) -> Json:
    return {
        "instrument": str(facts.instrument.id),
        "bid": plain(facts.quote.bid),
        "ask": plain(facts.quote.ask),
        "mark": plain(facts.mark.mark_price),
        "index": plain(facts.mark.index_price),
    }


def _funding(state: State, hedge: Hedge, facts: Facts) -> Json | None:
    """The funding of the instrument that is traded; None of a dated contract. Positive: longs pay shorts."""
    mark = facts.mark
    if not mark.funding_interval_ms:
        return None
    yearly = yearly_funding(mark)
    flow = -yearly * position_of(state, facts.instrument.id)
    payer = "longs pay shorts" if yearly > 0 else "shorts pay longs" if yearly < 0 else "nobody pays"
    ours = "we receive" if flow > 0 else "we pay" if flow < 0 else "nothing for us"
    return {
        "rate": plain(mark.funding_rate),
        "interval_h": round(mark.funding_interval_ms / 3_600_000, 2),
        "yearly": plain(round(yearly, 6)),
        "next_at": mark.next_funding_at,
        "words": f"{payer}: {ours}",
        "ours": plain(round(flow * facts.price * facts.per_unit / 365, 2)),  # quote a day at this rate
    }


def _basis(state: State, hedge: Hedge, facts: Facts) -> Json:
    entry = state.ledgers[hedge.name].entry_basis_bps
    now = basis_bps(facts.mark.mark_price, facts.mark.index_price)
    return {"bps": plain(round(now, 2)), "entry_bps": None if entry is None else plain(round(entry, 2))}


def _levels(levels: Levels) -> dict[str, str]:
    return {name: plain(getattr(levels, name)) for name in ("clear", "warn", "stop", "reduce")}


def _positions(state: State, hedge: Hedge) -> list[Json]:
    """The hedge's instruments, and whatever else of its coin its accounts hold."""
    readings = [state.accounts[name].reading for name in state.accounts_of_hedge[hedge.name]]
    rows = [position for reading in readings if reading is not None for position in reading.positions]
    ours = [p for p in rows if p.id in hedge.instruments or (p.underlying in hedge.coins and p.quantity)]
    return [_position(state, hedge, position) for position in ours]


def _position(state: State, hedge: Hedge, position: Position) -> Json:
    units = position_of(state, position.id)
    rules, distance = state.instruments.get(position.id), distance_of(state, position)
    delta = position.delta if rules is None else coins_for(state, hedge, rules, units)
    named = position.liquidation_price
    return {
        "instrument": str(position.id),
        "quantity": plain(units),
        "delta": _coins(delta),
        "entry_price": plain(position.entry_price),
        "mark_price": plain(position.mark_price),
        "liquidation_price": None if named is None else plain(named),
        "liquidation_distance": None if distance is None else plain(round(distance, 6)),
        "leverage": plain(position.leverage),
        "margin_mode": position.margin_mode.value,
        "ours": position.id in hedge.instruments,
    }


def _order(order: Order) -> Json:
    purpose = "margin reduction" if order.margin_reduction else "roll" if order.roll else "hedge"
    return {
        "id": order.client_order_id,
        "decision_id": order.decision_id,
        "instrument": str(order.id),
        "side": order.side.value,
        "quantity": plain(order.quantity),
        "filled": plain(order.filled),
        "remaining": plain(order.remaining),
        "price": plain(order.price),
        "status": order.status.value,
        "words": ORDER_WORDS[order.status],
        "reduce_only": order.reduce_only,
        "purpose": purpose,
        "placed_at": order.placed_at,
    }


def _coins(value: Decimal) -> str:
    """A delta to twelve digits: quotients of inverse contracts have no end."""
    return plain(Decimal(f"{value:.12g}"))
