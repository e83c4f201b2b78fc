"""What a decision was made on: exact to the digit, the same bytes in every process, small, and kept for a while."""

import hashlib
import json
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path
from types import MappingProxyType
from typing import get_type_hints

import pytest

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.errors import JournalError
from hedger.model.message import Event, Stamped, StreamChanged, SwitchFailed, TimePassed
from hedger.model.order import Fill
from hedger.runtime.codec import decode, encode, holds_sets
from hedger.runtime.inputs import (
    FRAME_MS,
    FRAME_USES,
    KEPT_MS,
    LEAST_KEPT,
    MOST_BYTES,
    Facts,
    Input,
    Recorder,
    facts_of,
    put,
)
from hedger.runtime.journal import Journal
from hedger.runtime.record import rows_of
from tests.support.engine_worlds import NOW, POLICY, feed, fill_of, hedging, order_of, quote_at, read_at, reading_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    return Journal.open(tmp_path, durable=False)._connection


def kept(connection: sqlite3.Connection, recorder: Recorder, state: State, at: int = NOW) -> str:
    digest, inputs = recorder.document(state, Stamped(at, TimePassed()))
    put(connection, list(inputs))
    return digest


def known(connection: sqlite3.Connection, digest: str) -> Facts:
    facts = facts_of(connection, digest)
    assert facts is not None
    return facts


# --- exact ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digits", ["1.0", "1.00", "1E+2", "-0", "0E-8", "123456789012345678901234567890.000000001"])
def test_a_number_keeps_every_digit_and_its_exponent(digits: str) -> None:
    again = decode(D, json.loads(encode(D(digits))))
    assert again.as_tuple() == D(digits).as_tuple()


def test_a_state_in_the_middle_of_things_comes_back_the_same(connection: sqlite3.Connection) -> None:
    state = hedging("1.50", "-0.700", orders=(order_of(quantity="0.10"),))._replace(
        funding_seen={"paper": frozenset({"b", "a"})}, paused='a "reason" − with, signs'
    )
    order = next(iter(state.orders.values()))
    event = fill_of(order, "0.0300", "trade,1")
    digest, inputs = Recorder(POLICY).document(state, Stamped(NOW + 5, event))
    put(connection, list(inputs))
    facts = known(connection, digest)
    assert facts.state == state
    assert facts.stamped == Stamped(NOW + 5, event)
    assert facts.policy == POLICY
    assert encode(facts.stamped.event) == encode(event)
    assert Recorder(facts.policy).document(facts.state, facts.stamped)[0] == digest, "the same bytes again"


def test_events_that_have_the_same_fields_are_told_apart(connection: sqlite3.Connection) -> None:
    recorder = Recorder(POLICY)
    for event in (SwitchFailed(account="paper", text="no"), StreamChanged(account="paper", up=False, text="no")):
        digest, inputs = recorder.document(hedging("1"), Stamped(NOW, event))
        put(connection, list(inputs))
        assert known(connection, digest).stamped.event == event


def test_a_read_only_mapping_is_written_as_the_mapping_that_it_shows() -> None:
    assert encode(MappingProxyType({"a": D("1.0")})) == b'{"a":"1.0"}'
    with pytest.raises(ValueError, match="cannot be written"):
        encode(object())


def test_every_set_in_a_state_is_written_in_order() -> None:
    assert holds_sets(Mapping[str, frozenset[str]])
    assert holds_sets(State)
    assert not holds_sets(Policy)
    assert not holds_sets(Fill)


def test_no_event_and_no_policy_holds_a_set() -> None:
    """They are written as they are: a set in one of them would come out in another order in each process."""
    assert not holds_sets(Event)
    assert not holds_sets(Policy)


def test_a_document_is_the_same_in_every_process() -> None:
    say = (
        "from hedger.runtime.inputs import Recorder; from hedger.model.message import *\n"
        "from tests.support.engine_worlds import *\n"
        "state = hedging('1')._replace(funding_seen={'paper': frozenset(str(n) for n in range(50))})\n"
        "print(Recorder(POLICY).document(state, Stamped(NOW, TimePassed()))[0])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", say], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, "1"),
        (int, True),
        (bool, 1),
        (str, None),
        (tuple[int, int], [1, 2, 3]),
        (Fill, {"id": ["paper", "x"], "colour": "red"}),
        (TimePassed | StreamChanged, {"what": 1}),
    ],
)
def test_what_is_not_of_its_type_is_refused(hint: object, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(hint, value)


def test_what_a_later_program_added_takes_its_default_where_it_is_missing() -> None:
    order = order_of()
    written = json.loads(encode(order))
    del written["adopted_at"]
    assert decode(type(order), written) == replace(order, adopted_at=0)


# --- kept -------------------------------------------------------------------------------------------------------------


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM inputs").fetchone()[0])


def test_documents_of_an_hour_are_pressed_with_its_first_one(connection: sqlite3.Connection) -> None:
    recorder = Recorder(POLICY)
    first = kept(connection, recorder, hedging("1"))
    second = kept(connection, recorder, hedging("1.1"), NOW + 1)
    later = kept(connection, recorder, hedging("1.2"), NOW + FRAME_MS)
    frames = dict(connection.execute("SELECT digest, frame FROM inputs"))
    assert (frames[first], frames[second], frames[later]) == (None, first, None)
    size = dict(connection.execute("SELECT digest, length(body) FROM inputs"))
    assert size[second] < size[first] / 2
    assert known(connection, second).state == hedging("1.1")


def test_a_frame_is_not_used_without_end() -> None:
    recorder, state = Recorder(POLICY), hedging("1")
    documents = (recorder.document(state, Stamped(NOW + n, TimePassed()))[1] for n in range(FRAME_USES + 10))
    assert sum(inputs[0].frame is None for inputs in documents) == 2


def test_after_a_failed_write_the_next_document_stands_alone() -> None:
    recorder = Recorder(POLICY)
    recorder.document(hedging("1"), Stamped(NOW, TimePassed()))
    recorder.begin_anew()
    assert recorder.document(hedging("1"), Stamped(NOW + 1, TimePassed()))[1][0].frame is None


def test_old_documents_go_and_what_younger_ones_need_stays(connection: sqlite3.Connection) -> None:
    """One document every twenty minutes for nine days: a week of them is there, and each can be read."""
    recorder, state = Recorder(POLICY), hedging("1")
    connection.execute("BEGIN")
    moments = [NOW + n * 1_200_000 for n in range(9 * 72)]
    digests = [(at, kept(connection, recorder, state, at)) for at in moments]
    newest = digests[-1][0]
    for at, digest in digests:
        if at >= newest - KEPT_MS:
            assert known(connection, digest).stamped.at == at
    assert count(connection) < 7.1 * 72 + 20
    assert facts_of(connection, digests[0][1]) is None


def test_a_burst_is_bounded_by_number(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO inputs (id, digest, at, frame, body) VALUES (60000, 'x', ?, 'y', x'')", (NOW,))
    recorder, state = Recorder(POLICY), hedging("1")
    kept(connection, recorder, state)
    connection.execute("UPDATE inputs SET id = id - 59000 WHERE id > 60000")
    connection.execute("INSERT INTO inputs (id, digest, at, frame, body) VALUES (200000, 'z', ?, 'y', x'')", (NOW,))
    kept(connection, recorder, state, NOW + 1)
    held = {digest for (digest,) in connection.execute("SELECT digest FROM inputs")}
    assert "x" not in held
    assert "z" in held


def test_large_documents_are_bounded_by_what_they_take(connection: sqlite3.Connection) -> None:
    """Half a megabyte each, as with thousands of options: not fifty thousand of them."""
    for number in range(900):
        put(connection, [Input(f"d{number}", 1, "frame", bytes(500_000) if number > 880 else b"x")])
    kept = connection.execute("SELECT count(*) FROM inputs").fetchone()[0]
    assert LEAST_KEPT <= kept <= MOST_BYTES // 500_000 + 1


def test_only_what_is_told_is_written_out() -> None:
    class Counting(Recorder):
        documents = 0

        def document(self, before: State, stamped: Stamped) -> object:  # type: ignore[override]
            self.documents += 1
            return super().document(before, stamped)

    recorder, state = Counting(POLICY), hedging("0", "0")
    for event in (quote_at("60000.5", "60000.6", at=NOW + 1), TimePassed()):
        after, (result,) = feed(state, (NOW + 1, event))
        rows_of(state, Stamped(NOW + 1, event), result, recorder)
        state = after
    told = recorder.documents
    reading = read_at(NOW + 10, reading_of("0.1", "0", at=NOW + 10))
    _, (result,) = feed(state, reading)
    rows = rows_of(state, reading, result, recorder)
    assert recorder.documents == told + 1
    assert [row.kind for row in rows if row.inputs] == ["decision"]


def test_a_field_of_another_program_is_named(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        digest = kept(journal._connection, Recorder(POLICY), hedging("1"))
        assert journal.facts(digest) is not None
        assert journal.facts("unknown") is None
    assert set(get_type_hints(State)) == set(State._fields)


# --- another program --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accounts", []),
        ("hedges", "none"),
        ("now", "yesterday"),
        ("orders", {"x": "gone"}),
        ("next_sequence", None),
        ("quotes", {"main,BTC/USDT:USDT": [{"bid": "no number"}, 1]}),
    ],
)
def test_what_a_program_of_another_shape_kept_is_told_in_a_sentence(tmp_path: Path, field: str, value: object) -> None:
    """Its digest is right, so it is what was written; it is only not what this program understands."""
    recorder = Recorder(POLICY)
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        _, inputs = recorder.document(hedging("1"), Stamped(NOW, TimePassed()))
        document = json.loads(zlib.decompress(inputs[0].body))
        document["state"][field] = value
        raw = json.dumps(document).encode()
        digest = hashlib.sha256(raw).hexdigest()
        put(journal._connection, [*inputs, Input(digest, NOW, None, zlib.compress(raw))])
        with pytest.raises(JournalError, match="cannot be used"):
            journal.facts(digest)
