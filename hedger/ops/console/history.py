"""What the page draws over time: each hedge's delta, target and band, every second of an hour and minute of a day."""

from __future__ import annotations

from array import array
from decimal import Decimal

from hedger.engine.decision.facts import gather
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.spans import MINUTE_MS

COLUMNS = ("at", "delta", "target", "upper", "lower")
SECOND_MS = 1_000
HOUR_OF_SECONDS, DAY_OF_MINUTES = 3_600, 1_440

Columns = dict[str, list[float]]


class History:
    """Bounded samples of every hedge of a policy, about 200 kB each; drawn, never decided on, so floats are enough.

    `upper` and `lower` are the deltas at which the band ends, in coins like `delta` and `target`; `at` is in ms.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rings: dict[str, tuple[_Ring, _Ring]] = {}
        self.follow(policy)

    def follow(self, policy: Policy) -> None:
        """From now on sample the hedges of this policy: those that stay keep their past."""
        self._policy = policy
        names = [hedge.name for hedge in policy.hedges]
        self._rings = {name: self._rings.get(name) or _rings() for name in names}

    def note(self, state: State) -> None:
        """Take a sample of each hedge whose facts are known, at most one a second; what is not known leaves a gap."""
        for hedge in self._policy.hedges:
            seconds, minutes = self._rings[hedge.name]
            if hedge.name not in state.hedges or not seconds.is_due(state.now):
                continue
            facts = gather(state, hedge)
            if facts is None:
                continue
            target, edges = facts.target, facts.edges
            row = (facts.exposure.delta, target, target + edges.upper, target - edges.lower)
            seconds.add(state.now, row)
            if minutes.is_due(state.now):
                minutes.add(state.now, row)

    def of(self, hedge: str) -> Columns:
        """The samples of a hedge, oldest first: by the minute, then by the second. KeyError of an unknown hedge."""
        seconds, minutes = (ring.rows() for ring in self._rings[hedge])
        since = seconds[0][0] if seconds else None
        older = [row for row in minutes if since is None or row[0] < since]
        columns = zip(*older, *seconds, strict=True) if older or seconds else ([] for _ in COLUMNS)
        return {name: list(column) for name, column in zip(COLUMNS, columns, strict=True)}


def _rings() -> tuple[_Ring, _Ring]:
    return _Ring(HOUR_OF_SECONDS, SECOND_MS), _Ring(DAY_OF_MINUTES, MINUTE_MS)


class _Ring:
    """The last `most` samples, no two within the same step of the clock; `at` is kept as a float, exact for ages."""

    def __init__(self, most: int, step_ms: int) -> None:
        self._most, self._step_ms = most, step_ms
        self._cells = array("d")
        self._next = 0
        self._last_step = -1

    def is_due(self, at: int) -> bool:
        """Whether the clock has left the step of the last sample."""
        return at // self._step_ms != self._last_step

    def add(self, at: int, values: tuple[Decimal, ...]) -> None:
        """Put a sample over the oldest one, once the ring is full. A clock that was set back begins the past anew."""
        if at // self._step_ms < self._last_step:
            self._cells, self._next = array("d"), 0
        self._last_step = at // self._step_ms
        row = array("d", (at, *(_short(value) for value in values)))
        if len(self._cells) < self._most * len(COLUMNS):
            self._cells += row
            return
        place = self._next * len(COLUMNS)
        self._cells[place : place + len(COLUMNS)] = row
        self._next = (self._next + 1) % self._most

    def rows(self) -> list[tuple[float, ...]]:
        """All samples, oldest first; `at` as a whole number."""
        width = len(COLUMNS)
        cells = self._cells[self._next * width :] + self._cells[: self._next * width]
        return [(int(cells[at]), *cells[at + 1 : at + width]) for at in range(0, len(cells), width)]


def _short(value: Decimal) -> float:
    """Ten digits are more than any screen has, and keep what is sent short."""
    return float(f"{value:.10g}")
