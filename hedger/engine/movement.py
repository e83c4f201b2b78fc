"""What is remembered of an account's movements until they are explained: pure nouns, without a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from hedger.model.instrument import InstrumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What is left to explain of a position's movement, signed, in units.

    It was first seen at `began_at`. Readings up to `since_at` were explained in full; the newest that showed it was
    asked for at `read_at` and came at `seen_at`. The fills that may explain it were asked for `asks` times, last at
    `asked_at`.
    """

    quantity: Decimal
    began_at: int
    since_at: int
    read_at: int
    seen_at: int
    asked_at: int = 0
    asks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What of an account's movements is not explained yet: `shifts` of positions, and `coins` by asset.

    Up to `explained_at` there was nothing to explain. `trades_known` are the newest executions that were booked or
    told. `drifted_at` are the last times that somebody else moved a position; until `drifting_until` that was too
    often.
    """

    shifts: Mapping[InstrumentId, Shift] = field(default_factory=dict)
    coins: Mapping[str, Decimal] = field(default_factory=dict)
    explained_at: int = 0
    trades_known: tuple[str, ...] = ()
    drifted_at: tuple[int, ...] = ()
    drifting_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a reading is not believed on its own word: the position `shifts` in it that our fills do not explain.

    A reading that was asked for at `confirm_at` or later and shows the same confirms it; `rounds` counts the doubted
    ones in a row that did not agree, of which the first came at `since_at`.
    """

    shifts: Mapping[InstrumentId, Decimal] = field(default_factory=dict)
    confirm_at: int = 0
    rounds: int = 0
    since_at: int = 0


class PriceRange(NamedTuple):
    """The lowest and highest price of our own orders on an instrument in one minute since 1970."""

    minute: int
    id: InstrumentId
    low: Decimal
    high: Decimal
