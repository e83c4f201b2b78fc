"""What a checker says when something did not hold, and what a checker is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hedger.sim.happenings import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An invariant that did not hold: `at` in true milliseconds, and one sentence for a person."""

    invariant: str
    at: int
    sentence: str


class Checker(Protocol):
    """One group of invariants over one run. It may remember what it heard; it changes nothing that it looks at."""

    hears: tuple[type, ...]

    def look(self, happening: Happening) -> Iterable[Finding]:
        """What one happening shows to be wrong."""


class Panel:
    """All the checkers of a run: each happening goes to those that hear its kind. The first findings are kept."""

    def __init__(self, checkers: Sequence[Checker], *, most: int = 20) -> None:
        self.findings: list[Finding] = []
        self.count = 0
        self._most = most
        self._by_kind: dict[type, list[Checker]] = {}
        for checker in checkers:
            for kind in checker.hears:
                self._by_kind.setdefault(kind, []).append(checker)

    def look(self, happening: Happening) -> None:
        """Show a happening to whoever hears its kind."""
        for checker in self._by_kind.get(type(happening), ()):
            self.add(checker.look(happening))

    def add(self, findings: Iterable[Finding]) -> None:
        """Note what was found, here or by a checker that looks at the end of a run."""
        for finding in findings:
            self.count += 1
            if len(self.findings) < self._most:
                self.findings.append(finding)
