"""Money that leaves its peg, and coin-settled contracts that nobody decided how to count, in the running daemon."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Peg
from hedger.engine.known.state import Action, Reason
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.market import Quote
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.engine_worlds import position_at
from tests.support.simulated_daemon import Play, play

PAIR = InstrumentId(ACCOUNT, "BTC/USDT")
# The paper exchange lists no pair of two kinds of money, so this one stands for it, at what it costs there.
PEG = Peg(asset="USDT", par=D(60_000), limit=D(500), source=PAIR)


def at_times(factor: str) -> Callable[[Quote], Quote]:
    def bent(quote: Quote) -> Quote:
        if quote.id != PAIR:
            return quote
        return replace(quote, bid=quote.bid * D(factor), ask=quote.ask * D(factor))

    return bent


@pytest.mark.parametrize("factor", ["1.1", "0.9"])
def test_money_away_from_its_peg_stops_what_adds_risk_until_it_is_back(factor: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = at_times(factor)
        await it.sleep(5)
        it.deposit("0.09")
        await it.until(lambda: denied(it, Reason.DEPEG), "denied for the peg", within=60)
        before = len(it.venue.placed)
        await it.sleep(15)
        assert len(it.venue.placed) == before
        it.deposit("-0.18")
        await it.until(lambda: len(it.venue.placed) > before, "reducing all the same", within=60)
        await it.until_hedged()
        it.venue.clear()
        await it.sleep(5)
        it.deposit("0.18")
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(pegs=(PEG,))), tmp_path)
    assert PAIR in it.state.quotes
    assert it.state.halted is None


def test_money_whose_source_goes_silent_stops_what_adds_risk(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lambda quote: None if quote.id == PAIR else quote
        await it.sleep(65)
        it.deposit("0.09")
        await it.until(lambda: denied(it, Reason.DEPEG), "denied for want of a price", within=60)
        it.venue.clear()
        await it.until_hedged()

    play(script, policy_of(hedge_of(pegs=(PEG,))), tmp_path)


def with_a_contract_in_coins(reading: AccountReading) -> AccountReading:
    """A tiny one, well within the band, that somebody else opened."""
    row = position_at("-1", id=InstrumentId(ACCOUNT, "BTC/USD:BTC"), contract_multiplier=D(100), payoff=Payoff.INVERSE)
    return replace(reading, positions=(*reading.positions, row))


@pytest.mark.parametrize("said", [True, False])
def test_a_contract_in_coins_stops_what_adds_risk_where_nobody_said_how_to_count(said: bool, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.reading = with_a_contract_in_coins
        await it.sleep(7)
        it.deposit("0.09")
        if said:
            await it.until_hedged()
            return
        await it.until(lambda: denied(it, Reason.NUMERAIRE), "denied until it is said", within=60)
        it.venue.clear()
        await it.until_hedged()

    play(script, policy_of(hedge_of(numeraire_said=said)), tmp_path)


def denied(it: Play, reason: Reason) -> bool:
    return it.decision.action in (Action.DENY, Action.CANCEL) and it.decision.reason is reason
