"""Another policy takes over between two events: what rests is judged by it, and every decision can be made again."""

from contextlib import closing
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.orders import Order
from hedger.engine.known.policy import BandRule, Hedge, Levels, Policy, Target, TargetKind
from hedger.engine.known.revision import changed_hedges
from hedger.engine.known.state import Action, Mode, Reason, Severity
from hedger.model.message import Operation, PlaceOrder, PolicyChanged
from hedger.runtime.journal import Journal, Row
from hedger.runtime.replay import Verdict, replay_since
from hedger.sim.world import World
from tests.support.engine_journals import BreakableJournal
from tests.support.engine_policies import band, hedge_of, policy_of
from tests.support.simulated_daemon import POLLING, Play, act, make_world, play, stage
from tests.support.simulated_venue import no_line

ONE = policy_of(hedge_of())


def with_hedge(policy: Policy, **changes: object) -> Policy:
    """The policy with its first hedge changed."""
    first, *others = policy.hedges
    return replace(policy, hedges=(replace(first, **changes), *others))  # type: ignore[arg-type]


def guarded(policy: Policy, **changes: object) -> Policy:
    return with_hedge(policy, guards=replace(policy.hedges[0].guards, **changes))  # type: ignore[arg-type]


def reload(it: Play, policy: Policy) -> str | None:
    """What the app does with a file that was found good."""
    old = it.daemon.policy
    against = it.daemon.revise(policy, POLLING, Row(it.clock.now_ms(), "reload", "abc", {"who": "a test"}))
    if against is None and policy != old:
        it.daemon.handle_now(PolicyChanged(digest="abc", hedges=changed_hedges(old, policy)))
    return against


def working(it: Play) -> list[Order]:
    return [order for order in it.state.orders.values() if order.live]


async def until_resting(it: Play) -> Order:
    """An order of ours that the venue has acknowledged."""
    await it.until(lambda: bool(it.resting()) and any(o.venue_order_id for o in working(it)), "an order at rest")
    return working(it)[0]


def replayed(directory: Path) -> list[Verdict]:
    with closing(Journal.open(directory, read_only=True)) as journal:
        return [told.verdict for told in replay_since(journal)]


# A hedge whose orders stay where they are: far behind the best price.
RESTING = policy_of(hedge_of(execution={"offset_ticks": 500, "reprice_ms": 60_000, "linger_ms": 80_000}))


def test_the_next_decision_is_made_by_the_new_band_and_is_told_at_once(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        assert reload(it, with_hedge(ONE, band=band("0.5"))) is None
        assert it.watcher.decisions[-1].upper == D("0.5")
        assert it.decision.reason is Reason.INSIDE_BAND
        placed = len(it.watcher.placed())
        it.deposit("0.3")
        await it.sleep(60)
        assert len(it.watcher.placed()) == placed, "0.3 lies within the wider band"
        assert reload(it, ONE) is None
        await it.until_hedged()
        assert len(it.watcher.placed()) > placed

    play(script, ONE, tmp_path)


def test_every_decision_before_and_after_a_reload_comes_out_the_same_again(tmp_path: Path) -> None:
    wider, shaped = (
        with_hedge(ONE, band=band("0.2")),
        with_hedge(ONE, target=Target(kind=TargetKind.COINS, value=D("0.4"))),
    )

    async def script(it: Play) -> None:
        await it.until_hedged()
        for policy in (wider, shaped, guarded(shaped, order_notional=D(12_000)), ONE):
            reload(it, policy)
            it.deposit("0.1")
            await it.sleep(45)
        await it.until_hedged()

    it = play(script, ONE, tmp_path)
    verdicts = replayed(tmp_path)
    assert len(verdicts) == len(it.watcher.decisions) > 10
    assert set(verdicts) == {Verdict.IDENTICAL}
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        policies = {told.policy for told in replay_since(journal)}
        assert len(policies) == 4, "each decision names the policy that it was made by"
        assert [key for _, key, _ in journal.rows("reload")] == ["abc"] * 4


def test_an_order_that_the_new_policy_allows_stays_where_it_is(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        order = await until_resting(it)
        reload(it, guarded(with_hedge(RESTING, unhedged_after_ms=5_000), order_notional=D(190_000)))
        await it.sleep(10)
        assert [o.client_order_id for o in working(it)] == [order.client_order_id]

    play(script, RESTING, tmp_path)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (guarded(RESTING, order_notional=D(30_000)), Reason.ORDER_NOTIONAL),
        (guarded(RESTING, position=D("0.2")), Reason.POSITION),
        (guarded(RESTING, mark_collar=D("0.01")), Reason.MARK_COLLAR),
        (with_hedge(RESTING, band=band("2")), None),
        (with_hedge(RESTING, target=Target(kind=TargetKind.RATIO, value=D("0.5"))), Reason.WOULD_OVERSHOOT),
        (with_hedge(RESTING, static_quantity=D("-0.8")), Reason.WOULD_OVERSHOOT),
    ],
    ids=["one order", "position", "collar", "band", "target", "holdings"],
)
def test_an_order_that_rests_is_judged_by_the_new_policy_at_once(
    changed: Policy, reason: Reason | None, tmp_path: Path
) -> None:
    """It sells one coin. A wider band alone is no reason to take it off: it still goes to the target."""

    async def script(it: Play) -> None:
        order = await until_resting(it)
        reload(it, changed)
        if reason is None:
            assert it.decision.action is Action.WAIT
            return
        assert (it.decision.action, it.decision.reason) == (Action.CANCEL, reason)
        await it.until(lambda: order.client_order_id not in {o.client_order_id for o in working(it)}, "canceled")
        later = [o for o in it.watcher.placed() if o.decision_id > order.decision_id]
        assert all(o.quantity < order.quantity for o in later), "what follows is what the new policy allows"

    play(script, RESTING, tmp_path)


def test_a_tighter_level_of_margin_holds_from_the_same_moment(tmp_path: Path) -> None:
    tight = guarded(ONE, liquidation_distance=Levels(clear=D(10), warn=D(9), stop=D(8), reduce=D("0.0001")))

    async def script(it: Play) -> None:
        await it.until_hedged()
        severities = [it.state.hedges["btc"].severity]
        reload(it, tight)
        severities.append(it.state.hedges["btc"].severity)
        assert severities == [Severity.CLEAR, Severity.STOP], "judged anew, not at the next reading"
        reload(it, ONE)
        await it.until_hedged()

    play(script, ONE, tmp_path, collateral="60000")


def test_a_computed_band_does_not_keep_the_width_of_the_old_one(tmp_path: Path) -> None:
    """Widths within a tenth of the kept ones are kept, but for another rule."""

    def computed(residual: str) -> Policy:
        made = band("0", rule=BandRule.WHALLEY_WILMOTT)
        inputs = replace(made.inputs, residual=D(residual), sigma=D("0.5"))
        return with_hedge(ONE, band=replace(made, upper=D(0), lower=D(0), inputs=inputs))

    async def script(it: Play) -> None:
        await it.until_hedged()
        reload(it, computed("0.05"))
        await it.until_hedged()
        before = it.state.hedges["btc"].edges
        assert before is not None
        reload(it, computed("0.052"))
        await it.sleep(5)
        after = it.state.hedges["btc"].edges
        assert after is not None
        assert after.upper > before.upper

    play(script, ONE, tmp_path)


@pytest.mark.parametrize("operation", [Operation.HALT, Operation.PAUSE])
def test_a_reload_lifts_neither_a_halt_nor_a_pause(operation: Operation, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.daemon.loop.ask(operation, "a person")
        await it.until(lambda: it.state.mode in (Mode.HALTED, Mode.CANCEL_ONLY), "stopped")
        mode, placed = it.state.mode, len(it.watcher.placed())
        reload(it, with_hedge(ONE, target=Target(kind=TargetKind.COINS, value=D("0.5"))))
        await it.sleep(30)
        assert it.state.mode is mode
        assert len(it.watcher.placed()) == placed

    play(script, ONE, tmp_path)


def test_without_a_journal_no_policy_takes_over(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        assert isinstance(it.journal, BreakableJournal)
        await it.until_hedged()
        it.journal.broken = True
        against = reload(it, with_hedge(ONE, band=band("0.5")))
        assert against is not None
        assert "journal" in against
        assert it.daemon.policy == ONE
        it.journal.broken = False
        await it.sleep(10)
        assert not list(it.journal.rows("reload")), "what was refused is not told later as done"
        assert reload(it, with_hedge(ONE, band=band("0.5"))) is None

    play(script, ONE, tmp_path, journal=BreakableJournal.at)


def test_the_row_is_on_the_disk_before_anything_is_done_by_it(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        seen: list[int] = []
        it.watcher.looks.append(
            lambda _, stamped, result: (
                seen.append(len(list(it.journal.rows("reload")))) if isinstance(stamped.event, PolicyChanged) else None
            )
        )
        reload(it, with_hedge(ONE, target=Target(kind=TargetKind.COINS, value=D("0.5"))))
        assert seen == [1]

    play(script, ONE, tmp_path)


def test_what_the_state_was_not_made_for_is_refused_by_the_loop_itself(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        more: Hedge = hedge_of("ETH")
        against = reload(it, replace(ONE, hedges=(*ONE.hedges, more)))
        assert against == "hedges cannot change while it runs"
        assert it.daemon.policy == ONE

    play(script, ONE, tmp_path)


def test_a_crash_right_after_a_reload_and_a_start_with_the_new_file_are_fine(tmp_path: Path) -> None:
    changed = guarded(
        with_hedge(RESTING, target=Target(kind=TargetKind.RATIO, value=D("0.5"))), order_notional=D(9_000)
    )

    async def briefly(it: Play) -> None:
        await until_resting(it)
        reload(it, changed)

    async def to_the_end(it: Play) -> None:
        await it.until(lambda: it.state.mode is Mode.HEDGING, "hedging")
        await it.until(lambda: bool(it.resting()), "an order of the new policy")
        assert all(order.quantity * order.price <= D(9_000) for order in it.resting())

    async def scene(world: World) -> None:
        await act(world, briefly, RESTING, tmp_path, kill=True)
        await act(world, to_the_end, changed, tmp_path, seed=2)

    stage(scene, lambda: make_world(RESTING, {"BTC": "1"}))
    verdicts = replayed(tmp_path)
    assert verdicts
    assert set(verdicts) == {Verdict.IDENTICAL}


def test_an_order_of_the_old_policy_that_waits_for_its_turn_does_not_leave(tmp_path: Path) -> None:
    smaller = guarded(ONE, order_notional=D(9_000))

    async def script(it: Play) -> None:
        async def reloads_meanwhile() -> None:
            it.venue.in_line = no_line
            assert reload(it, smaller) is None

        it.venue.in_line = reloads_meanwhile
        await it.until(lambda: it.truth.creates_accepted > 0, "an order that left")
        first, second, *_ = it.watcher.placed()
        assert first.quantity * first.price > 9_000
        assert it.state.orders[second.client_order_id].quantity * second.price <= 9_000
        assert it.truth.creates_accepted == 1

    play(script, ONE, tmp_path)


def test_an_equal_policy_holds_nothing_back(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        async def reloads_meanwhile() -> None:
            it.venue.in_line = no_line
            assert reload(it, replace(ONE)) is None

        it.venue.in_line = reloads_meanwhile
        await it.until(lambda: it.truth.creates_accepted > 0, "an order that left")
        assert len(it.watcher.placed()) == 1

    play(script, ONE, tmp_path)


def test_no_order_leaves_by_the_old_policy_after_the_reload(tmp_path: Path) -> None:
    """Twenty reloads in the middle of hedging: each order is within the slice that was in force when it was decided."""

    async def script(it: Play) -> None:
        sizes: dict[int, D] = {}
        limit = [D("0.05")]

        def look(_: object, stamped: object, result: object) -> None:
            for command in result.commands:  # type: ignore[attr-defined]
                if isinstance(command, PlaceOrder):
                    assert command.quantity <= limit[0]
                    sizes[command.decision_id] = command.quantity

        it.watcher.looks.append(look)
        for number in range(20):
            slice_quantity = D("0.05") if number % 2 else D("0.02")
            limit[0] = slice_quantity
            execution = replace(ONE.hedges[0].execution, slice_quantity=slice_quantity, cooldown_ms=500)
            assert reload(it, with_hedge(ONE, execution=execution)) is None
            await it.sleep(7)
        assert set(sizes.values()) == {D("0.05"), D("0.02")}

    play(script, with_hedge(ONE, execution=replace(ONE.hedges[0].execution, slice_quantity=D("0.02"))), tmp_path)
