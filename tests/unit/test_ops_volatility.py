"""How much prices move is shown to people and machines, and what is not known is never shown as a number."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from hedger.engine.formulas.volatility import ESTIMATORS, Volatility
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId
from hedger.model.message import ReadFailed, Stamped, TimePassed
from hedger.model.spans import HOUR_MS
from hedger.ops.metrics import Metrics
from hedger.ops.status import write_status
from hedger.ops.view import Banner, render
from hedger.ops.volatility import volatility_line
from tests.support.ops_states import NOW, hedging_state, policy
from tests.support.view_drawn import view_text

ID = InstrumentId("binance", "BTC/USDT:USDT")
MEASURED = Volatility(
    at=NOW - 60_000,
    close_close=0.51,
    parkinson=0.52,
    garman_klass=0.53,
    rogers_satchell=0.54,
    yang_zhang=0.55,
    ewma=0.56,
    implied=0.62,
    fresh_until=NOW + HOUR_MS,
)


def moving(known: Volatility = MEASURED, *, at: int = NOW) -> State:
    return hedging_state()._replace(volatility={"BTC": known}, now=at)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(f"hedger_volatility_{name}", {"underlying": "BTC", **labels})
    assert found is not None, f"{name} {labels} is not there"
    return found


def shown(*states: State) -> Metrics:
    metrics, before = Metrics(policy(), version="1"), hedging_state()
    for after in states:
        metrics.observe(before, Stamped(after.now, TimePassed()), Result(after, (), ()), 1e-5)
        before = after
    return metrics


def status(directory: Path, state: State) -> dict[str, object]:
    banner = Banner(kind="paper", transport="wire", started_at=NOW)
    write_status(directory / "status.json", state, policy(), banner, None)
    return dict(json.loads((directory / "status.json").read_text())["hedges"]["btc"]["volatility"])


def test_every_estimate_is_not_a_number_until_it_is_measured() -> None:
    metrics = shown(hedging_state())
    assert all(math.isnan(value(metrics, "realized_ratio", estimator=name)) for name in ESTIMATORS)
    assert math.isnan(value(metrics, "implied_ratio"))
    assert math.isnan(value(metrics, "gap_ratio"))
    assert value(metrics, "fresh_until_timestamp_seconds") == 0


def test_every_estimate_what_options_imply_and_the_gap_are_metrics() -> None:
    metrics = shown(moving())
    told = [value(metrics, "realized_ratio", estimator=name) for name in ESTIMATORS]
    assert told == [0.51, 0.52, 0.53, 0.54, 0.55, 0.56]
    assert value(metrics, "implied_ratio") == 0.62
    assert value(metrics, "gap_ratio") == pytest.approx(0.62 - 0.55)
    assert value(metrics, "fresh_until_timestamp_seconds") == (NOW + HOUR_MS) / 1000


def test_failed_readings_of_the_past_are_counted_by_their_name() -> None:
    metrics, state = Metrics(policy(), version="1"), hedging_state()
    for what in ("candles", "funding_rates"):
        failed = ReadFailed(account=ID.account, what=what, reason="no answer", id=ID)
        metrics.observe(state, Stamped(NOW, failed), Result(state, (), ()), 1e-5)
        labels = {"account": ID.account, "what": what}
        assert metrics.registry.get_sample_value("hedger_read_failures_total", labels) == 1


def test_the_status_file_has_the_numbers_and_why_they_may_not_be_used(tmp_path: Path) -> None:
    fresh = status(tmp_path, moving())
    assert (fresh["yang_zhang"], fresh["implied"], fresh["gap"], fresh["stale"]) == (0.55, 0.62, 0.07, None)
    stale = status(tmp_path, moving(at=NOW + HOUR_MS + 1))
    assert "61 min ago" in str(stale["stale"])
    unknown = status(tmp_path, hedging_state())
    assert (unknown["yang_zhang"], unknown["bars_until"]) == (None, None)
    assert "not been measured" in str(unknown["stale"])


def test_the_view_has_one_line_of_what_is_realised_and_implied() -> None:
    text = view_text(render(moving(), policy(), recent=(), banner=None), width=110)
    (line,) = [line for line in text.splitlines() if "realised" in line]
    assert "moves" in line
    assert "55.0 % realised · 62.0 % implied · gap +7.0 % a year" in line


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (hedging_state(), "–"),
        (moving(at=NOW + 2 * HOUR_MS), "stale"),
        (moving(Volatility(at=0, implied=0.6)), "–"),
        (moving(Volatility(at=NOW, yang_zhang=0.4, fresh_until=NOW)), "40.0 % realised a year"),
    ],
)
def test_the_line_says_what_is_unknown_and_what_is_stale(state: State, words: str) -> None:
    assert words in volatility_line(state, "BTC").plain
