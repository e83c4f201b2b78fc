"""The status file in rows for a person: what may be done now and why, what stands against it, and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from hedger.runtime.kill import printable

STATUS = {
    "pid": "the process that said it",
    "kind": "paper, shadow, testnet or LIVE, in words",
    "transport": "how it reaches the venues",
    "started_at": "when it began",
    "mode": "what it may do now",
    "mode_reason": "why",
    "halted": "why it is halted; `null` if it is not",
    "paused": "why it is paused; `null` if it is not",
    "way_out": "what a person must type before it goes on",
    "alarms": "what a person should look at, until it is over or acknowledged (`hedger ack`)",
    "flatten": "each flatten that was asked for, and how far it is",
    "doubted": "accounts whose readings only a person's `hedger resume` makes believed",
    "reconciled": "whether the accounts are believed",
    "reconcile_reason": "why not",
    "kill_file": "the file whose existence kills",
    "epoch": "the number of this start",
    "metrics_port": "where metrics and health are served",
    "accounts": "each account: its gate, its switch, its margin, and what of it is believed (see `reconcile`)",
    "money": "what each kind of money is worth, and how much hangs on it",
    "hedges": "each hedge: exposure (see `exposure`), orders (see `orders`), ledger, profit of the day, guards",
    "positions": "see `positions`",
    "options": "see `positions`",
    "prices": "the prices of each instrument as they were seen last, with their age",
}
WRITTEN = {
    "console": "where the console is served, and why it is not (`fault`); `null` if it is off",
    "console_port": "its port",
    "configuration": "the file in force, its digest, when it was loaded, what the file says otherwise by now, and when "
    "and why the last reload was refused",
}
ASKED = {
    "now": "where all that is older than it should be, what the process answers: whether it does (`answers`), whether "
    "it is ready (`ok`), and if not, each check that fails (`failing`); else `null`",
}
_HEAD = ("at", "kind", "pid", "metrics_port", "kill_file")
PLACES = 8
SILENT_S = 10.0  # a second is usual, and a beat that is configured longer than this is rare
_LONG = re.compile(r"-?\d+\.\d{9,}")
# What somebody who looks in a hurry came for.
_FIRST = ("net_delta", "target", "deviation", "band", "inside_band", "unhedged", "orders", "last_decision")


def status_rows(known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each row; `known` is what `ops.status` wrote, with its age."""
    return [(name, printable(value)) for name, value in _rows(known)]


def status_line(known: Mapping[str, Any]) -> str:
    """The status in one line, for a log of what was watched: when, mode, each hedge, and what waits for a person."""
    hedges = "; ".join(_hedge_in_short(name, hedge) for name, hedge in known["hedges"].items())
    out = f"; {known['way_out']}" if known.get("way_out") else ""
    return printable(f"{known['at']} {known['mode']}; {hedges}{out}")


def _hedge_in_short(name: str, hedge: Mapping[str, Any]) -> str:
    working = f"{len(hedge['orders_working'])} working"
    if hedge.get("net_delta") is None:
        return f"{name} not known yet, {working}"
    lower, upper = map(_short, hedge["band"])
    where = "inside" if hedge["inside_band"] else "outside"
    return f"{name} {_short(hedge['net_delta'])} {where} {lower} to {upper} of {_short(hedge['target'])}, {working}"


def _rows(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    age = f"{known['age_s']:.0f} s ago"
    yield "said", f"STALE: {age}, and no hedger runs there now" if known["stale"] else f"{age}{_silence(known)}"
    if known.get("now"):
        yield "now", _now(known["now"])
    why = f": {known['mode_reason']}" if known.get("mode_reason") else ""
    old = known["stale"] or known.get("now") or known["age_s"] >= SILENT_S
    yield "mode", f"{known['mode']}{why}{', when it last spoke' if old else ''}"
    for name in ("halted", "paused", "way_out"):
        if known.get(name):
            yield name.replace("_", " "), str(known[name])
    configured = known.get("configuration") or {}
    if configured.get("path"):
        yield "configuration", f"{configured['path']}, digest {configured['digest']}"
    if configured.get("refused"):
        yield "configuration refused", f"{configured['refused']}; what was in force goes on"
    if configured.get("file_changed"):
        yield "its file", f"CHANGED: {configured['file_changed']}; `hedger reload`, before a restart takes it up"
    if (known.get("console") or {}).get("fault"):
        yield "console", f"DOWN: {known['console']['fault']}"
    for alarm in known.get("alarms", []):
        if not alarm["acknowledged_at"]:
            yield f"alarm {alarm['key']}", f"{alarm['level']}: {alarm['text']}"
    for name, latched in (known.get("flatten") or {}).get("latched", {}).items():
        yield f"flatten of {name}", f"{latched['state']}: {latched['reason']}"
    for name, hedge in known["hedges"].items():
        yield from _of_hedge(name, hedge, [key for key in _FIRST if key in hedge])
    for account, gate in known.get("accounts", {}).items():
        yield f"gate of {account}", gate["creates_stopped"] or "open"
        yield f"switch of {account}", _switch(gate)
        if gate.get("out_of_sight"):
            yield f"sight of {account}", gate["out_of_sight"]
    for name, hedge in known["hedges"].items():
        yield from _of_hedge(name, hedge, [key for key in hedge if key not in (*_FIRST, "orders_working")])
    yield from _flat("money", known.get("money"))
    yield from ((key, str(known[key])) for key in _HEAD if known.get(key) is not None)


def _now(now: Mapping[str, Any]) -> str:
    """What the process answered when it was asked, beside a file that it has not written anew."""
    if not now["answers"]:
        return "it does not answer either"
    failing = "; ".join(f"{check}: {text}" for check, text in now["failing"].items())
    return f"it answers, NOT READY: {failing}" if failing else "it answers, and is ready"


def _of_hedge(name: str, hedge: Mapping[str, Any], keys: list[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        if key == "liquidation_known":
            continue
        if key == "liquidation_distance" and hedge[key] is None and hedge.get("liquidation_known"):
            yield f"{name}.{key}", "none"
        elif key == "orders":
            yield from ((f"{name}.order", _order(order)) for order in hedge[key])
        else:
            yield from _flat(f"{name}.{key}", hedge[key])


def _silence(known: Mapping[str, Any]) -> str:
    """What to think of one that runs and says nothing new: what stands below is of before that."""
    if known["age_s"] < SILENT_S:
        return ", NOT WRITTEN ANEW SINCE: what stands below was so then" if known.get("now") else ""
    return ", SILENT SINCE: it runs and writes nothing new. Is its disk full, does it hang? `hedger healthcheck`"


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A table within the status as rows of its own, without what is not known and lists that are empty."""
    if value is None or value == []:
        return
    if not isinstance(value, Mapping):
        between = " to " if name.endswith(".band") else "; "
        yield name, between.join(_short(part) for part in value) if isinstance(value, list) else _short(value)
        return
    for key, part in value.items():
        yield from _flat(f"{name}.{key}", part)


def _short(value: Any) -> str:
    """A value as text; of a number with many digits as many as anybody reads (the JSON has them all)."""
    text = str(value)
    return f"{round(Decimal(text), PLACES) + 0:f}" if _LONG.fullmatch(text) else text


def _switch(gate: Mapping[str, Any]) -> str:
    if gate["switch_timeout_s"] is None:
        return "none"
    until = gate["switch_lease_until"]
    return "not armed" if until is None else f"lease until {until}"


def _order(order: Mapping[str, Any]) -> str:
    mark = "UNKNOWN FATE" if order["status"] == "unknown" else order["status"]
    filled = f", {order['filled']} filled" if order["filled"] != "0" else ""
    traded = f"{order['side']} {order['quantity']} at {order['price']} on {order['instrument']}"
    return f"{order['id']} {mark}: {traded}{filled}"
