"""Quiet on the wire: nothing is sent into a ban, not by a new start either, and everybody who must know is told."""

import asyncio
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
from aiohttp import web

from hedger.errors import AskAgain
from hedger.model.account import MarginMode
from hedger.model.message import CancelAnswered, OrderRejected, VenueQuieted
from hedger.model.order import RejectReason
from hedger.runtime.journal import Journal
from hedger.runtime.quieted import quiet_row, recover_quiet, remembered_quiet
from tests.support.leaping import StandingClock
from tests.support.leave import let_go
from tests.support.wire_server import Answer, FakeVenue, Seen, judge_binance, plain_answer, refusal
from tests.support.wire_venue import BTC, Desk, cancel_order, opened, place_order

SHUT: dict[str, Answer] = {
    "418": refusal(418, -1003, Retry_After="30"),
    "the firewall": plain_answer(403, "<html>Request blocked</html>"),
    "a key that worked": refusal(401, -2015),
}


def heard_at(desk: Desk) -> list[VenueQuieted]:
    """What the venue will tell of quiet from now on."""
    heard: list[VenueQuieted] = []
    desk.venue.on_quiet(heard.append)
    return heard


@pytest.mark.parametrize("row", SHUT)
def test_a_ban_is_told_out_of_turn_and_nothing_at_all_is_sent_into_it(row: str) -> None:
    async def scenario() -> None:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/income"] = SHUT[row]
            heard = heard_at(desk)
            with pytest.raises(AskAgain):
                await desk.venue.read_funding(0)
            assert [asked.banned for asked in heard] == [True], "before the request ends"
            desk.fake.seen.clear()
            placed = await desk.venue.place(place_order(), let_go)
            assert isinstance(placed, OrderRejected)
            assert placed.reason is RejectReason.RATE_LIMITED
            assert isinstance(await desk.venue.cancel(cancel_order()), CancelAnswered)
            for read in (desk.venue.read_account(), desk.venue.extend_switch([BTC.symbol], 60_000)):
                with pytest.raises(AskAgain, match="quiet"):
                    await read
            await asyncio.sleep(0.2)
            assert desk.fake.seen == [], "neither a cancel nor a listen key"

    asyncio.run(scenario())


def test_a_pause_lets_cancels_and_the_switch_through() -> None:
    async def scenario() -> list[str]:
        async with opened() as desk:
            desk.fake.answers["GET", "/fapi/v1/income"] = refusal(429, -1003, Retry_After="30")
            heard = heard_at(desk)
            with pytest.raises(AskAgain):
                await desk.venue.read_funding(0)
            assert [asked.banned for asked in heard] == [False]
            desk.fake.seen.clear()
            await desk.venue.cancel(cancel_order())
            await desk.venue.extend_switch([BTC.symbol], 60_000)
            with pytest.raises(AskAgain):
                await desk.venue.read_account()
            return [f"{seen.method} {seen.path}" for seen in desk.fake.seen]

    assert asyncio.run(scenario()) == ["DELETE /fapi/v1/order", "POST /fapi/v1/countdownCancelAll"]


def at_a_stand() -> tuple[StandingClock, FakeVenue, list[int]]:
    """A clock that only sleeps move on, a venue on it, and when each request came there."""
    clock, asked_at = StandingClock(), list[int]()

    def judge(fake: FakeVenue, seen: Seen) -> str | None:
        asked_at.append(clock.now_ms())
        return judge_binance(fake, seen)

    return clock, FakeVenue(clock_ms=clock.now_ms, judge=judge), asked_at


def test_a_start_waits_for_the_end_of_what_an_earlier_one_was_asked_and_then_opens() -> None:
    async def scenario() -> int:
        clock, fake, asked_at = at_a_stand()
        async with opened(ready=False, clock=clock, fake=fake) as desk:
            until = clock.now_ms() + 600_000
            desk.venue.keep_quiet(until, banned=True)
            await desk.venue.open([BTC.symbol])
            return asked_at[0] - until

    assert asyncio.run(scenario()) >= 0, "a request was sent into the ban"


def test_a_start_that_waits_for_the_end_of_a_ban_can_be_ended_at_once() -> None:
    async def scenario() -> tuple[float, int]:
        async with opened(ready=False) as desk:
            desk.venue.keep_quiet(int(time.time() * 1000) + 3_600_000, banned=True)
            opening = asyncio.create_task(desk.venue.open([BTC.symbol]))
            await asyncio.sleep(0.1)
            begun = time.monotonic()
            opening.cancel()
            with suppress(asyncio.CancelledError):
                await opening
            return time.monotonic() - begun, len(desk.fake.seen)

    took, sent = asyncio.run(scenario())
    assert took < 60
    assert sent == 0


def test_a_ban_that_comes_while_opening_is_waited_for_and_not_run_into_by_restarts() -> None:
    """A process that gave up here would be started again, ask again, and prolong the ban."""

    async def scenario() -> tuple[list[int], int]:
        clock, fake, asked_at = at_a_stand()
        async with opened(ready=False, clock=clock, fake=fake) as desk:
            good, asked = desk.fake.answers["GET", "/fapi/v1/fundingInfo"], []

            async def banned_once(request: web.Request, seen: Seen) -> web.StreamResponse:
                asked.append(seen)
                if len(asked) > 1:
                    return web.json_response(good)
                told: web.StreamResponse = await refusal(418, -1003, Retry_After="12")(request, seen)
                return told

            desk.fake.answers["GET", "/fapi/v1/fundingInfo"] = banned_once
            banned_at = clock.now_ms()
            await desk.venue.open([BTC.symbol])
            assert len(asked) == 2, "it asked again when the ban was over"
            until = desk.watcher.closed[0]
            return [at - until for at in asked_at if banned_at < at < until], until - banned_at

    into_the_ban, banned_ms = asyncio.run(scenario())
    assert into_the_ban == []
    assert banned_ms >= 12_000


@pytest.mark.parametrize("path", ["/fapi/v1/time", "/fapi/v1/fundingInfo"])
def test_a_ban_that_comes_while_opening_is_told_at_once_and_not_when_the_streams_are_read(path: str) -> None:
    async def scenario() -> list[bool]:
        async with opened(ready=False) as desk:
            heard = heard_at(desk)
            desk.fake.answers["GET", path] = refusal(418, -1003, Retry_After="30")
            opening = asyncio.create_task(desk.venue.open([BTC.symbol]))
            while not desk.watcher.closed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            told = [asked.banned for asked in heard]
            opening.cancel()
            with suppress(asyncio.CancelledError):
                await opening
            return told

    assert asyncio.run(scenario()) == [True]


def test_a_wish_for_quiet_met_while_the_account_is_configured_is_told_before_the_error() -> None:
    async def scenario() -> list[bool]:
        async with opened() as desk:
            heard = heard_at(desk)
            desk.fake.answers["POST", "/fapi/v1/leverage"] = refusal(429, -1003, Retry_After="30")
            with pytest.raises(AskAgain):
                await desk.venue.configure([BTC.symbol], leverage=1, margin_mode=MarginMode.CROSS)
            return [asked.banned for asked in heard]

    assert asyncio.run(scenario()) == [False]


class Kept:
    """A venue of which only what it is told to heed matters."""

    account = "main"

    def __init__(self) -> None:
        self.heeded: list[tuple[int, bool]] = []

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        self.heeded.append((until_at, banned))


def asked(until_at: int, *, banned: bool, account: str = "main") -> VenueQuieted:
    return VenueQuieted(account=account, until_at=until_at, banned=banned, text="HTTP 418")


@pytest.mark.parametrize("last", [False, True])
def test_the_journal_keeps_the_last_ban_and_the_last_pause_apart(tmp_path: Path, last: bool) -> None:
    events = [asked(5_000, banned=True), asked(900, banned=False), asked(7_000, banned=True, account="gone")]
    venue = Kept()
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1, {})
        journal.write([quiet_row(10, event) for event in (events if last else reversed(events))])
        recover_quiet(journal, {"main": venue}, 10)  # type: ignore[dict-item]
        assert set(remembered_quiet(journal)) == set(events)
    assert sorted(venue.heeded) == [(900, False), (5_000, True)]
