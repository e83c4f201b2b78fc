"""The options of one coin as arrays, made once for each reading, and what of them cannot be used, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from hedger.engine.normal import Floats
from hedger.model.account import AccountReading
from hedger.model.instrument import Payoff
from hedger.model.option import OptionPosition

MOST_SIGMA = 10.0  # a year: what is more was said in per cent
MOST_BASIS = 3.0  # a forward further than this from its index, in times, is in other units
MOST_APART = 2.0  # the same for the index that the option was read with, against the live one
SLACK = 0.02  # of the forward: a mark may lie this far outside its bounds, because it is rounded to ticks
_KEPT = 32


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Options of one coin as arrays of shape (n,), one row an option; equal only to itself.

    `coins` signed; `strike` and `index` in quote per coin; `expiry_at`, `settlement_ms` and `read_at` in ms; `ratio` is
    the venue's forward over its index, `sigma` a year, `mark` as the venue gives it, `venue_delta` its own of one
    coin: NaN where it says nothing. `bucket` is each row's place in `expiries`. `flaws` say which rows are unusable.
    """

    names: tuple[str, ...]
    accounts: tuple[str, ...]
    coins: Floats
    strike: Floats
    sign: Floats
    inverse: NDArray[np.bool_]
    expiry_at: Floats
    settlement_ms: Floats
    read_at: Floats
    ratio: Floats
    index: Floats
    sigma: Floats
    mark: Floats
    venue_delta: Floats
    expiries: tuple[int, ...]
    bucket: NDArray[np.intp]
    flaws: dict[int, str]


class _Same:
    """A key that is equal only where it was made of the same objects, which it keeps alive."""

    __slots__ = ("_held", "_places")

    def __init__(self, held: tuple[AccountReading, ...]) -> None:
        self._held = held
        self._places = tuple(id(one) for one in held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._places == other._places

    def __hash__(self) -> int:
        return hash(self._places)

    @property
    def held(self) -> tuple[AccountReading, ...]:
        return self._held


def rows_of_readings(readings: tuple[AccountReading, ...], underlying: str) -> Rows:
    """The options on a coin in some readings. The same readings give the same object, so that a price costs little."""
    return _rows_of_readings(_Same(readings), underlying)


@lru_cache(maxsize=_KEPT)
def _rows_of_readings(key: _Same, underlying: str) -> Rows:
    held = ((o, r.exchange_at) for r in key.held for o in r.options if o.underlying == underlying and o.quantity)
    return rows_of(held)


def rows_of(held: Iterable[tuple[OptionPosition, int]]) -> Rows:
    """Options with the moments that they were read at, as arrays."""
    pairs = tuple(held)
    options = [option for option, _ in pairs]
    expiries = tuple(sorted({option.expiry_at for option in options}))
    places = {expiry: place for place, expiry in enumerate(expiries)}
    index = _numbers(option.index_price for option in options)
    with np.errstate(all="ignore"):
        ratio = _numbers(option.forward_price for option in options) / index
    return Rows(
        names=tuple(str(option.id) for option in options),
        accounts=tuple(option.id.account for option in options),
        coins=_numbers(o.quantity for o in options) * _numbers(o.contract_multiplier for o in options),
        strike=_numbers(option.strike for option in options),
        sign=np.array([float(option.option_type.sign) for option in options]),
        inverse=np.array([option.payoff is Payoff.INVERSE for option in options], dtype=bool),
        expiry_at=np.array([float(option.expiry_at) for option in options]),
        settlement_ms=np.array([float(option.settlement_ms) for option in options]),
        read_at=np.array([float(at) for _, at in pairs]),
        ratio=ratio,
        index=index,
        sigma=_numbers(option.mark_sigma for option in options),
        mark=_numbers(option.mark_price for option in options),
        venue_delta=np.array([_venue_delta(option) for option in options], dtype=float),
        expiries=expiries,
        bucket=np.array([places[option.expiry_at] for option in options], dtype=np.intp),
        flaws={place: flaw for place, option in enumerate(options) if (flaw := flaw_of_option(option))},
    )


def _numbers(values: Iterable[Decimal | None]) -> Floats:
    return np.array([float(value) if value is not None and value.is_finite() else nan for value in values])


def _venue_delta(option: OptionPosition) -> float:
    delta = option.greeks.delta if option.greeks is not None else None
    return delta if delta is not None and -inf < delta < inf else nan


def flaw_of_option(option: OptionPosition) -> str | None:
    """What of an option cannot be true, whatever the time and the price are, with what to do; None if nothing."""
    if option.payoff is Payoff.QUANTO:
        return "it pays in something that is neither its quote nor its coin, and nobody has said how; close it"
    for name, value in (("strike", option.strike), ("multiplier", option.contract_multiplier)):
        if not value.is_finite() or value <= 0:
            return f"its {name} is {value}; see whether the venue still lists it"
    if not option.quantity.is_finite():
        return f"its quantity is {option.quantity}; see what the venue's page says of it"
    if not option.index_price.is_finite() or option.index_price <= 0:
        return f"its index price is {option.index_price}; wait until the venue publishes one"
    return _flaw_of_pricing(option)


def _flaw_of_pricing(option: OptionPosition) -> str | None:
    sigma, mark, forward = option.mark_sigma, option.mark_price, option.forward_price
    if sigma is not None and not (sigma.is_finite() and 0 < sigma <= MOST_SIGMA):
        return f"its volatility is {sigma} a year, where 0.5 would be 50 %; wait until the venue gives one"
    if mark is not None and not (mark.is_finite() and mark >= 0):
        return f"its mark price is {mark}; wait until the venue marks it"
    if forward is None:
        return None
    if not forward.is_finite() or forward <= 0:
        return f"its forward is {forward}; wait until the venue gives one"
    if not 1 / MOST_BASIS <= forward / option.index_price <= MOST_BASIS:
        return f"its forward {forward} and its index {option.index_price} are not in the same units; report it"
    return None if mark is None else _flaw_of_mark(option, float(mark), float(forward))


def _flaw_of_mark(option: OptionPosition, mark: float, forward: float) -> str | None:
    """A mark below what exercise brings or above what can be won is that of another option, or in another unit."""
    strike, sign = float(option.strike), option.option_type.sign
    value = mark * forward if option.payoff is Payoff.INVERSE else mark
    intrinsic, most = max(sign * (forward - strike), 0.0), forward if sign > 0 else strike
    if value < intrinsic - SLACK * forward:
        return f"its mark is worth {value:.2f}, under its intrinsic value {intrinsic:.2f}; wait for another mark"
    if value > most + SLACK * forward:
        return f"its mark is worth {value:.2f}, more than the {most:.2f} it can ever bring; wait for another mark"
    return None


def told(names: Sequence[str], flaws: dict[int, str]) -> str | None:
    """The first flaw with the option's name, and how many more there are."""
    if not flaws:
        return None
    first = min(flaws)
    more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
    return f"option {names[first]}: {flaws[first]}{more}"
