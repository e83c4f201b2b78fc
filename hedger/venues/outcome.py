"""What became of a call: evidence from the wire first, and where it proves nothing, unknown.

The class of an exception does not tell whether an order exists, so none is asked. An order was provably not accepted
when no byte was sent, or when the venue said so with one of the codes of its profile's table under a 4xx status.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hedger.model.message import OrderOutcomeUnknown, OrderRejected
from hedger.model.order import RejectReason
from hedger.venues.network import EVIDENCE, Evidence

LONGEST_TEXT = 240
_URL = re.compile(r"\b(?:https?|wss?)://\S+")
_SIGNED = re.compile(r"(?i)\b(signature|listenkey|apikey|timestamp)\b(\"?\s*[=:]\s*\"?)[\w%+/=.-]+")

Refusals = Mapping[int, RejectReason | Mapping[str, RejectReason]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call and what is known of it. `failure` is None when the client understood an answer."""

    answer: Any
    evidence: Evidence
    failure: str | None

    @property
    def code(self) -> int | None:
        """The venue's own error code in the answer's body."""
        return self._body.get("code") if isinstance(self._body.get("code"), int) else None

    @property
    def message(self) -> str:
        """The venue's own words in the answer's body."""
        return str(self._body.get("msg", ""))

    @property
    def _body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.evidence.body or "{}")
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


async def attempt(call: Callable[[], Awaitable[Any]], seconds: float) -> Attempt:
    """Make one call within `seconds` (real) and say what happened, whatever the client raises."""
    evidence = Evidence()
    token = EVIDENCE.set(evidence)
    try:
        async with asyncio.timeout(seconds):
            answer = await call()
        return Attempt(answer=answer, evidence=evidence, failure=None)
    except Exception as problem:
        return Attempt(answer=None, evidence=evidence, failure=_words(problem))
    finally:
        EVIDENCE.reset(token)


def _words(problem: Exception) -> str:
    """The kinds of a problem and its cause: their texts hold signed addresses."""
    cause = problem.__cause__
    return type(problem).__name__ + (f" ({type(cause).__name__})" if cause is not None else "")


def describe(result: Attempt, scrub: Scrub) -> str:
    """One bounded phrase for a person, without secrets."""
    status = f"HTTP {result.evidence.status}" if result.evidence.status is not None else ""
    said = f"{result.code} {result.message}".strip() if result.code is not None else result.evidence.body
    parts = [part for part in (result.failure or "", status, said) if part]
    return scrub(": ".join(parts) or "no answer")


def judge_refusal(
    client_order_id: str, result: Attempt, refusals: Refusals, scrub: Scrub
) -> OrderRejected | OrderOutcomeUnknown:
    """What a create came to that has no good acknowledgement."""
    text = describe(result, scrub)
    reason = _provable_reason(result, refusals)
    if reason is None:
        return OrderOutcomeUnknown(client_order_id=client_order_id, text=text)
    return OrderRejected(client_order_id=client_order_id, reason=reason, text=text)


def _provable_reason(result: Attempt, refusals: Refusals) -> RejectReason | None:
    evidence = result.evidence
    if evidence.sent == 0:
        return RejectReason.NOT_SENT
    if evidence.status in (418, 429):
        return RejectReason.RATE_LIMITED
    if evidence.sent != 1 or evidence.status is None or not 400 <= evidence.status < 500 or result.code is None:
        return None
    reason = refusals.get(result.code)
    if isinstance(reason, RejectReason) or reason is None:
        return reason
    said = result.message.lower()
    return next((known for words, known in reason.items() if words in said), None)


class Scrub:
    """Takes secrets, addresses and signatures out of a text, and bounds it."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= 4)

    def __call__(self, text: str) -> str:
        """The text as it may be shown."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _SIGNED.sub(r"\1\2***", _URL.sub("<address>", text))
        return " ".join(text.split())[:LONGEST_TEXT]
