"""Options, coin-settled and dated contracts: the daemon's books against the exchange's, over rolls and settlements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.formulas.attribution import Component
from hedger.engine.known.policy import Carry, Hedge
from hedger.engine.news.benchmarks import compare
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionType
from hedger.sim.fair import Weather
from hedger.sim.listings import contract, option
from hedger.sim.naming import quarters
from hedger.sim.nouns import Listing
from hedger.sim.translation import unified_option
from hedger.sim.virtual_time import run_virtual
from hedger.sim.world import Funds, paper_world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.kept_books import CENT, checked, flows, made, part, rows_of
from tests.support.simulated_daemon import NOON, OWNER, Play, act, driven

RESTLESS = (Weather(name="restless", volatility=3.0),)
MONTH = NOON + 30 * 86_400_000
CALL, PUT = OptionType.CALL, OptionType.PUT
INVERSE_PERP = contract("BTC", quote="USD", payoff=Payoff.INVERSE)


def run(
    script: Callable[[Play], Awaitable[None]],
    hedge: Hedge,
    directory: Path,
    funds: Funds,
    *,
    contracts: tuple[Listing, ...] = (),
    start_at: int = NOON,
) -> Play:
    """A daemon over one book in a restless market."""

    async def whole(it: Play) -> None:
        it.checks.on = False
        await script(it)

    async def go() -> Play:
        world = paper_world(
            1, start_at, users={OWNER: funds}, owner=OWNER, still=True, weathers=RESTLESS, contracts=contracts
        )
        async with driven(world):
            return await act(world, whole, policy_of(hedge), directory)

    return run_virtual(go(), start_at)


@pytest.mark.parametrize(
    ("strike", "kind", "payoff", "quantity"),
    [
        ("62000", CALL, Payoff.LINEAR, "-1"),
        ("62000", CALL, Payoff.INVERSE, "-1"),
        ("58000", PUT, Payoff.LINEAR, "1"),
        ("58000", PUT, Payoff.INVERSE, "1"),
    ],
)
def test_a_book_with_an_option_is_split_by_its_greeks_and_little_is_left(
    strike: str, kind: OptionType, payoff: Payoff, quantity: str, tmp_path: Path
) -> None:
    quote = "USD" if payoff is Payoff.INVERSE else "USDT"
    terms = option("BTC", quote=quote, payoff=payoff, strike=D(strike), expiry_at=MONTH, option_type=kind)
    held = {unified_option(terms): D(quantity)}

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(240)

    funds = Funds(spot={"BTC": D(1), "USDT": D(20_000)}, linear=D(150_000), options=held)
    it = run(script, hedge_of(), tmp_path, funds)
    rows = rows_of(tmp_path)
    checked(rows, it)
    assert abs(flows(rows)) < CENT
    long = D(quantity)
    assert part(rows, Component.GAMMA) * long > 0, "what is long is long gamma"
    assert part(rows, Component.THETA) * long < 0, "and pays for it"
    assert part(rows, Component.DELTA) != 0
    left = abs(part(rows, Component.RESIDUAL))
    assert left < abs(part(rows, Component.DELTA)) / 10, "what the forward moved apart from the index, and little else"
    assert not any(abs(row.unexplained) >= CENT for row in rows)


def test_coins_that_are_their_own_collateral_add_up_in_coins_and_in_dollars(tmp_path: Path) -> None:
    id = InstrumentId(ACCOUNT, "BTC/USD:BTC")
    hedge = hedge_of(instruments=(id,), band=band("0.004"), guards={"position": D(100_000)})
    funds = Funds(coins={"BTC": D("1.01")}, linear=D(10))

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(400)

    it = run(script, hedge, tmp_path, funds, contracts=(INVERSE_PERP,))
    rows = rows_of(tmp_path)
    checked(rows, it)
    exchange = it.world.exchange
    index, equity = exchange.premium("BTCUSD_PERP").index_price, exchange.derivatives(OWNER)["BTC"].equity
    (own,) = (row for row in rows if not row.hedge)
    assert abs(own.closing.net_value - 10 - equity * index) < D("0.002") * own.closing.net_value, "read seconds ago"
    assert part(rows, Component.SPOT) * part(rows, Component.FUTURES_INDEX) < 0, "one gains what the other loses"
    fees = exchange.floor.account(OWNER).fees["BTC"]
    assert abs(part(rows, Component.FEES) / (-fees * index) - 1) < D("0.02")
    assert abs(flows(rows)) < CENT
    assert abs(part(rows, Component.RESIDUAL)) < CENT


@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
def test_what_a_settlement_brings_is_profit_or_loss_and_no_flow(payoff: Payoff, tmp_path: Path) -> None:
    expiry, inverse = quarters(NOON, 1)[0], payoff is Payoff.INVERSE
    quote = "USD" if inverse else "USDT"
    dated = contract("BTC", quote=quote, payoff=payoff, expiry_at=expiry, settlement_ms=60_000)
    id = InstrumentId(ACCOUNT, "BTC/USD:BTC-260327" if inverse else "BTC/USDT:USDT-260327")
    hedge = hedge_of(instruments=(id,), guards={"position": D(100_000), "basis": D(500), "expiring": 300_000})
    spot, coins = ("0", "1.01") if inverse else ("1", "0")
    funds = Funds(spot={"BTC": D(spot), "USDT": D(20_000)}, linear=D(150_000), coins={"BTC": D(coins)})

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep((expiry - it.clock.now_ms()) / 1000 + 400)
        assert dated.symbol not in it.truth.positions

    it = run(script, hedge, tmp_path, funds, contracts=(dated,), start_at=expiry - 600_000)
    rows = rows_of(tmp_path)
    checked(rows, it)
    assert abs(flows(rows)) < CENT
    assert abs(part(rows, Component.RESIDUAL)) < CENT, "the venue named the execution that settled it"
    assert part(rows, Component.FUTURES_BASIS) != 0


def test_a_roll_from_one_contract_to_the_next_leaves_nothing_unexplained(tmp_path: Path) -> None:
    end = NOON + 14 * 60_000
    near_listing = contract("BTC", expiry_at=end, settlement_ms=180_000)
    far_listing = contract("BTC", expiry_at=quarters(NOON)[0])
    near, far = (InstrumentId(ACCOUNT, f"BTC/USDT:USDT-{day}") for day in ("260101", "260327"))
    carry = Carry(roll_before_ms=9 * 60_000)
    hedge = hedge_of(instruments=(near, far), band=band("0.02"), carry=carry, guards={"expiring": 240_000})

    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep((end - it.clock.now_ms()) / 1000 + 300)

    funds = Funds(spot={"BTC": D("0.1"), "USDT": D(20_000)}, linear=D(150_000))
    it = run(script, hedge, tmp_path, funds, contracts=(near_listing, far_listing))
    rows = rows_of(tmp_path)
    checked(rows, it)
    (row,) = (row for row in rows if row.hedge == "btc")
    held = {leg.symbol: leg.quantity for leg in row.closing.legs}
    assert held.get(near.symbol, D(0)) == 0 > held[far.symbol], "it did roll"
    assert abs(flows(rows)) < CENT
    assert abs(part(rows, Component.RESIDUAL)) < CENT
    told = compare(rows)
    assert told.static != told.hedged, "left alone, the first contract would have settled and nothing followed"
    assert abs(told.hedged + told.outside - made(rows)) < CENT
