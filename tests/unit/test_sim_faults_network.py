"""What a bad network and a closed door do to requests, at the port."""

import asyncio
from contextlib import suppress

import pytest

from hedger.errors import AskAgain, CredentialsError
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    ClockMeasured,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    StreamChanged,
    VenueQuieted,
)
from hedger.model.order import OrderReport, RejectReason
from hedger.sim.faults.plan import Plan
from tests.support.bare_exchange import START
from tests.support.faulty_desk import ID, FaultyDesk, at_a_faulty_desk, cancel_of, constant, with_form
from tests.support.leave import let_go


def test_without_faults_the_venue_is_the_one_behind_it() -> None:
    async def story(desk: FaultyDesk) -> None:
        name = await desk.placed()
        assert desk.accepted() == [name]
        assert (await desk.venue.read_account()).open_orders[0].client_order_id == name
        answer = await desk.venue.cancel(cancel_of(name))
        assert isinstance(answer, CancelAnswered)
        assert answer.known
        assert desk.working() == []
        assert [s.what for s in desk.told if hasattr(s, "what")] == ["open", "place", "account", "cancel"]

    at_a_faulty_desk(constant(), story)


def test_a_lost_answer_leaves_an_order_that_nobody_heard_of() -> None:
    async def story(desk: FaultyDesk) -> None:
        assert isinstance(await desk.place(), OrderOutcomeUnknown)
        assert len(desk.working()) == len(desk.accepted()) == len(desk.struck("V01")) == 1

    at_a_faulty_desk(constant("V01"), story)


def test_a_create_that_travels_longer_than_its_time_to_live_is_never_accepted() -> None:
    async def story(desk: FaultyDesk) -> None:
        answers = [await desk.place(desk.order(ttl_ms=1_900)) for _ in range(5)]
        assert {type(a) for a in answers} <= {OrderOutcomeUnknown, OrderRejected}
        await desk.clock.sleep(120)
        assert (desk.accepted(), desk.working()) == ([], [])
        assert len(desk.struck("V06")) == 5

    at_a_faulty_desk(constant("V06"), story)


def test_a_slow_create_within_its_time_to_live_arrives_after_it_was_given_up() -> None:
    async def story(desk: FaultyDesk) -> None:
        for _ in range(8):
            assert isinstance(await desk.place(desk.order(ttl_ms=60_000)), OrderOutcomeUnknown | OrderAccepted)
        given_up_at = desk.clock.now_ms()
        before = len(desk.accepted())
        await desk.clock.sleep(120)
        assert len(desk.accepted()) == 8 > before
        assert desk.clock.now_ms() > given_up_at

    at_a_faulty_desk(constant("V06"), story)


def test_what_has_left_arrives_although_its_process_is_gone() -> None:
    async def story(desk: FaultyDesk) -> None:
        placing = asyncio.create_task(desk.place())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        await desk.venue.close()
        await desk.clock.sleep(1)
        assert len(desk.sent("place")) == len(desk.accepted()) == 1

    at_a_faulty_desk(constant(), story)


def test_a_partition_loses_everything_and_the_stream_notices_late() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.clock.sleep(5)
        assert isinstance(await desk.place(), OrderOutcomeUnknown)
        for read in (desk.venue.read_account(), desk.venue.measure_clock(), desk.venue.find_order(ID, "x")):
            with pytest.raises(AskAgain):
                await read
        assert desk.accepted() == []
        await desk.clock.sleep(120)
        changes = [(at - START, hint.up) for at, hint in desk.hints if isinstance(hint, StreamChanged)][1:]
        assert changes == [(20_000, False), (65_100, True)]
        await desk.venue.read_account()

    at_a_faulty_desk(constant("N01", seconds=60, after=5), story)


@pytest.mark.parametrize(("form", "arrives"), [(0, False), (1, True)])
def test_one_direction_may_be_lost_without_the_other(form: int, arrives: bool) -> None:
    async def story(desk: FaultyDesk) -> None:
        assert isinstance(await desk.place(), OrderOutcomeUnknown)
        assert bool(desk.accepted()) is arrives
        assert desk.struck("N02")

    at_a_faulty_desk(with_form("N02", 3, form), story, open_first=False)


def test_latency_strikes_one_kind_of_request_only() -> None:
    async def story(desk: FaultyDesk) -> None:
        times = []
        for read in (desk.venue.read_account, desk.venue.measure_clock):
            began = desk.clock.now_ms()
            with suppress(AskAgain):
                await read()
            times.append(desk.clock.now_ms() - began)
        assert times[0] >= 3_000
        assert times[1] < 100
        assert len(desk.struck("N06")) == 1

    at_a_faulty_desk(with_form("N06", 8, 2), story)


@pytest.mark.parametrize("code", ["N11", "O08", "A06"])
def test_a_refused_key_refuses_orders_and_is_told_as_such(code: str) -> None:
    async def story(desk: FaultyDesk) -> None:
        answer = await desk.place()
        assert isinstance(answer, OrderRejected)
        assert answer.reason is RejectReason.NOT_AUTHORISED
        if code == "A06":
            await desk.venue.read_account()
        else:
            with pytest.raises(CredentialsError):
                await desk.venue.read_account()
        await desk.venue.read_prices([ID])
        assert desk.accepted() == []

    at_a_faulty_desk(constant(code), story, open_first=False)


@pytest.mark.parametrize(("form", "answer"), [(0, OrderOutcomeUnknown), (1, OrderRejected)])
def test_maintenance_refuses_everything_and_a_bare_503_proves_nothing(form: int, answer: type) -> None:
    async def story(desk: FaultyDesk) -> None:
        assert isinstance(await desk.place(), answer)
        with pytest.raises(AskAgain):
            await desk.venue.read_account()
        assert desk.accepted() == []

    at_a_faulty_desk(with_form("V25", 2, form), story, open_first=False)


def test_in_cancel_only_mode_a_cancel_passes_and_a_create_does_not() -> None:
    async def story(desk: FaultyDesk) -> None:
        desk.exchange.advance(desk.clock.now_ms())
        answer = await desk.place()
        assert isinstance(answer, OrderRejected)
        assert answer.reason is RejectReason.UNAVAILABLE
        assert isinstance(await desk.venue.cancel(cancel_of("nothing")), CancelAnswered)
        assert len(desk.struck("V26")) == 1

    at_a_faulty_desk(constant("V26"), story)


# --- quiet ------------------------------------------------------------------------------------------------------------


def ban(form: int) -> Plan:
    return with_form("V27", 4, form)


@pytest.mark.parametrize(("form", "banned"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_quiet_is_told_and_kept_by_the_lanes(form: int, banned: bool) -> None:
    async def story(desk: FaultyDesk) -> None:
        asked: list[VenueQuieted] = []
        desk.venue.on_quiet(asked.append)
        with pytest.raises(AskAgain):
            await desk.venue.read_account()
        (quieted,) = asked
        assert quieted.banned is banned
        assert desk.clock.now_ms() < quieted.until_at <= desk.plan.ends_at
        left = len(desk.told)
        with pytest.raises(AskAgain):
            await desk.venue.read_account()
        answer = await desk.place()
        assert isinstance(answer, OrderRejected)
        assert answer.reason is RejectReason.NOT_SENT
        assert len(desk.told) == left, "nothing leaves"
        await desk.venue.cancel(cancel_of("x"))
        assert bool(desk.sent("cancel")) is not banned
        assert desk.venue.house.breaches == []

    at_a_faulty_desk(ban(form), story, open_first=False)


def test_a_process_that_forgot_a_ban_breaks_it_and_is_seen() -> None:
    async def story(desk: FaultyDesk) -> None:
        with pytest.raises(AskAgain):
            await desk.venue.read_account()
        forgetful, heedful = desk.connect(desk.venue), desk.connect(desk.venue)
        heedful.keep_quiet(desk.venue.house.banned_until, banned=True)
        for venue in (heedful, forgetful):
            with pytest.raises(AskAgain):
                await venue.read_account()
        assert [breach.what for breach in desk.venue.house.breaches] == ["account"]

    at_a_faulty_desk(ban(2), story, open_first=False)


def test_a_process_that_is_started_in_a_ban_waits_for_its_end_before_it_opens() -> None:
    async def story(desk: FaultyDesk) -> None:
        with pytest.raises(AskAgain):
            await desk.venue.read_account()
        house, left = desk.venue.house, len(desk.sent("open"))
        heedful = desk.connect(desk.venue)
        heedful.keep_quiet(house.banned_until, banned=True)
        opening = asyncio.create_task(heedful.open([ID.symbol]))
        await desk.clock.sleep((house.banned_until - desk.clock.now_ms()) / 1000 - 1)
        assert len(desk.sent("open")) == left
        await opening
        assert house.breaches == []
        await heedful.close()

    at_a_faulty_desk(ban(2), story, open_first=False)


def test_halved_limits_are_felt_by_who_asks_too_often() -> None:
    async def story(desk: FaultyDesk) -> None:
        for _ in range(3):
            await desk.venue.read_account()
        await desk.venue.measure_clock()
        with pytest.raises(AskAgain, match="halved"):
            await desk.venue.read_account()
        assert len(desk.struck("V28")) == 1
        await desk.clock.sleep(12)
        await desk.venue.read_account()

    at_a_faulty_desk(constant("V28"), story)


# --- clocks and streams -----------------------------------------------------------------------------------------------


def test_a_server_clock_that_jumps_refuses_stamps_until_it_is_measured() -> None:
    async def story(desk: FaultyDesk) -> None:
        error = desk.venue.house.clock_error_ms()
        assert error == -1_500 - 500 * 17
        with pytest.raises(AskAgain, match="-1021"):
            await desk.venue.read_account()
        await desk.clock.sleep(0.1)
        assert ClockMeasured(account="paper", offset_ms=error) in [hint for _, hint in desk.hints]
        reading = await desk.venue.read_account()
        assert abs(reading.exchange_at - error - desk.clock.now_ms()) < 100
        offset = await desk.venue.measure_clock()
        assert abs(offset - error) < 50
        assert len([detail for detail in desk.struck("V33") if "stamped" in detail]) == 1

    at_a_faulty_desk(with_form("V33", 18, 17), story, open_first=False)


def test_a_clock_that_is_right_again_after_the_phase_is_measured_and_no_fault() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.venue.measure_clock()
        await desk.clock.sleep(11)
        struck = len(desk.struck("V33"))
        with pytest.raises(AskAgain, match="-1021"):
            await desk.venue.read_account()
        await desk.clock.sleep(0.1)
        offset = next(hint.offset_ms for _, hint in reversed(desk.hints) if isinstance(hint, ClockMeasured))
        assert abs(offset) < 50
        await desk.venue.read_account()
        assert len(desk.struck("V33")) == struck

    at_a_faulty_desk(with_form("V33", 18, 17, seconds=10), story, open_first=False)


def test_a_silent_stream_brings_nothing_at_all() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.clock.sleep(30)
        assert not [hint for _, hint in desk.hints if isinstance(hint, Quote | Mark)]
        await desk.clock.sleep(60)
        assert [hint for _, hint in desk.hints if isinstance(hint, Quote | Mark)]
        assert len(desk.struck("N03")) == 1

    at_a_faulty_desk(with_form("N03", 2, 0, seconds=60), story)


def test_a_frozen_stream_ticks_on_with_one_time() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.clock.sleep(60)
        marks = [hint.exchange_at for _, hint in desk.hints if isinstance(hint, Mark)]
        assert len(marks) > 40
        assert len(set(marks)) == 1

    at_a_faulty_desk(with_form("N03", 2, 1), story)


def test_a_reconnection_loses_news_of_orders_and_says_that_it_was_one() -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.placed()
        await desk.clock.sleep(30)
        assert not [hint for _, hint in desk.hints if isinstance(hint, OrderReport)]
        assert [hint.up for _, hint in desk.hints if isinstance(hint, StreamChanged)][-2:] == [False, True]
        assert desk.struck("N04")
        await desk.placed()
        await desk.clock.sleep(1)
        assert [hint for _, hint in desk.hints if isinstance(hint, OrderReport)]

    at_a_faulty_desk(constant("N04", seconds=20), story)


def test_leave_is_asked_when_the_lanes_turn_has_come() -> None:
    async def story(desk: FaultyDesk) -> None:
        answer = await desk.venue.place(desk.order(), lambda: "not any more")
        assert isinstance(answer, OrderRejected)
        assert (answer.reason, answer.text) == (RejectReason.NOT_SENT, "not any more")
        assert desk.sent("place") == []
        assert isinstance(await desk.venue.place(desk.order(), let_go), OrderAccepted)

    at_a_faulty_desk(constant("V28"), story)
