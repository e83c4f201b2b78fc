"""The books of one account: its value at the last reading, what was booked since, and the sums of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.formulas.attribution import OPTION_PARTS, Cash, Component, Leg, Standing, Traded
from hedger.model.numeric import ZERO


class Open(NamedTuple):
    """What an asset's equity gained and nothing explained yet: in the asset, and as it was booked in dollars.

    It changed at `changed_at`, and has been open since `since_at`. Up to `allowed` dollars of it are a settlement's.
    """

    amount: Decimal
    value: Decimal
    since_at: int
    changed_at: int
    allowed: Decimal = ZERO


class Moved(NamedTuple):
    """What a position gained beyond our fills, in units, and Σ units · worth of the mark and of the index that it was
    first read at; read last at `exchange_at`, the venue's time."""

    quantity: Decimal
    marked: Decimal
    indexed: Decimal
    exchange_at: int


class Sums(NamedTuple):
    """Running sums of a row at one moment, in dollars: all that was made, what options made of it, the coins that came
    in (in coins) and what they were worth when they came."""

    made: Decimal
    options: Decimal
    coins_in: Decimal
    coins_value: Decimal


NOTHING = Sums(ZERO, ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a hedge held of an account: its coins (with the profit that settles in them), a coin's price, its futures.

    `money` has the dollar prices of what the futures settle in. `net_value` is that of the whole account.
    """

    at: int
    coins: Decimal
    price: Decimal
    legs: tuple[Leg, ...]
    money: Mapping[str, Decimal]
    net_value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One UTC day of one hedge on one account; the row of hedge "" holds what belongs to none, money most of all.

    `parts` are dollars by component, `flows` what came in from outside (− went), `coins_in` the coins in that, worth
    `coins_value` when they came. Of the `residual`, `open` may still be explained, `unexplained` is what nobody
    explained in time, and `option_rest` what the greeks of options leave over. `first` is the first standing with a
    hedge on, `at_first` the sums by then; `funding_units` is the funding since then for each unit held, per symbol, in
    dollars. `unpriced` are fees in what has no price.
    """

    account: str
    hedge: str
    day: int
    opening: Snapshot
    closing: Snapshot
    parts: Mapping[str, Decimal] = field(default_factory=dict)
    flows: Decimal = ZERO
    coins_in: Decimal = ZERO
    coins_value: Decimal = ZERO
    open: Decimal = ZERO
    unexplained: Decimal = ZERO
    option_rest: Decimal = ZERO
    first: Snapshot | None = None
    at_first: Sums = NOTHING
    funding_units: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def made(self) -> Decimal:
        """Profit and loss of the day, in dollars."""
        return sum(self.parts.values(), ZERO)

    @property
    def sums(self) -> Sums:
        """The running sums now."""
        options = sum((self.parts.get(part.value, ZERO) for part in OPTION_PARTS), ZERO) + self.option_rest
        return Sums(self.made, options, self.coins_in, self.coins_value)

    def part(self, component: Component) -> Decimal:
        """One component, in dollars."""
        return self.parts.get(component.value, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What goes from one reading to the next, and from one start to the next.

    The books began at `began_at` (the venue's time): what was settled before is in no interval. `forced` are the newest
    executions by the venue's own hand that were booked.
    """

    began_at: int
    last: Standing
    traded: Mapping[str, Traded] = field(default_factory=dict)
    cash: tuple[Cash, ...] = ()
    open: Mapping[str, Open] = field(default_factory=dict)
    moved: Mapping[str, Moved] = field(default_factory=dict)
    forced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The books of one account: what is carried, the rows of `day` (days since 1970, UTC) by hedge, and those of the
    day before once it ended. It was last to be written at `kept_at`."""

    carry: Carry
    day: int
    rows: Mapping[str, DayRow]
    ended: tuple[DayRow, ...] = ()
    kept_at: int = 0
