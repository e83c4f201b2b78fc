"""When the rules of instruments are asked for again."""

from hedger.engine.held.rules import AGAIN_AFTER_MS
from hedger.model.message import InstrumentsLoaded, ReadInstruments, TimePassed
from tests.support.engine_policies import ACCOUNT
from tests.support.engine_worlds import NOW, feed, hedging


def test_what_is_not_listed_any_more_is_asked_for_again_within_a_minute() -> None:
    gone = InstrumentsLoaded(account=ACCOUNT, instruments=())
    state, results = feed(hedging(), (NOW, gone), (NOW + AGAIN_AFTER_MS, TimePassed()))
    assert state.delisted
    assert any(isinstance(command, ReadInstruments) for result in results for command in result.commands)
