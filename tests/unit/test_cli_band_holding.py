"""`hedger band` reckons with the coins that a paper run would hedge, wherever they lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hedger.cli.band import band
from hedger.errors import ConfigError

CONFIGURATION = """
mode = "paper"

[accounts.main]
venue = "binance"

[accounts.other]
venue = "binance"

[[holdings]]
asset = "BTC"
quantity = 0.5

[hedges.BTC]
instruments = ["main:BTC/USD:BTC"]
numeraire = "usd"
band = { rule = "relative", width = 0.02, floor = 0.004 }
guards = { position = 5 }
SPOT_ACCOUNTS

[paper]
spot = { BTC = 0.25 }
coin_collateral = { BTC = 1.25 }
contracts = ["BTC/USD:BTC"]

[paper.accounts.other]
spot = { BTC = 2 }
"""


ASKED: dict[str, Any] = {
    **dict.fromkeys(("hedge", "price", "sigma", "gamma", "holding", "fixed_cost")),
    "fee": 0.0002,
    "smallest": 0.001,
    "json": True,
}


@pytest.mark.parametrize(("said", "coins"), [("", 4.0), ('spot_accounts = ["main"]', 2.0)])
def test_coins_that_are_margin_and_those_of_other_accounts_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, coins: float
) -> None:
    path = tmp_path / "hedger.toml"
    path.write_text(CONFIGURATION.replace("SPOT_ACCOUNTS", said))
    band(**ASKED, config=path)
    told = json.loads(capsys.readouterr().out)["inputs"]["holding"]
    assert told == {"value": coins, "from": "the file's holdings and the paper exchange's coins"}


@pytest.mark.parametrize("option", ["price", "sigma", "gamma", "holding", "fee", "fixed_cost", "smallest"])
def test_what_is_no_number_is_refused_and_not_reckoned_with(option: str) -> None:
    with pytest.raises(ConfigError, match=f"--{option.replace('_', '-')} nan: give a number"):
        band(**{**ASKED, option: float("nan")})
