"""The commands that ask: where they act, whom they find, and that nothing is obeyed after they gave up."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from hedger.cli import inspect, operate
from hedger.errors import AskAgain, GiveUp
from hedger.ops.health import HealthServer
from hedger.ops.readiness import Check, Health
from hedger.runtime.clock import stopwatch
from hedger.runtime.kill import KillFile
from hedger.runtime.lease import Lease
from hedger.runtime.requests import Answer, Ask, Mailbox, Request

STATUS = {
    "at": "2026-01-01T00:00:00Z",
    "pid": 1,
    "kind": "paper",
    "mode": "hedging",
    "mode_reason": None,
    "halted": None,
    "paused": None,
    "hedges": {},
}


def say(directory: Path, **changes: object) -> None:
    (directory / "status.json").write_text(json.dumps({**STATUS, **changes}))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    Mailbox(made).prepare()
    return made


def waiting(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "requests").iterdir())


# --- kill -------------------------------------------------------------------------------------------------------------


def test_a_kill_where_no_hedger_ever_ran_says_that_nobody_was_stopped(tmp_path: Path) -> None:
    wrong = tmp_path / "typo"
    with pytest.raises(AskAgain) as told:
        operate.kill(reason="now", state_dir=wrong)
    assert str(told.value).startswith(f"nobody was stopped: no hedger has ever run on {wrong}")
    assert "-c or --state-dir" in str(told.value)
    assert told.value.exit_code == 4
    assert KillFile(wrong).exists()


def test_a_kill_beside_a_stopped_hedger_is_latched_under_its_whole_path(
    tmp_path: Path, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Lease(directory):
        pass
    operate.kill(reason="x" * 600, state_dir=directory)
    said = capsys.readouterr()
    assert f"latched in {directory}; no hedger runs there" in said.out
    assert "the reason was cut to 500 characters" in said.err


def test_a_kill_of_a_running_hedger_waits_until_it_is_dead(directory: Path) -> None:
    with Lease(directory):
        say(directory)
        with pytest.raises(AskAgain, match="does not show it yet"):
            operate.kill(reason="x", state_dir=directory, wait=0.2)
        say(directory, halted="the kill file: hedger kill: x", mode="halted")
        operate.kill(reason="x", state_dir=directory, wait=0.2)


def test_a_kill_beside_an_old_paper_run_is_for_the_hedger_that_has_taken_the_directory_itself(directory: Path) -> None:
    """Its lock is the first that it leaves there: it may have nothing else yet."""
    (directory / "paper").mkdir()
    with Lease(directory), pytest.raises(AskAgain, match=f"the kill is latched in {directory}, "):
        operate.kill(reason="x", state_dir=directory, wait=0.1)
    assert KillFile(directory).path.exists()


def unsaid(directory: Path) -> None:
    """It is starting: it holds its lock, and has not said a word."""


def unreadable(directory: Path) -> None:
    (directory / "status.json").write_text("")


def of_an_earlier_run(directory: Path) -> None:
    """It is starting, and what is written there was said long before, by a process that may be another program now."""
    say(directory, pid=4711)
    os.utime(directory / "status.json", (1, 1))


@pytest.mark.parametrize("how", [unsaid, unreadable, of_an_earlier_run])
def test_a_kill_of_one_that_says_nothing_says_that_it_is_latched_all_the_same(
    directory: Path, how: Callable[[Path], None]
) -> None:
    how(directory)
    with Lease(directory), pytest.raises(AskAgain) as told:
        operate.kill(reason="x", state_dir=directory, wait=0.1)
    assert str(told.value).startswith(f"the kill is latched in {directory}, and nothing new leaves; ")
    assert "no hedger runs" not in str(told.value)
    assert KillFile(directory).exists()


def test_one_that_hangs_is_told_with_its_process(directory: Path) -> None:
    with Lease(directory):
        say(directory, pid=4711)
        os.utime(directory / "hedger.lock", (1, 1))
        os.utime(directory / "status.json", (2, 2))
        with pytest.raises(AskAgain, match=r"process 4711\) has said nothing for .* it hangs"):
            operate.pause(reason="x", state_dir=directory, wait=0.1)


def test_one_that_starts_is_not_taken_for_the_run_before_it(directory: Path) -> None:
    of_an_earlier_run(directory)
    with Lease(directory), pytest.raises(AskAgain, match="it is starting") as told:
        operate.pause(reason="x", state_dir=directory, wait=0.1)
    assert "4711" not in str(told.value)


@pytest.mark.parametrize("how", [unsaid, unreadable])
def test_one_that_starts_is_not_said_to_be_absent(directory: Path, how: Callable[[Path], None]) -> None:
    """Whoever reads that none runs starts a second one."""
    how(directory)
    for act in (inspect.status, inspect.healthcheck):
        with Lease(directory), pytest.raises(AskAgain, match="has not said anything yet: it is starting"):
            act(state_dir=directory)


# --- who runs ---------------------------------------------------------------------------------------------------------


def test_a_process_that_exists_is_no_hedger_without_the_lock(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(directory, pid=1)
    with pytest.raises(AskAgain, match="no hedger runs on"):
        operate.pause(reason="x", state_dir=directory, wait=0.1)
    with pytest.raises(AskAgain, match="no hedger runs on"):
        inspect.status(state_dir=directory)
    told = capsys.readouterr().out
    assert "STALE: 0 s ago, and no hedger runs there now" in told
    assert "when it last spoke" in told, "nobody reads `hedging` of one that has ended"
    assert waiting(directory) == []
    with Lease(directory):
        inspect.status(state_dir=directory)
    assert "STALE" not in capsys.readouterr().out


def test_the_status_of_one_that_runs_and_writes_nothing_new_says_so_first(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(directory)
    with Lease(directory):
        inspect.status(state_dir=directory)
        assert "SILENT" not in capsys.readouterr().out
        then = (directory / "status.json").stat().st_mtime - 20
        os.utime(directory / "status.json", (then, then))
        inspect.status(state_dir=directory)
    first = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("said"))
    assert "20 s ago, SILENT SINCE" in first
    assert "`hedger healthcheck`" in first


def test_a_process_whose_disk_takes_no_status_is_asked_itself(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    health = Health(now=stopwatch)
    health.update({Check.JOURNAL: "the disk is full"})
    server = HealthServer(health, CollectorRegistry(), host="127.0.0.1", port=0, now=stopwatch)
    server.start()
    say(directory, metrics_port=server.port)
    with Lease(directory):
        inspect.status(state_dir=directory)
        assert "now" not in rows_of(capsys), "what was written a moment ago is true"
        then = (directory / "status.json").stat().st_mtime - 4
        os.utime(directory / "status.json", (then, then))
        inspect.status(state_dir=directory)
        rows = rows_of(capsys)
        assert rows["said"].startswith("4 s ago, NOT WRITTEN ANEW SINCE")
        assert rows["now"] == "it answers, NOT READY: journal: the disk is full"
        assert rows["mode"] == "hedging, when it last spoke"
        health.update({})
        inspect.status(state_dir=directory)
        assert rows_of(capsys)["now"] == "it answers, and is ready"
        server.close()
        inspect.status(state_dir=directory, json=True)
    assert json.loads(capsys.readouterr().out)["now"] == {"answers": False, "ok": False, "failing": {}}


def rows_of(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in capsys.readouterr().out.splitlines())


def test_the_status_as_json_tells_its_age_and_whether_it_is_stale(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(directory)
    with pytest.raises(AskAgain):
        inspect.status(state_dir=directory, json=True)
    known = json.loads(capsys.readouterr().out)
    assert known["stale"]
    assert known["age_s"] < 5


def test_a_proxy_of_the_environment_is_not_asked_whether_the_hedger_lives(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that is given one for the venues would be called dead, and killed, again and again."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    health = Health(now=stopwatch)
    health.beat()
    server = HealthServer(health, CollectorRegistry(), host="127.0.0.1", port=0, now=stopwatch)
    server.start()
    say(directory, metrics_port=server.port)
    try:
        with Lease(directory):
            inspect.healthcheck(state_dir=directory, json=True)
    finally:
        server.close()
    assert json.loads(capsys.readouterr().out) == {"alive": True, "metrics_port": server.port}


def test_whatever_else_listens_on_its_port_is_not_taken_for_the_hedger(directory: Path) -> None:
    def answer(listening: socket.socket) -> None:
        with listening.accept()[0] as asking:
            asking.recv(4096)
            asking.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = threading.Thread(target=answer, args=(listening,))
        other.start()
        say(directory, metrics_port=listening.getsockname()[1])
        with Lease(directory), pytest.raises(AskAgain, match=r"does not answer on port \d+ \(BadStatusLine\)"):
            inspect.healthcheck(state_dir=directory)
        other.join()


# --- requests that nobody answers -------------------------------------------------------------------------------------


def test_a_request_that_timed_out_is_withdrawn(directory: Path) -> None:
    with Lease(directory):
        say(directory)
        with pytest.raises(AskAgain, match="withdrawn, and nothing comes of it later"):
            operate.pause(reason="x", state_dir=directory, wait=0.1)
    assert waiting(directory) == []


def test_one_that_was_taken_up_and_not_answered_is_told_so(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def take_up() -> None:
        ends_at = time.monotonic() + 5
        while not list(Mailbox(directory).letters()) and time.monotonic() < ends_at:
            time.sleep(0.01)

    with Lease(directory):
        say(directory)
        reader = threading.Thread(target=take_up)
        reader.start()
        with pytest.raises(AskAgain, match="took the request up and has not said"):
            operate.pause(reason="x", state_dir=directory, wait=0.3)
        reader.join()


def test_ctrl_c_withdraws_what_was_asked(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(Mailbox):
        """Ctrl-C is pressed at the first look for an answer."""

        def answer_to(self, name: str) -> Answer | None:
            raise KeyboardInterrupt

    request = Request(ask=Ask.PAUSE, reason="x")
    with pytest.raises(KeyboardInterrupt):
        operate.ask_through(Interrupted(directory), request, 1.0)
    assert waiting(directory) == []
    assert "withdrawn, and nothing comes of it" in capsys.readouterr().err


def test_flaws_are_told_each_in_its_own_sentence_and_nothing_is_asked(directory: Path) -> None:
    with Lease(directory):
        say(directory)
        with pytest.raises(GiveUp, match="longer than 500 characters"):
            operate.pause(reason="x" * 501, state_dir=directory)
        with pytest.raises(GiveUp, match="our id of the order"):
            operate.write_off("../etc", reason="x", state_dir=directory)
    assert waiting(directory) == []


def test_a_wait_that_is_no_number_waits_for_nothing(directory: Path) -> None:
    with Lease(directory):
        say(directory)
        with pytest.raises(AskAgain, match=r"the kill is latched in .*, and nothing new leaves"):
            operate.kill(reason="x", state_dir=directory, wait=float("nan"))
        with pytest.raises(AskAgain, match="the request is withdrawn"):
            operate.pause(reason="x", state_dir=directory, wait=float("nan"))
    assert waiting(directory) == []


def test_what_a_terminal_would_obey_in_a_halt_s_words_is_not_printed(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They may be a venue's."""
    with Lease(directory):
        say(directory, halted="the venue said \x1b[2J", mode="halted")
        operate.kill(reason="x", state_dir=directory, wait=0.1)
    assert "the venue said ?[2J" in capsys.readouterr().out
