"""What a person has latched and only a person lifts: the flatten of a hedge, and alarms that somebody has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_ACKNOWLEDGED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """That a hedge is paused and its positions are brought to zero, until a person unpauses it.

    It was asked for at `asked_at` with a `reason`. It is `held` while a pause that was asked for later stops it as
    well. At `flat_at` it was proven flat (0: not yet): from then on nothing at all is traded for that hedge, so that
    what a person opens by hand is left alone.
    """

    reason: str
    asked_at: int
    held: bool = False
    flat_at: int = 0

    @property
    def works(self) -> bool:
        """Whether it still takes positions off."""
        return not self.held and not self.flat_at


def at_work(flattening: Mapping[str, Flatten]) -> str | None:
    """Why one of the flattens still takes positions off; None where none of them does."""
    return next((one.reason for one in flattening.values() if one.works), None)


def forbidden(paused: str | None, flatten: Flatten | None, *, reduces: bool) -> str | None:
    """Why a person's wish lets an order of a hedge not leave: it is paused, or flattened and the order does not only
    reduce. A flatten that works goes on under the pause that it began with."""
    if flatten is None:
        return paused
    if flatten.works:
        return None if reduces else f"its hedge is being flattened: {flatten.reason}"
    return f"its hedge was flattened: {flatten.reason}" if flatten.flat_at else f"its flatten is paused: {paused}"


def acknowledged(known: Mapping[str, int], key: str, at: int) -> dict[str, int]:
    """The alarms that somebody has seen, by key, with the moment; the oldest are forgotten where there are too many."""
    others = [(name, seen) for name, seen in known.items() if name != key]
    return dict([*others, (key, at)][-MOST_ACKNOWLEDGED:])
