"""The running daemon on an account that others move: each cause is told apart, and the hedge comes back afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Change, ChangeCause, Reason, State
from hedger.engine.step import Result
from hedger.model.account import AccountReading
from hedger.model.message import Stamped
from hedger.model.order import Side
from hedger.sim.nouns import OrderKind, Wallet
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import OWNER, SYMBOL, Play, play

POLICY = policy_of(hedge_of())
PERPETUAL = "BTC/USDT:USDT"


class Told:
    """Every change that the daemon tells, in order."""

    def __init__(self, it: Play) -> None:
        self.changes: list[Change] = []
        it.watcher.looks.append(self._look)

    def _look(self, before: State, stamped: Stamped, result: Result) -> None:
        self.changes += result.changes

    def of(self, what: str) -> list[tuple[ChangeCause, D]]:
        return [(change.cause, change.quantity) for change in self.changes if change.what == what]


def by_hand(it: Play, side: Side, quantity: str, name: str = "by-hand") -> None:
    """As a person does, past the daemon, for the same account."""
    it.world.exchange.place(
        OWNER,
        Wallet.LINEAR,
        SYMBOL,
        side=side,
        kind=OrderKind.MARKET,
        quantity=D(quantity),
        price=None,
        reduce_only=False,
        client_order_id=name,
    )


async def settled(it: Play) -> Told:
    """Hedged, and long enough ago that no reading can be behind; nothing was told until now but what is ours."""
    told = Told(it)
    await it.until_hedged()
    await it.sleep(40)
    assert told.of(PERPETUAL) == []
    return told


@pytest.mark.parametrize(("side", "quantity"), [(Side.SELL, "0.04"), (Side.BUY, "0.04"), (Side.BUY, "0.6")])
def test_a_trade_by_hand_is_told_and_hedged_away(side: Side, quantity: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        told = await settled(it)
        by_hand(it, side, quantity)
        await it.until(lambda: bool(told.of(PERPETUAL)), "told", within=30)
        await it.until_hedged()
        await it.sleep(70)
        assert told.of(PERPETUAL) == [(ChangeCause.FOREIGN_TRADE, side.sign * D(quantity))]
        assert it.delta() == 0
        rows = [key for _, key, _ in it.journal.rows("change")]
        assert f"{ACCOUNT}/{PERPETUAL}" in rows

    assert play(script, POLICY, tmp_path).state.halted is None


@pytest.mark.parametrize("quantity", ["0.04", "0.7"])
def test_a_hedge_that_is_deleveraged_is_built_again_after_a_second_reading(quantity: str, tmp_path: Path) -> None:
    """Small or large, the closure is confirmed by a reading that was asked for at least a second later."""

    async def script(it: Play) -> None:
        told = await settled(it)
        readings: list[int] = []
        it.watcher.looks.append(lambda before, stamped, result: readings.append(believed(result.state)))
        placed = len(it.venue.placed)
        done = it.world.exchange.deleverage(OWNER, SYMBOL, D(quantity))
        assert done == D(quantity)
        closed_at = it.clock.now_ms()
        await it.until(lambda: len(it.venue.placed) > placed, "hedged again", within=60)
        shown = min(at for at in readings if at > closed_at)
        assert shown >= closed_at + 1_000, "the first reading that shows it is not believed on its own word"
        await it.until_hedged()
        assert told.of(PERPETUAL) == [(ChangeCause.DELEVERAGING, D(quantity))]
        assert it.delta() == 0

    it = play(script, POLICY, tmp_path)
    assert all(trade.maker for trade in it.trades if trade.client_order_id != "adl_autoclose")


def believed(state: State) -> int:
    return state.accounts[ACCOUNT].believed_at


def test_a_liquidation_is_told_and_nothing_is_hedged_without_margin(tmp_path: Path) -> None:
    """The losses elsewhere eat the collateral: the venue closes the short, and the hedger does not open it again."""

    async def script(it: Play) -> None:
        told = await settled(it)
        it.checks.on = False
        left = it.world.exchange.linear_account(OWNER).equity
        it.collateral(-(left - 100))
        it.world.exchange.refresh_marks()
        await it.until(lambda: bool(told.of(PERPETUAL)), "told", within=60)
        placed = len(it.venue.placed)
        await it.sleep(40)
        assert {cause for cause, _ in told.of(PERPETUAL)} == {ChangeCause.LIQUIDATION}
        assert it.truth.liquidations
        assert [order for order in it.venue.placed[placed:] if not order.reduce_only] == []

    policy = policy_of(hedge_of())
    play(script, policy, tmp_path)


def test_a_deposit_and_a_withdrawal_are_transfers(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        told = await settled(it)
        it.deposit("0.25")
        await it.until_hedged()
        it.deposit("-0.4")
        await it.until_hedged()
        assert told.of("BTC") == [(ChangeCause.TRANSFER, D("0.25")), (ChangeCause.TRANSFER, D("-0.4"))]
        assert told.of(PERPETUAL) == []

    play(script, POLICY, tmp_path)


def test_a_movement_that_no_fill_explains_is_told_as_unexplained(tmp_path: Path) -> None:
    """The venue says that the position is another one, and its history knows of no trade."""

    def shifted(reading: AccountReading) -> AccountReading:
        rows = (replace(row, quantity=row.quantity - D("0.04")) for row in reading.positions)
        return replace(reading, positions=tuple(rows))

    async def script(it: Play) -> None:
        told = await settled(it)
        it.checks.on = False
        it.venue.reading = shifted
        await it.until(lambda: bool(told.of(PERPETUAL)), "told", within=90)
        assert told.of(PERPETUAL) == [(ChangeCause.UNEXPLAINED, D("-0.04"))]

    play(script, POLICY, tmp_path)


def test_our_own_hedging_is_never_told_as_a_change(tmp_path: Path) -> None:
    """In pieces, with news that is lost and answers that are lost."""

    async def script(it: Play) -> None:
        told = Told(it)
        for n in range(6):
            it.venue.silent, it.venue.lose_acks = n % 2 == 1, n % 3 == 2
            it.venue.fill = (lambda fill: None) if n % 2 else (lambda fill: fill)
            it.deposit("0.13" if n % 2 else "-0.21")
            await it.sleep(50)
        it.venue.clear()
        await it.until_hedged()
        await it.sleep(70)
        assert told.of(PERPETUAL) == []

    play(script, POLICY, tmp_path)


def test_a_person_who_keeps_trading_makes_the_account_only_reduce(tmp_path: Path) -> None:
    """Three trades within an hour."""

    async def script(it: Play) -> None:
        told = await settled(it)
        for n in range(3):
            by_hand(it, Side.BUY, "0.005", f"by-hand-{n}")
            await it.until(lambda n=n: len(told.of(PERPETUAL)) > n, "told", within=60)  # type: ignore[misc]
        it.deposit("0.2")
        await it.until(lambda: it.decision.reason is Reason.FOREIGN_DRIFT, "denied", within=60)
        placed = len(it.venue.placed)
        await it.sleep(120)
        assert len(it.venue.placed) == placed
        it.deposit("-0.4")
        await it.until(lambda: len(it.venue.placed) > placed, "reduced", within=60)
        assert all(order.reduce_only for order in it.venue.placed[placed:])
        await it.until_hedged()
        assert told.of(PERPETUAL) == [(ChangeCause.FOREIGN_TRADE, D("0.005"))] * 3

    play(script, POLICY, tmp_path)


def test_foreign_orders_are_never_touched(tmp_path: Path) -> None:
    """A person's order rests beside ours, through hedging, a halt of nothing, and the end of the run."""

    async def script(it: Play) -> None:
        best = it.world.exchange.best(Wallet.LINEAR, SYMBOL).bid
        assert best is not None
        it.world.exchange.place(
            OWNER,
            Wallet.LINEAR,
            SYMBOL,
            side=Side.BUY,
            kind=OrderKind.POST_ONLY,
            quantity=D("0.01"),
            price=best - 3_000,
            reduce_only=False,
            client_order_id="a-person",
        )
        for change in ("0.2", "-0.3", "0.1"):
            it.deposit(change)
            await it.until_hedged()

    it = play(script, POLICY, tmp_path)
    assert [order.client_order_id for order in it.resting()] == ["a-person"]
    assert "a-person" not in [order.client_order_id for order in it.venue.canceled]


# --- replicas that flap -----------------------------------------------------------------------------------------------


def flapping(since: list[AccountReading]) -> Callable[[AccountReading], AccountReading]:
    """Every other reading comes from a replica that stands still at the first of them."""
    count = [0]

    def bend(reading: AccountReading) -> AccountReading:
        since.append(reading)
        count[0] += 1
        return replace(reading, positions=since[0].positions) if count[0] % 2 else reading

    return bend


@pytest.mark.parametrize("width", ["0.01", "0.2"])
def test_a_replica_that_stands_still_never_makes_us_hedge_twice(width: str, tmp_path: Path) -> None:
    """For four minutes, in which the lag that we allow for passes several times."""
    policy: Policy = policy_of(hedge_of(band=replace(POLICY.hedges[0].band, upper=D(width), lower=D(width))))

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(40)
        it.venue.reading = flapping([])
        it.deposit("0.5")
        await it.until(lambda: it.position() == D("-1.5"), "hedged", within=240)
        lowest = [it.position()]
        it.watcher.looks.append(lambda *_: lowest.append(it.position()))
        await it.sleep(240)
        assert min(lowest) == D("-1.5")
        it.venue.clear()
        await it.sleep(30)

    assert play(script, policy, tmp_path).state.halted is None
