"""One hedge on accounts of two exchanges: one goes, the other goes on, and nothing is hedged twice when it returns."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.policy import Failover, Policy
from hedger.engine.known.state import Action, Reason
from hedger.model.account import AccountReading, Margin
from hedger.model.message import PlaceOrder, VenueQuieted
from hedger.model.order import RejectReason
from hedger.model.spans import HOUR_MS
from hedger.runtime.pollers import Polling
from tests.support.several_daemon import SYMBOL, Stage, enact
from tests.support.several_worlds import AT_ONE, AT_TWO, ONE, TWO, several, shared

SLOW = Polling(account_s=20.0, prices_s=10.0, funding_s=600.0, clock_s=600.0, tick_s=1.0, flush_s=10.0)
SLOW_AGES = {"account_age": 60_000, "quote_age": 30_000, "mark_age": 30_000}
BAND = D("0.011")


def policy(blind_ms: int = 300_000, **changes: object) -> Policy:
    return several(failover=Failover(allowed=True, blind_ms=blind_ms), **changes)


def test_shares_are_come_to_and_kept_through_deposits(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        assert (it.position(ONE), it.position(TWO)) == (D("-0.75"), D("-0.25"))
        it.deposit("0.4")
        await it.until_hedged()
        it.deposit("-0.8")
        await it.until_hedged()
        assert abs(it.position(ONE) / (it.position(ONE) + it.position(TWO)) - D("0.75")) < D("0.06")

    it = enact(script, policy(shares=shared("3", "1")), tmp_path)
    assert abs(it.delta()) <= BAND


def test_a_venue_that_is_gone_for_an_hour_with_an_order_of_unknown_fate_is_not_hedged_twice(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        assert it.position(TWO) == 0, "the first of the list has it all"

        def go(_: PlaceOrder) -> None:
            it.lines[ONE].mute = it.venues[ONE].silent = True
            it.venues[ONE].fill = lambda _: None

        it.venues[ONE].leaving = go
        it.deposit("0.3")
        await it.until(lambda: it.unknown() == 1, "sent, and no answer")
        it.venues[ONE].leaving = lambda _: None
        it.cut(ONE)
        it.watch()
        sent_there = len(it.placed(ONE))
        it.deposit("0.4")
        await it.until(lambda: it.position(TWO) < 0, "the other goes on", within=600)
        await it.clock.sleep(3_600)
        assert D("-0.41") <= it.position(TWO) <= D("-0.39"), "what the lost order may have done is not done again"
        assert it.position(ONE) <= D("-1.29"), "the lost order filled meanwhile"
        assert len(it.placed(ONE)) == sent_there
        it.restore(ONE)
        await it.until_hedged()
        assert it.unknown() == 0
        assert it.worst[0] >= -BAND, "never past the target"

    it = enact(script, policy(2 * HOUR_MS, guards=SLOW_AGES), tmp_path, polling=SLOW)
    assert abs(it.delta()) <= BAND
    assert it.state.halted is None


def test_an_absence_that_lasts_too_long_is_told_and_nothing_is_done(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.cut(ONE)
        await it.clock.sleep(65)
        it.deposit("0.4")
        await it.clock.sleep(30)
        assert it.position(TWO) == 0
        assert (it.decision.action, it.decision.reason) == (Action.DENY, Reason.ACCOUNT_AGE)
        assert "account one was read" in it.decision.detail
        assert "out of sight it is believed for 60000 ms" in it.decision.detail
        it.restore(ONE)
        await it.until_hedged()

    it = enact(script, policy(60_000), tmp_path)
    assert abs(it.delta()) <= BAND


def test_a_ban_sends_the_hedge_elsewhere_until_it_is_over_and_nothing_flaps(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        until_at = it.clock.now_ms() + 120_000
        it.daemon.handle_now(VenueQuieted(account=ONE, until_at=until_at, banned=True, text="banned by the test"))
        it.cut(ONE)
        it.deposit("0.3")
        await it.until(lambda: it.position(TWO) <= D("-0.29"), "hedged on the other")
        await it.clock.sleep(120)
        it.restore(ONE)
        await it.until_hedged()
        before = len(it.placed(ONE))
        it.deposit("0.2")
        await it.until_hedged()
        assert it.position(TWO) <= D("-0.49"), "it goes on where it is"
        assert len(it.placed(ONE)) == before

    assert abs(enact(script, policy(), tmp_path).delta()) <= BAND


def test_a_venue_in_maintenance_refuses_and_the_other_goes_on(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.venues[ONE].refuse = RejectReason.UNAVAILABLE
        it.deposit("0.3")
        await it.until_hedged()
        assert it.position(TWO) <= D("-0.29")
        assert it.position(ONE) >= D("-1.01")
        assert len([order for order in it.placed(ONE) if order.quantity == D("0.3")]) <= 3

    assert abs(enact(script, policy(), tmp_path).delta()) <= BAND


def test_margin_near_its_limit_moves_the_hedge_to_the_other_account(tmp_path: Path) -> None:
    def short(reading: AccountReading) -> AccountReading:
        held = reading.margin
        ratio = abs(sum((p.quantity for p in reading.positions), D(0))) * D("0.75")
        return replace(reading, margin=Margin(
            equity=held.equity, maintenance_margin=held.equity * ratio,
            initial_margin=held.initial_margin, available=held.available,
        ))  # fmt: skip

    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.venues[ONE].reading = short
        it.watch()
        await it.until(lambda: it.position(ONE) > D("-0.67"), "reduced there", within=900)
        it.deposit("0.2")
        await it.until_hedged(within=900)
        assert it.worst[0] >= -BAND
        assert it.worst[1] <= D("0.6"), "the other takes over step by step, and not after the last one"
        assert all(order.reduce_only for order in it.placed(ONE)[1:])

    it = enact(script, policy(), tmp_path)
    assert abs(it.delta()) <= BAND
    assert it.position(TWO) <= D("-0.5")


def test_a_position_that_its_venue_took_while_it_was_gone_is_made_good_once_it_is_seen(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.cut(ONE)
        await it.clock.sleep(15)
        taken = it.worlds[ONE].exchange.deleverage(ONE, SYMBOL, D("0.5"))
        assert taken == D("0.5")
        it.watch()
        it.deposit("-0.3")
        await it.clock.sleep(30)
        assert it.placed(TWO) == [], "to buy would be right by what is believed, and wrong by what is true"
        assert it.decision.reason is Reason.ACCOUNT_AGE
        it.restore(ONE)
        await it.until_hedged()
        assert it.worst[0] >= -BAND
        assert it.worst[1] <= D("0.21"), "the deviation never grew by what we did"

    it = enact(script, policy(), tmp_path)
    assert abs(it.delta()) <= BAND


def test_nothing_is_created_on_the_one_that_returns_before_it_was_read_twice(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.cut(ONE)
        it.venues[TWO].quote = lambda _: None
        it.deposit("0.3")
        await it.clock.sleep(30)
        believed_at = it.state.accounts[ONE].believed_at
        readings: list[int] = []

        def count(reading: AccountReading) -> AccountReading:
            readings.append(it.clock.now_ms())
            return reading

        it.restore(ONE)
        it.venues[ONE].reading = count
        it.venues[ONE].leaving = lambda _: readings.append(-1)
        await it.until(lambda: it.delta() <= BAND, "hedged")
        assert it.state.accounts[ONE].believed_at > believed_at
        assert readings.index(-1) >= 2

    first_only = policy(shares=shared("1", "0"))
    assert abs(enact(script, first_only, tmp_path).delta()) <= BAND


def test_the_ledger_books_the_fills_of_both_venues_once(tmp_path: Path) -> None:
    it = enact(Stage.until_hedged, policy(shares=shared("1", "1")), tmp_path)
    trades = [len(it.worlds[name].exchange.truth(name).trades) for name in (ONE, TWO)]
    assert it.state.ledgers["btc"].fills == sum(trades)
    assert all(trades)
    assert {order.id for name in (ONE, TWO) for order in it.placed(name)} == {AT_ONE, AT_TWO}
