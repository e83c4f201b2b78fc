"""The table of the API: each route once, with who may use it, what it takes and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hedger.ops.console.access import Scope
from hedger.ops.console.feed import MOST_KEPT
from hedger.ops.console.schemas import (
    ALARM,
    ANY,
    ASKED,
    DECISION,
    HEDGE,
    HEDGES,
    MOMENT,
    NONCE,
    NUMBERS,
    OFFERED,
    ORDER,
    POSITION,
    REASON,
    SWITCH,
    TEXT,
    Schema,
    named,
    record,
    rows,
)

DECISIONS_SHOWN = 50
JSON, EVENTS = "application/json", "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A part of the path or of the query, with what it may be."""

    name: str
    schema: Schema
    meaning: str
    example: str | int
    in_query: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the text of it must match."""
        return re.compile(self.schema.get("pattern", r"[0-9]{1,9}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route. `name` is the operation's, `scope` who may use it; `answers` are those of success, by status."""

    method: str
    path: str
    name: str
    scope: Scope
    summary: str
    answers: Mapping[int, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    media: str = JSON
    told: str = ""
    matches: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to compare paths."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]{1,100})", re.escape(self.path))
        object.__setattr__(self, "matches", re.compile(pattern))


NAME = {"type": "string", "pattern": "^[A-Za-z0-9]{1,20}$"}
HEDGE_NAME = Parameter(name="name", schema=NAME, meaning="a hedge of the configuration", example="BTC")
HISTORY_NAME = Parameter(name="hedge", schema=NAME, meaning="a hedge of the configuration", example="BTC")
DECISION_ID = Parameter(
    name="id",
    schema={"type": "string", "pattern": "^[0-9]{1,15}$"},
    meaning="the number of a decision, as view, log and status show it",
    example="41",
)
REQUEST_ID = Parameter(
    name="id",
    schema={"type": "string", "pattern": "^[0-9]{20}-console-[0-9a-f]{16}$"},
    meaning="the `request` of an act's answer",
    example="00000001772366400000-console-0123456789abcdef",
)
LIMIT = Parameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": MOST_KEPT, "default": DECISIONS_SHOWN},
    meaning="how many at most",
    example=10,
    in_query=True,
)


def _read(path: str, name: str, summary: str, answer: Schema, *parameters: Parameter, told: str = "") -> Route:
    return Route(
        method="GET",
        path=path,
        name=name,
        scope=Scope.READ,
        summary=summary,
        answers={200: answer},
        parameters=parameters,
        told=told,
    )


def _act(name: str, summary: str, *, body: Schema, answer: Schema = ASKED, told: str = "") -> Route:
    return Route(
        method="POST",
        path=f"/api/{name}",
        name=name,
        scope=Scope.ACT,
        summary=summary,
        answers={202: answer},
        body=body,
        told=told,
    )


_WHY = record({"reason": REASON}, closed=True)
_TWO_STEPS = record({"reason": REASON, "nonce": NONCE}, optional=("nonce",), closed=True)
_EITHER: Schema = {"anyOf": [OFFERED, ASKED]}

ROUTES: tuple[Route, ...] = (
    _read(
        "/api/status",
        "status",
        "Everything that is known now.",
        record(
            {
                "at": MOMENT,
                "killed": SWITCH,
                "program": {"$ref": "#/components/schemas/Program"},
                "accounts": named({"$ref": "#/components/schemas/Account"}),
                "hedges": named(HEDGE),
                "alarms": rows(ALARM),
                "decisions": rows(DECISION),
            }
        ),
        told="`killed` says whether a kill file is there.",
    ),
    _read("/api/hedges", "hedges", "Every hedge.", record({"at": MOMENT, "hedges": named(HEDGE)})),
    _read("/api/hedges/{name}", "hedge", "One hedge.", HEDGE, HEDGE_NAME),
    _read(
        "/api/positions",
        "positions",
        "What is held, on every account.",
        record({"at": MOMENT, "positions": rows(POSITION), "options": rows(ANY)}),
    ),
    _read("/api/orders", "orders", "Our orders that may still fill.", record({"at": MOMENT, "orders": rows(ORDER)})),
    _read("/api/alarms", "alarms", "What a person should look at.", record({"at": MOMENT, "alarms": rows(ALARM)})),
    _read(
        "/api/decisions",
        "decisions",
        "The last decisions, the newest first.",
        record({"at": MOMENT, "decisions": rows(DECISION)}),
        LIMIT,
    ),
    _read(
        "/api/decisions/{id}",
        "decision",
        "Why a decision was made, and what came of it.",
        record({"decision": ANY, "text": {"type": "string", "description": "as `hedger explain` tells it"}}),
        DECISION_ID,
        told="The newest decision of that number in the journal; one that is not there yet without what followed.",
    ),
    _read(
        "/api/history/{hedge}",
        "history",
        "A hedge's delta, target and band over the last day.",
        record(dict.fromkeys(("at", "delta", "target", "upper", "lower"), NUMBERS)),
        HISTORY_NAME,
        told="Columns of equal length: by the second for an hour, by the minute before.",
    ),
    Route(
        method="GET",
        path="/api/stream",
        name="stream",
        scope=Scope.READ,
        summary="What changes, as it changes.",
        answers={200: TEXT},
        media=EVENTS,
        told="Events are `snapshot` (the document of `/api/status`, and the `scope` of the token), `change` (what must "
        "be merged into it: `program` by key, `accounts` and `hedges` by name and then by key, null for a name that "
        "went; `alarms` whole), `decision` (a list of new ones, oldest first) and, each second, `beat` (`at`: the "
        "program's clock, which stands still when the hedger does).",
    ),
    Route(
        method="GET",
        path="/api/access",
        name="access",
        scope=Scope.PAGE,
        summary="What the token that is sent, or none, allows.",
        answers={200: record({"read": SWITCH, "act": SWITCH})},
    ),
    Route(
        method="GET",
        path="/api/requests/{id}",
        name="request",
        scope=Scope.ACT,
        summary="What became of an act.",
        answers={200: record({"state": TEXT, "why": TEXT}), 202: record({"state": TEXT, "why": TEXT})},
        parameters=(REQUEST_ID,),
        told="200: it was `done` or `refused`. 202: it `waits`.",
    ),
    Route(
        method="GET",
        path="/api/openapi.json",
        name="openapi",
        scope=Scope.PAGE,
        summary="This description.",
        answers={200: ANY},
    ),
    _act(
        "kill",
        "Stop creating at once, cancel our orders, stay halted.",
        body=record({"reason": {"description": "why, for the journal; whatever it is, it is no reason to wait"}})
        | {"required": [], "additionalProperties": False},
        answer=record({"latched": SWITCH}),
        told="One step, on disk when it is answered. It works while the hedger stands still.",
    ),
    _act("pause", "Create nothing until it is unpaused.", body=_WHY),
    _act("unpause", "End a pause. It lifts no halt.", body=_WHY),
    _act(
        "resume",
        "Lift a halt, in two steps.",
        body=_TWO_STEPS,
        answer=_EITHER,
        told="The first step answers which halt it is, and a nonce; 409 where it is not halted.",
    ),
    _act(
        "flatten",
        "Pause hedges and take their positions off, in two steps.",
        body=record(
            {
                "reason": REASON,
                "hedges": HEDGES,
                "nonce": NONCE,
                "phrase": {"type": "string", "maxLength": 2_000, "description": "as the first step's answer has it"},
            },
            optional=("hedges", "nonce", "phrase"),
            closed=True,
        ),
        answer=_EITHER,
        told="The first step answers the plan, a nonce, and the phrase that a person must type; the second names the "
        "same hedges and brings both.",
    ),
    _act(
        "reload",
        "Read the configuration again, in two steps.",
        body=_TWO_STEPS,
        answer=_EITHER,
        told="The first step answers what would change, and a nonce; 409 where it would be refused.",
    ),
    _act(
        "acknowledge",
        "Say that somebody has seen an alarm.",
        body=record({"reason": REASON, "alarm": {**REASON, "maxLength": 200, "description": "its key"}}, closed=True),
    ),
)
