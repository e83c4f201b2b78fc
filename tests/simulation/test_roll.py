"""The daemon rolls a dated contract to the next one before it expires, as a maker, and lives through the settlement."""

from decimal import Decimal as D
from pathlib import Path
from typing import Any

from hedger.engine.known.policy import Carry, Policy
from hedger.engine.known.state import Action, ChangeCause, Reason
from hedger.model.instrument import InstrumentId
from hedger.sim.listings import contract
from hedger.sim.naming import quarters
from hedger.sim.world import Funds, World, paper_world
from tests.support import simulated_venue as lens
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.simulated_daemon import NOON, OWNER, Play, Script, act, stage

MINUTE = 60_000
END = NOON + 14 * MINUTE
AVERAGE = 3 * MINUTE
NEAR_LISTING = contract("BTC", expiry_at=END, settlement_ms=AVERAGE)
FAR_LISTING = contract("BTC", expiry_at=quarters(NOON)[0])
NEAR = InstrumentId(ACCOUNT, "BTC/USDT:USDT-260101")
FAR = InstrumentId(ACCOUNT, "BTC/USDT:USDT-260327")
WIDTH = D("0.02")


def world() -> World:
    funds = Funds(spot={"BTC": D("0.1"), "USDT": D(20_000)}, linear=D(150_000))
    return paper_world(1, NOON, users={OWNER: funds}, owner=OWNER, still=True, contracts=(NEAR_LISTING, FAR_LISTING))


def policy(*ids: InstrumentId, roll_before: float = 9, expiring: int = 4, **guards: Any) -> Policy:
    carry = Carry(roll_before_ms=int(roll_before * MINUTE))
    made = hedge_of(
        instruments=ids, band=band(str(WIDTH)), carry=carry, guards={"expiring": expiring * MINUTE, **guards}
    )
    return policy_of(made)


def run(script: Script, wanted: Policy, directory: Path) -> Play:
    plays: list[Play] = []

    async def scene(made: World) -> None:
        plays.append(await act(made, script, wanted, directory))

    stage(scene, world)
    (it,) = plays
    return it


def held(it: Play, id: InstrumentId) -> D:
    return it.truth.positions.get("BTCUSDT_" + id.symbol[-6:], D(0))


def net(it: Play) -> D:
    """Net delta in coins by the exchange's truth, give or take the basis: contracts of one coin each."""
    return it.truth.spot["BTC"] + held(it, NEAR) + held(it, FAR)


def until_minute(it: Play, minute: float) -> float:
    return max(0.0, (NOON + minute * MINUTE - it.clock.now_ms()) / 1000)


def test_everything_is_moved_in_time_by_makers_and_the_delta_stays_in_its_band(tmp_path: Path) -> None:
    seen: list[D] = []

    async def script(it: Play) -> None:
        await it.until_hedged()
        assert (held(it, NEAR), held(it, FAR)) == (D("-0.099"), D(0)), "the first of the list, a lot short of the basis"
        await it.sleep(until_minute(it, 4.9))
        assert held(it, FAR) == 0, "not before its time"
        while held(it, NEAR):
            seen.append(net(it))
            await it.sleep(2)
            assert it.clock.now_ms() < END - AVERAGE, it.story()
        await it.sleep(until_minute(it, 14.5))
        await it.until_hedged()

    it = run(script, policy(NEAR, FAR), tmp_path)
    assert max(abs(delta) for delta in seen) <= WIDTH
    assert all(trade.maker for trade in it.trades)
    assert it.state.halted is None
    rolled = [d for d in it.watcher.decisions if d.reason is Reason.ROLL]
    assert len(rolled) >= 18, "slices of half a side of the band"
    assert not [c for c in it.state.changes if c.cause is ChangeCause.SETTLEMENT], "nothing was left to settle"


def test_what_could_not_be_rolled_settles_and_the_next_contract_takes_its_place(tmp_path: Path) -> None:
    """A minute and a half is too little: the alarm is given, and what goes with the average is not called drift."""
    causes: list[tuple[str, ChangeCause]] = []
    late: list[str] = []

    async def script(it: Play) -> None:
        it.watcher.looks.append(lambda _, __, result: causes.extend((c.what, c.cause) for c in result.changes))
        await it.sleep(until_minute(it, 11.1))
        assert held(it, NEAR) < 0, "something is left when the average begins"
        assert held(it, FAR) < 0, "and something has been moved"
        await it.sleep(until_minute(it, 16))
        late.extend(d.detail for d in it.watcher.decisions if d.reason is Reason.EXPIRING)
        await it.until_hedged()
        assert held(it, NEAR) == 0
        assert abs(net(it)) <= WIDTH

    it = run(script, policy(NEAR, FAR, roll_before=4.5, expiring=4), tmp_path)
    assert any("still held, and the delta goes with it" in text for text in late), "a person is told"
    assert (NEAR.symbol, ChangeCause.SETTLEMENT) in causes
    assert {cause for what, cause in causes if what == NEAR.symbol} == {ChangeCause.SETTLEMENT}
    assert it.state.halted is None
    assert not it.state.accounts[ACCOUNT].movement.drifted_at
    near = [(at, c) for at, c in it.watcher.commands if getattr(c, "id", None) == NEAR and hasattr(c, "reduce_only")]
    assert all(at < END - AVERAGE or c.reduce_only for at, c in near), "no order adds to what settles"


def test_a_contract_near_its_end_takes_what_reduces_and_nothing_that_adds(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(until_minute(it, 3.5))
        before = len(it.venue.placed)
        it.deposit("0.05")
        await it.until(lambda: it.decision.reason is Reason.EXPIRING, "denied", within=40)
        await it.sleep(15)
        assert it.decision.action is Action.DENY
        assert len(it.venue.placed) == before
        it.deposit("-0.1")
        await it.until(lambda: len(it.venue.placed) > before, "reduced", within=60)
        assert all(order.reduce_only for order in it.venue.placed[before:])

    run(script, policy(NEAR, expiring=11), tmp_path)


def test_a_basis_of_too_much_a_year_stops_what_adds_until_it_is_gone(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.mark = lens.index_off("0.05")
        await it.sleep(7)
        before = len(it.venue.placed)
        it.deposit("0.05")
        await it.until(lambda: it.decision.reason is Reason.BASIS_YEARLY, "denied", within=40)
        await it.sleep(15)
        assert len(it.venue.placed) == before
        it.deposit("-0.1")
        await it.until(lambda: len(it.venue.placed) > before, "reduced", within=60)
        assert all(order.reduce_only for order in it.venue.placed[before:])
        it.venue.clear()
        it.deposit("0.1")
        await it.until_hedged(within=400)

    run(script, policy(FAR, basis_yearly=D("0.15"), index_collar=D(1_000)), tmp_path)
