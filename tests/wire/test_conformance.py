"""One suite, a column per venue: what any venue's answers are taken for; no ability is claimed and not tested."""

import ast
import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from hedger.model.message import OrderAccepted, OrderOutcomeUnknown, OrderRejected
from hedger.settings.schema import PollingSettings
from hedger.venues.abilities import Ability, Proof
from hedger.venues.page import venues_page
from hedger.venues.profile import VENUES, profile_of
from tests.support.leaping import in_leaps
from tests.support.leave import let_go
from tests.support.stand import stand_of
from tests.support.wire_canaries import listening
from tests.support.wire_conformance import ANYWHERE, QUIET, outcomes, secrets_of, wrong
from tests.support.wire_outcomes import NEVER_LEFT
from tests.support.wire_server import plain_answer
from tests.support.wire_venue import Desk, opened

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "venues.md"
every_venue = pytest.mark.parametrize("venue", VENUES)


@every_venue
def test_answers_that_prove_nothing_are_taken_for_nothing_and_an_order_is_sent_once(venue: str) -> None:
    stand = stand_of(venue)
    with listening(*secrets_of(stand)) as heard:
        found = in_leaps(outcomes(stand, ANYWHERE))
    rows = {row.name: row for row in ANYWHERE}
    assert [str(one) for one in found if wrong(stand, one, rows[one.fault])] == []
    assert heard.leaks == []


@every_venue
def test_what_never_left_was_not_sent(venue: str) -> None:
    stand = stand_of(venue)
    found = in_leaps(outcomes(stand, NEVER_LEFT, apart=True))
    rows = {row.name: row for row in NEVER_LEFT}
    assert [str(one) for one in found if wrong(stand, one, rows[one.fault])] == []


@every_venue
def test_a_venue_that_asks_for_quiet_is_left_alone(venue: str) -> None:
    stand = stand_of(venue)
    found = in_leaps(outcomes(stand, QUIET, apart=True))
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


@every_venue
def test_polls_at_the_default_interval_leave_half_of_what_the_venue_allows(venue: str) -> None:
    """A full cycle each interval, prices polled too as if no stream stood, one instrument; weight by host a minute."""
    stand, polling = stand_of(venue), PollingSettings()

    async def used(ask: Callable[[Desk], Awaitable[object]], every_s: Decimal) -> Counter[str]:
        async with opened([stand.contract.symbol], stand=stand) as desk:
            await ask(desk)
            found: Counter[str] = Counter()
            for seen in desk.fake.seen:
                found[seen.host] += stand.weights.get(seen.path, 1)
            return Counter({host: int(weight * 60 / every_s) for host, weight in found.items()})

    async def scenario() -> Counter[str]:
        ids = [stand.contract]
        account = await used(lambda desk: desk.venue.read_account(), polling.account_s)
        prices = await used(lambda desk: desk.venue.read_prices(ids), polling.prices_s)
        funding = await used(lambda desk: desk.venue.read_funding(desk.fake.clock_ms() - 3_600_000), polling.funding_s)
        return account + prices + funding

    profile, spent = profile_of(venue), asyncio.run(scenario())
    limits = {profile.live.rest[api]: limit for api, limit in profile.weight_limits.items()}
    assert spent, "a cycle asks something"
    assert {host: weight for host, weight in spent.items() if weight > limits[host] / 2} == {}


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
