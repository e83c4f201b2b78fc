"""How much prices move, for people and machines: the meters, a line of the view, and a part of the status file."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from prometheus_client import Gauge
from rich.text import Text

from hedger.engine.formulas.volatility import ESTIMATORS, Volatility
from hedger.engine.held.history import stale_volatility
from hedger.engine.known.state import State
from hedger.ops.figures import iso, percent
from hedger.ops.meters import Declaring

UNDERLYING = ("underlying",)
_UNKNOWN = math.nan


class VolatilityMeters:
    """Each underlying: what happened, and what options say will."""

    def __init__(self, on: Declaring) -> None:
        self.realized: Gauge = on.gauge(
            "volatility_realized_ratio",
            "Realised volatility a year (0.5 is 50 %), by estimator. NaN until measured.",
            ("underlying", "estimator"),
        )
        self.implied: Gauge = on.gauge(
            "volatility_implied_ratio", "Volatility a year that the options held imply. NaN without.", UNDERLYING
        )
        self.gap: Gauge = on.gauge(
            "volatility_gap_ratio", "Implied less realised volatility (Yang-Zhang). NaN without either.", UNDERLYING
        )
        self.fresh: Gauge = on.gauge(
            "volatility_fresh_until_timestamp_seconds",
            "Until when the realised volatility may be used; 0 before.",
            UNDERLYING,
        )


class VolatilityGauges:
    """The gauges of one underlying; what is not known is NaN."""

    def __init__(self, meters: VolatilityMeters, underlying: str) -> None:
        self._underlying = underlying
        self._realized = {name: meters.realized.labels(underlying, name).set for name in ESTIMATORS}
        self._others = tuple(meter.labels(underlying).set for meter in (meters.implied, meters.gap))
        self._fresh = meters.fresh.labels(underlying).set
        self._shown: Volatility | None = None
        self._write(Volatility(at=0))

    def show(self, state: State) -> None:
        """What is known now."""
        known = state.volatility.get(self._underlying)
        if known is not None and known is not self._shown:
            self._shown = known
            self._write(known)

    def _write(self, known: Volatility) -> None:
        for name, write in self._realized.items():
            write(_number(getattr(known, name)))
        for write, value in zip(self._others, (known.implied, known.gap), strict=True):
            write(_number(value))
        self._fresh(known.fresh_until / 1000)


def volatility_status(state: State, underlying: str) -> dict[str, Any]:
    """One underlying for the status file: ratios a year, and why the realised one may not be used."""
    known = state.volatility.get(underlying, Volatility(at=0))
    return {
        **{name: _rounded(getattr(known, name)) for name in ESTIMATORS},
        "implied": _rounded(known.implied),
        "gap": _rounded(known.gap),
        "bars_until": iso(known.at) if known.at else None,
        "stale": stale_volatility(state, underlying),
    }


def volatility_line(state: State, underlying: str) -> Text:
    """What is realised and implied a year, or why the realised one may not be used."""
    known, stale = state.volatility.get(underlying, Volatility(at=0)), stale_volatility(state, underlying)
    if known.realized is None:
        return Text("–", style="dim")
    text = Text(f"{_percent(known.realized)} realised", style="yellow" if stale else "")
    if known.implied is not None and known.gap is not None:
        text.append(f" · {_percent(known.implied)} implied")
        text.append(f" · gap {percent(Decimal(repr(known.gap)), places=1, signed=True)}", style="dim")
    return text.append(" · stale", style="bold yellow") if stale else text.append(" a year", style="dim")


def _percent(ratio: float) -> str:
    return percent(Decimal(repr(ratio)), places=1)


def _number(value: float | None) -> float:
    return _UNKNOWN if value is None else value


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
