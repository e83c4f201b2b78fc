"""docs/greeks.md says numbers: each row of its examples is worked out again here, by the program's own functions."""

import re
from collections.abc import Callable
from decimal import Decimal as D
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hedger.engine.formulas.forward_curve import forward_ratios
from hedger.engine.formulas.greeks import premium_adjusted
from hedger.engine.formulas.overlay import Overlay, overlay
from hedger.engine.held.exposure import delta_of
from hedger.model.instrument import Payoff
from hedger.model.spans import DAY_MS
from tests.support.engine_worlds import NOW, position_at
from tests.support.option_books import CALL, HALF_HOUR_MS, INVERSE, LINEAR, PUT, one, option_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "greeks.md"
SPOT = D(60_000)
MINUS = "\N{MINUS SIGN}"
ROW = re.compile(r"^\| ([^|]+) \| ([−+]?[\d,.]+) \| ([^|]+) \|$", re.MULTILINE)

Rows = dict[str, float]


def seen(*options: Any, spot: D = SPOT, now: int = NOW) -> Overlay:
    book = overlay(options, spot, now)
    assert book.flaw is None
    return book


def greeks_rows(name: str, book: Overlay) -> Rows:
    return {
        f"delta of {name}": float(book.delta),
        f"gamma for 1 %, {name}": book.gamma_1pct,
        f"theta a day, {name}": book.theta,
        f"vega a point, {name}": book.vega,
    }


def long_and_short() -> Rows:
    covered, protected = seen(option_of(CALL, "-1", payoff=LINEAR)), seen(option_of(PUT, "1", payoff=LINEAR))
    return greeks_rows("the sold call", covered) | greeks_rows("the bought put", protected)


def break_even() -> Rows:
    book = seen(option_of(CALL, "1", payoff=LINEAR))
    move = book.break_even or 0.0
    return {
        "break-even move a day": 100 * move,
        "what gamma earns on such a day": 0.5 * book.gamma * (60_000 * move) ** 2,
        "what theta costs that day": book.theta,
        "both on a day of 1 %": 0.5 * book.gamma * 600**2 + book.theta,
        "both on a day of 5 %": 0.5 * book.gamma * 3_000**2 + book.theta,
    }


def collateral() -> Rows:
    book = seen(option_of(CALL, "-2", strike="66000"))
    return {
        "what the options are worth": book.premium,
        "equity with it": 3 + book.premium,
        "delta of the dollars, value left out": 3 + float(book.delta),
        "sum of n(Δ_BS − c)": float(book.delta) - book.premium,
        "delta of the dollars, value in the equity": 3 + book.premium + float(book.delta) - book.premium,
        "what delta_total alone would say": float(book.delta) - book.premium,
    }


def static_inverse() -> Rows:
    rows: Rows = {}
    for price in (50_000, 60_000, 75_000):
        terms = {"payoff": Payoff.INVERSE, "contract_multiplier": D(100), "mark_price": D(price)}
        position = float(delta_of(position_at("-600", **terms), NOW))
        equity = 1 + 60_000 * (1 / price - 1 / 60_000)
        rows |= {f"N/P at {price:,}": position, f"equity at {price:,}": equity, f"net at {price:,}": equity + position}
    return rows


def watched() -> Rows:
    slope = 10.0
    return {"shrinks by": 0.5826 * slope * 0.5 * sqrt(5 / 31_536_000)}


def stablecoin() -> Rows:
    return {"delta in coins": 1 + float(position_at("-1").delta), "exposure to USDT": 20_000.0 + 1 * 60_000.0}


def premium_adjusted_delta() -> Rows:
    rows: Rows = {}
    for strike in (120_000, 60_000, 45_000, 20_000):
        row = [np.array([float(x)]) for x in (60_000, strike, 0.5, 0.6, 1)]
        rows[f"Δ_BS at strike {strike:,}"] = one(60_000, strike, 0.5, 0.6, 1).delta[0]
        rows[f"Δ_PA at strike {strike:,}"] = premium_adjusted(*row)[0]
    return rows


def tail() -> Rows:
    terms: dict[str, Any] = {"expiry_at": NOW + 10**10, "index_price": SPOT, "mark_price": D(61_200)}
    return {
        "delta of the future": float(delta_of(position_at("-1", **terms), NOW)),
        "delta of the linear call": float(seen(option_of(payoff=LINEAR, forward_price=D(61_200))).delta),
        "delta of the coin-settled call": float(seen(option_of(payoff=INVERSE, forward_price=D(61_200))).delta),
    }


def curve() -> Rows:
    near, far = NOW + 60 * DAY_MS, NOW + 120 * DAY_MS
    marks = ((near, 60_600 / 60_000), (far, 61_800 / 60_000))
    asked = np.array([float(NOW + days * DAY_MS) for days in (30, 60, 90, 120)])
    month, two, three, four = forward_ratios(marks, asked, NOW)
    return {
        "yearly basis of the 60-day future": 100 * log(two) * 365 / 60,
        "yearly basis of the 120-day future": 100 * log(four) * 365 / 120,
        "forward of 90 days": 60_000 * three,
        "forward of 30 days": 60_000 * month,
    }


def settlement() -> Rows:
    rows: Rows = {}
    for payoff, name in ((LINEAR, "linear"), (INVERSE, "coin-settled")):
        option = option_of(CALL, "1", strike="40000", days=1, payoff=payoff)
        for minutes in (30, 15, 0):
            # One millisecond before the end: at the end itself an option that is still listed is a flaw.
            at = option.expiry_at - max(minutes * 60_000, 1)
            rows[f"{name}, {minutes} min left"] = float(seen(option, now=at).delta)
    future = position_at("-1", expiry_at=NOW + HALF_HOUR_MS // 2, index_price=SPOT)
    rows["future of −1, 15 min left"] = float(delta_of(future, NOW, HALF_HOUR_MS))
    return rows


EXAMPLES: tuple[tuple[str, Callable[[], Rows]], ...] = (
    ("Long and short options", long_and_short),
    ("What a day must move", break_even),
    ("Coins that are posted are delta", collateral),
    ("A short inverse perpetual stands still", static_inverse),
    ("A band that is watched at intervals", watched),
    ("Money is not dollars", stablecoin),
    ("Two deltas", premium_adjusted_delta),
    ("The tail", tail),
    ("A forward where there is none", curve),
    ("The settlement average", settlement),
)


def section(title: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    assert f"\n### {title}\n" in text, f"docs/greeks.md has no section {title}"
    return re.split(r"\n#{2,3} ", text.partition(f"\n### {title}\n")[2])[0]


@pytest.mark.parametrize(("title", "worked_out"), EXAMPLES, ids=lambda given: given if isinstance(given, str) else "")
def test_each_number_of_an_example_is_what_the_program_comes_to(title: str, worked_out: Callable[[], Rows]) -> None:
    expected = worked_out()
    rows = {name: (number, unit) for name, number, unit in ROW.findall(section(title))}
    assert rows.keys() == expected.keys()
    for name, (number, _) in rows.items():
        digits = number.replace(",", "").replace(MINUS, "-")
        places = len(digits.partition(".")[2])
        assert abs(float(digits) - expected[name]) <= 0.5 * 10**-places + 1e-9, (name, expected[name])


def test_every_example_of_the_page_is_worked_out() -> None:
    titles = re.findall(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == [title for title, _ in EXAMPLES]
