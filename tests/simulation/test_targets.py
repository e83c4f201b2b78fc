"""A target with a gamma of its own, traded by the whole daemon: on its side as the price moves, held when it ends."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import Target, TargetKind
from hedger.engine.known.state import Reason
from hedger.model.option import OptionType
from hedger.model.spans import HOUR_MS
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.simulated_daemon import NOON, Play, play


def synthetic(*, long: bool, option_type: OptionType = OptionType.PUT, after_ms: int = 24 * HOUR_MS) -> Target:
    option = Synthetic(
        option_type=option_type,
        long=long,
        strike=D(60_000),
        expiry_at=NOON + after_ms,
        volatility=D("0.4"),
        ratio=D(1),
    )
    return Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=option)


def profile(low: str, high: str) -> Target:
    points = (ProfilePoint(D(58_000), D(low)), ProfilePoint(D(62_000), D(high)))
    return Target(kind=TargetKind.PROFILE, value=D(0), profile=Profile(points=points))


@pytest.mark.parametrize(
    ("target", "buys"),
    [
        (synthetic(long=True), True),
        (synthetic(long=False, option_type=OptionType.CALL), False),
        (profile("0", "1"), False),
        (profile("1", "0"), True),
    ],
    ids=["long put", "short call", "rising ratio", "falling ratio"],
)
def test_after_a_jump_of_the_price_the_delta_has_moved_to_its_side(tmp_path: Path, target: Target, buys: bool) -> None:
    deltas: list[D] = []

    async def script(it: Play) -> None:
        for jump in (0.0, 0.006, -0.006):
            it.world.market.fair.jump("BTC", jump)
            await it.sleep(5)
            await it.until_hedged()
            deltas.append(it.delta())

    it = play(script, policy_of(hedge_of(target=target)), tmp_path)
    before, higher, back = deltas
    assert (higher - before) * (1 if buys else -1) > D("0.05")
    assert (back - higher) * (1 if buys else -1) < D("-0.05")
    assert all(trade.maker for trade in it.trades)


def test_when_the_option_expires_nothing_is_traded_any_more(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.until(lambda: it.decision.reason is Reason.TARGET_ENDED, "ended", within=400)
        await it.until(lambda: not it.resting(), "canceled")
        held = it.position()
        assert held < 0
        it.world.market.fair.jump("BTC", -0.02)
        it.deposit("0.3")
        await it.sleep(60)
        assert it.position() == held
        assert not it.resting()
        assert it.decision.reason is Reason.TARGET_ENDED

    play(script, policy_of(hedge_of(target=synthetic(long=True, after_ms=300_000))), tmp_path)
