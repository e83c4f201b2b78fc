"""What a measurement says: one row with a target, the value, whether it holds, and what lies behind it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`met` is None where there is no target: the row is there for comparison."""

    name: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """pass, miss, or nothing where there is nothing to meet."""
        return "" if self.met is None else "pass" if self.met else "miss"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share (0–1) of the values lies: the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return float(statistics.median(values))


def plain_turns() -> float:
    """Turns a second (of processor time) of a plain Python loop, now: what other rates are compared with."""
    table, total, turns = {k: k for k in range(16)}, 0, 500_000
    began = time.process_time()
    for k in range(turns):
        total += table[k & 15]
    return turns / (time.process_time() - began)
