"""The options of one coin as arrays, made once for each reading, and what of them cannot be used, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hedger.engine.formulas.normal import Floats
from hedger.engine.formulas.option_columns import Columns, columns
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionPosition

MOST_SIGMA = 10.0  # a year: what is more was said in per cent
MOST_BASIS = 3.0  # a forward further than this from its index, in times, is in other units
MOST_APART = 2.0  # the same for the index that the option was read with, against the live one
SLACK = 0.02  # of the forward: a mark may lie this far outside its bounds, because it is rounded to ticks
SURE = 1 - 1e-9
_KEPT = 8


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Options of one coin as arrays of shape (n,), one row an option; equal only to itself.

    `coins` signed; `strike` and `index` in quote per coin; `expiry_at`, `settlement_ms` and `read_at` in ms; `ratio` is
    the venue's forward over its index, `sigma` a year, `mark` as the venue gives it, `venue_delta` its own of one
    coin: NaN where it says nothing. `bucket` is each row's place in `expiries`. `flaws` say which rows are unusable.
    """

    names: tuple[InstrumentId, ...]
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
    return _by_coin(_Same(readings)).get(underlying, NO_ROWS)


@lru_cache(maxsize=_KEPT)
def _by_coin(key: _Same) -> dict[str, Rows]:
    """The rows of each coin that an option is held on."""
    options = tuple(option for reading in key.held for option in reading.options)
    if len(key.held) == 1:
        options = key.held[0].options  # this very tuple: its columns may be known already
    read_at = np.repeat([float(one.exchange_at) for one in key.held], [len(one.options) for one in key.held])
    places: dict[str, list[int]] = {}
    for place, option in enumerate(options):
        if option.quantity:
            places.setdefault(option.underlying, []).append(place)
    return {coin: _rows(options, held, read_at) for coin, held in places.items()}


def rows_of(held: Iterable[tuple[OptionPosition, int]]) -> Rows:
    """Options with the moments that they were read at, as arrays."""
    pairs = tuple(held)
    options = tuple(option for option, _ in pairs)
    return _rows(options, range(len(options)), np.array([float(at) for _, at in pairs]))


def _rows(options: tuple[OptionPosition, ...], places: Sequence[int], read_at: Floats) -> Rows:
    """Some of the options, by their places."""
    whole, part = columns(options), slice(None) if len(places) == len(options) else np.array(places, dtype=np.intp)
    here = [options[place] for place in places]
    expiries = tuple(sorted({option.expiry_at for option in here}))
    buckets = {expiry: bucket for bucket, expiry in enumerate(expiries)}
    doubtful = _doubtful(whole)[part]
    with np.errstate(all="ignore"):
        ratio = (whole.forward / whole.index)[part]
    return Rows(
        names=tuple(option.id for option in here),
        accounts=tuple(option.id.account for option in here),
        coins=whole.coins[part],
        strike=whole.strike[part],
        sign=whole.sign[part],
        inverse=whole.inverse[part],
        expiry_at=whole.expiry_at[part],
        settlement_ms=whole.settlement_ms[part],
        read_at=read_at[part],
        ratio=ratio,
        index=whole.index[part],
        sigma=whole.sigma[part],
        mark=whole.mark[part],
        venue_delta=whole.venue_delta[part],
        expiries=expiries,
        bucket=np.array([buckets[option.expiry_at] for option in here], dtype=np.intp),
        flaws={place: flaw for place in np.flatnonzero(doubtful).tolist() if (flaw := flaw_of_option(here[place]))},
    )


def _doubtful(whole: Columns) -> NDArray[np.bool_]:
    """Where a flaw cannot be ruled out at one glance at all of them. Bounds are a little narrower here, so that no
    rounding hides one."""
    with np.errstate(all="ignore"):
        value = np.where(whole.inverse, whole.mark * whole.forward, whole.mark)
        apart, slack = whole.forward / whole.index, SLACK * whole.forward * SURE
        intrinsic = np.maximum(whole.sign * (whole.forward - whole.strike), 0.0)
        most = np.where(whole.sign > 0, whole.forward, whole.strike)
        sound = whole.complete & ~whole.quanto & (whole.sigma < MOST_SIGMA) & (whole.mark >= 0)
        sound &= (apart * SURE * MOST_BASIS > 1) & (apart < MOST_BASIS * SURE)
        sound &= (value > intrinsic - slack) & (value < most + slack)
        return np.asarray(~sound)


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


def told(names: Sequence[object], flaws: dict[int, str]) -> str | None:
    """The first flaw with the option's name, and how many more there are."""
    if not flaws:
        return None
    first = min(flaws)
    more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
    return f"option {names[first]}: {flaws[first]}{more}"


NO_ROWS = rows_of(())
