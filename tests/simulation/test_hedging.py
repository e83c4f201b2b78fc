"""The daemon keeps its delta where its owner wants it, in a world that holds still but for what a test does."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import BandRule, RebalanceTo, Target, TargetKind
from hedger.engine.known.state import Mode, Reason
from hedger.model.order import Side
from tests.support.engine_policies import band, hedge_of, perpetual, policy_of
from tests.support.simulated_daemon import Play, play
from tests.support.simulated_venue import LensVenue

LOT = D("0.001")


def test_a_holding_is_hedged_by_a_maker_in_both_directions(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("0.2")
        await it.until_hedged()
        it.deposit("-0.4")
        await it.until_hedged()

    it = play(script, policy_of(hedge_of()), tmp_path)
    assert abs(it.delta()) <= D("0.01")
    assert all(trade.maker for trade in it.trades)
    assert {trade.side for trade in it.trades} == {Side.BUY, Side.SELL}
    assert not it.truth.open_orders


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (TargetKind.NEUTRAL, "0", "0"),
        (TargetKind.RATIO, "0.5", "0.5"),
        (TargetKind.RATIO, "1.5", "-0.5"),
        (TargetKind.COINS, "0.25", "0.25"),
        (TargetKind.COINS, "-0.25", "-0.25"),
        (TargetKind.QUOTE, "30000", "0.5"),
        (TargetKind.QUOTE, "-30000", "-0.5"),
    ],
)
def test_every_kind_of_target_ends_inside_its_band(kind: TargetKind, value: str, expected: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(target=Target(kind=kind, value=D(value)))), tmp_path)
    assert abs(it.delta() - D(expected)) <= D("0.02")


def test_more_than_the_holding_can_be_wanted_and_is_bought(tmp_path: Path) -> None:
    """A long position, where the delta that is wanted is over what is held."""

    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("0.3")
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(target=Target(kind=TargetKind.COINS, value=D("1.6")))), tmp_path)
    assert it.position() > D("0.28")
    assert abs(it.delta() - D("1.6")) <= D("0.01")


def test_a_static_holding_counts_like_any_other(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(static_quantity=D("0.4"))), tmp_path)
    assert abs(it.position() + D("1.4")) <= D("0.01")


@pytest.mark.parametrize(("change", "acts"), [("0.04", False), ("0.06", True), ("-0.015", False), ("-0.03", True)])
def test_each_side_of_a_band_has_its_own_width(change: str, acts: bool, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        before = len(it.venue.placed)
        it.deposit(change)
        await it.sleep(20)
        assert (len(it.venue.placed) > before) is acts

    play(script, policy_of(hedge_of(band=band("0.05", "0.02"))), tmp_path)


def test_a_relative_band_is_as_wide_as_its_share_of_the_holding(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        assert it.decision.upper == D("0.1")
        before = len(it.venue.placed)
        it.deposit("0.09")
        await it.sleep(20)
        assert len(it.venue.placed) == before

    relative = replace(band("0.1"), rule=BandRule.RELATIVE, floor=D("0.01"))
    play(script, policy_of(hedge_of(band=relative)), tmp_path)


@pytest.mark.parametrize(("change", "ends_at"), [("0.5", "0.05"), ("-0.5", "-0.05")])
def test_a_rebalance_to_the_edge_ends_one_lot_inside_it(change: str, ends_at: str, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit(change)
        await it.until_hedged()

    edge = band("0.05", rebalance_to=RebalanceTo.EDGE)

    def fine_grained(venue: LensVenue) -> None:
        venue.rules = lambda instrument: replace(instrument, min_notional=D(1))

    it = play(script, policy_of(hedge_of(band=edge)), tmp_path, prepare=fine_grained)
    inside = abs(D(ends_at)) - abs(it.delta())
    assert 0 <= inside <= LOT
    assert it.delta() * D(ends_at) > 0


def test_a_step_just_over_the_edge_is_corrected_by_the_smallest_order(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit(str(D("0.0503") - it.delta()))
        await it.until_hedged()

    it = play(script, policy_of(hedge_of(band=band("0.05", rebalance_to=RebalanceTo.EDGE))), tmp_path)
    assert it.venue.placed[-1].quantity == D("0.002")
    assert it.delta() == D("0.0483")


def test_no_order_is_larger_than_a_slice(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged(within=600)

    it = play(script, policy_of(hedge_of(execution={"slice_quantity": D("0.2")})), tmp_path)
    assert max(order.quantity for order in it.venue.placed) == D("0.2")
    assert sum(trade.quantity for trade in it.trades) <= 1


def test_no_order_is_worth_more_than_the_cap(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged(within=600)

    it = play(script, policy_of(hedge_of(guards={"order_notional": D(20_000)})), tmp_path)
    assert all(order.quantity * order.price <= 20_000 for order in it.venue.placed)
    assert len(it.venue.placed) >= 3


def test_several_hedges_are_kept_side_by_side(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.deposit("-0.2")
        it.deposit("2", "ETH")
        await it.until_hedged()

    eth = hedge_of("ETH", band=band("0.1"), target=Target(kind=TargetKind.RATIO, value=D("0.5")))
    it = play(script, policy_of(hedge_of(), eth), tmp_path, spot={"BTC": "1", "ETH": "10"})
    assert abs(it.delta()) <= D("0.01")
    assert abs(it.delta("ETH") - 6) <= D("0.1")
    assert all(trade.maker for trade in it.trades)


def test_trouble_with_one_hedge_does_not_stop_another(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.venue.quote = lambda quote: None if quote.id == perpetual() else quote
        await it.sleep(5)
        it.deposit("0.2")
        it.deposit("2", "ETH")
        await it.until(lambda: abs(it.delta("ETH")) <= D("0.1"), "ETH hedged")
        assert it.decision.reason is Reason.QUOTE_AGE

    eth = hedge_of("ETH", band=band("0.1"))
    play(script, policy_of(hedge_of(), eth), tmp_path, spot={"BTC": "1", "ETH": "5"})


def test_a_position_in_another_contract_of_the_coin_counts(tmp_path: Path) -> None:
    """The venue outranks the configuration: an unexplained position is hedged, not left out."""

    async def script(it: Play) -> None:
        it.checks.on = False
        it.venue.reading = lambda reading: replace(
            reading,
            positions=(
                *reading.positions,
                *(replace(p, id=perpetual("BTCQ"), quantity=D("-0.4")) for p in reading.positions),
            ),
        )
        await it.until_hedged()

    it = play(script, policy_of(hedge_of()), tmp_path)
    assert abs(it.position() + D("0.6")) <= D("0.01")


def test_deleveraging_of_the_hedge_is_noticed_and_hedged_anew(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.world.exchange.deleverage("main", "BTCUSDT", D("0.4"))
        await it.until(lambda: not it.hedged(), "seen", within=20)
        await it.until_hedged()

    it = play(script, policy_of(hedge_of()), tmp_path)
    assert abs(it.delta()) <= D("0.01")
    assert it.truth.deleveragings == 1
    assert it.state.halted is None


def test_shadow_mode_decides_and_sends_nothing(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.sleep(120)
        assert it.state.mode is Mode.SHADOW
        assert any(d.order is not None for d in it.watcher.decisions)

    as_it_is = {"leverage": 20}
    it = play(script, policy_of(hedge_of(guards=as_it_is), sends=False), tmp_path)
    assert not it.venue.placed
    assert not it.venue.canceled
    assert it.truth.creates_accepted == 0
