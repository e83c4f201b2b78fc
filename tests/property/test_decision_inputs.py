"""Whatever happens, in whatever order: what is kept of a step makes the same step again, to the byte."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.engine.step import step
from hedger.model.message import Event, Stamped
from hedger.runtime.codec import encode
from hedger.runtime.inputs import Recorder, facts_of, put
from hedger.runtime.migrate import bring_up_to_date
from tests.property.test_engine_events import POLICY, beginning, stories
from tests.support.engine_worlds import NOW


@settings(max_examples=60)
@given(stories, st.sampled_from(["fresh", "recovered", "hedging"]))
def test_what_is_kept_of_a_step_makes_the_same_step_again(story: list[tuple[int, Event]], how: str) -> None:
    state, now, recorder = beginning(how), NOW, Recorder(POLICY)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        bring_up_to_date(connection, Path("nowhere"))
        for later, event in story:
            now += later
            stamped = Stamped(now, event)
            digest, inputs = recorder.document(state, stamped)
            put(connection, list(inputs))
            facts = facts_of(connection, digest)
            assert facts is not None
            result, again = step(state, stamped, POLICY), step(facts.state, facts.stamped, facts.policy)
            assert encode((again.commands, again.decisions)) == encode((result.commands, result.decisions))
            assert again.state == result.state
            assert Recorder(POLICY).document(again.state, stamped)[0] == recorder.document(result.state, stamped)[0]
            state = result.state
