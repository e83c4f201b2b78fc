"""What a decision was made on, whole: the event and the state before it, kept so that it can be made again.

One document for each step that told a decision. Its digest stands in the decision's row, so the chain covers it. The
documents of an hour resemble each other, so each is pressed with the hour's first one, its frame, as a dictionary. What
is long and changes once an hour has a document of its own, which the others name, as they name their policy.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from hashlib import sha256
from typing import Any, NamedTuple, get_args, get_type_hints

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.message import Event, Stamped
from hedger.runtime.codec import decode, encode, holds_sets, ordered

KEPT_MS = 7 * 86_400_000
MOST_KEPT, LEAST_KEPT = 50_000, 500
MOST_BYTES = 256_000_000
FRAME_MS = 3_600_000
FRAME_USES = 1_000
DROPPED_AT_ONCE = 50

_HINTS = get_type_hints(State)
_LONG = ("returns", "funding_rates")
_SHORT = tuple(name for name in _HINTS if name not in _LONG)
_WITH_SETS = frozenset(name for name, hint in _HINTS.items() if holds_sets(hint))
_EVENTS = {kind.__name__: kind for kind in get_args(Event)}

_PUT = "INSERT OR REPLACE INTO inputs (digest, at, frame, body) VALUES (?, ?, ?, ?)"
# Frames and policies (those without a frame) outlive what needs them.
_DROP = """
DELETE FROM inputs WHERE id IN (
    SELECT id FROM inputs WHERE at < :old AND (frame IS NOT NULL OR at < :old - :frame_ms)
    UNION SELECT id FROM inputs WHERE id <= :least AND (frame IS NOT NULL OR id <= :least - 2 * :uses)
    LIMIT :most
)
"""


class Input(NamedTuple):
    """A pressed document: `frame` is the digest of the one that it was pressed with, None if it stands alone."""

    digest: str
    at: int
    frame: str | None
    body: bytes


class Facts(NamedTuple):
    """What a step was given, as it was."""

    state: State
    stamped: Stamped
    policy: Policy
    policy_digest: str


class Recorder:
    """Makes the document of a step; what did not change since the last one is not written out again."""

    def __init__(self, policy: Policy) -> None:
        self._policy = encode(policy)
        self._policy_digest = _digest(self._policy)
        self._fields: dict[str, tuple[object, bytes]] = {}
        self._past: tuple[bytes, str] = (b"", "")
        self._frame: tuple[str, bytes] | None = None
        self._frame_until = 0
        self._uses = 0

    def document(self, before: State, stamped: Stamped) -> tuple[str, tuple[Input, ...]]:
        """The digest of a step's document, and what is to be kept of it: with a new frame, the policy and the past too,
        and the past whenever it has changed."""
        told = self._past[1]
        raw = self._raw(before, stamped)
        digest, at = _digest(raw), stamped.at
        if self._frame is not None and at < self._frame_until and self._uses < FRAME_USES:
            self._uses += 1
            document = Input(digest, at, self._frame[0], _press(raw, self._frame[1]))
            return digest, (document,) if told == self._past[1] else (document, *self._past_inputs(at))
        self._frame, self._frame_until, self._uses = (digest, raw), at + FRAME_MS, 0
        policy = Input(self._policy_digest, at, None, _press(self._policy, b""))
        return digest, (Input(digest, at, None, _press(raw, b"")), policy, *self._past_inputs(at))

    def policy_changed(self, policy: Policy) -> None:
        """Another policy is in force from the next document on; it is kept with that one, which stands alone."""
        self._policy = encode(policy)
        self._policy_digest = _digest(self._policy)
        self.begin_anew()

    def begin_anew(self) -> None:
        """The next document stands alone: what waited for the disk may be lost, and with it the frame."""
        self._frame = None

    def _raw(self, before: State, stamped: Stamped) -> bytes:
        state = self._fields_of(before, _SHORT)
        event = encode((stamped.at, type(stamped.event).__name__, stamped.event))
        named = (self._policy_digest.encode(), self._past_of(before).encode(), event, state)
        return b'{"policy":"%s","past":"%s","stamped":%s,"state":%s}' % named

    def _past_of(self, state: State) -> str:
        """The digest of what is long in a state, "" where there is nothing of it."""
        if any(getattr(state, name) for name in _LONG):
            raw = self._fields_of(state, _LONG)
            if raw != self._past[0]:
                self._past = (raw, _digest(raw))
        else:
            self._past = (b"", "")
        return self._past[1]

    def _past_inputs(self, at: int) -> tuple[Input, ...]:
        raw, digest = self._past
        return (Input(digest, at, None, _press(raw, b"")),) if raw else ()

    def _fields_of(self, state: State, names: tuple[str, ...]) -> bytes:
        fields = b",".join(b'"%s":%s' % (name.encode(), self._field(name, getattr(state, name))) for name in names)
        return b"{%s}" % fields

    def _field(self, name: str, value: object) -> bytes:
        held = self._fields.get(name)
        if held is not None and held[0] is value:
            return held[1]
        text = encode(ordered(value) if name in _WITH_SETS else value)
        self._fields[name] = (value, text)
        return text


def put(connection: sqlite3.Connection, inputs: list[Input]) -> None:
    """Keep documents, and drop some of the oldest: more than come, so that their number stays bounded, and what they
    take on the disk: with hundreds of options in each, fewer are kept."""
    connection.executemany(_PUT, inputs)
    limits = {"old": inputs[-1].at - KEPT_MS, "frame_ms": FRAME_MS, "uses": FRAME_USES, "most": DROPPED_AT_ONCE}
    newest = connection.execute("SELECT max(id) FROM inputs").fetchone()[0]
    pressed = min(len(document.body) for document in inputs)  # a frame is larger, and few are
    kept = min(MOST_KEPT, max(LEAST_KEPT, MOST_BYTES // pressed))
    connection.execute(_DROP, {**limits, "least": newest - kept})


def facts_of(connection: sqlite3.Connection, digest: str) -> Facts | None:
    """What a step was given, None where it is not kept (any more).

    Raises ValueError, TypeError, KeyError or zlib.error where it is not what was written, or of another program.
    """
    raw = _document(connection, digest)
    if raw is None:
        return None
    known: dict[str, Any] = json.loads(raw)
    policy = _document(connection, known["policy"])
    if policy is None:
        return None
    past = _document(connection, known["past"]) if known.get("past") else b"{}"
    if past is None:
        return None
    known["state"] |= json.loads(past)
    at, kind, event = known["stamped"]
    unknown = known["state"].keys() - _HINTS.keys()
    if unknown:
        raise ValueError(f"the state has no {', '.join(sorted(unknown))}")
    state = State(**{name: decode(_HINTS[name], value) for name, value in known["state"].items()})
    stamped = Stamped(at, decode(_EVENTS[kind], event))
    return Facts(state, stamped, decode(Policy, json.loads(policy)), known["policy"])


def _document(connection: sqlite3.Connection, digest: str) -> bytes | None:
    row = connection.execute("SELECT frame, body FROM inputs WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        return None
    frame = b"" if row[0] is None else _document(connection, row[0])
    if frame is None:
        return None
    raw = zlib.decompressobj(zdict=frame).decompress(row[1]) if frame else zlib.decompress(row[1])
    if _digest(raw) != digest:
        raise ValueError("what was kept of it is not what was written")
    return raw


def _press(raw: bytes, frame: bytes) -> bytes:
    pressing = zlib.compressobj(1, zdict=frame) if frame else zlib.compressobj(1)
    return pressing.compress(raw) + pressing.flush()


def _digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()
