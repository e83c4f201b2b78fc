"""The console of a real hedger: where it is, what opens it, that its acts arrive and are journaled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Nursery, Running, run_hedger

JOURNAL = ("sqlite3", "sqlite3-wal", "head")  # others come and go while it runs


@pytest.fixture(scope="module")
def running(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A hedger that hedges."""
    hedger = processes.still(tmp_path_factory.mktemp("console"))
    hedger.until_mode("hedging")
    yield hedger
    if hedger.process.poll() is None:
        hedger.stop()


def token_of(running: Running) -> str:
    return (running.paper / "console-token").read_text().strip()


def ask(
    running: Running, method: str, path: str, body: object = None, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"X-Hedger": "1", "Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection = HTTPConnection("127.0.0.1", running.known()["console_port"], timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def act(running: Running, path: str, **body: object) -> dict[str, Any]:
    """Do it, and wait for what became of it."""
    token = token_of(running)
    status, told = ask(running, "POST", path, body, token)
    assert status == 202, told

    def answered() -> dict[str, Any] | None:
        status, outcome = ask(running, "GET", told["outcome"], token=token)
        return outcome if status == 200 else None

    return running.until(answered, "answer")


def test_the_command_prints_where_it_is_and_what_opens_it(running: Running) -> None:
    where = ("--state-dir", str(running.paper))
    ended = run_hedger("console", "--json", *where)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["port"] == running.known()["console_port"]
    assert told["url"] == f"http://127.0.0.1:{told['port']}/#token={token_of(running)}"
    assert Path(told["token_file"]).stat().st_mode & 0o777 == 0o600
    assert told["url"] in run_hedger("console", *where).out


def test_what_it_shows_is_what_the_hedger_knows(running: Running) -> None:
    status, told = ask(running, "GET", "/api/status")
    assert (status, list(told["hedges"])) == (200, ["BTC"])
    running.until(lambda: ask(running, "GET", "/api/status")[1]["program"]["mode"] == "hedging", "hedging")
    made = running.until(lambda: ask(running, "GET", "/api/decisions?limit=1")[1]["decisions"], "decision")
    decision = made[0]["decision_id"]
    # A decision that sends nothing waits some seconds for the disk, and the story is the journal's.
    running.until(lambda: str(decision) in running.journal().keys("decision"), "row of the decision")
    status, story = ask(running, "GET", f"/api/decisions/{decision}")
    assert (status, story["decision"]["decision_id"]) == (200, decision)
    assert f"Decision {decision} of hedge BTC" in story["text"]
    running.until(lambda: ask(running, "GET", "/api/history/BTC")[1]["at"], "history")


def test_an_act_is_carried_out_journaled_and_answered(running: Running) -> None:
    assert ask(running, "POST", "/api/pause", {"reason": "a look"})[0] == 401
    assert act(running, "/api/pause", reason="a look at it")["state"] == "done"
    running.until(lambda: running.known().get("paused") == "a look at it", "pause")
    assert act(running, "/api/acknowledge", reason="seen", alarm="Paused")["state"] == "done"
    assert act(running, "/api/unpause", reason="seen enough")["state"] == "done"
    rows = running.journal().query("SELECT body FROM events WHERE kind = 'operator'")
    assert {"a look at it", "seen enough"} <= {json.loads(body)["reason"] for (body,) in rows}
    assert [line["route"] for line in running.log if line["event"] == "console_used"][:2] == [
        "/api/pause",
        "/api/acknowledge",
    ]


def test_a_reload_shows_first_what_it_would_change(running: Running) -> None:
    config = running.directory / "still.toml"
    before = config.read_text()
    config.write_text(before.replace("floor = 0.002", "floor = 0.003"))
    first = ask(running, "POST", "/api/reload", {"reason": "wider"}, token_of(running))
    assert first[0] == 202, first
    changed = [change["key"] for change in first[1]["difference"]["changes"]]
    assert changed == ["hedges.BTC.band.floor"]
    assert act(running, "/api/reload", reason="wider", nonce=first[1]["nonce"])["state"] == "done"
    assert ask(running, "POST", "/api/reload", {"reason": "again"}, token_of(running))[0] == 409, "nothing differs"


def test_a_flatten_shows_its_plan_and_wants_its_phrase(running: Running) -> None:
    wanted = {"reason": "out of it", "hedges": ["BTC"]}
    status, plan = ask(running, "POST", "/api/flatten", wanted, token_of(running))
    assert (status, plan["phrase"]) == (202, "flatten BTC")
    assert plan["plan"]["hedges"][0]["legs"][0]["instrument"] == "main:BTC/USDT:USDT"
    assert act(running, "/api/flatten", **wanted, nonce=plan["nonce"], phrase=plan["phrase"])["state"] == "done"
    running.until(lambda: ask(running, "GET", "/api/positions")[1]["positions"] == [], "flat book")


def test_the_token_is_in_no_line_and_no_status(running: Running) -> None:
    token = token_of(running)
    for text in (running.out, running.err, (running.paper / "status.json").read_text()):
        assert token not in text
    journal = b"".join((running.paper / f"journal.{name}").read_bytes() for name in JOURNAL)
    assert token.encode() not in journal
    arguments = Path(f"/proc/{running.process.pid}/cmdline").read_bytes()
    assert token.encode() not in arguments


def test_on_virtual_time_nothing_is_served(tmp_path: Path) -> None:
    ended = run_hedger("paper", "--seconds", "60", "--speed", "max", "--json", "--state-dir", str(tmp_path))
    assert "result" not in ended.err
    assert not list(tmp_path.rglob("console-token"))
    asked = run_hedger("console", "--state-dir", str(tmp_path))
    assert asked.code == 4
