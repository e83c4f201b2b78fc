"""Flatten of other books: options that stay, coins that are their own margin, dated contracts, venues out of sight."""

from decimal import Decimal as D
from pathlib import Path

from hedger.engine.decision.flatten import plan_of
from hedger.engine.known.policy import Failover, Hedge
from hedger.engine.known.state import Reason
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import Operation, OperatorAsked
from hedger.model.option import OptionType
from hedger.sim.listings import contract, option
from hedger.sim.nouns import Listing
from hedger.sim.translation import unified_option
from hedger.sim.virtual_time import run_virtual
from hedger.sim.world import Funds, paper_world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.several_daemon import Stage, enact
from tests.support.several_worlds import ONE, TWO, several, shared
from tests.support.simulated_daemon import NOON, OWNER, Play, Script, act, driven

MONTH = NOON + 30 * 86_400_000
FLATTEN = OperatorAsked(operation=Operation.FLATTEN, reason="a test")
INVERSE_PERP = contract("BTC", quote="USD", payoff=Payoff.INVERSE)


def run(script: Script, hedge: Hedge, directory: Path, funds: Funds, *contracts: Listing) -> Play:
    """A daemon over one book; the checks of single orders are for linear perpetuals alone."""

    async def whole(it: Play) -> None:
        it.checks.on = False
        await script(it)

    async def go() -> Play:
        world = paper_world(1, NOON, users={OWNER: funds}, owner=OWNER, still=True, contracts=contracts)
        async with driven(world):
            return await act(world, whole, policy_of(hedge), directory)

    return run_virtual(go(), NOON)


def watch(it: Play) -> None:
    """No true position grows or turns round from now on."""
    seen = dict(it.truth.positions)

    def look(*_: object) -> None:
        for symbol, quantity in it.truth.positions.items():
            before = seen.get(symbol, D(0))
            assert abs(quantity) <= abs(before), f"{symbol} grew from {before} to {quantity}"
            assert quantity * before >= 0, f"{symbol} turned round from {before} to {quantity}"
            seen[symbol] = quantity

    it.watcher.looks.append(look)


def is_flat(it: Play) -> bool:
    return bool(it.state.flattening["btc"].flat_at)


def test_options_are_never_traded_and_their_delta_is_in_the_plan(tmp_path: Path) -> None:
    terms = option(
        "BTC", quote="USDT", payoff=Payoff.LINEAR, strike=D(62_000), expiry_at=MONTH, option_type=OptionType.CALL
    )
    funds = Funds(spot={"BTC": D(1), "USDT": D(20_000)}, linear=D(150_000), options={unified_option(terms): D(-1)})

    async def script(it: Play) -> None:
        await it.until_hedged()
        (plan,) = plan_of(it.state, it.policy).hedges
        assert plan.delta_after is not None
        assert plan.options < 0
        assert plan.delta_after == 1 + plan.options
        watch(it)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: is_flat(it), "flat", within=900)

    it = run(script, hedge_of(), tmp_path, funds)
    assert it.position() == 0
    assert list(it.truth.options.values()) == [D(-1)]
    assert it.truth.spot["BTC"] == 1


def test_coins_that_are_the_margin_of_their_own_hedge_stay_when_it_goes(tmp_path: Path) -> None:
    hedge = hedge_of(
        instruments=(InstrumentId(ACCOUNT, "BTC/USD:BTC"),), band=band("0.004"), guards={"position": D(100_000)}
    )

    async def script(it: Play) -> None:
        await it.until_hedged()
        watch(it)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: is_flat(it), "flat", within=900)

    it = run(script, hedge, tmp_path, Funds(coins={"BTC": D("1.01")}, linear=D(10)), INVERSE_PERP)
    assert it.truth.positions["BTCUSD_PERP"] == 0
    assert it.truth.wallets["BTC"] > D(1)


def test_with_one_of_two_venues_out_of_sight_the_other_is_flattened_and_that_one_once_it_is_back(
    tmp_path: Path,
) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        assert (it.position(ONE), it.position(TWO)) == (D("-0.75"), D("-0.25"))
        it.cut(ONE)
        await it.clock.sleep(15)
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: it.position(TWO) == 0, "flat there", within=600)
        await it.clock.sleep(60)
        assert it.position(ONE) == D("-0.75")
        assert not it.state.flattening["btc"].flat_at
        assert it.decision.reason is Reason.ACCOUNT_AGE
        it.restore(ONE)
        await it.until(lambda: bool(it.state.flattening["btc"].flat_at), "flat", within=900)
        assert {it.position(ONE), it.position(TWO)} == {D(0)}

    policy = several(failover=Failover(allowed=True, blind_ms=300_000), shares=shared("3", "1"))
    enact(script, policy, tmp_path)


def test_both_positions_of_one_hedge_come_to_zero_and_the_coins_are_all_that_is_left(tmp_path: Path) -> None:
    async def script(it: Stage) -> None:
        await it.until_hedged()
        it.deposit("-0.9")
        await it.until_hedged()
        it.daemon.handle_now(FLATTEN)
        await it.until(lambda: bool(it.state.flattening["btc"].flat_at), "flat", within=900)
        assert {it.position(ONE), it.position(TWO)} == {D(0)}
        assert it.delta() == D("0.1")

    enact(script, several(shares=shared("1", "1")), tmp_path)
