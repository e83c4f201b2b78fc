"""The kill: by file, command, signal and API, each takes our orders off the book, stays over restarts, and is lifted
only with a reason."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from hedger.errors import GiveUp
from tests.support.fair_time import FairTime
from tests.support.processes import STILL, Ended, Exchange, Nursery, Running, is_hedged, order_faults, ours, run_hedger

TOKEN = "a-token-of-forty-characters-and-no-chance"
WITHIN_S = 5.0


def order_at_work(running: Running) -> Exchange:
    exchange = running.exchange()
    running.until(lambda: ours(exchange.truth()), "order at work")
    return exchange


def command(running: Running, name: str, *arguments: str) -> Ended:
    return run_hedger(name, *arguments, "--state-dir", str(running.directory))


def touch(running: Running) -> None:
    (running.paper / "kill").touch()


def type_it(running: Running) -> None:
    ended = command(running, "kill", "--reason", "a drill")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"killed on {running.paper}: the kill file: hedger kill: a drill")


def signal_it(running: Running) -> None:
    running.signal(signal.SIGUSR1)


def post_it(running: Running) -> None:
    status, body = post(running, "/api/kill", reason="a drill")
    assert (status, body) == (202, {"latched": True})


def post(running: Running, path: str, **body: str) -> tuple[int, dict[str, object]]:
    line = running.until(lambda: [x for x in running.log if x["event"] == "console_listening"], "console")[0]
    request = urllib.request.Request(
        f"http://127.0.0.1:{line['port']}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "X-Hedger": "1", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def controlled(processes: Nursery, directory: Path, port: int, speed: str) -> Running:
    """A hedger in a still world that also serves its console on a port of the test's."""
    directory.mkdir(exist_ok=True)
    config = directory / "controlled.toml"
    config.write_text(f"{STILL}\n[console]\nport = {port}\n")
    more = {"HEDGER_CONSOLE__TOKEN": TOKEN}
    return processes.paper(directory, "--config", str(config), "--metrics-port", "0", speed=speed, env=more)


@pytest.mark.parametrize("press", [touch, type_it, signal_it, post_it])
def test_a_kill_takes_our_orders_off_the_book_and_none_follows(
    processes: Nursery, tmp_path: Path, press: Callable[[Running], None], free_port: int
) -> None:
    running = controlled(processes, tmp_path, free_port, "1")
    exchange = order_at_work(running)
    press(running)
    took = FairTime(running.process.pid, exchange.note.pid)
    running.until(lambda: not ours(exchange.truth()), "empty book")
    assert took.seconds < WITHIN_S
    running.until_mode("halted")
    # Read no earlier: the book may be empty between two orders, and what left before the kill may still arrive.
    running.until(lambda: not ours(exchange.truth()), "empty book")
    created = exchange.truth().creates_accepted
    exchange.do("deposit", wallet="spot", asset="BTC", quantity="0.4")
    time.sleep(1.5)
    assert exchange.truth().creates_accepted == created
    assert running.journal().count("halt") == 1
    assert running.journal().orders_after("halt") == []
    assert (running.paper / "kill").exists()


def test_a_halt_is_on_the_pages_that_alarms_are_made_of_within_five_seconds(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="1")
    running.until_mode("hedging")
    running.until(lambda: running.get("/readyz")[0] == 200, "readiness")
    touch(running)
    took = FairTime(running.process.pid, running.exchange().note.pid)
    running.until(lambda: "halted" in running.get("/readyz")[1], "halt on the health page")
    assert running.get("/readyz")[0] == 503
    running.until(lambda: 'hedger_mode{mode="halted"} 1.0' in running.get("/metrics")[1], "halt as a metric")
    running.until(lambda: "halted" in running.events, "halt in the log")
    assert took.seconds < WITHIN_S


def test_a_kill_outlives_a_restart_and_only_a_reason_lifts_it(processes: Nursery, tmp_path: Path) -> None:
    first = processes.still(tmp_path, speed="5")
    exchange = order_at_work(first)
    touch(first)
    first.until_mode("halted")
    first.process.kill()
    first.process.wait(10)
    second = processes.still(tmp_path, speed="5")
    second.until_mode("halted")
    created = exchange.truth().creates_accepted
    second.until(lambda: not ours(exchange.truth()), "empty book")
    time.sleep(1)
    assert exchange.truth().creates_accepted == created
    refused = command(second, "resume", "--reason", " ")
    assert refused.code == 5
    assert second.known()["mode"] == "halted"
    lifted = command(second, "resume", "--reason", "the drill is over")
    assert lifted.code == 0, lifted.err
    assert not (second.paper / "kill").exists()
    second.until(lambda: "reconciling" in modes_of(second), "reconciliation")
    second.until(lambda: is_hedged(exchange.truth()), "hedge")
    second.until(lambda: "hedging" in modes_of(second), "hedging")  # it may have been hedged all the while
    modes = modes_of(second)
    assert modes.index("reconciling", modes.index("halted")) < modes.index("hedging")


def modes_of(running: Running) -> list[str]:
    return [str(line["mode"]) for line in running.log if line["event"] == "mode_changed"]


def test_a_kill_without_a_hedger_is_latched_for_its_next_start(processes: Nursery, tmp_path: Path) -> None:
    directory = tmp_path / "paper"
    directory.mkdir()
    told = run_hedger("kill", "--reason", "before the start", "--state-dir", str(directory))
    assert (told.code, told.out) == (4, "")
    assert told.err.startswith(f"hedger: nobody was stopped: no hedger has ever run on {directory}")
    assert run_hedger("pause", "--reason", "x", "--state-dir", str(directory)).code == 4
    running = processes.still(tmp_path)
    known = running.until_mode("halted")
    assert known["halted"] == "the kill file: hedger kill: before the start"
    exchange = running.exchange()
    time.sleep(1)
    assert exchange.truth().creates_accepted == 0
    again = command(running, "kill", "--reason", "again")
    assert again.code == 0
    assert running.journal().count("halt") == 1


def test_a_kill_by_signal_during_the_start_is_heeded_before_the_first_order(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="1")
    running.until(lambda: (running.paper / "exchange.log").exists(), "exchange process")
    running.signal(signal.SIGUSR1)
    running.until_mode("halted")
    assert running.exchange().truth().creates_accepted == 0


def test_a_kill_while_the_venue_is_away_is_carried_out_when_it_is_back(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="1")
    exchange = order_at_work(running)
    os.kill(exchange.note.pid, signal.SIGSTOP)
    touch(running)
    running.until_mode("halted")
    touch(running)
    time.sleep(2)
    assert running.process.poll() is None
    os.kill(exchange.note.pid, signal.SIGCONT)
    running.until(lambda: no_order_of(exchange), "empty book")
    assert order_faults(running.journal(), exchange.truth()) == []
    ended = running.stop()
    assert ended.code == 7
    assert running.journal().orders_after("halt") == []


def no_order_of(exchange: Exchange) -> bool:
    try:
        return not ours(exchange.truth())
    except GiveUp:
        return False


def test_a_pause_rests_and_a_resume_by_the_api_needs_two_steps(
    processes: Nursery, tmp_path: Path, free_port: int
) -> None:
    running = controlled(processes, tmp_path, free_port, "5")
    exchange = order_at_work(running)
    paused = command(running, "pause", "--reason", "a look at it")
    assert (paused.code, paused.out) == (0, "it is paused (cancel_only)\n")
    running.until(lambda: not ours(exchange.truth()), "empty book")
    assert command(running, "resume", "--reason", "x").code == 5
    assert command(running, "unpause", "--reason", "seen").code == 0
    running.until_mode("hedging")
    assert post(running, "/api/kill")[0] == 202
    running.until_mode("halted")
    assert command(running, "unpause", "--reason", "a halt is no pause").code == 5
    first = post(running, "/api/resume", reason="seen")[1]
    assert running.known()["mode"] == "halted"
    assert post(running, "/api/resume", reason="seen", nonce="guessed")[0] == 409
    first = post(running, "/api/resume", reason="seen")[1]
    assert post(running, "/api/resume", reason="seen", nonce=str(first["nonce"]))[0] == 202
    running.until(lambda: running.known().get("halted") is None, "end of the halt")
    assert not (running.paper / "kill").exists()


def test_a_drain_by_request_ends_it_in_order(processes: Nursery, tmp_path: Path) -> None:
    running = processes.still(tmp_path, speed="5")
    order_at_work(running)
    ended = command(running, "drain")
    assert (ended.code, running.wait().code) == (0, 0)
    assert running.journal().last_kinds()[-1] == "stop"


def test_what_lies_in_the_mailbox_and_is_not_a_request_is_moved_aside_and_never_obeyed(
    processes: Nursery, tmp_path: Path
) -> None:
    running = processes.still(tmp_path)
    running.until_mode("hedging")
    mailbox = running.paper / "requests"
    assert mailbox.stat().st_mode & 0o777 == 0o700
    outside = tmp_path / "elsewhere"
    outside.write_text('{"ask": "drain", "reason": "through a link"}')
    (mailbox / "1.json").symlink_to(outside)
    write_whole(mailbox / "2.json", '{"ask": "drain"}')
    write_whole(mailbox / "3.json", "{" * 3000)
    write_whole(mailbox / "4.json", '{"ask": "drain", "reason": "others may write it"}', mode=0o666)
    (mailbox / "5.json").mkdir()
    running.until(lambda: running.events.count("request_refused") == 5, "refusals")
    assert sorted(p.name for p in mailbox.glob("*.json")) == []
    running.until_mode("hedging")
    assert running.process.poll() is None


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text)
    draft.chmod(mode)
    draft.rename(path)
