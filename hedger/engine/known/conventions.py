"""What venues call delta, and what is remembered of how far theirs are from ours."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Convention(StrEnum):
    """What a venue calls delta: Black-Scholes, or less the premium that is paid in coins."""

    BLACK_SCHOLES = "black_scholes"
    PREMIUM_ADJUSTED = "premium_adjusted"


class GreeksCheck(NamedTuple):
    """How the venue's deltas of a hedge's options compare with ours at the last reading.

    `compared` options have one; `differing` of them are further from ours than the tolerance, `worst` is the largest
    difference (theirs less ours, in delta of one coin) and `option` the one that has it. They have differed `since`
    then (ms, None: they agree), and it was `told` once that had lasted. `conventions` are what the deltas of
    coin-settled options turned out to be, by account.
    """

    compared: int = 0
    differing: int = 0
    worst: float = 0.0
    option: str = ""
    since: int | None = None
    told: bool = False
    conventions: tuple[tuple[str, Convention], ...] = ()


UNCHECKED = GreeksCheck()
