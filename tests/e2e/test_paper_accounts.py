"""Paper books on Bybit, on Deribit, on two venues and on one that is not spoken: one command, and one summary."""

from __future__ import annotations

import json
import signal
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from tests.support.configurations import GOOD, ROOT
from tests.support.processes import JournalRows, Nursery, has_ended, lines_of_json, run_hedger

CONFIG = ROOT / "config"


def play(directory: Path, *typed: str, seconds: int, speed: str = "max") -> tuple[dict[str, Any], str]:
    """The summary of a run that ended well, and what it said beside it."""
    arguments = ["paper", "--speed", speed, "--seconds", str(seconds), "--seed", "3", "--json"]
    ended = run_hedger(*arguments, *typed, "--state-dir", str(directory))
    assert ended.code == 0, ended.err
    (summary,) = lines_of_json(ended.out)
    assert summary["hedged"]
    assert summary["truth_matches"], summary["differences"]
    assert summary["taker_fills"] == 0 < summary["maker_fills"] == summary["fills"]
    assert summary["transport"] == "port"
    return summary, ended.err


def instruments_of(journal: Path) -> set[str]:
    rows = JournalRows(journal).query("SELECT body FROM events WHERE kind = 'fill'")
    ids = [json.loads(body)["id"] for (body,) in rows]
    return {":".join(id) if isinstance(id, list) else id for id in ids}


@pytest.mark.parametrize(
    ("name", "venues", "traded"),
    [
        ("paper-bybit.toml", {"main": "bybit"}, {"main:BTC/USDT:USDT"}),
        ("paper-deribit.toml", {"main": "deribit"}, {"main:BTC/USD:BTC"}),
        (
            "paper-two-venues.toml",
            {"main": "binance", "futures": "bybit"},
            {"futures:BTC/USDT:USDT", "futures:ETH/USDT:USDT"},
        ),
    ],
)
def test_an_example_of_venues_is_hedged_where_it_says(
    tmp_path: Path, name: str, venues: dict[str, str], traded: set[str]
) -> None:
    summary, _ = play(tmp_path, "--config", str(CONFIG / name), seconds=600)
    assert summary["venues"] == venues
    assert instruments_of(tmp_path / "journal.sqlite3") == traded


def test_on_deribit_the_coins_the_option_and_the_perpetual_are_one_book(tmp_path: Path) -> None:
    typed = ("--config", str(CONFIG / "paper-deribit.toml"))
    _, told = play(tmp_path, *typed, seconds=600)
    assert "BTC: neutral, 2 BTC held" in told
    assert "options held short gamma (concave)" in told
    sold = JournalRows(tmp_path / "journal.sqlite3").query("SELECT body FROM events WHERE kind = 'fill'")
    signed = [D(f["quantity"]) * (1 if f["side"] == "buy" else -1) for f in (json.loads(body) for (body,) in sold)]
    assert -10_200 < sum(signed) < -8_600, "2 BTC less a delta of 0.3 to 0.6, in contracts of 10 dollars"


def test_two_venues_tell_the_same_story_twice(tmp_path: Path) -> None:
    typed = ["paper", "--config", str(CONFIG / "paper-two-venues.toml"), "--speed", "max", "--seconds", "120"]
    stories = [run_hedger(*typed, "--state-dir", str(tmp_path / name)).out for name in ("first", "second")]
    assert stories[0] == stories[1]
    assert '"reason"' in stories[0]


def test_a_venue_that_the_exchange_does_not_speak_is_hedged_at_the_port_and_that_is_said(tmp_path: Path) -> None:
    config = tmp_path / "okx.toml"
    config.write_text(GOOD.replace('"binance"', '"okx"') + "[paper]\nspot = { BTC = 0.4 }\n", encoding="utf-8")
    summary, told = play(tmp_path / "state", "--config", str(config), "--metrics-port", "0", seconds=120, speed="40")
    assert summary["venues"] == {"main": "okx"}
    assert "at the port: the paper exchange does not speak as OKX does, only as Binance, Bybit, Deribit" in told


def test_a_recording_of_binance_is_played_to_binance_only(tmp_path: Path) -> None:
    typed = ["--config", str(CONFIG / "paper-two-venues.toml"), "--replay", str(tmp_path), "--seconds", "60"]
    refused = run_hedger("paper", *typed, "--state-dir", str(tmp_path / "state"))
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "hedger: --replay has the recorded books of Binance only: put every account on binance\n"


def test_an_account_that_has_moved_to_another_venue_does_not_continue_on_the_old_exchange(
    processes: Nursery, tmp_path: Path
) -> None:
    first = processes.still(tmp_path)
    exchange = first.exchange()
    first.signal(signal.SIGKILL)
    first.wait()
    config = CONFIG / "paper-bybit.toml"
    second = processes.paper(tmp_path, "--config", str(config), "--seed", str(exchange.note.seed)).wait()
    assert second.code == 2
    assert second.err.splitlines()[-1] == (
        "hedger: the exchange that the last run left has account main on binance; it ends now, so start again"
    )
    assert has_ended(exchange.note.pid)
