"""What the trading loop hands to the console: references to what it knows, and nothing more, so that it never waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, State
from hedger.ops.surroundings import NOTHING, Surroundings
from hedger.ops.view import Banner

MOST_KEPT = 200


class Seen(NamedTuple):
    """What the loop knew after an event, and by which policy; its last decisions, oldest first; how many it made."""

    state: State
    policy: Policy
    decisions: tuple[Decision, ...]
    made: int


class Feed:
    """Written by the trading loop, read by the console's threads. Every field is replaced whole and never changed in
    place, so that nobody needs a lock; a reload sets `policy` before the first state that was made by it."""

    __slots__ = ("around", "banner", "policy", "seen", "version")

    def __init__(self, policy: Policy, *, banner: Banner, version: str = "0") -> None:
        self.policy = policy
        self.banner = banner
        self.version = version
        self.around: Surroundings = NOTHING
        self.seen: Seen | None = None

    def update(self, state: State, decisions: Sequence[Decision] = ()) -> None:
        """Remember what an event came to; `decisions` are the new ones."""
        seen = self.seen
        recent, made = ((), 0) if seen is None else (seen.decisions, seen.made)
        if decisions:
            recent, made = (*recent, *decisions)[-MOST_KEPT:], made + len(decisions)
        self.seen = Seen(state, self.policy, recent, made)
