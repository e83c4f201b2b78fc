"""What happens in the stories in which a process is killed: scripts, each about one thing that may be half done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D

from hedger.engine.known.state import Mode, Severity
from hedger.model.account import AccountReading
from hedger.model.message import Operation
from hedger.model.order import Fill, RejectReason, Side
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.translation import fill as as_fill
from tests.support.crash_fate import MortalJournal
from tests.support.engine_policies import perpetual
from tests.support.simulated_daemon import OWNER, SYMBOL, Play, Script
from tests.support.simulated_venue import LensVenue, leaning, levered, thin, with_margin_ratio


def breakable(it: Play) -> MortalJournal:
    assert isinstance(it.journal, MortalJournal)
    return it.journal


def crowd(it: Play, quantity: str) -> None:
    """Somebody buys from the book, and with it from our order."""
    it.world.exchange.crowd_takes(Wallet.LINEAR, SYMBOL, Side.BUY, D(quantity))


def jump(it: Play, fraction: float) -> None:
    it.world.market.fair.jump("BTC", fraction)


async def hedged(it: Play) -> None:
    await it.until_hedged()


async def resting(it: Play) -> None:
    await it.until(lambda: bool(it.resting()), "resting", every=0.011)


async def placed(it: Play) -> None:
    await it.until(lambda: bool(it.venue.placed), "placed", every=0.001)


async def partly_filled(it: Play) -> None:
    await resting(it)
    crowd(it, "0.2")
    await it.until(lambda: bool(it.trades), "filled in part", every=0.011)


# --- hedging ------------------------------------------------------------------------------------------------------


def after_a_deposit(quantity: str) -> Script:
    """The holding changes after the first hedge."""

    async def script(it: Play) -> None:
        await hedged(it)
        it.deposit(quantity)
        await hedged(it)

    return script


def while_resting(change: Callable[[Play], None]) -> Script:
    """Something happens to the world while an order rests, and the hedge is found all the same."""

    async def script(it: Play) -> None:
        await resting(it)
        change(it)
        await hedged(it)

    return script


async def in_pieces(it: Play) -> None:
    for _ in range(6):
        await resting(it)
        crowd(it, "0.11")
        await it.sleep(0.3)
    await hedged(it)


async def in_crumbs(it: Play) -> None:
    await resting(it)
    for _ in range(8):
        crowd(it, "0.001")
        await it.sleep(0.02)
    await hedged(it)


async def filled_while_canceled(it: Play) -> None:
    await resting(it)
    jump(it, -0.001)
    await it.until(lambda: bool(it.venue.canceled) or not it.resting(), "canceling", every=0.002)
    if it.resting():
        crowd(it, "5")
    await hedged(it)


async def repriced(it: Play) -> None:
    await resting(it)
    for _ in range(3):
        jump(it, -0.0008)
        await it.sleep(3.5)
    await hedged(it)


async def back_and_forth(it: Play) -> None:
    await hedged(it)
    it.deposit("0.4")
    await it.until(lambda: bool(it.resting()), "resting", every=0.011)
    it.deposit("-0.6")
    await hedged(it)


async def in_transit(it: Play) -> None:
    await hedged(it)
    it.deposit("-0.3")
    await it.sleep(4)
    it.deposit("0.3")
    await hedged(it)


async def deleveraged(it: Play) -> None:
    await hedged(it)
    it.world.exchange.deleverage(OWNER, SYMBOL, D("0.4"))
    await hedged(it)


def by_hand(it: Play, side: Side, quantity: str, price: str | None) -> None:
    """A person trades on the same account."""
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        SYMBOL,
        side=side,
        kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        quantity=D(quantity),
        price=None if price is None else D(price),
        reduce_only=False,
        client_order_id="by-hand",
    )


async def a_person_trades(it: Play) -> None:
    await hedged(it)
    by_hand(it, Side.BUY, "0.3", None)
    await hedged(it)


async def beside_a_person_s_order(it: Play) -> None:
    by_hand(it, Side.BUY, "0.1", "50000")
    await hedged(it)
    assert [o.client_order_id for o in it.resting()] == ["by-hand"]


# --- answers that are lost, late or wrong ---------------------------------------------------------------------------


def bent(bend: Callable[[LensVenue], None], seconds: float) -> Script:
    """The venue is not what it should be for a while, from the start on."""

    async def script(it: Play) -> None:
        bend(it.venue)
        await it.sleep(seconds)
        it.venue.clear()
        await hedged(it)

    return script


def bent_later(bend: Callable[[LensVenue], None], seconds: float) -> Script:
    """The same while an order rests, after somebody took a part of it."""

    async def script(it: Play) -> None:
        await resting(it)
        bend(it.venue)
        crowd(it, "0.2")
        await it.sleep(seconds)
        it.venue.clear()
        await hedged(it)

    return script


def lost_acks(venue: LensVenue) -> None:
    venue.lose_acks = True


def lost_creates(venue: LensVenue) -> None:
    venue.lose_creates = True


def lost_acks_and_memory(venue: LensVenue) -> None:
    venue.lose_acks = venue.hide_orders = True


def forgetful(venue: LensVenue) -> None:
    venue.hide_orders = True


def unknown_cancels(venue: LensVenue) -> None:
    venue.ignore_cancels = True
    venue.quote = leaning("-0.0005")


def deaf(venue: LensVenue) -> None:
    """No news of orders or fills, and no prices."""
    venue.silent = True
    venue.fill = lambda fill: None
    venue.quote = lambda quote: None


def without_fills(venue: LensVenue) -> None:
    venue.silent = True
    venue.fill = lambda fill: None
    venue.failing.add("fills")


def without_readings(venue: LensVenue) -> None:
    venue.failing.add("account")


def with_old_readings(venue: LensVenue) -> None:
    held: list[AccountReading] = []

    def old(reading: AccountReading) -> AccountReading:
        held.append(reading)
        return held[0]

    venue.reading = old


def refusing(reason: RejectReason) -> Callable[[LensVenue], None]:
    def refuse(venue: LensVenue) -> None:
        venue.refuse = reason

    return refuse


def crossing(venue: LensVenue) -> None:
    """Quotes that lag behind a rising market: what is priced by them would take."""
    venue.quote = leaning("-0.0004")


def in_a_thin_book(venue: LensVenue) -> None:
    venue.quote = thin


def short_of_margin(venue: LensVenue) -> None:
    venue.reading = with_margin_ratio("0.55")


def with_other_leverage(venue: LensVenue) -> None:
    venue.reading = levered


async def fills_come_twice(it: Play) -> None:
    venue = it.venue

    def again(fill: Fill) -> Fill:
        it.daemon.loop.inbox.put(fill)
        return fill

    venue.fill = again
    await hedged(it)
    for trade in it.trades:
        it.daemon.loop.inbox.put(as_fill(perpetual(), trade))
    await hedged(it)


async def fills_come_backwards(it: Play) -> None:
    it.venue.fill = lambda fill: None
    await it.until(lambda: len(it.trades) >= 2, "filled")
    for trade in reversed(it.trades):
        it.daemon.loop.inbox.put(as_fill(perpetual(), trade))
        await it.sleep(0.01)
    it.venue.clear()
    await hedged(it)


# --- margin ---------------------------------------------------------------------------------------------------------


async def margin_runs_out(it: Play) -> None:
    await hedged(it)
    before = it.position()
    it.venue.reading = with_margin_ratio("0.75")
    await it.until(lambda: abs(it.position()) < abs(before), "reduced")
    it.venue.clear()
    await it.until(lambda: it.state.hedges["btc"].severity is Severity.CLEAR, "clear again")
    await hedged(it)


async def without_collateral(it: Play) -> None:
    """The venue refuses for want of margin until there is some."""
    await it.until(lambda: it.truth.creates_refused > 0 or bool(it.watcher.decisions[3:]), "refused")
    await it.sleep(5)
    it.collateral("150000")
    await hedged(it)


async def with_collateral(it: Play) -> None:
    it.collateral("150000")


# --- operators, journals, ends --------------------------------------------------------------------------------------


def asked(operation: Operation, moment: Script) -> Script:
    """An operator asks for something, and it is done."""

    async def script(it: Play) -> None:
        await moment(it)
        it.daemon.loop.ask(operation, "asked by the test")
        await it.until(lambda: not it.resting(), "off the book")
        await it.sleep(3)

    return script


async def paused_for_a_while(it: Play) -> None:
    await resting(it)
    it.daemon.loop.ask(Operation.PAUSE, "for a while")
    await it.until(lambda: not it.resting(), "off the book")
    it.daemon.loop.ask(Operation.UNPAUSE, "and on")
    await hedged(it)


async def halted_and_lifted(it: Play) -> None:
    await resting(it)
    it.daemon.loop.ask(Operation.HALT, "look at this")
    await it.until(lambda: it.state.mode is Mode.HALTED and not it.resting(), "halted")
    it.daemon.loop.ask(Operation.RESUME, "looked at")
    await hedged(it)


async def asked_too_often(it: Play) -> None:
    await resting(it)
    for n in range(4):
        it.daemon.loop.ask(Operation.PAUSE if n % 2 else Operation.UNPAUSE, f"again {n}")
        await it.sleep(0.4)
    it.daemon.loop.ask(Operation.UNPAUSE, "at last")
    await hedged(it)


async def a_taker_s_fill(it: Play) -> None:
    it.venue.fill = lambda fill: replace(fill, maker=False)
    await it.until(lambda: it.state.mode is Mode.HALTED, "halted")
    await it.sleep(3)


def journal_fails(moment: Script, seconds: float) -> Script:
    """The disk takes nothing for a while."""

    async def script(it: Play) -> None:
        await moment(it)
        breakable(it).broken = True
        await it.sleep(seconds)
        breakable(it).broken = False
        await hedged(it)

    return script


async def idle(it: Play) -> None:
    await it.sleep(15)
