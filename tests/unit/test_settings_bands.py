"""Bands from settings: what a budget alone means, what each rule is given, and what the venue's lots allow."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Band, BandInputs, BandRule, RebalanceTo
from hedger.errors import ConfigError
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from tests.support.configurations import changed, load
from tests.support.engine_policies import instrument_of, perpetual

PRICE = {perpetual(account="main"): D(60_000)}
BTC = instrument_of(id=perpetual(account="main"))


def band_of(folder: Path, text: str, more: str = "") -> Band:
    return to_policy(load(folder, changed('rule = "coins", width = 0.01', text) + more)).hedges[0].band


def test_a_budget_alone_has_a_trigger_and_a_reset(tmp_path: Path) -> None:
    assert band_of(tmp_path, "residual = 0.01") == Band(
        rule=BandRule.FIXED_COST,
        upper=D(0),
        lower=D(0),
        floor=D(0),
        rebalance_to=RebalanceTo.EDGE,
        inputs=BandInputs(residual=D("0.01"), watch_ms=1_000),
    )
    assert band_of(tmp_path, "residual_quote = 500").rule is BandRule.FIXED_COST
    assert band_of(tmp_path, "residual = 0.01, fixed_cost = 2").inputs.fixed_cost == 2
    assert band_of(tmp_path, 'rule = "whalley_wilmott", residual = 0.01').rule is BandRule.WHALLEY_WILMOTT


def test_every_input_of_a_computed_band_arrives(tmp_path: Path) -> None:
    text = (
        'rule = "zakamouline", residual_quote = 500, typical_gamma = 0.2, sigma = 0.7, deposits_per_year = 12, '
        "deposit_quantity = 0.5, horizon_days = 7, upper = 0.3, lower = 0.2, floor = 0.01"
    )
    band = band_of(tmp_path, text, "[polling]\nprices_s = 1.5\n")
    assert (band.upper, band.lower, band.floor) == (D("0.3"), D("0.2"), D("0.01"))
    assert band.inputs == BandInputs(
        residual_quote=D(500),
        typical_gamma=D("0.2"),
        sigma=D("0.7"),
        deposits=D(12),
        deposit_quantity=D("0.5"),
        horizon_ms=7 * 86_400_000,
        watch_ms=1_500,
    )


@pytest.mark.parametrize(
    ("text", "rule", "inputs"),
    [
        ('rule = "price_move", move = 0.01', BandRule.PRICE_MOVE, BandInputs(move=D("0.01"), watch_ms=1_000)),
        ('rule = "clock", every_s = 3600', BandRule.CLOCK, BandInputs(every_ms=3_600_000, watch_ms=1_000)),
        ('rule = "leland", every_s = 60', BandRule.LELAND, BandInputs(every_ms=60_000, watch_ms=1_000)),
    ],
)
def test_a_rule_that_hedges_on_occasion_has_its_occasion_and_a_width(
    tmp_path: Path, text: str, rule: BandRule, inputs: BandInputs
) -> None:
    band = band_of(tmp_path, f"{text}, width = 0.5")
    assert (band.rule, band.upper, band.lower, band.inputs) == (rule, D("0.5"), D("0.5"), inputs)


def test_a_computed_band_is_always_reachable_unless_it_is_limited_below_the_smallest_order(tmp_path: Path) -> None:
    text = changed('rule = "coins", width = 0.01', "residual = 0.0001")
    check_reachable(to_policy(load(tmp_path, text)), [BTC], PRICE)
    limited = changed('rule = "coins", width = 0.01', "residual = 0.0001, width = 0.001")
    with pytest.raises(ConfigError, match=r"the smallest order of .* is 0\.002 BTC, wider than one side"):
        check_reachable(to_policy(load(tmp_path, limited)), [BTC], PRICE)
    clock = changed('rule = "coins", width = 0.01', 'rule = "clock", every_s = 60, width = 0.001')
    with pytest.raises(ConfigError, match=r"the smallest order of .* is 0\.002 BTC, wider than one side"):
        check_reachable(to_policy(load(tmp_path, clock)), [BTC], PRICE)
