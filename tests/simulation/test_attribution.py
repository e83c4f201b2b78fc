"""The whole daemon against the exchange's own books: each cent that an account gained has its name."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path

from hedger.engine.formulas.attribution import Component
from hedger.engine.news.benchmarks import compare
from hedger.model.spans import DAY_MS
from hedger.sim.nouns import Wallet
from hedger.sim.virtual_time import VirtualClock
from hedger.sim.world import World
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.kept_books import CENT, checked, flows, part, rows_of
from tests.support.simulated_daemon import NOON, OWNER, Play, act, make_world, play, stage

EVENING = NOON + 11 * 3_600_000 + 2_700_000  # a quarter of an hour before midnight, when funding is paid


def net_value(it: Play) -> D:
    """What the owner's account is worth by the exchange's books, in dollars."""
    exchange = it.world.exchange
    index = exchange.premium("BTCUSDT").index_price
    spot = {asset: free + locked for asset, (free, locked) in exchange.spot_balances(OWNER).items()}
    return spot.get("BTC", D(0)) * index + spot.get("USDT", D(0)) + exchange.linear_account(OWNER).equity


def test_the_books_of_a_day_are_the_exchanges_own_with_deposits_funding_and_fees(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        for quantity in ("0.3", "-0.2", "0.1"):
            it.deposit(quantity)
            await it.until_hedged()
            await it.sleep(400)
        await it.sleep(600)
        assert abs(it.state.books[ACCOUNT].carry.last.net_value - net_value(it)) < 100, "read seconds ago"

    it = play(script, policy_of(hedge_of()), tmp_path, start_at=EVENING)
    rows = rows_of(tmp_path)
    checked(rows, it)
    assert {row.day for row in rows} == {NOON // DAY_MS, NOON // DAY_MS + 1}, "it went over midnight"
    for name in ("", "btc"):
        earlier, later = sorted((row for row in rows if row.hedge == name), key=lambda row: row.day)
        assert later.opening == earlier.closing, "one day ends where the next begins"
    assert part(rows, Component.FUNDING) != 0
    assert part(rows, Component.FEES) < 0
    assert part(rows, Component.EXECUTION_EDGE) > 0, "only a maker's fills"
    assert abs(part(rows, Component.RESIDUAL)) < CENT
    index = it.world.exchange.premium("BTCUSDT").index_price
    assert abs(flows(rows) / (D("0.2") * index) - 1) < D("0.05"), "only the deposits came from outside"
    assert abs(it.state.ledgers["btc"].edge - part(rows, Component.EXECUTION_EDGE)) < CENT
    assert abs(it.state.ledgers["btc"].funding - part(rows, Component.FUNDING)) < CENT


def test_a_crash_and_a_restart_neither_lose_nor_double_anything(tmp_path: Path) -> None:
    """Killed in the middle, away while prices, funding and a deposit move the account, and back."""
    policy = policy_of(hedge_of())
    last: list[Play] = []

    async def before(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(120)

    async def after(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(600)

    async def scene(world: World) -> None:
        await act(world, before, policy, tmp_path, kill=True)
        world.exchange.deposit(OWNER, Wallet.SPOT, "BTC", D("0.5"))
        await VirtualClock().sleep(1_800)
        last.append(await act(world, after, policy, tmp_path))

    stage(scene, lambda: make_world(policy, {"BTC": "1"}, start_at=EVENING), EVENING)
    rows = rows_of(tmp_path)
    checked(rows, last[0])
    assert part(rows, Component.FUNDING) != 0, "what was settled while it was away is booked"
    assert abs(part(rows, Component.RESIDUAL)) < CENT
    assert flows(rows) > 20_000


def test_an_adl_that_takes_the_hedge_away_is_profit_and_no_flow(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.world.exchange.deleverage(OWNER, "BTCUSDT", D("0.4"))
        await it.sleep(30)
        await it.until_hedged()
        await it.sleep(600)

    it = play(script, policy_of(hedge_of()), tmp_path)
    rows = rows_of(tmp_path)
    checked(rows, it)
    assert abs(flows(rows)) < CENT
    assert abs(part(rows, Component.RESIDUAL)) < CENT


def test_a_static_holding_moves_with_its_price_and_needs_no_api(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        await it.sleep(300)

    play(script, policy_of(hedge_of(static_quantity=D("0.4"))), tmp_path)
    rows = rows_of(tmp_path)
    (row,) = (row for row in rows if row.hedge == "btc")
    assert row.closing.coins == D("1.4")
    told = compare(rows)
    assert abs(told.unhedged - D("1.4") * (row.closing.price - row.opening.price)) < CENT
