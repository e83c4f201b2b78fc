"""The settings of carry: what they mean, and what of them is refused."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.engine.known.policy import Carry, ChoiceRule
from hedger.errors import ConfigError
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy

HEAD = """
mode = "paper"
[accounts.main]
venue = "binance"
[accounts.second]
venue = "binance"
[hedges.BTC]
instruments = [{instruments}]
[hedges.BTC.band]
rule = "coins"
width = 0.01
[hedges.BTC.guards]
position = 2
{guards}
[hedges.BTC.carry]
{carry}
"""
BOTH = '"main:BTC/USDT:USDT", "second:BTC/USDT:USDT"'


def carry_of(tmp_path: Path, carry: str = "", guards: str = "", instruments: str = BOTH) -> Any:
    path = tmp_path / "hedger.toml"
    path.write_text(HEAD.format(carry=carry, guards=guards, instruments=instruments), encoding="utf-8")
    path.chmod(0o600)
    return to_policy(load_settings(path, {}, {})).hedges[0]


def test_without_a_word_the_owners_order_decides_and_a_roll_takes_two_days(tmp_path: Path) -> None:
    assert carry_of(tmp_path).carry == Carry()


def test_what_is_set_reaches_the_engine_in_its_units(tmp_path: Path) -> None:
    text = (
        'rule = "carry"\nhorizon_days = 7\nhysteresis = 0.01\nrisk_premium = 2\nmoves = true\nroll_before_days = 0.5\n'
    )
    hedge = carry_of(tmp_path, text + "roll_spread = 0.03", "basis_yearly = 0.2\nexpiring_s = 600")
    assert hedge.carry == Carry(
        rule=ChoiceRule.CARRY,
        horizon_ms=7 * 86_400_000,
        hysteresis=D("0.01"),
        risk_premium=D(2),
        moves=True,
        roll_before_ms=43_200_000,
        roll_spread=D("0.03"),
    )
    assert (hedge.guards.basis_yearly, hedge.guards.expiring) == (D("0.2"), 600_000)


@pytest.mark.parametrize(
    ("carry", "instruments", "words"),
    [
        ('rule = "carry"', '"main:BTC/USDT:USDT"', "there is one instrument only"),
        ("moves = true", BOTH, 'follows only under rule = "carry"'),
        ("roll_before_days = 0.04", BOTH, "must be a whole number of hours"),
        ('rule = "best"', BOTH, "preference"),
    ],
)
def test_what_contradicts_itself_does_not_start(tmp_path: Path, carry: str, instruments: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        carry_of(tmp_path, carry, instruments=instruments)


def test_a_roll_needs_time_before_the_contract_is_shut(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the roll needs time"):
        carry_of(tmp_path, "roll_before_days = 1", "expiring_s = 86400")
