"""What the page draws over time: bounded, in order, without what was not known."""

import pytest

from hedger.engine.known.state import State, initial_state
from hedger.ops.console.history import DAY_OF_MINUTES, HOUR_OF_SECONDS, History
from tests.support.ops_states import NOW, hedging_state, policy


def at(state: State, seconds: float) -> State:
    return state._replace(now=NOW + int(seconds * 1000))


def test_a_sample_has_the_delta_its_target_and_the_edges_of_the_band() -> None:
    history = History(policy())
    history.note(hedging_state())
    assert history.of("btc") == {"at": [NOW], "delta": [0.065], "target": [0.0], "upper": [0.05], "lower": [-0.05]}


def test_there_is_one_sample_a_second_however_often_it_is_asked() -> None:
    history, state = History(policy()), hedging_state()
    for tenth in range(31):
        history.note(at(state, tenth / 10))
    assert history.of("btc")["at"] == [NOW, NOW + 1_000, NOW + 2_000, NOW + 3_000]


def test_a_day_takes_no_more_room_than_its_rings_and_stays_in_order() -> None:
    history, state = History(policy()), hedging_state()
    minutes, seconds = DAY_OF_MINUTES + 100, HOUR_OF_SECONDS + 100
    for minute in range(minutes):
        history.note(at(state, minute * 60))
    for second in range(seconds):
        history.note(at(state, minutes * 60 + second))
    times = history.of("btc")["at"]
    assert times == sorted(set(times))
    assert len(times) <= HOUR_OF_SECONDS + DAY_OF_MINUTES
    assert times[-1] - times[-HOUR_OF_SECONDS] == (HOUR_OF_SECONDS - 1) * 1_000
    assert times[0] >= times[-1] - (DAY_OF_MINUTES + 1) * 60_000


def test_what_was_not_known_leaves_a_gap() -> None:
    history, state = History(policy()), hedging_state()
    history.note(state)
    history.note(at(initial_state(policy(), now=NOW, epoch=1), 1))
    history.note(at(state, 2))
    assert history.of("btc")["at"] == [NOW, NOW + 2_000]


def test_a_clock_that_was_set_back_begins_the_past_anew() -> None:
    history, state = History(policy()), hedging_state()
    for second in (10, 11, 5, 6):
        history.note(at(state, second))
    assert history.of("btc")["at"] == [NOW + 5_000, NOW + 6_000]


def test_a_reload_keeps_the_past_of_the_hedges_that_stay() -> None:
    history = History(policy("BTC"))
    history.note(hedging_state(policy("BTC")))
    history.follow(policy("BTC", "ETH"))
    assert len(history.of("btc")["at"]) == 1
    assert history.of("eth")["at"] == []
    history.follow(policy("ETH"))
    with pytest.raises(KeyError):
        history.of("btc")
