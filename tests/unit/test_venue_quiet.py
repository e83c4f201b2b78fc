"""Quiet that a venue asked for: how long it lasts, what it teaches, and who is told."""

import asyncio
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from hedger.model.message import VenueQuieted
from hedger.model.spans import MINUTE_MS
from hedger.venues.binance.codes import BUDGETS, weight_of
from hedger.venues.lanes import Barred, Lane, Lanes
from hedger.venues.quiet import FIRST_BAN_MS, LONGEST_MS, Quiet
from hedger.venues.watching import Unwatched

HOST, OTHER = "fapi.binance.com", "api.binance.com"
START = 1_790_000_000_000


@dataclass
class Corner:
    """A quiet on a clock that a test moves, and what was told of it."""

    now: int = START
    speed: float = 1.0
    told: list[VenueQuieted] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.now

    def span(self, seconds: float) -> float:
        return seconds

    async def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def corner() -> Corner:
    return Corner()


@pytest.fixture
def quiet(corner: Corner) -> Quiet:
    return Quiet("main", corner, Unwatched(), corner.told.append)


def dated(at: int) -> str:
    return formatdate(at / 1000, usegmt=True)


def test_a_retry_after_in_seconds_or_as_a_date_is_heeded(quiet: Quiet) -> None:
    quiet.paused(HOST, {"retry-after": "7"}, "", "")
    assert quiet.until == START + 7_000
    quiet.paused(HOST, {"retry-after": dated(START + 40_000)}, "", "")
    assert quiet.until == START + 40_000
    assert quiet.banned_until == 0


def test_a_date_is_reckoned_by_the_venues_own_clock_where_it_tells_it(quiet: Quiet) -> None:
    """Ours may be an hour off: what counts is how far ahead of the answer's own date it is."""
    hour = 3_600_000
    quiet.banned({"retry-after": dated(START + hour + 90_000), "date": dated(START + hour)}, "", "")
    assert quiet.banned_until == START + 90_000


@pytest.mark.parametrize("text", ["soon", "-5", "", "Fri, 99 Foo 2038", dated(START - 60_000), "Thu, 01 Jan 9999999"])
def test_a_senseless_retry_after_is_as_none(quiet: Quiet, text: str) -> None:
    quiet.paused(HOST, {"retry-after": text}, "", "")
    assert quiet.until == START + MINUTE_MS
    quiet.banned({"retry-after": text}, "", "")
    assert quiet.banned_until == START + FIRST_BAN_MS


def test_bans_without_a_time_grow_twofold_up_to_three_days(corner: Corner, quiet: Quiet) -> None:
    lengths = []
    for _ in range(14):
        quiet.banned({}, "", "")
        lengths.append(quiet.banned_until - corner.now)
        corner.now = quiet.banned_until + 1_000
    assert lengths[:4] == [FIRST_BAN_MS * 2**n for n in range(4)]
    assert lengths[-3:] == [LONGEST_MS] * 3


def test_a_day_without_a_ban_forgives_those_before_it(corner: Corner, quiet: Quiet) -> None:
    for _ in range(3):
        quiet.banned({}, "", "")
        corner.now = quiet.banned_until + 1_000
    corner.now += 25 * 3_600_000
    quiet.banned({}, "", "")
    assert quiet.banned_until == corner.now + FIRST_BAN_MS


def test_the_answers_that_were_under_way_are_of_the_same_ban(corner: Corner, quiet: Quiet) -> None:
    for _ in range(20):
        quiet.banned({}, "", "HTTP 418")
    assert quiet.banned_until == corner.now + FIRST_BAN_MS
    assert corner.told == [VenueQuieted(account="main", until_at=START + FIRST_BAN_MS, banned=True, text="HTTP 418")], (
        "told once"
    )


def test_a_429_halves_what_a_host_is_asked_for_and_it_grows_back_by_the_minute(corner: Corner, quiet: Quiet) -> None:
    quiet.paused(HOST, {"retry-after": "10"}, "", "")
    quiet.paused(HOST, {"retry-after": "10"}, "", "")
    assert quiet.share(HOST) == 0.5, "many answers within the pause teach once"
    assert quiet.share(OTHER) == 1.0
    corner.now += MINUTE_MS
    assert quiet.share(HOST) == pytest.approx(0.6)
    quiet.paused(HOST, {}, "", "")
    assert quiet.share(HOST) == pytest.approx(0.3)
    for _ in range(10):
        corner.now += 2 * MINUTE_MS
        quiet.paused(HOST, {}, "", "")
    assert 0.1 <= quiet.share(HOST) <= 0.5
    corner.now += 60 * MINUTE_MS
    assert quiet.share(HOST) == 1.0, "never above what is configured"


def test_a_lesson_holds_back_polls_and_orders_and_no_cancel(corner: Corner, quiet: Quiet) -> None:
    lanes = Lanes(
        account="main",
        clock=corner,
        budgets=BUDGETS,
        weight_limits={HOST: 2_400},
        observer=Unwatched(),
        quiet=quiet,
        weight_of=weight_of,
    )
    quiet.paused(HOST, {"retry-after": "1"}, "", "")
    corner.now += 2_000
    lanes.answered(HOST, 200, {"x-mbx-used-weight-1m": "1250"}, "")

    async def passes(lane: Lane) -> bool:
        try:
            async with lanes.turn(lane, HOST):
                return True
        except Barred:
            return False

    assert {lane: asyncio.run(passes(lane)) for lane in Lane} == {
        Lane.CONTROL: True,
        Lane.ORDERS: False,
        Lane.RECONCILE: False,
        Lane.DATA: False,
    }


def test_what_an_earlier_start_was_asked_is_kept_but_never_for_longer_than_a_ban_lasts(corner: Corner) -> None:
    for until_at, kept in ((START + 60_000, START + 60_000), (START * 2, START + LONGEST_MS), (START - 1, START - 1)):
        quiet = Quiet("main", corner, Unwatched(), corner.told.append)
        quiet.keep(until_at, banned=True)
        assert quiet.banned_until == kept
        assert quiet.asked is (kept > START)
    assert corner.told == [], "nothing new was asked"


def test_waiting_ends_with_the_quiet(corner: Corner, quiet: Quiet) -> None:
    quiet.keep(START + 200_500, banned=False)
    asyncio.run(quiet.over())
    assert corner.now == START + 200_500
