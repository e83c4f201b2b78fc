"""The readers: pauses after failures, each account's funding from its own start, and what a restart reads again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.message import FundingRead, OrderAccepted, Stamped, StreamChanged
from hedger.model.spans import DAY_MS
from hedger.runtime.journal import Journal, Row
from hedger.runtime.loop import Loop
from hedger.runtime.memory import FUNDING_READ_BACK_MS
from hedger.runtime.pollers import LONGEST_BACKOFF_S, Pollers, _backoff
from hedger.runtime.ports import Hint
from hedger.runtime.record import rows_of
from hedger.runtime.recover import recovered_state
from hedger.sim.port import SimVenue, SteadyLink
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.engine_policies import ACCOUNT, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, POLICY, feed, fill_of, hedging, order_of, read_at, reading_of, started
from tests.support.simulated_daemon import NOON, OWNER, POLLING, Watcher, make_world
from tests.support.simulated_venue import LensVenue

HERE, THERE = perpetual(), perpetual(account="other")
TWO = policy_of(hedge_of(), hedge_of(name="other", instruments=(THERE,), spot_accounts=("other",)))


@pytest.mark.parametrize("seconds", [0.5, 5.0, 60.0])
@pytest.mark.parametrize("failures", [0, 1, 10, 1_100, 2_000, 10**9])
def test_a_pause_after_any_number_of_failures_is_within_its_bounds(seconds: float, failures: int) -> None:
    assert seconds <= _backoff(seconds, failures) <= max(seconds, LONGEST_BACKOFF_S)


def test_pauses_double_with_each_failure() -> None:
    assert [_backoff(0.5, n) for n in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


# --- one account beside another ---------------------------------------------------------------------------------------


class FundingVenue(LensVenue):
    """A venue that notes from when it is asked for funding."""

    def __init__(self, inner: SimVenue) -> None:
        super().__init__(inner)
        self.asked_since: list[int] = []

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        self.asked_since.append(since_at)
        return await super().read_funding(since_at)


def listen(tmp_path: Path, seconds: float, *, failing: str = "") -> dict[str, FundingVenue]:
    """Two accounts read for a while from ten days back; the other's funding cannot be read at first."""

    async def scene() -> dict[str, FundingVenue]:
        clock, world = VirtualClock(), make_world(POLICY, {"BTC": "1"})
        link = SteadyLink(clock, 1)
        venues = {
            name: FundingVenue(SimVenue(world.exchange, clock, link, account=name, user=OWNER))
            for name in (ACCOUNT, "other")
        }
        journal, watcher = Journal.open(tmp_path), Watcher()
        state = recovered_state(TWO, journal.begin(NOON, {}), NOON)
        loop = Loop(state=state, policy=TWO, venues=venues, clock=clock, journal=journal, observer=watcher)
        pollers = Pollers(
            loop=loop, clock=clock, polling=POLLING, observer=watcher, funding_since_at=NOON - 10 * DAY_MS
        )
        for venue in venues.values():
            await venue.open([HERE.symbol])
        if failing:
            venues["other"].failing.add(failing)

        async def feed_them() -> None:
            async with asyncio.TaskGroup() as group:
                pollers.start(group, venues, {ACCOUNT: (HERE,), "other": (THERE,)})

        running, reading = asyncio.create_task(loop.run()), asyncio.create_task(feed_them())
        await clock.sleep(seconds)
        venues["other"].failing.clear()
        await clock.sleep(2 * POLLING.funding_s)
        for task in (running, reading):
            assert not task.done()
            task.cancel()
        await asyncio.gather(running, reading, return_exceptions=True)
        await asyncio.gather(*(venue.close() for venue in venues.values()))
        journal.close()
        return venues

    return run_virtual(scene(), NOON)


def test_each_accounts_funding_is_read_from_its_own_start(tmp_path: Path) -> None:
    venues = listen(tmp_path, 150, failing="funding")
    first, *rest = venues[ACCOUNT].asked_since
    assert first == NOON - 10 * DAY_MS
    assert all(since > NOON - 2 * DAY_MS for since in rest)
    other = venues["other"].asked_since
    assert other[:4] == [NOON - 10 * DAY_MS] * 4, "until it was read once"
    assert other[-1] > NOON - 2 * DAY_MS


class ShortStream(LensVenue):
    """A venue whose stream says one thing and ends after `lasts_s`, each time that it is begun."""

    def __init__(self, inner: SimVenue, clock: VirtualClock, lasts_s: float) -> None:
        super().__init__(inner)
        self.clock, self.lasts_s = clock, lasts_s
        self.ended: list[int] = []
        self.begun: list[int] = []

    async def hints(self) -> AsyncIterator[Hint]:
        self.begun.append(self.clock.now_ms())
        yield StreamChanged(account=ACCOUNT, up=True, text="open")
        await self.clock.sleep(self.lasts_s)
        self.ended.append(self.clock.now_ms())


@pytest.mark.parametrize(("lasts_s", "grows"), [(1.0, True), (59.0, True), (60.0, False)])
def test_a_stream_that_comes_and_goes_is_begun_ever_more_seldom(tmp_path: Path, lasts_s: float, grows: bool) -> None:
    """One hint is no sign that it will last: a reading must find room between two ends of it."""

    async def scene() -> list[float]:
        clock, world = VirtualClock(), make_world(POLICY, {"BTC": "1"})
        inner = SimVenue(world.exchange, clock, SteadyLink(clock, 1), account=ACCOUNT, user=OWNER)
        venue = ShortStream(inner, clock, lasts_s)
        journal, watcher = Journal.open(tmp_path), Watcher()
        state = recovered_state(POLICY, journal.begin(NOON, {}), NOON)
        loop = Loop(state=state, policy=POLICY, venues={ACCOUNT: venue}, clock=clock, journal=journal, observer=watcher)
        pollers = Pollers(loop=loop, clock=clock, polling=POLLING, observer=watcher, funding_since_at=NOON)
        task = asyncio.create_task(pollers._stream(venue))
        await clock.sleep(900)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()
        return [(begun - ended) / 1000 for ended, begun in zip(venue.ended, venue.begun[1:], strict=False)]

    pauses = run_virtual(scene(), NOON)
    assert pauses == sorted(pauses)
    assert pauses[-1] == (LONGEST_BACKOFF_S if grows else pauses[0])


# --- what a restart reads again ---------------------------------------------------------------------------------------


def payments(first: int, last: int, every_ms: int, id: InstrumentId = HERE) -> tuple[FundingPayment, ...]:
    return tuple(
        FundingPayment(id=id, payment_id=str(n), amount=D(1), asset="USDT", exchange_at=NOW + n * every_ms)
        for n in range(first, last)
    )


def book(journal: Journal, made: tuple[FundingPayment, ...], account: str = ACCOUNT) -> None:
    journal.write(Row(p.exchange_at, "funding", f"{account}/{p.payment_id}", p) for p in made)


def test_funding_is_not_booked_twice_after_a_restart_with_very_many_payments(tmp_path: Path) -> None:
    """Hourly payments of a dozen contracts are 10,500 in five weeks."""
    every_ms, known = 300_000, payments(0, 10_500, 300_000)
    state, journal = started(), Journal.open(tmp_path)
    journal.begin(NOW, {})
    state, _ = feed(state, (NOW, FundingRead(account=ACCOUNT, requested_at=NOW, since_at=0, payments=known)))
    assert state.ledgers["btc"].funding == 10_500
    book(journal, known)
    journal.write([Row(NOW, "ledger", "btc", state.ledgers["btc"])])
    again_at = NOW + 10_600 * every_ms
    recovered = journal.begin(again_at, {})
    journal.close()
    assert recovered.funding_since_at == known[-1].exchange_at - FUNDING_READ_BACK_MS
    told = [p for p in payments(0, 10_550, every_ms) if p.exchange_at >= recovered.funding_since_at]
    read = FundingRead(
        account=ACCOUNT, requested_at=again_at, since_at=recovered.funding_since_at, payments=tuple(told)
    )
    after = recovered_state(POLICY, recovered, again_at)._replace(instruments=state.instruments)
    after, _ = feed(after, (again_at, read))
    assert after.ledgers["btc"].funding == 10_550


def test_an_account_that_was_not_read_for_days_is_read_from_its_own_last_payment_after_a_restart(
    tmp_path: Path,
) -> None:
    """One account is read every day, the other fails from the first day on, and then the hedger starts again."""
    journal = Journal.open(tmp_path)
    journal.begin(NOW, {})
    book(journal, payments(0, 11, DAY_MS))
    book(journal, payments(0, 2, DAY_MS, THERE), "other")
    recovered = journal.begin(NOW + 11 * DAY_MS, {})
    journal.close()
    assert recovered.funding_since_at == NOW
    assert recovered.funding_seen == {ACCOUNT: {str(n) for n in range(11)}, "other": {"0", "1"}}


def test_the_notional_of_the_day_survives_a_restart(tmp_path: Path) -> None:
    """A fill is the last that was written: nothing was sent after it."""
    journal = Journal.open(tmp_path)
    journal.begin(NOW, {})
    order = order_of()
    state = hedging("1", orders=[order])
    fills = [
        Stamped(NOW + 1, OrderAccepted(client_order_id=order.client_order_id, venue_order_id="v1")),
        Stamped(NOW + 2, fill_of(order, "0.2")),
        read_at(NOW + 3, reading_of("1", "-0.2")),
        Stamped(NOW + 4, replace(fill_of(order, "0.1", "2"), client_order_id=None)),
    ]
    for event in fills:
        before = state
        state, (result,) = feed(state, event)
        journal.write(rows_of(before, event, result))
    again = recovered_state(POLICY, journal.begin(NOW + 60_000, {}), NOW + 60_000)
    journal.close()
    assert again.hedges["btc"].day_notional == D("0.3") * 60_000 == state.hedges["btc"].day_notional


def test_funding_is_asked_for_no_further_back_than_venues_tell_it(tmp_path: Path) -> None:
    """A hedge that holds nothing for months is paid nothing, and one venue refuses a longer time than it keeps."""
    journal = Journal.open(tmp_path)
    journal.begin(NOW, {})
    book(journal, payments(0, 2, DAY_MS))
    later = NOW + 200 * DAY_MS
    recovered = journal.begin(later, {})
    journal.close()
    assert later - 89 * DAY_MS < recovered.funding_since_at < later - 80 * DAY_MS
