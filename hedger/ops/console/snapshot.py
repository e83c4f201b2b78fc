"""What the console shows, as one JSON document made from a state, and what changed between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, State
from hedger.model.account import Margin
from hedger.model.numeric import ZERO, plain
from hedger.ops.alarms import Alarm
from hedger.ops.console.hedges import Json, decision_document, hedge_document
from hedger.ops.gates import gate_status
from hedger.ops.money import money_status
from hedger.ops.several import absence_words
from hedger.ops.view import Banner
from hedger.ops.words import MODE_WORDS, doubted, way_out

MOST_DECISIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known when the console looks: `decisions` are the last ones, oldest first; `alarms` stand now."""

    state: State
    policy: Policy
    banner: Banner
    decisions: tuple[Decision, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    version: str = "0"


def document(view: View) -> Json:
    """Everything that the page shows, ready for JSON. Amounts are plain strings of Decimals, moments ms since 1970 (or
    ISO 8601 where a text is), what is not known is None. `at` is the program's own time."""
    state, policy = view.state, view.policy
    return {
        "at": state.now,
        "program": _program(view),
        "accounts": {name: _account(state, policy, name) for name in policy.accounts},
        "hedges": {hedge.name: hedge_document(state, hedge) for hedge in policy.hedges},
        "alarms": [alarm_document(alarm) for alarm in view.alarms],
        "decisions": [decision_document(decision) for decision in reversed(view.decisions[-MOST_DECISIONS:])],
    }


def changes(before: Json, after: Json) -> Json:
    """What must be merged into `before` to make `after`, but for its decisions, which are told as they are made.

    `program` is merged key by key, `accounts` and `hedges` name by name and then key by key; a name that went is None.
    `alarms` is there, whole, where any of them changed. `at` is always there.
    """
    found: Json = {"at": after["at"]}
    if program := _changed(before["program"], after["program"]):
        found["program"] = program
    for section in ("accounts", "hedges"):
        if part := _by_name(before[section], after[section]):
            found[section] = part
    if before["alarms"] != after["alarms"]:
        found["alarms"] = after["alarms"]
    return found


def merge(into: Json, change: Json) -> Json:
    """The document that `change` makes of `into`, by the rule that the page follows; neither is touched."""
    made = {**into, "at": change["at"], "program": {**into["program"], **change.get("program", {})}}
    for section in ("accounts", "hedges"):
        rows = dict(into[section])
        for name, part in change.get(section, {}).items():
            if part is None:
                rows.pop(name, None)
            else:
                rows[name] = {**rows.get(name, {}), **part}
        made[section] = rows
    return made if "alarms" not in change else {**made, "alarms": change["alarms"]}


def alarm_document(alarm: Alarm) -> Json:
    """An alarm as JSON; `key` is what it is acknowledged by."""
    return {
        "key": alarm.key,
        "name": alarm.name,
        "subject": alarm.subject,
        "level": alarm.level.value,
        "text": alarm.text,
        "since_at": alarm.since_at,
        "acknowledged": alarm.acknowledged,
    }


def _changed(before: Json, after: Json) -> Json:
    """The keys whose value is another one; a key that went is None."""
    found = {key: value for key, value in after.items() if key not in before or before[key] != value}
    return found | {key: None for key in before if key not in after and before[key] is not None}


def _by_name(before: Json, after: Json) -> Json:
    rows: Json = {name: None for name in before if name not in after}
    for name, row in after.items():
        if part := _changed(before.get(name, {}), row):
            rows[name] = part
    return rows


def _program(view: View) -> Json:
    state, banner = view.state, view.banner
    lost = sum(order.status is OrderStatus.UNKNOWN for order in state.orders.values())
    return {
        "mode": state.mode.value,
        "mode_words": MODE_WORDS[state.mode],
        "mode_reason": state.mode_reason or None,
        "halted": state.halted,
        "paused": state.paused,
        "draining": state.draining,
        "way_out": way_out(state),
        "doubted": doubted(state),
        "reconciled": state.reconciled,
        "journal_fault": state.journal_fault,
        "kind": banner.kind,
        "transport": banner.transport,
        "speed": banner.speed,
        "note": banner.note or None,
        "sends": view.policy.sends,
        "version": view.version,
        "epoch": state.epoch,
        "started_at": banner.started_at,
        "orders_working": sum(order.live for order in state.orders.values()),
        "orders_unknown": lost,
        "money": money_status(state, view.policy),
    }


def _account(state: State, policy: Policy, account: str) -> Json:
    view = state.accounts[account]
    row: Json = gate_status(state, account) | {
        "out_of_sight": absence_words(state, policy, account),
        "believed_at": view.believed_at or None,
        "stream_up": view.stream_up,
        "failures": view.failures,
        "last_failure": view.last_failure or None,
        "clock_offset_ms": view.offset_ms,
        "doubted": account in doubted(state),
        "mistrusted": view.mistrusted,
        "margin": None,
        "coin_margins": {},
        "spot": {},
    }
    if view.reading is None:
        return row
    margins = {coin: _margin(margin) for coin, margin in view.reading.coin_margins.items()}
    spot = {asset: plain(total) for asset, total in sorted(view.reading.spot.items()) if total != ZERO}
    return row | {"margin": _margin(view.reading.margin), "coin_margins": margins, "spot": spot}


def _margin(margin: Margin) -> dict[str, Any]:
    return {
        "margin_ratio": plain(round(margin.margin_ratio, 6)),
        "equity": plain(round(margin.equity, 8)),
        "maintenance_margin": plain(round(margin.maintenance_margin, 8)),
        "initial_margin": plain(round(margin.initial_margin, 8)),
        "available": plain(round(margin.available, 8)),
    }
