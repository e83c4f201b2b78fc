"""A hedge in other coins: what its settings mean, and what of them is refused."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.model.instrument import InstrumentId
from hedger.settings.policy import to_policy
from tests.support.configurations import ROOT, changed, load, refusal

CROSSED = """\
mode = "paper"

[accounts.main]
venue = "binance"

[hedges.SOL]
instruments = ["main:ETH/USDT:USDT", "main:BTC/USDT:USDT"]
band = { rule = "coins", width = 5 }
guards = { position = 2_000 }

[hedges.SOL.cross]
spot = "main:SOL/USDT"
"""


def test_the_coins_of_the_instruments_are_told_to_the_engine(tmp_path: Path) -> None:
    (hedge,) = to_policy(load(tmp_path, CROSSED)).hedges
    assert hedge.cross is not None
    assert hedge.cross.spot == InstrumentId("main", "SOL/USDT")
    assert hedge.cross.coins == ("ETH", "BTC")
    assert hedge.coins == ("SOL", "ETH", "BTC")
    assert hedge.cross.beta_band == D("0.1")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("main:ETH/USDT:USDT", "main:SOL/USDT:USDT", "is on SOL itself, whose beta is 1: hedge with it alone"),
        ("main:ETH/USDT:USDT", "main:ETH/USD:ETH", "is no linear perpetual priced in money"),
        ("main:ETH/USDT:USDT", "main:ETH/USDT:USDT-261225", "is no linear perpetual priced in money"),
        ('spot = "main:SOL/USDT"', 'spot = "main:SOL/USDT:USDT"', "must be an account and a spot pair"),
        ('spot = "main:SOL/USDT"', 'spot = "main:ETH/USDT"', "must price SOL in money, such as main:SOL/USDT"),
        ('spot = "main:SOL/USDT"', 'spot = "mian:SOL/USDT"', "did you mean `main`?"),
        ('spot = "main:SOL/USDT"', "halflife_bars = 240", "hedges.SOL.cross.spot is missing"),
        ("guards =", 'target = { kind = "coins", value = 3 }\nguards =', "keeps the coin's risk least (neutral)"),
        ("guards =", 'numeraire = "coin"\nguards =', "futures on other coins protect value in dollars only"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert sentence in str(refusal(tmp_path, changed(old, new, CROSSED)))


def test_a_position_in_a_coin_belongs_to_one_hedge_of_an_account(tmp_path: Path) -> None:
    own = '\n[hedges.BTC]\ninstruments = ["main:BTC/USDC:USDC"]\nband = { rule = "coins", width = 1 }\n'
    own += "guards = { position = 2 }\n"
    said = str(refusal(tmp_path, CROSSED + own))
    assert "(main:BTC/USDT:USDT) is on BTC, which hedges.BTC counts on account main as its own: use another" in said


def test_the_example_is_a_policy(tmp_path: Path) -> None:
    text = (ROOT / "config" / "paper-cross.toml").read_text(encoding="utf-8")
    (hedge,) = to_policy(load(tmp_path, text)).hedges
    assert hedge.cross is not None
