"""docs/gamma.md: what it shows is what the program says, and each of its numbers is computed again."""

from __future__ import annotations

from math import pi, sqrt
from statistics import NormalDist

import pytest

from hedger.app.gamma_known import before_start
from hedger.app.gamma_words import told_of
from hedger.settings.load import load_settings
from tests.support.configurations import ROOT

NORMAL = NormalDist()
PAGE = (ROOT / "docs/gamma.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["paper-covered-call.toml", "paper-protective-put.toml", "paper-synthetic-put.toml"])
def test_the_page_shows_what_the_program_says(name: str) -> None:
    said = told_of(before_start(load_settings(ROOT / "config" / name, {}, {})).gammas)
    assert f"`config/{name}`" in PAGE
    assert "```\n" + "\n".join(said) + "\n```" in PAGE


def test_the_numbers_of_the_ten_facts_are_right() -> None:
    words = " ".join(PAGE.split())
    spot, sigma, years = 60_000, 0.5, 30 / 365
    spread = sigma * sqrt(years)
    call, gamma = NORMAL.cdf(spread / 2), NORMAL.pdf(spread / 2) / (spot * spread)
    day = sigma / sqrt(365)
    theta = gamma * spot**2 * sigma**2 / 2 / 365
    assert f"a call has a delta of {call:.3f} and a put of −{1 - call:.3f}" in words
    assert f"a gamma of {gamma * spot / 100:.4f} coins per 1 % and a theta of −{theta:.2f} a day" in words
    paid = spot * 0.0001
    assert f"receives {paid:.2f} three times a day, {paid * 3 * 365:,.0f} a year: {0.0001 * 3 * 365:.2%}"[:-1] in words
    assert (
        f"σ/√365 = {day * 100:.2f} % a day: a day that moves so much gives back {gamma * (spot * day) ** 2 / 2:.2f}"
        in words
    )
    assert f"move as {1 - 0.4:.1f} coins do" in words
    equities = [1 + 60_000 * (1 / price - 1 / spot) for price in (30_000, 120_000)]
    assert f"at 30,000 the equity is {equities[0]:g} coins and N/P is {60_000 / 30_000:g}" in words
    assert f"at 120,000 they are {equities[1]:g} and {60_000 / 120_000:g}" in words
    assert [equity * price for equity, price in zip(equities, (30_000, 120_000), strict=True)] == pytest.approx(
        [spot] * 2
    )
    assert f"the linear one goes at {2 * spot / 1.005:,.2f}" in words
    clock = sqrt(3 / pi) * 2
    assert f"trading to the edge turns over 1, back to the centre {sqrt(2):.2f}, by the clock {clock:.2f}" in words
    assert f"by {2 ** (1 / 3):.2f} and cuts the turnover to {2 ** (-1 / 3):.2f}" in words
    assert f"by {0.5826 * 7.45 * sigma * sqrt(1 / 525_600):.4f} coins" in words
    assert (
        f"a stablecoin exposure of {30_000 + spot:,}: if USDT loses 1 %, the book loses {(30_000 + spot) // 100}"
        in words
    )
    assert f"the next 10 % cost {36_000 // 10:,} dollars" in words
