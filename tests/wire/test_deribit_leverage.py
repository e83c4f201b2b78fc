"""Leverage on a venue that has none to set: ours, remembered, and told to people as that, whatever the mode."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.app.doctor import Listed, account_rows
from hedger.app.findings import Finding
from hedger.app.precautions import configure_all
from hedger.engine.known.policy import Policy
from hedger.errors import GiveUp
from hedger.model.account import AccountReading, MarginMode
from hedger.model.instrument import InstrumentId
from hedger.settings.schema import Mode
from hedger.venues.abilities import Ability
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.stand import proves
from tests.support.stands.deribit import PERPETUAL, STAND
from tests.support.wire_venue import BTC, Desk, opened

ID = InstrumentId("main", PERPETUAL)


def of_leverage(leverage: int, id: InstrumentId = ID, mode: MarginMode = MarginMode.CROSS) -> Policy:
    """A policy under which nothing is sent."""
    hedge = hedge_of(instruments=(id,))
    guards = replace(hedge.guards, leverage=leverage, margin_mode=mode)
    return replace(policy_of(replace(hedge, guards=guards)), sends=False)


@proves(Ability.MODES)
def test_a_run_that_sends_nothing_reckons_with_the_configured_leverage_too() -> None:
    async def scenario() -> AccountReading:
        async with opened((PERPETUAL,), stand=STAND) as desk:
            await configure_all(of_leverage(3), {"main": desk.venue}, {"main": (ID,)})
            assert desk.fake.seen == []
            return await desk.venue.read_account()

    (held,) = asyncio.run(scenario()).positions
    assert held.leverage == D(3)


def test_a_venue_that_keeps_leverage_itself_is_left_alone_where_nothing_may_be_sent() -> None:
    async def scenario() -> int:
        async with opened() as desk:
            await configure_all(of_leverage(3, BTC), {"main": desk.venue}, {"main": (BTC,)})
            return len(desk.fake.seen)

    assert asyncio.run(scenario()) == 0


def modes_row(policy: Policy) -> Finding:
    """What an examination says of the contract's modes."""

    async def look(desk: Desk) -> list[Finding]:
        return await account_rows(policy, desk.venue, (ID,), Mode.SHADOW, 0, Listed())

    async def scenario() -> list[Finding]:
        async with opened(stand=STAND, ready=False) as desk:
            return await look(desk)

    return next(row for row in asyncio.run(scenario()) if row.check.endswith("modes"))


def test_an_examination_does_not_call_our_leverage_the_venues() -> None:
    row = modes_row(of_leverage(3))
    assert row.good
    assert "3x kept by us, for the venue has none to set" in row.found


def test_an_examination_says_that_there_is_no_isolated_margin() -> None:
    with pytest.raises(GiveUp, match="no isolated margin"):
        modes_row(of_leverage(1, mode=MarginMode.ISOLATED))
