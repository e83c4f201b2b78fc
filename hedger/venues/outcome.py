"""What became of a call: evidence from the wire first, and where it proves nothing, unknown.

The class of an exception does not tell whether an order exists, so none is asked. An order was provably not accepted
when no byte was sent, or when the venue said so with one of the codes of its profile's table, under a status with which
it refuses.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import quote, quote_plus

from hedger.model.message import OrderOutcomeUnknown, OrderRejected
from hedger.model.order import RejectReason
from hedger.venues.network import EVIDENCE, Evidence
from hedger.venues.speech import SILENT, Code, Codes, Hear, Said, heard

LONGEST_TEXT = 240
LONGEST_READ = 4_096
PIECE, SHORTEST = 8, 4
_URL = re.compile(r"\b(?:https?|wss?)://\S+")
_SIGNED = re.compile(
    r"(?i)\b(signature|listenkey|apikey|timestamp|access_token|refresh_token)\b(\"?\s*[=:]\s*\"?)[\w%+/=.-]+"
)


class Withheld(Exception):
    """Raised by a profile for an order that it keeps back before anything is sent; its text is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call and what is known of it. `failure` is None when the client understood an answer; `said` is what the
    venue itself says against the request."""

    answer: Any
    evidence: Evidence
    failure: str | None
    said: Said

    @property
    def code(self) -> Code | None:
        """The venue's own error code in the answer's body."""
        return self.said.code

    @property
    def refused(self) -> bool:
        """Whether there is no good answer, for whatever reason."""
        return self.failure is not None or self.evidence.status != 200 or self.said.code is not None


async def attempt(
    call: Callable[[], Awaitable[Any]], seconds: float, hear: Hear, against: Callable[[], str | None] | None = None
) -> Attempt:
    """Make one call within `seconds` (real) and say what happened, whatever the client raises.

    `against` says why it must not leave after all, when its connection stands: to get one may take seconds.
    """

    def hold() -> None:
        if against is not None and (why := against()) is not None:
            raise Withheld(why)

    evidence = Evidence(hold=hold)
    token = EVIDENCE.set(evidence)
    try:
        async with asyncio.timeout(seconds):
            answer = await call()
        return Attempt(answer=answer, evidence=evidence, failure=None, said=_heard(evidence, hear))
    except Exception as problem:
        return Attempt(answer=None, evidence=evidence, failure=_words(problem), said=_heard(evidence, hear))
    finally:
        EVIDENCE.reset(token)


def _heard(evidence: Evidence, hear: Hear) -> Said:
    return SILENT if evidence.status is None else heard(hear, evidence.status, evidence.body)


def _words(problem: Exception) -> str:
    """The kinds of a problem and its cause: their texts hold signed addresses, but for a text of our own."""
    if isinstance(problem, Withheld):
        return str(problem)
    kind, cause = type(problem).__name__, problem.__cause__
    if cause is None:
        return kind
    name = type(cause).__name__
    return f"{kind} ({_PLAIN.get(name, name)})"


_PLAIN = {
    "ClientConnectorDNSError": "the venue's name was not found",
    "ClientConnectorError": "no connection to the venue",
    "ClientConnectorCertificateError": "the certificate shown is not the venue's",
    "ServerDisconnectedError": "the venue hung up",
    "TimeoutError": "no answer in time",
}


def describe(result: Attempt, scrub: Scrub) -> str:
    """One bounded phrase for a person, without secrets."""
    status = f"HTTP {result.evidence.status}" if result.evidence.status is not None else ""
    said = f"{result.code} {result.said.message}".strip() if result.code is not None else result.evidence.body
    parts = [part for part in (result.failure or "", status, said) if part]
    return scrub(": ".join(parts) or "no answer")


def judge_refusal(
    client_order_id: str, result: Attempt, codes: Codes, scrub: Scrub
) -> OrderRejected | OrderOutcomeUnknown:
    """What a create came to that has no good acknowledgement."""
    text = describe(result, scrub)
    reason = _provable_reason(result, codes)
    if reason is None:
        return OrderOutcomeUnknown(client_order_id=client_order_id, text=text)
    return OrderRejected(client_order_id=client_order_id, reason=reason, text=text)


def _provable_reason(result: Attempt, codes: Codes) -> RejectReason | None:
    evidence = result.evidence
    if evidence.sent == 0:
        return RejectReason.NOT_SENT
    if evidence.status in (418, 429):
        return None if result.code in codes.doubtful else RejectReason.RATE_LIMITED
    if evidence.sent != 1 or evidence.status not in codes.refusing or result.code is None:
        return None
    reason = codes.refused.get(result.code)
    if isinstance(reason, RejectReason) or reason is None:
        return reason
    said = result.said.message.lower()
    return next((known for words, known in reason.items() if words in said), None)


class Scrub:
    """Takes secrets, addresses and signatures out of a text, and bounds it.

    Of a secret, every piece of eight characters is masked, as it is and as base64, hex and URLs have it: a text may
    hold it cut, encoded, or both.
    """

    def __init__(self, *secrets: str) -> None:
        self._pieces = frozenset(
            form[start : start + PIECE]
            for secret in secrets
            for form in _forms(secret)
            for start in range(max(1, len(form) - PIECE + 1))
            if len(form) >= SHORTEST
        )
        self._sizes = sorted({len(piece) for piece in self._pieces}, reverse=True)

    def __call__(self, text: str) -> str:
        """The text as it may be shown."""
        text = self._masked(text[:LONGEST_READ])
        text = _SIGNED.sub(r"\1\2***", _URL.sub("<address>", text))
        return " ".join(text.split())[:LONGEST_TEXT]

    def _masked(self, text: str) -> str:
        hidden = [False] * len(text)
        for size in self._sizes:
            for start in range(len(text) - size + 1):
                if text[start : start + size] in self._pieces:
                    hidden[start : start + size] = [True] * size
        runs = groupby(zip(hidden, text, strict=True), key=itemgetter(0))
        return "".join("***" if secret else "".join(c for _, c in run) for secret, run in runs)


def _forms(secret: str) -> set[str]:
    """A secret as libraries may write it. Base64 has it at three alignments, of which the ends depend on others."""
    raw = secret.encode()
    encoded = (base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")[(0, 2, 3)[shift] :] for shift in range(3))
    whole = [form[: len(raw) * 4 // 3 - 1] for form in encoded]
    web = [form.replace("+", "-").replace("/", "_") for form in whole]
    return {secret, raw.hex(), raw.hex().upper(), quote(secret, safe=""), quote_plus(secret), *whole, *web}
