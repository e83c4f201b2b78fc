"""`hedger flatten` and `hedger ack` before anything is asked, and what they say when it does not come to flat."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from hedger.cli import acknowledge, flatten
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.ops.flatten import flatten_status
from hedger.runtime.lease import Lease
from hedger.runtime.requests import Answer, Ask, Mailbox, Request
from tests.support.engine_worlds import POLICY, hedging

STATUS = {
    "at": "2026-01-01T00:00:00Z",
    "pid": 1,
    "kind": "paper",
    "mode": "hedging",
    "mode_reason": None,
    "halted": None,
    "paused": None,
    "way_out": None,
    "hedges": {"btc": {"last_decision": "quote_age"}},
    "flatten": flatten_status(hedging("1.5", "-1"), POLICY),
    "alarms": [{"key": "Unhedged:btc", "level": "critical", "text": "outside", "acknowledged_at": None}],
}
LATCH = {"reason": "out", "asked_at": "", "flat_at": None}


def latched(state: str) -> dict[str, Any]:
    return {"flatten": {**flatten_status(hedging("1.5", "-1"), POLICY), "latched": {"btc": {**LATCH, "state": state}}}}


def say(directory: Path, **changes: object) -> None:
    fresh = directory / "status.new"
    fresh.write_text(json.dumps({**STATUS, **changes}))
    fresh.replace(directory / "status.json")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    Mailbox(made).prepare()
    with Lease(made):
        say(made)
        yield made


class Terminal:
    """Where somebody looks."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.written.append(text)

    def flush(self) -> None:
        pass


@contextmanager
def a_hedger(directory: Path, answer: Answer, **then: object) -> Iterator[list[Request]]:
    """Somebody who answers the next request, and says something else from then on."""
    asked: list[Request] = []

    def serve() -> None:
        mailbox, ends_at = Mailbox(directory), time.monotonic() + 5
        while not asked and time.monotonic() < ends_at:
            for letter in mailbox.letters():
                assert letter.request is not None
                asked.append(letter.request)
                say(directory, **then)
                mailbox.answer(letter.name, answer)
            time.sleep(0.005)

    thread = threading.Thread(target=serve)
    thread.start()
    yield asked
    thread.join()


def test_hedges_are_named_or_all_of_them_are_meant(directory: Path) -> None:
    with pytest.raises(ConfigError, match="name the hedges to flatten, or say --all"):
        flatten.flatten("out", state_dir=directory)
    with pytest.raises(ConfigError, match="name the hedges to flatten, or say --all"):
        flatten.flatten("out", ["btc"], everything=True, state_dir=directory)
    with pytest.raises(GiveUp, match="there is no hedge DOGE; there are btc"):
        flatten.flatten("out", ["DOGE"], state_dir=directory)


def test_without_the_phrase_nothing_is_asked(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for typed in ("", "yes", "flatten", "flatten everything"):
        with pytest.raises(ConfigError, match="nothing was asked: it needs the phrase, --yes 'flatten btc'"):
            flatten.flatten("out", ["btc"], yes=typed, state_dir=directory)
    with pytest.raises(ConfigError, match="--yes 'flatten everything'"):
        flatten.flatten("out", everything=True, yes="flatten btc", state_dir=directory)
    flatten.flatten("out", ["btc"], dry_run=True, state_dir=directory)
    assert not [path for path in (directory / "requests").iterdir() if path.suffix == ".json"]
    assert "you are UNHEDGED: a delta of +1.5 BTC" in capsys.readouterr().out


def test_a_halt_is_said_before_the_phrase_is_asked_for(directory: Path) -> None:
    say(directory, halted="the kill file")
    with pytest.raises(GiveUp, match="a halt outranks a flatten"):
        flatten.flatten("out", ["btc"], yes="flatten btc", state_dir=directory)


def test_what_is_asked_is_bound_to_what_was_shown(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with a_hedger(directory, Answer(done=True, why="latched"), **latched("flat")) as asked:
        flatten.flatten("out", ["btc"], yes="flatten btc", state_dir=directory, wait=5.0)
    (request,) = asked
    assert (request.ask, request.subject, request.shown) == (Ask.FLATTEN, "btc", "btc|paper:BTC/USDT:USDT=-1")
    assert "lets it HEDGE AGAIN" in capsys.readouterr().out


def test_whoever_waits_at_a_terminal_reads_what_is_still_held(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    answered = a_hedger(directory, Answer(done=True, why=""), **latched("works"))
    with answered, redirect_stderr(cast(TextIO, terminal)), pytest.raises(AskAgain):
        flatten.flatten("out", ["btc"], yes="flatten btc", state_dir=directory, wait=0.5)
    assert any("waiting until it is flat: btc: -1 of " in line for line in terminal.written)
    assert max(len(line.removeprefix("\r\x1b[K")) for line in terminal.written) == 59, "a line that wraps would stay"
    assert terminal.written[-1] == "\r\x1b[K", "an error begins on a line of its own"


def test_a_refusal_and_a_flatten_that_is_not_done_end_with_their_own_codes(directory: Path) -> None:
    with a_hedger(directory, Answer(done=False, why="it changed")), pytest.raises(GiveUp, match="refused: it changed"):
        flatten.flatten("out", everything=True, yes="flatten everything", state_dir=directory, wait=5.0)
    with a_hedger(directory, Answer(done=True, why=""), **latched("works")), pytest.raises(AskAgain) as late:
        flatten.flatten("out", ["btc"], yes="flatten btc", state_dir=directory, wait=1.0)
    assert "goes on by itself, and is not done: btc: -1 of paper:BTC/USDT:USDT, quote_age" in str(late.value)
    held = {**latched("held"), "way_out": "paused: a look"}
    with a_hedger(directory, Answer(done=True, why=""), **held), pytest.raises(AskAgain, match="does not go on now"):
        flatten.flatten("out", ["btc"], yes="flatten btc", state_dir=directory, wait=5.0)


def test_an_alarm_that_stands_can_be_acknowledged_and_no_other(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    acknowledge.acknowledge(state_dir=directory)
    assert "Unhedged:btc" in capsys.readouterr().out
    with pytest.raises(GiveUp, match="Halted does not stand now: Unhedged:btc does"):
        acknowledge.acknowledge("Halted", reason="seen", state_dir=directory)
    with pytest.raises(ConfigError, match="it needs a reason"):
        acknowledge.acknowledge("Unhedged:btc", state_dir=directory)
    with a_hedger(directory, Answer(done=True, why="")) as asked:
        acknowledge.acknowledge("Unhedged:btc", reason="seen", state_dir=directory, wait=5.0)
    assert (asked[0].ask, asked[0].subject, asked[0].reason) == (Ask.ACKNOWLEDGE, "Unhedged:btc", "seen")
