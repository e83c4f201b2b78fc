"""Margin that runs out: a warning, then no new risk, then a hedge that is taken down, and up again when it may be."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.known.state import Action, Decision, Mode, Reason, Severity, State
from hedger.engine.step import Result
from hedger.model.account import AccountReading
from hedger.model.message import Stamped
from hedger.model.order import Side
from tests.support.engine_policies import band, hedge_of, policy_of
from tests.support.simulated_daemon import Play, play


def severity(it: Play) -> Severity:
    return it.state.hedges["btc"].severity


def ratio_of_position(factor: str) -> object:
    """Readings whose margin ratio is so many times the position in coins."""

    def bend(reading: AccountReading) -> AccountReading:
        held = sum((abs(p.quantity) for p in reading.positions), D(0))
        return replace(
            reading, margin=replace(reading.margin, maintenance_margin=reading.margin.equity * held * D(factor))
        )

    return bend


def test_draining_collateral_climbs_the_ladder_and_filling_it_comes_down(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        wallet = it.world.exchange.floor.account("main")
        wallet.wallet_balance = D(13_500)
        await it.until(lambda: severity(it) is Severity.WARN, "warned", within=20)
        it.deposit("0.02")
        await it.until_hedged()
        assert it.position() < -1, "a warning stops nothing"

        wallet.wallet_balance = D(7_500)
        await it.until(lambda: severity(it) is Severity.STOP, "stopped", within=20)
        placed = len(it.venue.placed)
        it.deposit("0.05")
        await it.until(lambda: it.decision.reason is Reason.LIQUIDATION_DISTANCE, "denied", within=20)
        await it.sleep(10)
        assert len(it.venue.placed) == placed
        assert it.state.mode is Mode.REDUCE_ONLY

        wallet.wallet_balance = D(4_400)
        await it.until(lambda: severity(it) is Severity.REDUCE, "reducing", within=20)
        await it.until(lambda: severity(it) is Severity.STOP, "reduced enough")
        reductions = it.venue.placed[placed:]
        assert len(reductions) >= 2, "step by step"
        assert all(order.reduce_only and order.side is Side.BUY for order in reductions)
        assert D("-0.8") < it.position() < D("-0.2"), "no more than the margin asks for"
        await it.sleep(20)
        assert it.decision.action is Action.DENY
        assert it.decision.reason is Reason.LIQUIDATION_DISTANCE

        wallet.wallet_balance = D(150_000)
        await it.until_hedged()
        assert severity(it) is Severity.CLEAR

    it = play(script, policy_of(hedge_of(guards={"leverage": 5})), tmp_path)
    assert it.truth.liquidations == 0
    assert all(trade.maker for trade in it.trades)


def test_a_margin_ratio_over_its_limit_takes_the_hedge_down_until_it_is_under_the_stop(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        placed = len(it.venue.placed)
        it.venue.reading = ratio_of_position("0.75")  # type: ignore[assignment]
        await it.until(lambda: it.position() > D("-0.67"), "under the stop")
        await it.until(lambda: severity(it) is Severity.STOP, "stopped")
        assert all(order.reduce_only for order in it.venue.placed[placed:])
        assert it.decision.reason in (Reason.MARGIN_RATIO, Reason.RESTING_AFTER_FILL, Reason.AWAITING_READING)
        it.venue.clear()
        await it.until_hedged()

    play(script, policy_of(hedge_of()), tmp_path)


def test_a_working_reduction_is_canceled_once_the_margin_has_recovered(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lambda quote: replace(quote, bid=quote.bid - 100, ask=quote.ask - 100)
        it.venue.reading = ratio_of_position("0.75")  # type: ignore[assignment]
        await it.until(lambda: any(o.reduce_only for o in it.resting()), "a reduction rests")
        it.venue.reading = lambda reading: reading
        await it.until(lambda: not it.resting(), "off the book", within=20)
        assert it.decision.reason in (Reason.INSIDE_BAND, Reason.ORDER_IN_FLIGHT)
        assert it.position() == -1

    play(script, policy_of(hedge_of()), tmp_path)


def test_a_reduction_larger_than_one_order_may_be_is_cut_to_what_the_venue_takes(tmp_path: Path) -> None:
    """The venue refuses an order over its largest quantity, and would refuse it again until liquidation."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        instrument, *_ = it.state.instruments.values()
        changed = {instrument.id: replace(instrument, max_quantity=D("0.1"))}
        it.daemon.loop.state = it.state._replace(instruments=changed)
        placed = len(it.venue.placed)
        it.venue.reading = ratio_of_position("0.75")  # type: ignore[assignment]
        await it.until(lambda: len(it.venue.placed) > placed, "reduced")
        assert it.venue.placed[-1].quantity == D("0.1")

    play(script, policy_of(hedge_of()), tmp_path)


def test_a_hedge_beside_one_that_lacks_margin_adds_no_risk_and_may_reduce(tmp_path: Path) -> None:
    """They share the account, and with it the margin."""

    def near(reading: AccountReading) -> AccountReading:
        bitcoin = (replace(p, liquidation_price=p.mark_price * D("1.12")) for p in reading.positions[:1])
        return replace(reading, positions=(*bitcoin, *reading.positions[1:]))

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.reading = near
        await it.until(lambda: it.state.mode is Mode.REDUCE_ONLY, "reduce only", within=20)
        placed = len(it.venue.placed)
        it.deposit("1", "ETH")
        await it.until(lambda: eth(it).reason is Reason.LIQUIDATION_DISTANCE, "denied", within=20)
        await it.sleep(10)
        assert len(it.venue.placed) == placed
        it.deposit("-2", "ETH")
        await it.until(lambda: abs(it.delta("ETH")) <= D("0.1"), "reduced")
        it.venue.clear()
        it.deposit("1", "ETH")
        await it.until_hedged()

    def eth(it: Play) -> Decision:
        decision = it.state.hedges["eth"].decision
        assert decision is not None
        return decision

    play(script, policy_of(hedge_of(), hedge_of("ETH", band=band("0.1"))), tmp_path, spot={"BTC": "1", "ETH": "5"})


def test_the_mode_follows_the_reading_that_changes_it(tmp_path: Path) -> None:
    """What is decided on a reading is decided in the mode that the reading leads to."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.watcher.looks.append(look)
        it.venue.reading = ratio_of_position("0.55")  # type: ignore[assignment]
        await it.until(lambda: it.state.mode is Mode.REDUCE_ONLY, "reduce only", within=20)
        it.venue.clear()
        await it.until(lambda: it.state.mode is Mode.HEDGING, "hedging", within=20)

    def look(before: State, stamped: Stamped, result: Result) -> None:
        stopped = any(memory.severity >= Severity.STOP for memory in result.state.hedges.values())
        assert stopped is (result.state.mode is Mode.REDUCE_ONLY) or result.state.draining

    play(script, policy_of(hedge_of()), tmp_path)
