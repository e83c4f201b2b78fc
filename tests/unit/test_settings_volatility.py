"""How the past is read and measured is what the owner set, and what no venue has is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hedger.app.daemon import polling_of
from hedger.engine.formulas.volatility import VolatilityRule
from hedger.errors import ConfigError
from hedger.runtime.history import HistoryPolling
from hedger.settings.policy import to_policy
from hedger.settings.volatility import LENGTHS_S, VolatilitySettings
from hedger.sim.past import LENGTHS_MS
from hedger.venues.binance.past import INTERVALS, MOST_BARS
from tests.support.configurations import GOOD, load


def test_the_defaults_are_a_month_of_hourly_bars_read_every_hour(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert polling_of(settings).history == HistoryPolling(interval_ms=3_600_000, bars=720, rates=100, every_s=3_600)
    assert to_policy(settings).volatility == VolatilityRule(half_life_ms=432_000_000, fresh_ms=10_800_000)


def test_what_is_set_is_what_is_read_and_three_readings_make_it_stale(tmp_path: Path) -> None:
    text = f"{GOOD}\n[volatility]\ninterval_s = 900\nbars = 96\nevery_s = 600\nhalf_life_s = 7200\n"
    settings = load(tmp_path, text)
    assert polling_of(settings).history == HistoryPolling(interval_ms=900_000, bars=96, rates=100, every_s=600)
    assert to_policy(settings).volatility == VolatilityRule(half_life_ms=7_200_000, fresh_ms=1_800_000)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("interval_s = 3601", "must be one of 300, 900, 3600, 14400, 86400"),
        ("interval_s = 0", "interval_s"),
        ("bars = 23", "bars"),
        ("bars = 1500", "bars"),
        ("every_s = 1", "every_s"),
        ("half_life_s = 0", "half_life_s"),
        ("halflife_s = 7200", "half_life_s"),
    ],
)
def test_what_cannot_be_read_or_measured_is_refused(tmp_path: Path, line: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load(tmp_path, f"{GOOD}\n[volatility]\n{line}\n")


def test_every_length_that_may_be_set_is_had_by_the_venue_and_by_the_paper_exchange() -> None:
    lengths_ms = {seconds * 1000 for seconds in LENGTHS_S}
    assert lengths_ms == set(LENGTHS_MS)
    assert lengths_ms <= INTERVALS.keys()
    most = max(limit.le for limit in VolatilitySettings.model_fields["bars"].metadata if hasattr(limit, "le"))
    assert most <= MOST_BARS
