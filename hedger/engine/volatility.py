"""How much the price of a coin moves: realised volatility by several estimators, and what options imply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatility:
    """Annual volatilities of one underlying (0.5 is 50 %; a year has 365 days of 24 hours), None where not known.

    The realised ones are estimated from closed bars of the index up to `at` (ms); `implied` is that of the options
    held, weighted by their vega.
    """

    at: int
    close_close: float | None = None
    parkinson: float | None = None
    garman_klass: float | None = None
    rogers_satchell: float | None = None
    yang_zhang: float | None = None
    ewma: float | None = None
    implied: float | None = None

    @property
    def realized(self) -> float | None:
        """The estimate that decisions use: Yang-Zhang, which knows of jumps between bars and of drift."""
        return self.yang_zhang if self.yang_zhang is not None else self.close_close

    @property
    def gap(self) -> float | None:
        """Implied less realised: what a seller of options is paid beyond what happens."""
        if self.implied is None or self.realized is None:
            return None
        return self.implied - self.realized
