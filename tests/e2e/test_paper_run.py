"""`hedger paper` as a newcomer meets it: through the wire, on virtual time, watched while it runs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import (
    PATIENCE_S,
    JournalRows,
    Nursery,
    Running,
    environment,
    is_hedged,
    lines_of_json,
    run_hedger,
    secrets_in,
)

PROMISED = {
    "hedged": bool,
    "net_delta": float,
    "band": list,
    "fills": int,
    "maker_fills": int,
    "taker_fills": int,
    "fees_usd": float,
    "funding_usd": float,
    "max_abs_delta": float,
    "seconds_outside_band": float,
    "orders_sent": int,
    "truth_matches": bool,
    "transport": str,
}


def assert_promised(summary: dict[str, Any], transport: str) -> None:
    """A summary has every key that the README names, and tells of a run that did what a hedger is for."""
    assert {key: type(summary.get(key)) for key in PROMISED} == PROMISED
    low, high = summary["band"]
    assert summary["hedged"]
    assert summary["truth_matches"]
    assert low <= summary["net_delta"] <= high
    assert (summary["transport"], summary["taker_fills"]) == (transport, 0)
    assert summary["maker_fills"] == summary["fills"]


def test_a_run_on_virtual_time_ends_hedged_and_says_so_in_json(tmp_path: Path) -> None:
    ended = run_hedger("paper", "--seconds", "600", "--speed", "max", "--json", "--state-dir", str(tmp_path))
    assert (ended.code, ended.err) == (0, "")
    (summary,) = lines_of_json(ended.out)
    assert_promised(summary, "port")


def test_the_same_seed_tells_the_same_story(tmp_path: Path) -> None:
    stories = [
        run_hedger(
            "paper", "--seconds", "300", "--speed", "max", "--seed", "5", "--state-dir", str(tmp_path / name)
        ).out
        for name in ("first", "second")
    ]
    assert stories[0] == stories[1]
    *decisions, summary = lines_of_json(stories[0])
    assert [line["decision_id"] for line in decisions] == sorted(line["decision_id"] for line in decisions)
    assert_promised(summary, "port")


def test_a_new_world_does_not_inherit_the_journal_of_another(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        ended = run_hedger(
            "paper", "--seconds", "60", "--speed", "max", "--json", "--seed", seed, "--state-dir", str(tmp_path)
        )
        assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / "journal.previous.sqlite3").exists()


def test_a_reader_that_leaves_does_not_stop_the_hedging(tmp_path: Path) -> None:
    typed = ["paper", "--seconds", "60", "--speed", "max", "--state-dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "hedger", *typed], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (1, b"")
    assert JournalRows(tmp_path / "journal.sqlite3").last_kinds()[-1] == "stop"


@pytest.fixture(scope="module")
def running(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """One run through the wire that lasts until it is told to end; the tests below look at it in this order."""
    started = processes.paper(tmp_path_factory.mktemp("run"), "--metrics-port", "0")
    started.until_mode("hedging")
    return started


def test_metrics_parse_and_health_is_good_while_it_runs(running: Running) -> None:
    code, text = running.get("/metrics")
    families = list(text_string_to_metric_families(text))
    names = {family.name for family in families}
    assert code == 200
    assert {"hedger_delta_coins", "hedger_mode", "hedger_orders"} <= names
    assert all(family.documentation for family in families if family.name.startswith("hedger_"))
    assert running.get("/livez")[0] == 200
    running.until(lambda: running.get("/readyz")[0] == 200, "readiness")
    assert running.get("/nothing")[0] == 404


def test_status_says_what_it_holds(running: Running) -> None:
    def told() -> dict[str, Any] | None:
        """A loop that came late on a busy machine rests for a moment."""
        ended = run_hedger("status", "--state-dir", str(running.directory), "--json")
        assert (ended.code, ended.err) == (0, "")
        status: dict[str, Any] = json.loads(ended.out)
        return status if status["mode"] == "hedging" else None

    status = running.until(told, "hedging")
    assert (status["pid"], status["kind"]) == (running.process.pid, "paper")
    assert "net_delta" in status["hedges"]["BTC"]
    table = run_hedger("status", "--state-dir", str(running.paper))
    assert "BTC.net_delta\t" in table.out


def test_each_decision_is_a_line_of_json_and_can_be_explained(running: Running) -> None:
    running.until(lambda: '"place"' in running.out, "order")
    line = next(line for line in lines_of_json(running.out.rpartition("\n")[0]) if line["action"] == "place")
    ended = run_hedger("explain", str(line["decision_id"]), "--state-dir", str(running.directory))
    assert (ended.code, ended.err) == (0, "")
    assert f"Decision {line['decision_id']} of hedge BTC" in ended.out
    assert line["client_order_id"] in ended.out
    record = run_hedger("explain", str(line["decision_id"]), "--state-dir", str(running.directory), "--json")
    assert json.loads(record.out)["decision_id"] == line["decision_id"]
    unknown = run_hedger("explain", "999999", "--state-dir", str(running.directory))
    assert (unknown.code, unknown.out) == (5, "")


def test_the_healthcheck_agrees(running: Running) -> None:
    ended = run_hedger("healthcheck", "--state-dir", str(running.directory))
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_run_without_faults_is_never_told_to_be_quiet_and_stays_under_its_limit_of_weight(running: Running) -> None:
    families = text_string_to_metric_families(running.get("/metrics")[1])
    used = [s.value for f in families if f.name == "hedger_rate_weight_used_ratio" for s in f.samples]
    assert used
    assert all(0 < ratio <= 0.8 for ratio in used)
    assert not {"venue_quieted", "rate_weight_high", "rate_lanes_closed"} & set(running.events)


def test_a_second_hedger_is_refused_and_the_first_goes_on(running: Running) -> None:
    ended = run_hedger("paper", "--speed", "10", "--seconds", "10", "--state-dir", str(running.directory))
    assert (ended.code, ended.out) == (6, "")
    (sentence,) = ended.err.splitlines()
    assert sentence.startswith("hedger: ")
    assert f"another hedger (process {running.process.pid})" in sentence
    lifted = run_hedger("resume", "--reason", "a try", "--state-dir", str(running.directory))
    assert (lifted.code, lifted.out) == (5, ""), "it is asked, and says that it is not halted"
    assert "is not halted; `hedger unpause` ends a pause, and a breaker closes by itself" in lifted.err
    assert running.process.poll() is None


def test_it_ends_hedged_with_the_truth_on_its_side_and_no_secret_anywhere(running: Running) -> None:
    note = running.exchange().note
    texts: dict[str, str | bytes] = {"metrics": running.get("/metrics")[1], "readyz": running.get("/readyz")[1]}
    running.exchange().do("quiet")
    running.until(lambda: is_hedged(running.exchange().truth()), "hedge")
    status = (running.paper / "status.json").read_bytes()
    for pid in (note.pid, running.process.pid):
        texts[f"arguments of {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
    ended = running.stop()
    assert ended.code == 0
    *decisions, summary = lines_of_json(ended.out)
    assert_promised(summary, "wire")
    assert {line["action"] for line in decisions} <= {"hold", "place", "cancel", "wait", "deny"}
    assert all(json.loads(line)["event"] for line in ended.err.splitlines())
    for path in (*running.paper.glob("journal*"), running.paper / "exchange.log"):
        texts[path.name] = path.read_bytes()
    texts |= {"stdout": ended.out, "stderr": ended.err, "status.json": status}
    assert len(texts) >= 7
    assert secrets_in(note, texts) == []
    assert not (running.paper / "exchange.json").exists()


def test_a_run_of_a_minute_ends_by_itself_and_finds_a_free_port_where_the_usual_one_is_taken(
    processes: Nursery, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "taken.toml"
        config.write_text(
            (Path(__file__).parents[2] / "config/paper.toml").read_text() + f"\n[metrics]\nport = {port}\n"
        )
        started = processes.paper(tmp_path, "--config", str(config), "--json", "--seconds", "60")
        chosen = started.until_mode("hedging")["metrics_port"]
        assert chosen != port
        assert started.get("/livez")[0] == 200
        ended = started.wait()
    assert (ended.code, ended.err) == (0, "")
    (summary,) = lines_of_json(ended.out)
    assert_promised(summary, "wire")
