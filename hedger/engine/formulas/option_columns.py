"""The numbers of option positions as arrays, made once for each tuple of them, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import inf, nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hedger.engine.formulas.normal import Floats
from hedger.model.instrument import Payoff
from hedger.model.option import OptionPosition, OptionType

_KEPT = 16
_again = lru_cache(maxsize=4_096)(float)  # the same few strikes and sizes, reading after reading


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Options as arrays of shape (n,), in the units of `OptionPosition`; equal only to itself.

    NaN is what is no number and what the venue does not say. `coins` are signed, `venue_delta` is that of one coin.
    """

    quantity: Floats
    multiplier: Floats
    coins: Floats
    strike: Floats
    sign: Floats
    inverse: NDArray[np.bool_]
    quanto: NDArray[np.bool_]
    expiry_at: Floats
    settlement_ms: Floats
    index: Floats
    forward: Floats
    sigma: Floats
    mark: Floats
    venue_delta: Floats

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Where everything is said and a number, and above zero but for the quantity and the mark."""
        prices = (self.strike > 0) & (self.multiplier > 0) & (self.index > 0) & (self.forward > 0) & (self.sigma > 0)
        return prices & ~np.isnan(self.quantity) & ~np.isnan(self.mark)

    def between(self, least: float, most: float) -> NDArray[np.bool_]:
        """Where every amount is said, and its size lies between two bounds."""
        amounts = (self.multiplier, self.strike, self.expiry_at, self.index, self.forward, self.sigma, self.mark)
        sizes = np.abs(np.array((self.quantity, *amounts)))
        return np.asarray(((sizes > least) & (sizes < most)).all(axis=0))


class Terms(Protocol):
    """What greeks hang on beside prices: arrays of shape (n,), as in `Columns`."""

    @property
    def coins(self) -> Floats: ...
    @property
    def strike(self) -> Floats: ...
    @property
    def sign(self) -> Floats: ...
    @property
    def inverse(self) -> NDArray[np.bool_]: ...
    @property
    def expiry_at(self) -> Floats: ...
    @property
    def settlement_ms(self) -> Floats: ...


class _Same:
    """A key that is equal only where it was made of the same object, which it keeps alive."""

    __slots__ = ("held",)

    def __init__(self, held: tuple[OptionPosition, ...]) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def columns(options: tuple[OptionPosition, ...]) -> Columns:
    """Options as arrays. The same tuple gives the same object."""
    return _columns(_Same(options))


@lru_cache(maxsize=_KEPT)
def _columns(key: _Same) -> Columns:
    options = key.held
    quantity = _numbers([option.quantity for option in options], _again)
    multiplier = _numbers([option.contract_multiplier for option in options], _again)
    return Columns(
        quantity=quantity,
        multiplier=multiplier,
        coins=quantity * multiplier,
        strike=_numbers([option.strike for option in options], _again),
        sign=np.array([1.0 if option.option_type is OptionType.CALL else -1.0 for option in options]),
        inverse=np.array([option.payoff is Payoff.INVERSE for option in options], dtype=bool),
        quanto=np.array([option.payoff is Payoff.QUANTO for option in options], dtype=bool),
        expiry_at=np.array([option.expiry_at for option in options], dtype=float),
        settlement_ms=np.array([option.settlement_ms for option in options], dtype=float),
        index=_numbers([option.index_price for option in options], _again),
        forward=_numbers([option.forward_price for option in options], _again),
        sigma=_numbers([option.mark_sigma for option in options]),
        mark=_numbers([option.mark_price for option in options]),
        venue_delta=np.array([_venue_delta(option) for option in options], dtype=float),
    )


def _numbers(values: Sequence[Decimal | None], to_float: Callable[[Decimal], float] = float) -> Floats:
    """Each value as a float of 64 bits, NaN for None and for what is no number."""
    try:
        found = np.array([nan if value is None else to_float(value) for value in values], dtype=float)
    except (ValueError, TypeError):  # a signalling NaN is not even told that it is none
        found = np.array([nan if value is None or value.is_nan() else float(value) for value in values], dtype=float)
    found[np.isinf(found)] = nan
    return found


def _venue_delta(option: OptionPosition) -> float:
    delta = option.greeks.delta if option.greeks is not None else None
    return delta if delta is not None and -inf < delta < inf else nan
