"""A day with 200 options: what is remembered of them, and what is written for a decision, does not grow."""

from __future__ import annotations

import gc
from dataclasses import replace
from decimal import Decimal as D

from hedger.engine.formulas.option_columns import Columns, columns
from hedger.engine.known.state import State
from hedger.engine.step import step
from hedger.model.instrument import InstrumentId
from hedger.model.message import Event, Stamped, TimePassed
from hedger.model.option import OptionPosition
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.runtime.inputs import Recorder
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.engine_worlds import NOW, hedging, mark_at, quote_at, read_at, reading_of
from tests.support.option_books import CALL, PUT, one, option_of

EVERY_MS = 2_700_000
POLICY = policy_of(hedge_of(guards={"quote_age": HOUR_MS, "mark_age": HOUR_MS, "account_age": HOUR_MS}))


def held(index: D) -> tuple[OptionPosition, ...]:
    """Pairs that cancel out, bought and sold, at their marks at each index."""
    return tuple(_option(place, index) for place in range(200))


def _option(place: int, index: D) -> OptionPosition:
    kind, strike, days = (CALL if place // 2 % 2 else PUT), 40_000 + 400 * (place // 4), 20 + place // 50
    value = one(float(index), strike, days / 365, 0.5, kind.sign).value[0] / float(index)
    return option_of(
        kind,
        "1" if place % 2 else "-1",
        strike=str(strike),
        days=days,
        id=InstrumentId(ACCOUNT, f"BTC/USD:BTC-{strike}-{kind.value[0]}-{place}"),
        index_price=index,
        forward_price=index,
        mark_price=D(f"{value:.6f}"),
    )


def told(state: State, at: int, index: D) -> State:
    """What comes within three quarters of an hour: a quote, a mark, two readings that agree, and a beat."""
    options = held(index)
    events: list[Event] = [replace(quote_at(), exchange_at=at), replace(mark_at(), exchange_at=at)]
    for later in (0, 1_000):
        reading = reading_of("1", "-1", at=at + later, options=options)
        events.append(read_at(at + later, reading, requested_at=at + later - 1).event)
    for place, event in enumerate((*events, TimePassed())):
        state = step(state, Stamped(at + 500 * place, event), POLICY).state
    return state


def test_over_a_day_of_readings_with_200_options_state_and_documents_stay_as_large_as_they_were() -> None:
    state, recorder, sizes = hedging("1", "-1"), Recorder(POLICY), []
    for turn, at in enumerate(range(NOW, NOW + DAY_MS, EVERY_MS)):
        state = told(state, at, D(60_000) + D(turn % 7))
        recorder.begin_anew()
        _, (document, *_) = recorder.document(state, Stamped(state.now, TimePassed()))
        sizes.append(len(document.body))
    reading = next(iter(state.accounts.values())).reading
    assert reading is not None
    assert len(reading.options) == 200
    assert len(state.books[reading.account].carry.last.options) == 200
    early, late = max(sizes[2:9]), max(sizes[-7:])
    assert late <= 1.1 * early, f"{early} bytes a document in the morning, {late} in the evening"


def test_the_arrays_of_old_readings_are_let_go() -> None:
    columns(held(D(60_000)))
    for turn in range(20):
        columns(held(D(turn + 1)))
    gc.collect()
    left = [found for found in gc.get_objects() if isinstance(found, Columns)]
    assert len(left) <= 16
