"""The options of a hedge for people and machines: meters, a line of the view, and a part of the status file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from prometheus_client import Gauge
from rich.text import Text

from hedger.engine.formulas.overlay import Bucket, Overlay
from hedger.engine.known.conventions import GreeksCheck
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Exposure, State
from hedger.model.numeric import plain
from hedger.model.spans import DAY_MS
from hedger.ops.figures import MINUS, coins, iso, money, percent
from hedger.ops.meters import HEDGE, Declaring

HORIZONS: tuple[tuple[str, int], ...] = (
    ("day", DAY_MS),
    ("week", 7 * DAY_MS),
    ("month", 31 * DAY_MS),
    ("quarter", 92 * DAY_MS),
    ("year", 366 * DAY_MS),
)
BEYOND = "beyond"
_UNKNOWN = math.nan
OPTIONS_HELD = Overlay._fields.index("options")
_BY_EXPIRY = ("hedge", "horizon")
_HORIZON = "by the time that is left: a day, week, month, quarter, year, or beyond"
_UNREAD = "NaN until read."


class OptionMeters:
    """The options that each hedge holds: their greeks in all and by expiry, and the venue's against ours."""

    def __init__(self, on: Declaring) -> None:
        self._totals(on)
        self._buckets(on)
        self._check(on)

    def _totals(self, on: Declaring) -> None:
        self.delta = on.gauge("option_delta_coins", f"Delta of the options (Black-Scholes). {_UNREAD}", HEDGE)
        self.gamma = on.gauge("option_gamma", f"Coins of delta for a rise of 1 quote. {_UNREAD}", HEDGE)
        self.gamma_1pct = on.gauge(
            "option_gamma_1pct_coins", f"Coins of delta for a rise of 1 %; below 0 it is short gamma. {_UNREAD}", HEDGE
        )
        self.vega = on.gauge("option_vega_quote", f"Quote for a rise of volatility by 1 point. {_UNREAD}", HEDGE)
        self.theta = on.gauge("option_theta_quote", f"Quote that a day earns; below 0 it costs. {_UNREAD}", HEDGE)
        self.premium = on.gauge("option_premium_coins", f"What the options are worth, in coins. {_UNREAD}", HEDGE)
        self.sigma = on.gauge(
            "option_volatility_ratio", "Volatility of the options a year, weighted by vega. NaN without options.", HEDGE
        )
        self.break_even = on.gauge(
            "option_break_even_move_ratio",
            "Daily move at which gamma and theta are even: volatility over √365 of one option. NaN: there is none.",
            HEDGE,
        )
        self.held = on.gauge("options_held", f"Option positions. {_UNREAD}", HEDGE)
        self.flawed = on.gauge("option_input_flawed", "1 while an option's input is missing or cannot be true.", HEDGE)

    def _buckets(self, on: Declaring) -> None:
        self.bucket_delta = on.gauge("option_bucket_delta_coins", f"Delta {_HORIZON}.", _BY_EXPIRY)
        self.bucket_gamma = on.gauge("option_bucket_gamma", f"Coins of delta for 1 quote, {_HORIZON}.", _BY_EXPIRY)
        self.bucket_vega = on.gauge("option_bucket_vega_quote", f"Quote for a vol point, {_HORIZON}.", _BY_EXPIRY)
        self.bucket_theta = on.gauge("option_bucket_theta_quote", f"Quote a day, {_HORIZON}.", _BY_EXPIRY)

    def _check(self, on: Declaring) -> None:
        self.difference = on.gauge(
            "option_greeks_difference_coins", "The venue's delta of one coin less ours where it is furthest.", HEDGE
        )
        self.differing = on.gauge(
            "option_greeks_differing", "Options whose delta the venue sees further from ours than allowed.", HEDGE
        )
        self.compared = on.gauge("option_greeks_compared", "Options that the venue gives a delta of.", HEDGE)


class OptionGauges:
    """The gauges of the options of one hedge. Without options all is 0; what is not known is NaN."""

    def __init__(self, meters: OptionMeters, hedge: Hedge) -> None:
        name = hedge.name
        totals = (meters.delta, meters.gamma, meters.gamma_1pct, meters.vega, meters.theta, meters.premium)
        ratios = (meters.sigma, meters.break_even)
        self._totals = tuple(meter.labels(name).set for meter in (*totals, *ratios, meters.held))
        self._flawed = meters.flawed.labels(name).set
        buckets = (meters.bucket_delta, meters.bucket_gamma, meters.bucket_vega, meters.bucket_theta)
        self._buckets = {label: _writes(buckets, name, label) for label in (*(h for h, _ in HORIZONS), BEYOND)}
        checks = (meters.difference, meters.differing, meters.compared)
        self._check = tuple(meter.labels(name).set for meter in checks)
        self._shown: Overlay | None = None
        for write in (*self._totals, *(write for writes in self._buckets.values() for write in writes)):
            write(_UNKNOWN)

    def show(self, state: State, held: Exposure | None, check: GreeksCheck) -> None:
        """The greeks of an exposure, and how the venue's compare."""
        for write, value in zip(self._check, (check.worst, check.differing, check.compared), strict=True):
            write(value)
        if held is None or held.options is self._shown:
            return
        self._shown = seen = held.options
        self._flawed(seen.flaw is not None)
        numbers = (float(seen.delta), seen.gamma, seen.gamma_1pct, seen.vega, seen.theta, seen.premium)
        for write, number in zip(
            self._totals, (*numbers, _or_nan(seen.sigma), _or_nan(seen.break_even), seen.options), strict=True
        ):
            write(number)
        self._show_buckets(seen.buckets, state.now)

    def _show_buckets(self, buckets: tuple[Bucket, ...], now: int) -> None:
        sums = {label: [0.0] * 4 for label in self._buckets}
        for bucket in buckets:
            into = sums[horizon(bucket.expiry_at, now)]
            for place, value in enumerate((bucket.delta, bucket.gamma, bucket.vega, bucket.theta)):
                into[place] += value
        for label, writes in self._buckets.items():
            for write, value in zip(writes, sums[label], strict=True):
                write(value)


def _writes(meters: tuple[Gauge, ...], hedge: str, label: str) -> tuple[Callable[[float], None], ...]:
    return tuple(meter.labels(hedge, label).set for meter in meters)


def horizon(expiry_at: int, now: int) -> str:
    """Which of the closed list of horizons an expiry lies in."""
    return next((label for label, span in HORIZONS if expiry_at - now <= span), BEYOND)


def option_status(seen: Overlay, check: GreeksCheck) -> dict[str, Any]:
    """The options of one hedge for the status file: coins, quote a day or a vol point, ratios; None: not known."""
    return {
        "held": seen.options,
        "delta": plain(seen.delta),
        "gamma": seen.gamma,
        "gamma_1pct": seen.gamma_1pct,
        "side": gamma_side(seen),
        "vega": seen.vega,
        "theta": seen.theta,
        "premium": seen.premium,
        "volatility": seen.sigma,
        "break_even_daily_move": seen.break_even,
        "flaw": seen.flaw,
        "expiries": [{**bucket._asdict(), "expiry_at": iso(bucket.expiry_at)} for bucket in seen.buckets],
        "venue": {**check._asdict(), "since": iso(check.since) if check.since else None},
    }


def gamma_side(seen: Overlay) -> str:
    """Which side of gamma a book is on, and what that means, in words."""
    calm = "earns" if seen.theta > 0 else "costs"  # of many options theta need not be against gamma
    if seen.gamma < 0:
        return f"short gamma: calm {calm} theta, moves cost; hedging it buys high and sells low"
    if seen.gamma > 0:
        return f"long gamma: moves earn, calm {calm} theta; hedging it buys low and sells high"
    return "no gamma: its delta does not move with the price"


def option_lines(seen: Overlay) -> tuple[Text, ...]:
    """The side of gamma and the greeks in two lines of the view, or what is wrong with an input in one."""
    if seen.flaw is not None:
        return (Text(f"not usable: {seen.flaw}", style="bold red"),)
    side = "short gamma" if seen.gamma < 0 else "long gamma" if seen.gamma > 0 else "no gamma"
    first = Text(side, style="bold")
    first.append(f" {coins(_decimal(seen.gamma_1pct), signed=True)} per +1 %")
    first.append(f" · delta {coins(seen.delta, signed=True)}")
    second = Text(f"theta {money(_decimal(seen.theta), signed=True)} a day")
    second.append(f" · vega {money(_decimal(seen.vega), signed=True)} a point")
    if seen.break_even is not None:
        second.append(f" · even at {percent(_decimal(seen.break_even))} a day", style="dim")
    return first, second


def check_line(check: GreeksCheck) -> Text | None:
    """What the venue sees otherwise than we do; None where it agrees."""
    if not check.differing:
        return None
    worst = f"{check.worst:+.3f}".replace("-", MINUS)
    style = "bold yellow" if check.told else "yellow"
    return Text(f"the venue's delta differs for {check.differing} of {check.compared}: {check.option} {worst}", style)


def option_words(listed: Sequence[Any]) -> str:
    """The options of a recorded exposure in words; `listed` is an `Overlay` as the journal has it."""
    known = dict(zip(Overlay._fields, listed, strict=False))
    seen = Overlay(**{**known, "delta": Decimal(known["delta"]), "buckets": ()})
    told = f"{gamma_side(seen)}; {coins(_decimal(seen.gamma_1pct), signed=True)} coins of delta per +1 %"
    told += f", theta {money(_decimal(seen.theta), signed=True)} a day, vega {money(_decimal(seen.vega), signed=True)}"
    told += " a vol point"
    return told if seen.break_even is None else f"{told}, even at {percent(_decimal(seen.break_even))} a day"


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _or_nan(value: float | None) -> float:
    return _UNKNOWN if value is None else value
