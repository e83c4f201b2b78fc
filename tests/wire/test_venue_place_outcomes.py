"""What each answer proves, to each question of each venue: one table, and one request on the wire for each order.

Every failure is run at DEBUG with canary keys: no piece of them may be in a line, a text or a traceback.
"""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from hedger.model.message import OrderAccepted
from hedger.venues.abilities import Ability
from tests.support.leaping import StandingClock, in_leaps
from tests.support.leave import let_go
from tests.support.stand import proves
from tests.support.wire_canaries import leaks, listening, turn_up
from tests.support.wire_columns import COLUMNS, Verdict
from tests.support.wire_faults import changed, good_of, head, spoken, whole
from tests.support.wire_outcomes import ABSENT, FAULTS, Fault, page, put
from tests.support.wire_server import FakeVenue, Seen, refusal
from tests.support.wire_venue import Desk, opened, place_order

PAGE = Path(__file__).resolve().parents[2] / "docs" / "venues-binance-outcomes.md"
BODY_LIMIT = 1_000_000


@proves(Ability.WOULD_CROSS, Ability.OUR_ID)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_failure_comes_to_what_the_table_says_and_is_sent_once(fault: Fault) -> None:
    names = [name for name in COLUMNS if fault.outcome(name) != ABSENT]
    with listening() as heard:
        found = in_leaps(outcomes(fault, names))
    assert heard.leaks == []
    for name, (verdict, requests) in found.items():
        column = COLUMNS[name]
        assert verdict.word == fault.outcome(name), f"{name}: {verdict}"
        assert len(verdict.text) <= 400
        assert not any(word in verdict.text for word in ("signature=", "https://")), verdict.text
        assert leaks(verdict.text) + leaks(verdict.trace) == []
        assert requests == 0 if fault.wreck else 1 <= requests <= column.most, f"{name}: {requests} requests"


async def outcomes(fault: Fault, names: list[str]) -> dict[str, tuple[Verdict, int]]:
    """The verdict and the number of requests of each question, on a loop that leaps over silences."""
    jobs = [[name] for name in names] if fault.apart else [names]
    return {name: found for job in jobs for name, found in (await asked(fault, job)).items()}


async def asked(fault: Fault, names: list[str]) -> dict[str, tuple[Verdict, int]]:
    clock = StandingClock()
    fake = FakeVenue(clock_ms=clock.now_ms, judges_age=False)
    async with opened(clock=clock, fake=fake, body_limit=BODY_LIMIT) as desk:
        turn_up()
        if fault.wreck is not None:
            await fault.wreck(desk)
        else:
            for name in names:
                fake.answers[COLUMNS[name].method, COLUMNS[name].path] = fault.answer
        verdicts = await put(fault, [partial(COLUMNS[name].ask, desk) for name in names])
        return {name: (verdict, sent(desk, name)) for name, verdict in zip(names, verdicts, strict=True)}


def sent(desk: Desk, name: str) -> int:
    """How often a question was on the wire, here or where it was led astray."""
    column = COLUMNS[name]
    fakes = [desk.fake, *([desk.other] if desk.other else [])]
    return sum(len(fake.requests(column.method, column.path)) for fake in fakes)


def test_there_are_enough_failures_with_names_of_their_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 120
    for name, column in COLUMNS.items():
        proving_nothing = [fault for fault in FAULTS if fault.outcome(name) == column.usual]
        assert len(proving_nothing) >= 40, name


def test_the_documented_table_is_the_one_that_is_tested() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.support.wire_outcomes > docs/venues-binance-outcomes.md`"


def test_what_follows_an_answer_is_not_taken_for_the_next_one() -> None:
    """A second answer that waits on the connection must not become the acknowledgement of the next order."""

    async def scenario() -> tuple[object, Verdict]:
        async with opened() as desk:
            both = spoken(lambda body: [whole(body) + whole(b"{}")], end="hold")
            desk.fake.answers["POST", "/fapi/v1/order"] = both
            desk.fake.answers["DELETE", "/fapi/v1/order"] = changed()
            first = await desk.venue.place(place_order(), let_go)
            return first, await COLUMNS["cancel"].ask(desk)

    first, second = asyncio.run(scenario())
    assert isinstance(first, OrderAccepted)
    assert second.word == "record"


def test_what_comes_unasked_on_an_idle_connection_is_not_taken_for_the_next_answer() -> None:
    """The venue says no a second time, later: the next order must not hear it for its own."""
    told = asyncio.Event()

    async def twice(request: web.Request, seen: Seen) -> web.StreamResponse:
        no = b'{"code":-5022,"msg":"Due to the order could not be executed as maker."}'
        for body, status in ((json.dumps(good_of(request, seen)).encode(), "200 OK"), (no, "400 Bad Request")):
            assert request.transport is not None
            request.transport.write(head(len(body), status=status) + body)
            await asyncio.sleep(0.1)
        told.set()
        await asyncio.sleep(1)
        return web.Response()

    async def scenario() -> list[object]:
        async with opened() as desk:
            good = desk.fake.answers["POST", "/fapi/v1/order"]
            desk.fake.answers["POST", "/fapi/v1/order"] = twice
            first = await desk.venue.place(place_order(), let_go)
            await told.wait()
            desk.fake.answers["POST", "/fapi/v1/order"] = good
            return [first, await desk.venue.place(place_order(), let_go)]

    assert [type(outcome) for outcome in asyncio.run(scenario())] == [OrderAccepted, OrderAccepted]


def test_a_kept_connection_that_closes_under_a_request_is_not_tried_again() -> None:
    """The race of keep-alive: the venue closes an idle connection just when the next order leaves on it."""

    async def scenario() -> tuple[str, int]:
        async with opened() as desk:
            await desk.venue.measure_clock()
            desk.fake.answers["POST", "/fapi/v1/order"] = spoken(lambda body: [])
            verdict = await COLUMNS["create"].ask(desk)
            return verdict.word, sent(desk, "create")

    assert asyncio.run(scenario()) == ("unknown", 1)


def test_a_refused_key_is_a_ban_where_it_worked_before_and_closes_the_lanes() -> None:
    """ccxt gives -2015 another class after the first success; the evidence is the code, and what came before it."""

    async def scenario() -> tuple[list[str], int]:
        async with opened() as desk:
            desk.fake.answers["POST", "/fapi/v1/order"] = refusal(401, -2015)
            verdicts = [await COLUMNS[name].ask(desk) for name in ("create", "create", "cancel", "find")]
            return [verdict.word for verdict in verdicts], len(desk.fake.seen)

    words, requests = asyncio.run(scenario())
    assert words == ["refused: rate_limited", "refused: rate_limited", "proves nothing", "ask again"]
    assert requests == 1, "nothing is sent into a ban, not even a cancel"
