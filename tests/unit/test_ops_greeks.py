"""The options of a hedge as people and machines see them: the side of gamma in words, the units, the closed labels."""

import json
import math
import re
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.overlay import overlay
from hedger.engine.held.exposure import exposure
from hedger.engine.known.conventions import UNCHECKED, GreeksCheck
from hedger.engine.known.state import Exposure, State, initial_state
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId
from hedger.model.message import Stamped, TimePassed
from hedger.model.option import OptionPosition
from hedger.model.spans import DAY_MS
from hedger.ops.explain import explain
from hedger.ops.greeks import BEYOND, HORIZONS, gamma_side, horizon, option_status
from hedger.ops.metrics import Metrics
from hedger.ops.status import write_status
from hedger.ops.view import Banner, render
from hedger.runtime.codec import encode
from tests.support.ops_states import NOW, decision, hedging_state, policy
from tests.support.option_books import CALL, PUT, option_of
from tests.support.view_drawn import view_text

SPOT = D("64990")
BANNER = Banner(kind="paper", transport="wire", started_at=NOW)
LIVE = {"index_price": SPOT, "forward_price": SPOT, "strike": "65000"}


def lasting(kind: object, quantity: str, days: float) -> OptionPosition:
    made = option_of(kind, quantity, **LIVE)  # type: ignore[arg-type]
    id = InstrumentId("binance", made.id.symbol)
    return replace(made, id=id, expiry_at=NOW + int(days * DAY_MS))


COVERED = (lasting(CALL, "-2", 30), lasting(CALL, "-0.5", 3))
PROTECTED = (lasting(PUT, "2", 90),)


def holding(*options: OptionPosition, check: GreeksCheck = UNCHECKED) -> State:
    state = hedging_state()
    view = state.accounts["binance"]
    assert view.reading is not None
    reading = replace(view.reading, options=options)
    memory = replace(state.hedges["btc"], greeks=check)
    return state._replace(accounts={"binance": replace(view, reading=reading)}, hedges={"btc": memory})


def shown(state: State) -> str:
    return view_text(render(state, policy(), banner=BANNER), width=110)


def metrics_of(state: State) -> Metrics:
    metrics = Metrics(policy())
    metrics.observe(state, Stamped(state.now, TimePassed()), Result(state, (), ()), 2e-5)
    return metrics


def value(metrics: Metrics, name: str, **more: str) -> float:
    found = metrics.registry.get_sample_value(f"hedger_{name}", {"hedge": "btc", **more})
    assert found is not None, f"no series {name} {more}"
    return found


def held_by(state: State) -> Exposure:
    held = exposure(state, policy().hedges[0])
    assert held is not None
    return held


@pytest.mark.parametrize(("options", "side"), [(COVERED, "short gamma"), (PROTECTED, "long gamma")])
def test_the_view_says_which_side_of_gamma_the_book_is_on(options: tuple[OptionPosition, ...], side: str) -> None:
    text = shown(holding(*options))
    assert re.search(rf"options +{side} ", text)
    assert "per +1 %" in text
    assert "theta" in text
    assert "even at" in text


def test_without_options_the_view_has_no_line_for_them() -> None:
    assert "gamma" not in shown(holding())


def test_the_view_says_what_is_wrong_with_an_option_and_where_the_venue_differs() -> None:
    bad = replace(COVERED[0], mark_sigma=None)
    assert "not usable: option binance:BTC/USD:BTC-65000-C: the venue gives no volatility" in shown(holding(bad))
    check = GreeksCheck(compared=2, differing=1, worst=-0.031, option="paper:X", since=NOW, told=True)
    assert "the venue's delta differs for 1 of 2: paper:X −0.031" in shown(holding(*COVERED, check=check))


def test_each_side_of_gamma_says_what_pays_and_how_it_is_hedged() -> None:
    short, long = (overlay(options, SPOT, NOW) for options in (COVERED, PROTECTED))
    assert gamma_side(short).startswith("short gamma")
    assert "calm earns theta" in gamma_side(short)
    assert "buys high and sells low" in gamma_side(short)
    assert gamma_side(long).startswith("long gamma")
    assert "calm costs theta" in gamma_side(long)
    assert "buys low and sells high" in gamma_side(long)


def test_the_meters_of_options_follow_the_state() -> None:
    state = holding(*COVERED, check=GreeksCheck(compared=2, differing=1, worst=-0.031, since=NOW))
    metrics, seen = metrics_of(state), held_by(state).options
    expected = {
        "option_delta_coins": float(seen.delta),
        "option_gamma": seen.gamma,
        "option_gamma_1pct_coins": seen.gamma_1pct,
        "option_vega_quote": seen.vega,
        "option_theta_quote": seen.theta,
        "option_premium_coins": seen.premium,
        "option_volatility_ratio": 0.5,
        "option_break_even_move_ratio": 0.5 / math.sqrt(365),
        "options_held": 2.0,
        "option_input_flawed": 0.0,
        "option_greeks_difference_coins": -0.031,
        "option_greeks_differing": 1.0,
        "option_greeks_compared": 2.0,
    }
    assert {name: value(metrics, name) for name in expected} == pytest.approx(expected)
    by_expiry = {bucket.expiry_at: bucket for bucket in seen.buckets}
    assert value(metrics, "option_bucket_delta_coins", horizon="week") == by_expiry[NOW + 3 * DAY_MS].delta
    assert value(metrics, "option_bucket_theta_quote", horizon="month") == by_expiry[NOW + 30 * DAY_MS].theta
    assert value(metrics, "option_bucket_vega_quote", horizon="year") == 0.0


def test_an_option_input_that_cannot_be_used_is_a_meter() -> None:
    assert value(metrics_of(holding(replace(COVERED[0], mark_sigma=None))), "option_input_flawed") == 1.0


def test_what_was_not_read_is_no_number_in_the_meters() -> None:
    metrics = metrics_of(initial_state(policy(), now=NOW, epoch=1))
    assert math.isnan(value(metrics, "option_delta_coins"))
    assert math.isnan(value(metrics, "option_bucket_gamma", horizon="day"))


def test_every_expiry_lies_in_one_of_a_closed_list_of_horizons() -> None:
    labels = [horizon(NOW + int(days * DAY_MS), NOW) for days in (0, 1, 7, 30, 90, 365, 366.5)]
    assert labels == ["day", "day", "week", "month", "quarter", "year", BEYOND]
    assert {label for label, _ in HORIZONS} | {BEYOND} == {*labels}


def test_the_status_file_has_the_greeks_and_each_expiry(tmp_path: Path) -> None:
    state = holding(*COVERED)
    write_status(tmp_path / "status.json", state, policy(), BANNER, None)
    told = json.loads((tmp_path / "status.json").read_text())["hedges"]["btc"]["option_greeks"]
    seen = held_by(state).options
    assert told == json.loads(json.dumps(option_status(seen, UNCHECKED)))
    assert told["side"].startswith("short gamma")
    assert [bucket["expiry_at"][:10] for bucket in told["expiries"]] == ["2026-03-04", "2026-03-31"]
    write_status(tmp_path / "status.json", holding(), policy(), BANNER, None)
    assert json.loads((tmp_path / "status.json").read_text())["hedges"]["btc"]["option_greeks"] is None


def test_an_explanation_adds_the_options_up_and_says_their_side() -> None:
    made = replace(decision(), exposure=held_by(holding(*COVERED)))
    text = explain(json.loads(encode(made)))
    assert "+ options −" in text
    assert "short gamma: calm earns theta" in text
    before = json.loads(encode(decision()))
    del before["exposure"]["options"]
    assert "= net delta 0.065 coins" in explain(before)
