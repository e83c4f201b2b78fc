"""The failures that any venue's answers can have, and what each must come to whatever the venue.

Binance's own table (`wire_outcomes.py`) is the model: what has to do with no venue's words is taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tests.support.leaping import StandingClock
from tests.support.stand import Stand
from tests.support.wire_canaries import leaks
from tests.support.wire_columns import ASKED, Verdict
from tests.support.wire_faults import mangled
from tests.support.wire_outcomes import BODIES, CONNECTIONS, HTML, NEVER_LEFT, STATUSES, Fault, fault, put
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, opened

BODY_LIMIT = 1_000_000
QUESTIONS = ("create", "cancel", "find", "account")
USUAL = {
    "create": frozenset({"unknown"}),
    "cancel": frozenset({"proves nothing"}),
    "find": frozenset({"ask again"}),
    "account": frozenset({"ask again"}),
    "switch": frozenset({"ask again"}),
}
GOOD = {
    "create": frozenset({"accepted"}),
    "cancel": frozenset({"record", "noted"}),
    "find": frozenset({"record"}),
    "account": frozenset({"reading"}),
    "switch": frozenset({"confirmed"}),
}
_OF_BINANCE = frozenset(
    {"a success code without an order", "an error under 200", "a key named twice", "500, -2019", "400, two codes"}
)


def named_twice(text: str) -> str:
    """A good object whose first key is named twice."""
    key = text[1 : text.index(":")]
    return f"{{{key}:0,{text[1:]}"


ANYWHERE = [
    *CONNECTIONS,
    *(row for row in BODIES if row.name not in _OF_BINANCE),
    *(row for row in STATUSES if row.name not in _OF_BINANCE and not row.name.startswith("400, a code")),
    fault("the first key named twice", "V04", mangled(named_twice)),
]
QUIET = [
    fault("429, Retry-After in seconds", "V27", plain_answer(429, "", Retry_After="3")),
    fault("429, a page", "V27", plain_answer(429, HTML)),
    fault("418, a page", "V27", plain_answer(418, HTML)),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a question came to under a fault, and how often it was on the wire."""

    fault: str
    question: str
    verdict: Verdict
    requests: int

    def __str__(self) -> str:
        return f"{self.fault} / {self.question}: {self.verdict.word} ({self.verdict.text[:80]}), {self.requests} sent"


async def outcomes(stand: Stand, faults: Sequence[Fault], *, apart: bool = False) -> list[Outcome]:
    """What every question comes to under each fault; `apart` asks each on an account of its own."""
    questions = [name for name in (*QUESTIONS, "switch") if name in stand.routes]
    jobs = [(row, [name]) for row in faults for name in questions] if apart else [(row, questions) for row in faults]
    return [found for job in jobs for found in await _asked(stand, *job)]


async def _asked(stand: Stand, row: Fault, names: list[str]) -> list[Outcome]:
    clock, fake = StandingClock(), stand.fake()
    fake.clock_ms, fake.judges_age = clock.now_ms, False
    async with opened(stand=stand, clock=clock, fake=fake, body_limit=BODY_LIMIT) as desk:
        if row.wreck is not None:
            await row.wreck(desk)
        else:
            for name in names:
                fake.live = lambda fake, seen: None
                route = stand.routes[name]
                fake.answers[route.method, route.path] = row.answer
        verdicts = await put(row, [partial(ASKED[name], desk) for name in names])
        return [
            Outcome(fault=row.name, question=name, verdict=verdict, requests=_sent(desk, stand, name))
            for name, verdict in zip(names, verdicts, strict=True)
        ]


def _sent(desk: Desk, stand: Stand, name: str) -> int:
    route = stand.routes[name]
    fakes = [desk.fake, *([desk.other] if desk.other else [])]
    return sum(len(fake.requests(route.method, route.path)) for fake in fakes)


def wrong(stand: Stand, found: Outcome, row: Fault) -> bool:
    """Whether an outcome is not what any venue must come to."""
    own = stand.outcomes.get(found.fault, {}).get(found.question)
    most = 0 if row.wreck is not None else stand.routes[found.question].most
    expected = frozenset({own}) if own else _expected(row, found.question)
    shown = leaks(found.verdict.text + found.verdict.trace, *secrets_of(stand))
    addressed = any(word in found.verdict.text for word in ("signature=", "https://"))
    on_the_wire = found.requests == 0 if most == 0 else 1 <= found.requests <= most
    return found.verdict.word not in expected or bool(shown) or addressed or not on_the_wire


def _expected(row: Fault, question: str) -> frozenset[str]:
    if row in QUIET:
        return frozenset({"refused: rate_limited"}) if question == "create" else USUAL[question]
    if row in NEVER_LEFT and question == "create":
        return frozenset({"refused: not_sent"})
    return GOOD[question] if row.outcomes.get("create") == "accepted" else USUAL[question]


def secrets_of(stand: Stand) -> tuple[str, ...]:
    """The secrets of a stand's keys, without empty ones."""
    keys = stand.credentials
    return tuple(secret for secret in (keys.api_key, keys.secret, keys.passphrase) if secret)
