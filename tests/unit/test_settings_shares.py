"""The settings of several accounts: what they mean, and what of them is refused."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from hedger.engine.known.policy import Failover, Shares
from hedger.errors import ConfigError
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy

HEAD = """
mode = "paper"
[accounts.vault]
venue = "binance"
[accounts.one]
venue = "binance"
[accounts.two]
venue = "binance"
[hedges.BTC]
instruments = [{instruments}]
spot_accounts = [{spot}]
[hedges.BTC.band]
rule = "coins"
width = 0.01
[hedges.BTC.guards]
position = 2
[hedges.BTC.carry]
{carry}
{more}
"""
BOTH = '"one:BTC/USDT:USDT", "two:BTC/USDT:USDT"'
EVEN = '[hedges.BTC.shares]\nweights = { "one:BTC/USDT:USDT" = 1, "two:BTC/USDT:USDT" = 1 }'
ALLOWED = "[hedges.BTC.failover]\nallowed = true"


def hedge_with(
    tmp_path: Path, more: str = "", *, instruments: str = BOTH, spot: str = '"vault"', carry: str = ""
) -> Any:
    path = tmp_path / "hedger.toml"
    path.write_text(HEAD.format(more=more, instruments=instruments, spot=spot, carry=carry), encoding="utf-8")
    path.chmod(0o600)
    return to_policy(load_settings(path, {}, {})).hedges[0]


def test_without_a_word_nothing_is_spread_and_nobody_stands_in(tmp_path: Path) -> None:
    hedge = hedge_with(tmp_path)
    assert (hedge.shares, hedge.failover) == (None, Failover())
    assert hedge.may_miss == frozenset()


def test_weights_reach_the_engine_in_the_order_of_the_instruments(tmp_path: Path) -> None:
    weights = '{ "two:BTC/USDT:USDT" = 1, "one:BTC/USDT:USDT" = 0.5 }'
    hedge = hedge_with(tmp_path, f"[hedges.BTC.shares]\nweights = {weights}\nhysteresis = 0.1")
    assert hedge.shares == Shares(weights=(D("0.5"), D(1)), hysteresis=D("0.1"))


def test_what_may_be_missed_is_every_account_without_spot_that_counts(tmp_path: Path) -> None:
    hedge = hedge_with(tmp_path, f"{ALLOWED}\nblind_s = 90")
    assert hedge.failover == Failover(allowed=True, blind_ms=90_000)
    assert hedge.may_miss == {"one", "two"}
    assert hedge_with(tmp_path, ALLOWED, spot='"vault", "one"').may_miss == {"two"}
    assert hedge_with(tmp_path, f"{ALLOWED}\nblind_s = 0", spot='"one", "two"').may_miss == frozenset()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"more": EVEN, "carry": 'rule = "carry"'},
            'hedges.BTC.shares.weights are given, and so is carry.rule = "carry": either the shares say which',
        ),
        (
            {"more": EVEN.replace('"two:', '"tow:')},
            "hedges.BTC.shares.weights has a weight for tow:BTC/USDT:USDT, which is none of the instruments",
        ),
        (
            {"more": EVEN.replace(', "two:BTC/USDT:USDT" = 1', "")},
            "hedges.BTC.shares.weights has no weight for two:BTC/USDT:USDT: give each instrument one",
        ),
        ({"more": EVEN.replace("= 1", "= 0")}, "hedges.BTC.shares.weights are all 0: at least one"),
        ({"more": EVEN.replace('USDT" = 1,', 'USDT" = -1,')}, "must be at least 0, not -1"),
        (
            {"more": ALLOWED, "instruments": '"one:BTC/USDT:USDT", "one:BTC/USDT:USDT-261225"'},
            "hedges.BTC.failover.allowed is true, and all instruments are on one account",
        ),
        (
            {"more": ALLOWED, "spot": '"vault", "one", "two"'},
            "hedges.BTC.failover.blind_s is 60 s, and spot of every one of these accounts counts, so that none may go",
        ),
        (
            {"more": f"{ALLOWED}\nblind_s = 10"},
            "hedges.BTC.failover.blind_s is 10 s and must be longer than guards.account_age_s, which is 10 s, or 0",
        ),
    ],
    ids=[
        "carry",
        "no such instrument",
        "one is missing",
        "nothing",
        "below nothing",
        "one account",
        "spot",
        "too short",
    ],
)
def test_what_contradicts_itself_does_not_start(changes: dict[str, str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        hedge_with(tmp_path, changes.pop("more"), **changes)
    assert sentence in str(told.value)
