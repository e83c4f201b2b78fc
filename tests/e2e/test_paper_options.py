"""The examples with options, coins as margin, dated contracts and a gamma of their own: each runs, and on its side."""

from __future__ import annotations

import json
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.configurations import ROOT
from tests.support.processes import Ended, JournalRows, Nursery, lines_of_json, run_hedger

CONFIG = ROOT / "config"
BUILT_MS = 90_000  # after that long the first hedge stands, and what is traded follows the price
START_AT = 1_767_253_200_000


class Traded(NamedTuple):
    """A fill: when, on what, at which price, and the position of the hedge in coins or contracts after it."""

    after_ms: int
    symbol: str
    price: D
    position: D


class Played(NamedTuple):
    """An example that ran to its end."""

    ended: Ended
    summary: dict[str, Any]
    fills: list[Traded]


def play(name: str, directory: Path, *, seconds: int, seed: int = 3) -> Played:
    typed = ["paper", "--config", str(CONFIG / name), "--speed", "max", "--seconds", str(seconds), "--seed", str(seed)]
    ended = run_hedger(*typed, "--json", "--state-dir", str(directory))
    assert ended.code == 0, ended.err
    (summary,) = lines_of_json(ended.out)
    return Played(ended, summary, fills_of(directory / "journal.sqlite3"))


def fills_of(journal: Path) -> list[Traded]:
    positions: dict[str, D] = {}
    fills = []
    for (body,) in JournalRows(journal).query("SELECT body FROM events WHERE kind = 'fill' ORDER BY seq"):
        row = json.loads(body)
        symbol = row["id"][1] if isinstance(row["id"], list) else row["id"]
        signed = D(row["quantity"]) * (1 if row["side"] == "buy" else -1)
        positions[symbol] = positions.get(symbol, D(0)) + signed
        fills.append(Traded(row["exchange_at"] - START_AT, symbol, D(row["price"]), positions[symbol]))
    return fills


def assert_sound(played: Played) -> None:
    """It ended hedged, by makers, with journal and exchange agreed; the exchange stood at the port."""
    summary = played.summary
    assert summary["hedged"]
    assert summary["truth_matches"], summary["differences"]
    assert summary["taker_fills"] == 0 < summary["maker_fills"] == summary["fills"]
    assert summary["transport"] == "port"
    low, high = summary["band"]
    assert low <= summary["net_delta"] <= high


def follows(fills: list[Traded]) -> D:
    """The covariance of position and price once the first hedge stands: positive, it buys as the price rises."""
    later = [fill for fill in fills if fill.after_ms > BUILT_MS]
    assert len(later) >= 4, "the price did not move enough to say"
    price = sum((fill.price for fill in later), D(0)) / len(later)
    position = sum((fill.position for fill in later), D(0)) / len(later)
    return sum(((fill.price - price) * (fill.position - position) for fill in later), D(0))


@pytest.mark.parametrize(
    ("name", "side", "words"),
    [
        ("paper-covered-call.toml", 1, "buys high and sells low, and collects"),
        ("paper-protective-put.toml", -1, "buys low and sells high, and pays"),
        ("paper-synthetic-put.toml", 1, "long gamma (convex): it buys as the price rises"),
    ],
)
def test_a_gamma_is_hedged_on_the_side_that_it_is_said_to_have(
    tmp_path: Path, name: str, side: int, words: str
) -> None:
    played = play(name, tmp_path, seconds=900)
    assert_sound(played)
    assert follows(played.fills) * side > 0
    assert words in played.ended.err


def test_coins_as_margin_are_hedged_once_and_not_because_the_price_moved(tmp_path: Path) -> None:
    played = play("paper-inverse.toml", tmp_path, seconds=900)
    assert_sound(played)
    assert {fill.symbol for fill in played.fills} == {"BTC/USD:BTC"}
    assert [fill for fill in played.fills if fill.after_ms > BUILT_MS] == []
    assert D(-605) < played.fills[-1].position < D(-595), "600 contracts of 100 dollars are a coin at 60,000"
    assert played.ended.err == "", "neither coins nor inverse contracts have a gamma in dollars"


def test_a_dated_hedge_rolls_into_the_next_contract_with_its_delta_in_place(tmp_path: Path) -> None:
    played = play("paper-dated.toml", tmp_path, seconds=3_000)
    assert_sound(played)
    last = {fill.symbol: fill.position for fill in played.fills}
    assert last["BTC/USDT:USDT-260102"] == 0
    assert last["BTC/USDT:USDT-260327"] < D("-1.1")
    rolled = [fill for fill in played.fills if fill.after_ms > BUILT_MS]
    assert rolled[0].after_ms >= 20 * 60_000, "a day is left at 08:00"
    held = dict.fromkeys(last, D(0))
    for fill in played.fills:
        held[fill.symbol] = fill.position
        if fill.after_ms > BUILT_MS:
            assert D("-1.3") < sum(held.values()) < D("-1.1")


def test_without_a_word_that_it_is_accepted_a_gamma_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "unread.toml"
    text = (CONFIG / "paper-synthetic-put.toml").read_text(encoding="utf-8")
    config.write_text(text.replace("accept_gamma = true\n", ""), encoding="utf-8")
    typed = ["paper", "--config", str(config), "--speed", "max", "--seconds", "60", "--json"]
    refused = run_hedger(*typed, "--state-dir", str(tmp_path / "refused"))
    assert (refused.code, refused.out) == (2, "")
    *told, sentence = refused.err.splitlines()
    assert any("long gamma (convex)" in line for line in told)
    assert sentence == (
        "hedger: hedges.BTC has a gamma that nobody has accepted: read what is said above, then start with --yes, or "
        "set accept_gamma = true in hedges.BTC.target"
    )
    assert not (tmp_path / "refused").exists()
    accepted = run_hedger(*typed, "--yes", "--state-dir", str(tmp_path / "accepted"))
    assert accepted.code == 0


def test_the_gamma_of_a_configuration_is_said_without_starting_it() -> None:
    said = run_hedger("gamma", "--config", str(CONFIG / "paper-covered-call.toml"))
    assert (said.code, said.err) == (0, "")
    assert "short gamma (concave)" in said.out
    plain = run_hedger("gamma", "--config", str(CONFIG / "paper.toml"))
    assert plain.out.startswith("no hedge has a gamma")


def test_when_its_option_expires_the_hedge_is_held_and_that_is_told(tmp_path: Path) -> None:
    config = tmp_path / "expiring.toml"
    text = (CONFIG / "paper-synthetic-put.toml").read_text(encoding="utf-8")
    assert '"1 day" ' in text
    config.write_text(text.replace('"1 day" ', '"5 minutes"'), encoding="utf-8")
    typed = ["paper", "--config", str(config), "--speed", "max", "--seconds", "900", "--seed", "3"]
    ended = run_hedger(*typed, "--state-dir", str(tmp_path / "state"))
    assert ended.code in (0, 7), "it stands where it stood, in its band or not"
    *decisions, summary = lines_of_json(ended.out)
    (told,) = [line for line in decisions if line["reason"] == "target_ended"]
    assert (told["action"], told["at"][:16]) == ("deny", "2026-01-01T07:45")
    assert all(fill.after_ms <= 300_000 for fill in fills_of(tmp_path / "state" / "journal.sqlite3"))
    assert summary["truth_matches"]


def test_a_book_with_options_runs_in_real_time_as_one_through_the_wire_does(processes: Nursery, tmp_path: Path) -> None:
    running = processes.paper(
        tmp_path, "--config", str(CONFIG / "paper-covered-call.toml"), "--metrics-port", "0", speed="20"
    )
    status = running.until_mode("hedging")
    assert status["kind"] == "paper"
    assert running.get("/livez")[0] == 200
    assert "hedger_delta_coins" in running.get("/metrics")[1]
    running.until(lambda: running.get("/readyz")[0] == 200, "readiness")
    running.until(lambda: running.journal().count("fill") > 0, "fill")
    ended = running.stop()
    assert ended.code == 0
    *decisions, summary = lines_of_json(ended.out)
    assert (summary["transport"], summary["taker_fills"], summary["truth_matches"]) == ("port", 0, True)
    assert all(before["at"] <= after["at"] for before, after in pairwise(decisions))
    assert running.journal().last_kinds()[-1] == "stop"
