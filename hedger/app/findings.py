"""What an examination found: a row for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hedger.errors import HedgerError


class Finding(NamedTuple):
    """One row: whether it is good, what was looked at, what was found, and what to do if it is not good."""

    good: bool
    check: str
    found: str
    remedy: str = ""

    @property
    def mark(self) -> str:
        """A sign for people."""
        return "ok" if self.good else "NO"


def tried(check: str, look: Callable[[], str], remedy: str) -> Finding:
    """What a look found, or why it could not."""
    try:
        return Finding(True, check, look())
    except (HedgerError, OSError) as problem:
        return Finding(False, check, str(problem), remedy)
