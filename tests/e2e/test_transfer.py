"""`hedger transfer`: what cannot be meant is refused before anything is opened, and nothing moves without a yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.processes import environment, run_hedger

LIVE = """
mode = "live"
[accounts.main]
venue = "binance"
key_environment = "live"
[hedges.BTC]
instruments = ["main:BTC/USDT:USDT"]
band = { rule = "relative", width = 0.02, floor = 0.004 }
[hedges.BTC.guards]
position = 1
order_notional = 5_000
daily_notional = 100_000
"""


def transfer(directory: Path, *arguments: str, answer: str = "") -> tuple[int, str]:
    config = directory / "live.toml"
    config.write_text(LIVE)
    config.chmod(0o600)
    more = {"HEDGER_STATE_DIR": str(directory / "state"), "HEDGER_CONFIG": str(config)}
    ended = run_hedger("transfer", *arguments, env=environment(**more), stdin=answer)
    return ended.code, ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("other", "USDT", "5", "--to", "contracts", "--yes"), "there is no account other: main are configured"),
        (("main", "USDT", "0", "--to", "contracts", "--yes"), "the quantity must be more than 0"),
        (("main", "USDT", "NaN", "--to", "contracts", "--yes"), "the quantity must be more than 0"),
        (("main", "USDT", "much", "--to", "contracts", "--yes"), "'much' is no quantity"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, err = transfer(tmp_path, *arguments)
    assert code == 2
    assert said in err


def test_without_a_yes_nothing_is_moved(tmp_path: Path) -> None:
    code, err = transfer(tmp_path, "main", "USDT", "5", "--to", "contracts", answer="n\n")
    assert (code, "nothing was moved" in err) == (2, True)


def test_paper_has_nothing_to_transfer(tmp_path: Path) -> None:
    ended = run_hedger(
        "transfer", "main", "USDT", "5", "--to", "coins", "--yes", env=environment(HEDGER_STATE_DIR=str(tmp_path))
    )
    assert ended.code == 2
    assert "only on a testnet and live" in ended.err
