"""The shapes of what the API takes and answers, as JSON Schema: what `docs/api.md` tells and the tests hold it to."""

from __future__ import annotations

from typing import Any

from hedger.runtime.kill import LONGEST_REASON

Schema = dict[str, Any]

# At least one visible character: what a browser, Python and JSON Schema agree on.
VISIBLE = "[!-~\\u00a1-\\u167f\\u1681-\\u1fff\\u3041-\\ud7ff]"
TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
MOMENT: Schema = {"type": "integer", "minimum": 0, "description": "ms since 1970, UTC, by the program's clock"}
SWITCH: Schema = {"type": "boolean"}
NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
ANY: Schema = {"type": "object"}
REASON: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_REASON,
    "pattern": VISIBLE,
    "description": "why, for the journal",
}
NONCE: Schema = {"type": "string", "maxLength": 100, "description": "of the first step; without it, this is the first"}
HEDGES: Schema = {
    "type": "array",
    "maxItems": 64,
    "items": {"type": "string", "pattern": "^[A-Za-z0-9]{1,20}$"},
    "description": "their names; none stands for all",
}


def record(properties: Schema, *, optional: tuple[str, ...] = (), closed: bool = False) -> Schema:
    """An object with these properties, all of them there but for the optional ones; `closed` allows no others."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        **({"additionalProperties": False} if closed else {}),
    }


def rows(item: Schema) -> Schema:
    """A list of such."""
    return {"type": "array", "items": item}


def named(item: Schema) -> Schema:
    """An object whose keys are names."""
    return {"type": "object", "additionalProperties": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


DECISION, HEDGE, ALARM, ORDER, POSITION = (_ref(name) for name in ("Decision", "Hedge", "Alarm", "Order", "Position"))
ERROR, ASKED, OFFERED = _ref("Error"), _ref("Asked"), _ref("Offered")

COMPONENTS: dict[str, Schema] = {
    "Error": record({"error": {"type": "string", "description": "a sentence for a person"}}),
    "Program": record(
        {"mode": TEXT, "mode_words": TEXT, "mode_reason": TEXT_OR_NULL, "halted": TEXT_OR_NULL, "paused": TEXT_OR_NULL}
        | {"kind": TEXT, "version": TEXT, "epoch": {"type": "integer"}, "started_at": MOMENT, "sends": SWITCH}
    ),
    "Account": record({"stream_up": SWITCH, "failures": {"type": "integer"}, "margin": {"type": ["object", "null"]}}),
    "Decision": record(
        {"decision_id": {"type": "integer"}, "at": MOMENT, "hedge": TEXT, "mode": TEXT, "action": TEXT, "reason": TEXT}
        | {"words": TEXT, "detail": TEXT, "net_delta": TEXT_OR_NULL, "target": TEXT_OR_NULL}
    ),
    "Order": record(
        {"id": TEXT, "instrument": TEXT, "side": {"enum": ["buy", "sell"]}, "quantity": TEXT, "filled": TEXT}
        | {"price": TEXT, "status": TEXT, "reduce_only": SWITCH, "placed_at": MOMENT}
    ),
    "Hedge": record(
        {"underlying": TEXT, "instruments": rows(TEXT), "delta": TEXT_OR_NULL, "upper": TEXT_OR_NULL}
        | {"lower": TEXT_OR_NULL, "outside_since": {"type": ["integer", "null"]}, "unhedged": SWITCH}
        | {"positions": rows(ANY), "orders": rows(ORDER), "guards": named(ANY), "guard_states": named(TEXT)}
    ),
    "Position": record(
        {"account": TEXT, "instrument": TEXT, "quantity": TEXT, "coins": TEXT_OR_NULL, "entry_price": TEXT_OR_NULL}
        | {"mark_price": TEXT_OR_NULL, "liquidation_distance": TEXT_OR_NULL}
    ),
    "Alarm": record(
        {"key": TEXT, "name": TEXT, "subject": TEXT, "level": {"enum": ["critical", "warning", "info"]}, "text": TEXT}
        | {"since_at": MOMENT, "acknowledged": SWITCH}
    ),
    "Asked": record(
        {
            "asked": TEXT,
            "request": {"type": "string", "description": "its id"},
            "outcome": {"type": "string", "description": "the path that tells what became of it"},
        }
    ),
    "Offered": record(
        {
            "nonce": {"type": "string", "description": "what the second step must bring"},
            "within_s": {"type": "number", "description": "how long it may take"},
            "phrase": {"type": "string", "description": "what a person must type, where it is there"},
            "plan": ANY,
            "difference": ANY,
            "halted": TEXT,
        },
        optional=("phrase", "plan", "difference", "halted"),
    ),
}
