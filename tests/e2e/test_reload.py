"""A real hedger whose file is edited while it runs: taken up whole by signal or command, or refused with a sentence."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fair_time import FairTime
from tests.support.processes import (
    PATIENCE_S,
    STILL,
    Ended,
    Nursery,
    Running,
    environment,
    is_hedged,
    lines_of_json,
    run_hedger,
)

WIDER = STILL.replace("floor = 0.002", "floor = 0.05")
LARGE = STILL.replace("quantity = 0.5", "quantity = 1.5")


@pytest.fixture(scope="module")
def hedged(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A hedger that is inside its band and has nothing to do."""
    running = processes.still(tmp_path_factory.mktemp("reload"))
    exchange = running.exchange()
    running.until_mode("hedging")
    running.until(lambda: is_hedged(exchange.truth()), "hedged")
    yield running
    if running.process.poll() is None:
        running.stop()


def write(running: Running, text: str) -> Path:
    path = running.directory / "still.toml"
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
    return path


def told(running: Running, event: str) -> list[dict[str, Any]]:
    return [line for line in running.log if line["event"] == event]


def hang_up(running: Running, event: str) -> dict[str, Any]:
    """Send SIGHUP and wait for the line that says what came of it."""
    before = len(told(running, event))
    running.signal(signal.SIGHUP)
    return running.until(lambda: told(running, event)[before:], event)[0]


def reload(running: Running, *arguments: str) -> Ended:
    config = str(running.directory / "still.toml")
    return run_hedger("reload", "-c", config, "--state-dir", str(running.paper), *arguments)


def band(running: Running) -> list[str]:
    hedge: dict[str, Any] = running.known()["hedges"]["BTC"]
    return list(hedge["band"])


def test_a_signal_puts_an_edited_band_in_force_and_the_journal_tells_of_it(hedged: Running) -> None:
    write(hedged, WIDER)
    line = hang_up(hedged, "config_reloaded")
    assert (line["outcome"], line["who"]) == ("applied", "signal SIGHUP")
    assert line["changes"] == ["hedges.BTC.band.floor: 0.002 → 0.05"]
    hedged.until(lambda: band(hedged) == ["-0.05", "0.05"], "the new band in the status")
    assert lines_of_json(hedged.out)[-1]["band"] == "-0.05..0.05", "and of the newest decision"
    ((key, body),) = hedged.journal().query("SELECT key, body FROM events WHERE kind = 'reload'")
    assert key == line["config"] == hedged.known()["configuration"]["digest"]
    assert json.loads(body)["changes"] == [{"key": "hedges.BTC.band.floor", "was": "0.002", "will": "0.05"}]
    _, metrics = hedged.get("/metrics")
    assert f'hedger_config_info{{digest="{key}"}} 1.0' in metrics
    assert 'hedger_config_reloads_total{outcome="applied"} 1.0' in metrics


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WIDER.replace("position = 3", "positon = 3"), "did you mean `position`?"),
        (WIDER.replace('venue = "binance"', 'venue = "binance"\ndead_mans_switch_s = 60'), "only at a start"),
        (LARGE, "needs a person's word"),
        ("", "is missing"),
        (WIDER[: WIDER.index("guards") + 15], "this is not TOML"),
    ],
    ids=["typo", "restart", "large", "emptied", "cut off"],
)
def test_what_may_not_be_is_refused_and_the_old_one_goes_on(hedged: Running, text: str, why: str) -> None:
    before = hedged.known()["configuration"]["digest"]
    rows = hedged.journal().count("reload")
    write(hedged, text)
    line = hang_up(hedged, "config_refused")
    assert why in line["detail"]
    assert hedged.journal().count("reload") == rows
    status = hedged.until_mode("hedging")
    assert status["configuration"]["digest"] == before


def test_the_command_shows_what_it_would_do_and_does_it_with_a_word(hedged: Running) -> None:
    write(hedged, LARGE)
    dry = reload(hedged, "--dry-run")
    assert dry.code == 0, dry.err
    assert "holdings[0].quantity\t0.5\t1.5\tat once" in dry.out
    assert "NEEDS YOUR WORD: BTC: it sells 1 BTC at once" in dry.out
    silent = reload(hedged)
    assert silent.code == 2
    assert "add --yes if it is meant" in silent.err
    rows = hedged.journal().count("reload")
    agreed = reload(hedged, "--yes", "--reason", "the ledger came back", "--json")
    assert agreed.code == 0, agreed.err
    assert json.loads(agreed.out)["applied"] is True
    assert hedged.journal().count("reload") == rows + 1
    hedged.until(lambda: hedged.known()["hedges"]["BTC"]["static"] == "1.5", "the coins counted")
    exchange = hedged.exchange()
    hedged.until(lambda: abs(exchange.truth().positions["BTCUSDT"]) > 1, "hedging more than it did")


def test_status_and_doctor_tell_which_file_is_in_force_and_that_it_says_the_same(hedged: Running) -> None:
    path = hedged.directory / "still.toml"
    config, place = ("-c", str(path)), ("--state-dir", str(hedged.paper))
    assert f"configuration\t{path}, digest" in run_hedger("status", *config, *place).out
    assert (
        "configuration in force\tas its file says"
        in run_hedger("doctor", *config, "--state-dir", str(hedged.directory)).out
    )


def test_two_signals_at_once_and_a_file_that_says_the_same_change_nothing(hedged: Running) -> None:
    rows, lines = hedged.journal().count("reload"), len(told(hedged, "config_reloaded"))
    hedged.signal(signal.SIGHUP)
    hedged.signal(signal.SIGHUP)
    hedged.until(lambda: len(told(hedged, "config_reloaded")) > lines, "an answer")
    assert told(hedged, "config_reloaded")[-1]["outcome"] == "unchanged"
    assert hedged.journal().count("reload") == rows
    diff = run_hedger(
        "config", "diff", "-c", str(hedged.directory / "still.toml"), "--state-dir", str(hedged.paper), "--json"
    )
    assert (diff.code, json.loads(diff.out)["changes"]) == (0, []), diff.err


def test_another_file_than_the_one_it_was_started_with_is_not_shown_as_its_own(hedged: Running, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(WIDER)
    ended = run_hedger("reload", "-c", str(other), "--state-dir", str(hedged.paper))
    assert ended.code == 2
    assert "and reads that again, not" in ended.err


def test_killed_after_a_reload_it_starts_with_the_new_file(processes: Nursery, hedged: Running) -> None:
    """The last one that the others share."""
    path = write(hedged, LARGE.replace("floor = 0.002", "floor = 0.03"))
    digest = hang_up(hedged, "config_reloaded")["config"]
    hedged.signal(signal.SIGKILL)
    hedged.process.wait(timeout=PATIENCE_S)
    again = processes.paper(hedged.directory, "--config", str(path), "--metrics-port", "0")
    again.until_mode("hedging")
    assert again.known()["configuration"]["digest"] == digest
    starts = again.journal().query("SELECT body FROM events WHERE kind = 'start' ORDER BY seq DESC LIMIT 1")
    assert json.loads(starts[0][0])["config"] == digest
    assert again.stop().code == 0


def test_a_disk_that_does_not_answer_while_it_is_read_does_not_hold_up_the_end(
    processes: Nursery, tmp_path: Path
) -> None:
    """A secret file on a dead disk: whoever opens it waits for ever, and no thread that does may keep the process."""
    config, secret = tmp_path / "still.toml", tmp_path / "token"
    config.write_text(STILL)
    secret.write_text("t" * 40)
    secret.chmod(0o600)
    given = {"HEDGER_CONSOLE__TOKEN_FILE": str(secret)}
    running = processes.paper(tmp_path, "--config", str(config), "--metrics-port", "0", env=given)
    running.until_mode("hedging")
    secret.unlink()
    os.mkfifo(secret, 0o600)
    running.signal(signal.SIGHUP)
    time.sleep(1)
    took = FairTime(running.process.pid, running.exchange().note.pid)
    running.signal(signal.SIGTERM)
    took_s = took.until(lambda: running.process.poll() is not None)
    assert running.wait().code in (0, 7), "it drains; the book need not be hedged by then"
    assert took_s < 15


def test_a_terminal_that_goes_away_is_an_end_in_order_and_no_reload(tmp_path: Path) -> None:
    """What closes a window sends SIGHUP too: nobody has asked for the file then."""
    config = tmp_path / "still.toml"
    config.write_text(STILL)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hedger", "paper", "-c", str(config), "--state-dir", str(tmp_path), "--json"],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        status = tmp_path / "paper/status.json"
        ends_at = time.monotonic() + PATIENCE_S
        while not (status.exists() and '"mode": "hedging"' in status.read_text()):
            assert time.monotonic() < ends_at, "it does not begin to hedge"
            time.sleep(0.05)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(timeout=PATIENCE_S) in (0, 7), "it drains; the book need not be hedged by then"
    finally:
        process.kill()
        process.wait()
