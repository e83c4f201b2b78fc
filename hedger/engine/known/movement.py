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

    `unpaid` is, by asset, funding that had accrued and was settled, until the payment is heard of that says so.
    Up to `explained_at` there was nothing to explain. `trades_known` are the newest executions that were booked or
    told. `rested` is what was told as unexplained: an execution that turns up late may have been it. `drifted_at` are
    the last times that somebody else moved a position; until `drifting_until` that was too often.
    """

    shifts: Mapping[InstrumentId, Shift] = field(default_factory=dict)
    coins: Mapping[str, Decimal] = field(default_factory=dict)
    unpaid: Mapping[str, Decimal] = field(default_factory=dict)
    explained_at: int = 0
    trades_known: tuple[str, ...] = ()
    rested: Mapping[InstrumentId, Shift] = field(default_factory=dict)
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


class Strange(NamedTuple):
    """An execution that is not ours, by its key: signed, in units, by the venue's clock. It is `owed` when the believed
    reading cannot have shown it: a later one must. Else it may have."""

    key: str
    id: InstrumentId
    quantity: Decimal
    exchange_at: int
    owed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What executions say of an account's positions, against readings that are behind.

    `strange` are executions of others that the believed reading has not shown, or of which that is not known, `counted`
    the keys of those that it has; it came at `came_at`. `traded` says when we last (bought, sold). No execution from
    before `begun_at` counts. A reading that contradicts our own fills on `ids` was first refused at `since_at` (0: none
    stands); the fills of those instruments were asked for `asks` times, last at `asked_at`, and a list asked for at
    `answered_at` came. At `word_at` a person
    said that the readings are right.
    """

    strange: tuple[Strange, ...] = ()
    counted: tuple[str, ...] = ()
    traded: Mapping[InstrumentId, tuple[int, int]] = field(default_factory=dict)
    begun_at: int = 0
    came_at: int = 0
    ids: tuple[InstrumentId, ...] = ()
    since_at: int = 0
    asked_at: int = 0
    asks: int = 0
    answered_at: Mapping[InstrumentId, int] = field(default_factory=dict)
    word_at: int = 0


class Absence(NamedTuple):
    """Complete readings in a row that left a row out: the first and the last that counted, and how many."""

    first_at: int
    last_at: int
    times: int


class PriceRange(NamedTuple):
    """The lowest and highest price of our own orders on an instrument in one minute since 1970."""

    minute: int
    id: InstrumentId
    low: Decimal
    high: Decimal
