"""One suite, a column per venue: what any venue's answers are taken for; no ability is claimed and not tested."""

import ast
import asyncio
import json
from functools import cache
from pathlib import Path

import pytest

from hedger.model.message import OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.venues.abilities import Ability, Proof
from hedger.venues.page import venues_page
from hedger.venues.profile import VENUES, profile_of
from tests.support.leave import let_go
from tests.support.stand import stand_of
from tests.support.wire_canaries import listening
from tests.support.wire_conformance import ANYWHERE, NEVER_LEFT, QUIET, outcomes, secrets_of, wrong
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import opened

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "venues.md"
every_venue = pytest.mark.parametrize("venue", VENUES)


@every_venue
def test_answers_that_prove_nothing_are_taken_for_nothing_and_an_order_is_sent_once(venue: str) -> None:
    stand = stand_of(venue)
    with listening(*secrets_of(stand)) as heard:
        found = asyncio.run(outcomes(stand, ANYWHERE))
    rows = {row.name: row for row in ANYWHERE}
    assert [str(one) for one in found if wrong(stand, one, rows[one.fault])] == []
    assert heard.leaks == []


@every_venue
def test_what_never_left_was_not_sent(venue: str) -> None:
    stand = stand_of(venue)
    found = asyncio.run(outcomes(stand, NEVER_LEFT, apart=True))
    rows = {row.name: row for row in NEVER_LEFT}
    assert [str(one) for one in found if wrong(stand, one, rows[one.fault])] == []


@every_venue
def test_a_venue_that_asks_for_quiet_is_left_alone(venue: str) -> None:
    stand = stand_of(venue)
    found = asyncio.run(outcomes(stand, QUIET, apart=True))
    rows = {row.name: row for row in QUIET}
    assert [str(one) for one in found if wrong(stand, one, rows[one.fault])] == []


@every_venue
def test_the_venues_own_refusals_prove_what_its_table_says_and_no_more(venue: str) -> None:
    stand = stand_of(venue)
    route = stand.routes["create"]

    async def refused(status: int, body: object) -> str:
        async with opened(stand=stand) as desk:
            desk.fake.answers[route.method, route.path] = plain_answer(status, _text(body))
            outcome = await desk.venue.place(stand.order(), let_go)
            sent = len(desk.fake.requests(route.method, route.path))
            assert sent == 1
            match outcome:
                case OrderRejected():
                    return str(outcome.reason)
                case OrderOutcomeUnknown():
                    return "unknown"
                case OrderAccepted():
                    return "accepted"

    async def scenario() -> list[str]:
        wrong = []
        for name, status, body, reason in stand.denials:
            told = await refused(status, body)
            if told != (reason or "unknown"):
                wrong.append(f"{name}: {told} and not {reason or 'unknown'}")
        return wrong

    assert len(stand.denials) >= 15
    assert asyncio.run(scenario()) == []


@every_venue
def test_every_ability_is_told_and_none_is_claimed_without_a_test(venue: str) -> None:
    told = profile_of(venue).abilities
    assert set(told) == set(Ability)
    assert all(row.how for row in told.values())
    assert all(row.doubt for row in told.values() if row.proof is Proof.UNVERIFIED)
    claimed = {ability for ability, row in told.items() if row.proof is not Proof.ABSENT}
    assert claimed - proven(venue) == set(), "mark the tests that prove them with @proves"


@every_venue
def test_there_are_at_least_forty_failures_for_each_venue(venue: str) -> None:
    assert len(ANYWHERE) + len(NEVER_LEFT) + len(QUIET) + len(stand_of(venue).denials) >= 80


def test_the_page_of_the_venues_is_made_of_their_profiles() -> None:
    assert PAGE.read_text() == venues_page(), "run `python -m hedger.venues.page > docs/venues.md`"


@cache
def proven(venue: str) -> frozenset[Ability]:
    """The abilities that the tests of a venue say they prove."""
    names: set[str] = set()
    for path in (*HERE.glob(f"test_{venue}_*.py"), *(HERE.glob("test_venue_*.py") if venue == "binance" else ())):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "proves":
                names |= {part.attr for part in node.args if isinstance(part, ast.Attribute)}
    return frozenset(Ability[name] for name in names)


def _text(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body)
