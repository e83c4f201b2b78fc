"""The status file: what the daemon knows, written whole every second, read by `hedger status` and by people."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hedger.engine.decision.facts import gather
from hedger.engine.formulas.carry import yearly_funding
from hedger.engine.guards.margin import liquidation_distances, liquidation_doubts, liquidation_known, margin_ratios
from hedger.engine.held.exposure import exposure
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.numeric import plain
from hedger.ops.alarms import Alarm, alarms_of
from hedger.ops.belief import belief_status
from hedger.ops.carry import carry_status
from hedger.ops.configuration import Configured
from hedger.ops.figures import iso
from hedger.ops.flatten import flatten_status
from hedger.ops.gates import gate_status
from hedger.ops.greeks import option_status
from hedger.ops.money import money_status
from hedger.ops.other_coins import crossing_status
from hedger.ops.pnl import pnl_status
from hedger.ops.positions import options_status, positions_status, prices_status
from hedger.ops.several import absence_words, several_status
from hedger.ops.surroundings import NOTHING, Surroundings
from hedger.ops.unhedged import is_unhedged, is_unhedged_on_purpose, outside_ms
from hedger.ops.view import Banner
from hedger.ops.volatility import volatility_status
from hedger.ops.words import doubted, way_out

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def write_status(
    path: Path,
    state: State,
    policy: Policy,
    banner: Banner,
    metrics_port: int | None,
    configured: Configured | None = None,
    console: Mapping[str, object] | None = None,
    around: Surroundings = NOTHING,
) -> None:
    """Replace the status file. A disk that refuses is no reason to stop: the journal is what must be written."""
    kill_file = path.parent.absolute() / "kill"
    status = status_of(state, policy, banner, metrics_port=metrics_port, kill_file=kill_file, around=around)
    status["console_port"] = None if console is None else console["port"]
    status["console"] = None if console is None else {**console, "fault": around.console_fault}
    status["configuration"] = None if configured is None else configured.to_json()
    fresh = path.with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, _FRESH, 0o600), "w", encoding="utf-8") as file:
            json.dump(status, file, indent=1)
        fresh.replace(path)
    except OSError:
        return


def status_of(
    state: State,
    policy: Policy,
    banner: Banner,
    *,
    metrics_port: int | None = None,
    kill_file: Path | None = None,
    around: Surroundings = NOTHING,
) -> dict[str, Any]:
    """Everything as JSON: Decimals as plain strings, moments as ISO 8601 in UTC, what is not known as None. Keys are
    added and never renamed: `hedger status --json`, the commands that read it and the console rely on them."""
    return {
        "at": iso(state.now),
        "pid": os.getpid(),
        "kind": banner.kind,
        "transport": banner.transport,
        "started_at": iso(banner.started_at),
        "mode": state.mode.value,
        "mode_reason": state.mode_reason or None,
        "halted": state.halted,
        "paused": state.paused,
        "way_out": way_out(state),
        "doubted": doubted(state),
        "reconciled": state.reconciled,
        "reconcile_reason": None if state.reconciled else state.reconcile_reason,
        "kill_file": None if kill_file is None else str(kill_file),
        "epoch": state.epoch,
        "metrics_port": metrics_port,
        "accounts": {account: _account(state, policy, account) for account in policy.accounts},
        "money": money_status(state, policy),
        "hedges": {hedge.name: hedge_status(state, hedge) for hedge in policy.hedges},
        "flatten": flatten_status(state, policy),
        "alarms": [_alarm(state, alarm) for alarm in alarms_of(state, policy, around)],
        "positions": positions_status(state),
        "options": options_status(state),
        "prices": prices_status(state),
    }


def _account(state: State, policy: Policy, account: str) -> dict[str, Any]:
    """One account: what stands between it and its next order, and what of it is believed."""
    sight = absence_words(state, policy, account)
    return {**gate_status(state, account), "out_of_sight": sight, **belief_status(state, account)}


def _alarm(state: State, alarm: Alarm) -> dict[str, Any]:
    """What a person should look at, and when somebody last said that they saw it."""
    seen_at = state.acknowledged.get(alarm.key)
    seen = None if seen_at is None else iso(seen_at)
    return {"key": alarm.key, "level": alarm.level.value, "text": alarm.text, "acknowledged_at": seen}


def hedge_status(state: State, hedge: Hedge) -> dict[str, Any]:
    """One hedge as JSON: Decimals as plain strings, what is not known as None."""
    memory, ledger = state.hedges[hedge.name], state.ledgers[hedge.name]
    status: dict[str, Any] = {
        "underlying": hedge.underlying,
        "last_decision": memory.decision.reason.value if memory.decision else None,
        "last_decision_id": memory.decision.decision_id if memory.decision else None,
        "unhedged": is_unhedged(state, hedge),
        "unhedged_on_purpose": is_unhedged_on_purpose(state, hedge),
        "seconds_outside_band": outside_ms(state, hedge) / 1000,
        "fills": ledger.fills,
        "maker_fills": ledger.maker_fills,
        "taker_fills": ledger.taker_fills,
        "fees": plain(ledger.fees),
        "funding": plain(ledger.funding),
        "slippage": plain(ledger.slippage),
        "edge": plain(ledger.edge),
        "pnl_today": pnl_status(state, hedge.name),
        "realised_spread": plain(ledger.realised_spread),
        "fees_in_other_assets": {asset: plain(fee) for asset, fee in ledger.other_fees.items()},
        "orders_working": [o.client_order_id for o in state.orders.values() if o.hedge == hedge.name and o.live],
        "orders": [_order(o, state.now) for o in state.orders.values() if o.hedge == hedge.name and o.live],
        "margin_ratio": _worst(max, margin_ratios(state, hedge)),
        "liquidation_distance": _worst(min, liquidation_distances(state, hedge)),
        "liquidation_known": liquidation_known(state, hedge),
        "liquidation_doubts": liquidation_doubts(state, hedge),
        "volatility": volatility_status(state, hedge.underlying),
        "carry": carry_status(state, hedge),
        "several": several_status(state, hedge),
    }
    held, facts = exposure(state, hedge), gather(state, hedge)
    if held is not None and facts is not None:
        status |= {
            "spot": plain(held.spot),
            "static": plain(held.static),
            "options": plain(held.options.delta),
            "option_greeks": option_status(held.options, memory.greeks) if held.options.options else None,
            "futures": plain(held.futures) if hedge.cross is None else None,  # those of other coins stand in `cross`
            "net_delta": plain(facts.exposure.delta),
            "target": plain(facts.target),
            "band": [plain(-facts.edges.lower), plain(facts.edges.upper)],
            "inside_band": facts.inside,
            "deviation": plain(facts.deviation),
            "reserved": [plain(held.low), plain(held.high)],  # where working and unknown orders may carry the delta
            "funding_yearly": plain(round(yearly_funding(facts.mark), 6)),
            "cross": crossing_status(state, hedge),
        }
    return status


def _order(order: Order, now: int) -> dict[str, Any]:
    return {
        "id": order.client_order_id,
        "hedge": order.hedge,
        "status": order.status.value,
        "side": order.side.value,
        "quantity": plain(order.quantity),
        "filled": plain(order.filled),
        "price": plain(order.price),
        "instrument": str(order.id),
        "remaining": plain(order.remaining),
        "reduce_only": order.reduce_only,
        "decision_id": order.decision_id,
        "placed_at": iso(order.placed_at),
        "changed_at": iso(order.changed_at or order.placed_at),
        "age_s": round(max(now - order.placed_at, 0) / 1000, 3),
    }


def _worst(pick: Any, values: list[Any]) -> str | None:
    return plain(round(pick(values), 6)) if values else None
