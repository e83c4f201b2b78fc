"""What the end of a contract costs, as Bybit and Deribit charge it, is a fee in the daemon's books and nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.attribution import Component
from hedger.model.instrument import InstrumentId, Payoff
from hedger.sim.fair import Weather
from hedger.sim.listings import contract
from hedger.sim.naming import quarters
from hedger.sim.virtual_time import run_virtual
from hedger.sim.world import Funds, paper_world
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.kept_books import CENT, checked, flows, part, rows_of
from tests.support.simulated_daemon import NOON, OWNER, Play, act, driven

RESTLESS = (Weather(name="restless", volatility=3.0),)
EXPIRY = quarters(NOON, 1)[0]


@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
def test_the_fee_of_a_delivery_is_booked_as_a_fee(payoff: Payoff, tmp_path: Path) -> None:
    inverse = payoff is Payoff.INVERSE
    quote, name = ("USD", "BTC/USD:BTC-260327") if inverse else ("USDT", "BTC/USDT:USDT-260327")
    made = contract("BTC", quote=quote, payoff=payoff, expiry_at=EXPIRY, settlement_ms=60_000)
    listing = replace(made, delivery_fee=D("0.0005"))
    guards = {"position": D(100_000), "basis": D(500), "expiring": 300_000}
    hedge = hedge_of(instruments=(InstrumentId(ACCOUNT, name),), guards=guards)
    spot, coins = ("0", "1.01") if inverse else ("1", "0")
    funds = Funds(spot={"BTC": D(spot), "USDT": D(20_000)}, linear=D(150_000), coins={"BTC": D(coins)})

    async def script(it: Play) -> None:
        it.checks.on = False
        await it.until_hedged()
        await it.sleep((EXPIRY - it.clock.now_ms()) / 1000 + 400)

    async def go() -> Play:
        start_at = EXPIRY - 600_000
        users = {OWNER: funds}
        world = paper_world(1, start_at, users=users, owner=OWNER, still=True, weathers=RESTLESS, contracts=(listing,))
        async with driven(world):
            return await act(world, script, policy_of(hedge), tmp_path)

    it, rows = run_virtual(go(), EXPIRY - 600_000), rows_of(tmp_path)
    checked(rows, it)
    trades = it.truth.trades
    paid, price = sum((trade.fee for trade in trades), D(0)), trades[-1].price if inverse else D(1)
    assert trades[-1].fee * price > 25, "half a thousandth of a coin"
    assert part(rows, Component.FEES) == pytest.approx(-paid * price, rel=D("0.01"))
    assert abs(flows(rows)) < CENT
    assert abs(part(rows, Component.RESIDUAL)) < CENT
