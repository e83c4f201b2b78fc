"""What the acts do, with nothing but the files of one state directory: they work while the trading loop stands still.

A kill writes the kill file, the rest writes requests. What a client sent never comes back to it.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hedger.ops.console.access import Refused, same
from hedger.ops.console.schemas import VISIBLE
from hedger.runtime.kill import LONGEST_REASON, KillFile, one_line
from hedger.runtime.requests import ASKED, Ask, Mailbox, Request

Body = Mapping[str, Any]
Reply = tuple[HTTPStatus, Body]

NONCE_S = 60.0
MOST_ACTS = 60  # a minute: a kill is not counted
LONGEST_HALT = 500
LONGEST_KEY = 200
REQUESTS = "/api/requests/"
MOST_HEDGES = 64
_MINUTE_S = 60.0
_HEDGE = re.compile(r"[A-Za-z0-9]{1,20}")
_SEEN = re.compile(VISIBLE)
_OURS = re.compile(r"\d{20}-console-[0-9a-f]{16}")  # what the console asked; of others' requests it tells nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What an act would do, as JSON for a person, and the mark by which the daemon knows what that person saw.

    `against` says why it would be refused; then there is no second step. `phrase` is what a person must type for it.
    """

    told: object
    shown: str
    phrase: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookouts:
    """How the desk looks ahead: what flattening hedges (none: all of them) would do, and what a reload would change.
    Each may raise HedgerError, with a sentence for a person; None where this hedger has no such thing."""

    flatten: Callable[[Sequence[str]], Outlook] | None = None
    reload: Callable[[], Outlook] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """An act that waits for its second step."""

    nonce: str
    about: str
    look: Outlook
    until: float


class Desk:
    """One state directory's. Called by several threads."""

    def __init__(self, directory: Path, now: Callable[[], float], lookouts: Lookouts | None = None) -> None:
        self._directory = directory
        self._now = now
        self._lookouts = lookouts or Lookouts()
        self._offers: dict[Ask, _Offer] = {}
        self._acted: deque[float] = deque(maxlen=MOST_ACTS)
        self._guard = threading.Lock()

    def kill(self, body: Body) -> Reply:
        """Latch the kill file: one step, whatever else is wrong."""
        reason = body.get("reason")
        told = one_line(reason) if isinstance(reason, str) else ""
        KillFile(self._directory).latch(f"console: {told or 'no reason given'}")
        return HTTPStatus.ACCEPTED, {"latched": True}

    def pause(self, body: Body) -> Reply:
        """Ask for a pause."""
        return self._send(Request(ask=Ask.PAUSE, reason=_reason_in(body)))

    def unpause(self, body: Body) -> Reply:
        """Ask for the end of a pause: one step. It lifts no halt."""
        return self._send(Request(ask=Ask.UNPAUSE, reason=_reason_in(body)))

    def acknowledge(self, body: Body) -> Reply:
        """Say that somebody saw an alarm."""
        key = body.get("alarm")
        if not isinstance(key, str) or not _SEEN.search(key) or len(key) > LONGEST_KEY:
            raise Refused(HTTPStatus.BAD_REQUEST, 'say which alarm: {"alarm": "…", "reason": "…"}')
        return self._send(Request(ask=Ask.ACKNOWLEDGE, reason=_reason_in(body), subject=one_line(key)))

    def resume(self, body: Body) -> Reply:
        """Lift a halt in two steps, the second with the nonce that the first one gave. It ends no pause."""
        reason, status = _reason_in(body), self._status()
        if status is None:
            raise Refused(HTTPStatus.CONFLICT, "no hedger has said how it is: there is nothing to resume")
        if status.get("halted") is None and not status.get("doubted"):
            raise Refused(HTTPStatus.CONFLICT, "it is not halted; what ends a pause is an unpause")
        halted = str(status["halted"] or "")[:LONGEST_HALT]
        offer = self._take(Ask.RESUME, body)
        if offer is None:
            return self._offer(Ask.RESUME, "halted", Outlook(told=halted, shown=halted))
        return self._send(Request(ask=Ask.RESUME, reason=reason, halted=offer.look.shown))

    def flatten(self, body: Body) -> Reply:
        """Pause and take positions off, in two steps: the plan, then its nonce and the phrase that a person typed."""
        reason, hedges, look = _reason_in(body), _hedges_in(body), self._lookouts.flatten
        if look is None:
            raise Refused(HTTPStatus.CONFLICT, "this hedger has no plan to offer")
        subject = ",".join(hedges)
        offer = self._take(Ask.FLATTEN, body)
        if offer is None:
            return self._offer(Ask.FLATTEN, "plan", look(hedges), about=subject)
        if offer.about != subject:
            raise Refused(HTTPStatus.CONFLICT, "the plan was for other hedges: begin again")
        if not same(body.get("phrase"), offer.look.phrase):
            raise Refused(HTTPStatus.CONFLICT, "the phrase is not the one of the plan: begin again")
        return self._send(Request(ask=Ask.FLATTEN, reason=reason, subject=subject, shown=offer.look.shown))

    def reload(self, body: Body) -> Reply:
        """Read the configuration again, in two steps: what would change, then its nonce."""
        reason, look = _reason_in(body), self._lookouts.reload
        if look is None:
            raise Refused(HTTPStatus.CONFLICT, "this hedger cannot read its configuration again")
        offer = self._take(Ask.RELOAD, body)
        if offer is None:
            return self._offer(Ask.RELOAD, "difference", look())
        return self._send(Request(ask=Ask.RELOAD, reason=reason, shown=offer.look.shown))

    def outcome(self, name: str) -> Reply:
        """What became of a request of this API: it waits, it was done, or it was refused, and in which words."""
        mailbox, file = Mailbox(self._directory), f"{name}{ASKED}"
        answer = mailbox.look_for_answer(file) if _OURS.fullmatch(name) else None
        if answer is not None:
            return HTTPStatus.OK, {"state": "done" if answer.done else "refused", "why": answer.why}
        if not _OURS.fullmatch(name) or not mailbox.waits(file):
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such request, or it was long ago")
        return HTTPStatus.ACCEPTED, {"state": "waits", "why": ""}

    def killed(self) -> bool:
        """Whether a kill file is there."""
        return KillFile(self._directory).exists()

    def _take(self, ask: Ask, body: Body) -> _Offer | None:
        """The offer that a second step is for; None for a first step. Raises Refused for a nonce that opens nothing."""
        nonce = body.get("nonce")
        with self._guard:
            offer = self._offers.pop(ask, None)
        if nonce is None:
            return None
        if offer is None or self._now() > offer.until or not same(nonce, offer.nonce):
            raise Refused(HTTPStatus.CONFLICT, "the nonce is not the last one given, or it is too old: begin again")
        return offer

    def _offer(self, ask: Ask, name: str, look: Outlook, *, about: str = "") -> Reply:
        """The first step's answer, under a name; where something stands against it, without a way to go on."""
        if look.against:
            return HTTPStatus.CONFLICT, {"error": look.against, name: look.told}
        offer = _Offer(nonce=secrets.token_urlsafe(16), about=about, look=look, until=self._now() + NONCE_S)
        with self._guard:
            self._offers[ask] = offer
        typed = {"phrase": look.phrase} if look.phrase else {}
        return HTTPStatus.ACCEPTED, {name: look.told, **typed, "nonce": offer.nonce, "within_s": NONCE_S}

    def _send(self, request: Request) -> Reply:
        with self._guard:
            if len(self._acted) == MOST_ACTS and self._now() - self._acted[0] < _MINUTE_S:
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many acts within a minute: only a kill is heeded now")
            self._acted.append(self._now())
        if flaw := request.flaw():
            raise Refused(HTTPStatus.BAD_REQUEST, flaw)
        name = Mailbox(self._directory).send(request, f"console-{secrets.token_hex(8)}")
        id = name.removesuffix(ASKED)
        return HTTPStatus.ACCEPTED, {"asked": request.ask.value, "request": id, "outcome": f"{REQUESTS}{id}"}

    def _status(self) -> dict[str, Any] | None:
        try:
            known = json.loads((self._directory / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) else None


def _reason_in(body: Body) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str) or not _SEEN.search(reason):
        raise Refused(HTTPStatus.BAD_REQUEST, 'say why: {"reason": "…"}')
    if len(reason) > LONGEST_REASON:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the reason is longer than {LONGEST_REASON} characters: shorten it")
    return one_line(reason)


def _hedges_in(body: Body) -> tuple[str, ...]:
    """The names of hedges, each once, as they were given; none stands for all."""
    names = body.get("hedges", [])
    if not isinstance(names, list) or len(names) > MOST_HEDGES:
        raise Refused(HTTPStatus.BAD_REQUEST, 'name the hedges as a list: {"hedges": ["BTC"]}')
    if not all(isinstance(name, str) and _HEDGE.fullmatch(name) for name in names):
        raise Refused(HTTPStatus.BAD_REQUEST, "a hedge is called by capitals and digits, as the configuration names it")
    return tuple(dict.fromkeys(names))
