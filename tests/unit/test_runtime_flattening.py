"""A flatten and an acknowledgement on disk: what a start finds of them, and what ends them."""

from dataclasses import replace
from pathlib import Path

import pytest

from hedger.app.resume import set_journal_aside
from hedger.engine.decision.flatten import plan_of
from hedger.engine.known.latch import MOST_ACKNOWLEDGED, Flatten
from hedger.engine.known.state import State
from hedger.engine.step import step
from hedger.model.message import Event, Operation, OperatorAsked, Stamped
from hedger.runtime.journal import Journal
from hedger.runtime.record import must_be_durable, rows_of
from hedger.runtime.recover import recovered_state
from hedger.runtime.requests import Ask, Request, parse_request
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.engine_worlds import NOW, POLICY, hedging
from tests.support.simulated_daemon import OperatorDesk

FLATTEN = OperatorAsked(operation=Operation.FLATTEN, reason="out")
PAUSE = replace(FLATTEN, operation=Operation.PAUSE, reason="a look")
UNPAUSE = replace(FLATTEN, operation=Operation.UNPAUSE)


def lived(directory: Path, *events: OperatorAsked) -> State:
    """The state after these events, each written down as the loop does."""
    journal, state = Journal.open(directory, durable=False), hedging("1", "-1")
    journal.begin(NOW, {})
    for number, event in enumerate(events, start=1):
        stamped = Stamped(NOW + number, event)
        result = step(state, stamped, POLICY)
        rows = rows_of(state, stamped, result)
        assert must_be_durable(result, rows)
        journal.write(rows)
        state = result.state
    journal.close()
    return state


def found(directory: Path) -> State:
    """What the next start begins with."""
    journal = Journal.open(directory, durable=False)
    try:
        return recovered_state(POLICY, journal.begin(NOW + 1_000, {}), NOW + 1_000)
    finally:
        journal.close()


@pytest.mark.parametrize(
    "events",
    [
        (FLATTEN,),
        (replace(FLATTEN, names=("btc",)),),
        (FLATTEN, PAUSE),
        (PAUSE, replace(FLATTEN, names=("btc",))),
        (FLATTEN, PAUSE, FLATTEN),
        (FLATTEN, UNPAUSE),
        (FLATTEN, UNPAUSE, PAUSE),
        (PAUSE, FLATTEN, UNPAUSE, replace(FLATTEN, names=("btc",))),
        (FLATTEN, replace(FLATTEN, operation=Operation.RESUME)),
    ],
)
def test_a_start_finds_the_latch_as_it_was_left(events: tuple[OperatorAsked, ...], tmp_path: Path) -> None:
    left, then = lived(tmp_path, *events), found(tmp_path)
    assert (then.paused, dict(then.flattening)) == (left.paused, dict(left.flattening))
    again = found(tmp_path)
    assert (again.paused, dict(again.flattening)) == (left.paused, dict(left.flattening))


def test_a_hedge_that_is_not_configured_any_more_is_not_carried_and_comes_back_flattened(tmp_path: Path) -> None:
    lived(tmp_path, replace(FLATTEN, names=("btc",)))
    journal = Journal.open(tmp_path, durable=False)
    recovered = journal.begin(NOW + 1_000, {})
    journal.close()
    assert not recovered_state(policy_of(hedge_of("ETH")), recovered, NOW).flattening
    assert "btc" in found(tmp_path).flattening


def test_a_journal_that_is_set_aside_leaves_the_flatten_in_force(tmp_path: Path) -> None:
    left = lived(tmp_path, FLATTEN)
    set_journal_aside(tmp_path, "damaged")
    then = found(tmp_path)
    assert (then.paused, dict(then.flattening)) == ("out", dict(left.flattening))
    assert then.flattening["btc"] == Flatten(reason="out", asked_at=NOW + 1)


def test_alarms_that_were_acknowledged_are_remembered_the_newest_of_many(tmp_path: Path) -> None:
    asked = [
        OperatorAsked(operation=Operation.ACKNOWLEDGE, reason="seen", names=(f"Alarm:{number}",))
        for number in (*range(MOST_ACKNOWLEDGED + 5), 3, 70)
    ]
    left, then = lived(tmp_path, *asked), found(tmp_path)
    assert list(then.acknowledged.items()) == list(left.acknowledged.items())
    assert list(then.acknowledged)[-2:] == ["Alarm:3", "Alarm:70"]
    assert len(then.acknowledged) == MOST_ACKNOWLEDGED


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(ask=Ask.FLATTEN, reason="out", subject="BTC"), "the plan that was agreed to"),
        (Request(ask=Ask.ACKNOWLEDGE, reason="seen"), "the key of an alarm"),
        (Request(ask=Ask.FLATTEN, reason="", shown="BTC|x=1"), "needs a reason"),
        (Request(ask=Ask.FLATTEN, reason="out", shown="BTC|x=1"), ""),
        (Request(ask=Ask.FLATTEN, reason="out", subject="BTC,ETH", shown="BTC|x=1"), ""),
    ],
)
def test_a_request_to_flatten_brings_the_plan_that_was_shown(request_: Request, words: str) -> None:
    assert words in request_.flaw()
    assert bool(words) is bool(request_.flaw())
    read = parse_request(request_.to_json(asked_ns=1, expires_ns=2))
    assert read == (None if words else request_)


class Seat:
    """An engine without a loop: it handles what is asked at once, and writes nothing."""

    policy = POLICY

    def __init__(self, state: State) -> None:
        self.state = state

    def handle_now(self, event: Event) -> None:
        self.state = step(self.state, Stamped(NOW, event), POLICY).state

    def drain(self, reason: str) -> None: ...


@pytest.mark.parametrize("ask", [Ask.FLATTEN, Ask.PAUSE])
def test_what_no_disk_remembers_is_not_called_latched(ask: Ask, tmp_path: Path) -> None:
    desk, seat = OperatorDesk(tmp_path), Seat(hedging("1", "-1")._replace(journal_fault="the disk is full"))
    shown = plan_of(seat.state, POLICY).shown if ask is Ask.FLATTEN else ""
    name = desk.mailbox.send(Request(ask=ask, reason="out", shown=shown), "0001")
    desk.reception.look(seat)
    answer = desk.mailbox.answer_to(name)
    assert answer is not None
    assert answer.done
    assert "the disk is full), and a restart would forget it" in answer.why
    assert seat.state.paused == "out"
