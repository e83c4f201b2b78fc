"""The long past of a decision is kept beside it: once while it does not change, and for as long as it is needed."""

from __future__ import annotations

import sqlite3
import zlib
from decimal import Decimal as D
from hashlib import sha256
from pathlib import Path

import pytest

from hedger.engine.formulas.volatility import Returns
from hedger.engine.known.state import State
from hedger.model.market import FundingRate
from hedger.model.message import Stamped, TimePassed
from hedger.model.spans import HOUR_MS
from hedger.runtime.inputs import FRAME_MS, Recorder, facts_of, put
from hedger.runtime.journal import Journal
from tests.support.engine_policies import perpetual
from tests.support.engine_worlds import NOW, POLICY, hedging

COINS = ("BTC", "ETH", "SOL")


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    return Journal.open(tmp_path, durable=False)._connection


def remembering(shift: int = 0) -> State:
    """A state with a month of returns and of funding rates of three coins."""
    moves = {
        coin: Returns(NOW, HOUR_MS, tuple(round((n * (7 + place) % 101 - 50 + shift) / 1e4, 7) for n in range(720)))
        for place, coin in enumerate(COINS)
    }
    rates = {
        perpetual(coin): tuple(
            FundingRate(rate=D(n).scaleb(-8), interval_ms=8 * HOUR_MS, settled_at=NOW - (100 - n) * 8 * HOUR_MS)
            for n in range(100)
        )
        for coin in COINS
    }
    return hedging("1")._replace(returns=moves, funding_rates=rates)


def test_a_state_with_a_long_past_comes_back_the_same(connection: sqlite3.Connection) -> None:
    state = remembering()
    digest, inputs = Recorder(POLICY).document(state, Stamped(NOW, TimePassed()))
    put(connection, list(inputs))
    facts = facts_of(connection, digest)
    assert facts is not None
    assert facts.state == state
    assert Recorder(facts.policy).document(facts.state, facts.stamped)[0] == digest, "the same bytes again"


def test_a_past_that_does_not_change_is_written_once_and_a_new_one_at_once() -> None:
    recorder, state = Recorder(POLICY), remembering()
    counts = []
    for n, known in enumerate([state, state, state, remembering(1), remembering(1), hedging("1"), state]):
        counts.append(len(recorder.document(known, Stamped(NOW + n, TimePassed()))[1]))
    assert counts == [3, 1, 1, 2, 1, 1, 2], "the first comes with its policy"


def test_a_long_past_makes_no_decision_larger() -> None:
    """Pressing looks back 32 kB: with the past in it a document would not find its frame any more."""
    sizes = []
    for state in (remembering(), hedging("1")):
        recorder = Recorder(POLICY)
        recorder.document(state, Stamped(NOW, TimePassed()))
        (document,) = recorder.document(state._replace(now=NOW + 1), Stamped(NOW + 1, TimePassed()))[1]
        sizes.append(len(document.body))
    assert sizes[0] < sizes[1] + 20


def test_each_frame_brings_the_past_again_so_that_it_outlives_what_needs_it() -> None:
    recorder, state = Recorder(POLICY), remembering()
    for at in (NOW, NOW + FRAME_MS):
        inputs = recorder.document(state, Stamped(at, TimePassed()))[1]
        assert len(inputs) == 3
        assert {kept.frame for kept in inputs} == {None}
        assert {kept.at for kept in inputs} == {at}


def test_what_waited_for_a_disk_that_failed_is_written_again_with_the_past() -> None:
    recorder, state = Recorder(POLICY), remembering()
    recorder.document(state, Stamped(NOW, TimePassed()))
    recorder.begin_anew()
    assert len(recorder.document(state, Stamped(NOW + 1, TimePassed()))[1]) == 3


def test_a_decision_whose_past_is_lost_is_not_made_again_on_a_part(connection: sqlite3.Connection) -> None:
    digest, inputs = Recorder(POLICY).document(remembering(), Stamped(NOW, TimePassed()))
    put(connection, list(inputs[:2]))
    assert facts_of(connection, digest) is None


def test_a_past_that_is_not_what_was_written_is_refused(connection: sqlite3.Connection) -> None:
    digest, inputs = Recorder(POLICY).document(remembering(), Stamped(NOW, TimePassed()))
    put(connection, [*inputs[:2], inputs[2]._replace(body=zlib.compress(b"{}"))])
    with pytest.raises(ValueError, match="is not what"):
        facts_of(connection, digest)


def test_a_document_of_an_earlier_program_which_held_its_past_itself_is_still_read(
    connection: sqlite3.Connection,
) -> None:
    state = hedging("1")
    recorder = Recorder(POLICY)
    _, (document, policy) = recorder.document(state, Stamped(NOW, TimePassed()))
    raw = zlib.decompress(document.body).replace(b'"past":"",', b"")
    raw = raw.replace(b'"state":{', b'"state":{"funding_rates":{},', 1)
    old = document._replace(digest=sha256(raw).hexdigest(), body=zlib.compress(raw))
    put(connection, [old, policy])
    facts = facts_of(connection, old.digest)
    assert facts is not None
    assert facts.state == state
