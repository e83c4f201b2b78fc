"""Books with options and coin-settled contracts, hedged by the daemon and judged by the exchange's own mathematics."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Change, ChangeCause, State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import Stamped
from hedger.model.option import OptionType
from hedger.sim.fair import Weather
from hedger.sim.listings import contract, option
from hedger.sim.naming import quarters
from hedger.sim.nouns import Listing
from hedger.sim.translation import unified_option
from hedger.sim.virtual_time import run_virtual
from hedger.sim.world import Funds, paper_world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.simulated_daemon import NOON, OWNER, Play, act, driven

RESTLESS = (Weather(name="restless", volatility=3.0),)
MONTH = NOON + 30 * 86_400_000
QUARTER_S = 900.0
CALL, PUT = OptionType.CALL, OptionType.PUT
INVERSE_PERP = contract("BTC", quote="USD", payoff=Payoff.INVERSE)


def symbol_of(strike: str, option_type: OptionType, payoff: Payoff, expiry_at: int = MONTH) -> str:
    quote = "USD" if payoff is Payoff.INVERSE else "USDT"
    terms = option("BTC", quote=quote, payoff=payoff, strike=D(strike), expiry_at=expiry_at, option_type=option_type)
    return unified_option(terms)


@dataclass
class Watch:
    """The true delta beside its target, every few seconds of a run once it was hedged."""

    outside: list[D] = field(default_factory=list)
    prices: list[D] = field(default_factory=list)

    async def over(self, it: Play, seconds: float, target: Callable[[], D] = lambda: D(0), width: str = "0.01") -> None:
        for _ in range(int(seconds / 10)):
            await it.sleep(10)
            deviation = abs(it.truth.deltas["BTC"] - target())
            self.prices.append(it.world.exchange.premium("BTCUSDT").index_price)
            self.outside.append(max(D(0), deviation - D(width)))


def run(
    script: Callable[[Play], Awaitable[None]],
    hedge: Hedge,
    directory: Path,
    funds: Funds,
    *,
    contracts: tuple[Listing, ...] = (),
    start_at: int = NOON,
    seed: int = 1,
) -> Play:
    """A daemon over one book in a restless market; the checks of single orders are for linear perpetuals alone."""

    async def whole(it: Play) -> None:
        it.checks.on = False
        await script(it)

    async def go() -> Play:
        world = paper_world(
            seed, start_at, users={OWNER: funds}, owner=OWNER, still=True, weathers=RESTLESS, contracts=contracts
        )
        async with driven(world):
            return await act(world, whole, policy_of(hedge), directory)

    return run_virtual(go(), start_at)


BOOKS: Mapping[str, tuple[str, OptionType, Payoff, str]] = {
    "covered call in dollars": ("62000", CALL, Payoff.LINEAR, "-1"),
    "covered call in coins": ("62000", CALL, Payoff.INVERSE, "-1"),
    "protective put in dollars": ("58000", PUT, Payoff.LINEAR, "1"),
    "protective put in coins": ("58000", PUT, Payoff.INVERSE, "1"),
}


@pytest.mark.parametrize("book", BOOKS)
def test_an_option_over_spot_is_hedged_by_the_linear_perpetual_while_the_price_moves(book: str, tmp_path: Path) -> None:
    strike, kind, payoff, quantity = BOOKS[book]
    funds = Funds(
        spot={"BTC": D(1), "USDT": D(20_000)},
        linear=D(150_000),
        options={symbol_of(strike, kind, payoff): D(quantity)},
    )
    watch = Watch()

    async def script(it: Play) -> None:
        await it.until_hedged()
        assert D("0.3") < -it.position() < D("0.7"), "the option carries a part of the holding's delta"
        await watch.over(it, QUARTER_S)
        await it.until_hedged()

    it = run(script, hedge_of(), tmp_path, funds)
    assert max(watch.prices) / min(watch.prices) > D("1.006"), "the price has to move for this to say anything"
    assert len(it.trades) > 3
    assert all(trade.maker for trade in it.trades)
    late = [by for by in watch.outside if by > D("0.002")]
    assert len(late) < len(watch.outside) / 20, "seldom outside its band, and never for long"
    assert abs(it.truth.deltas["BTC"]) < D("0.013")


@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
def test_a_covered_call_that_ends_in_the_money_leaves_the_whole_holding_hedged(payoff: Payoff, tmp_path: Path) -> None:
    """In dollars the payoff is money, and one coin is left; in coins it takes a part of the coin with it."""
    expiry = quarters(NOON, 1)[0]
    funds = Funds(
        spot={"BTC": D(1), "USDT": D(20_000)},
        linear=D(150_000),
        options={symbol_of("50000", CALL, payoff, expiry): D(-1)},
    )
    before = list[D]()

    async def script(it: Play) -> None:
        await it.until_hedged()
        before.append(it.position())
        await it.sleep((expiry - it.clock.now_ms()) / 1000 + 60)
        assert it.truth.options == {}
        await it.until_hedged()

    it = run(script, hedge_of(), tmp_path, funds, start_at=expiry - 2_400_000)
    assert it.state.halted is None
    assert abs(before[0]) < D("0.05"), "far in the money, the call carries the whole coin"
    assert abs(it.truth.deltas["BTC"]) <= D("0.012")
    owned = it.truth.spot["BTC"] + it.truth.wallets.get("BTC", D(0))
    assert owned == 1 if payoff is Payoff.LINEAR else D("0.7") < owned < D("0.9")


def coin_book() -> tuple[Hedge, Funds]:
    """A coin as the collateral of its own hedge."""
    id = InstrumentId(ACCOUNT, "BTC/USD:BTC")
    hedge = hedge_of(instruments=(id,), band=band("0.004"), guards={"position": D(100_000)})
    return hedge, Funds(coins={"BTC": D("1.01")}, linear=D(10))


def test_coins_hedged_by_an_inverse_perpetual_are_never_rebalanced_because_the_price_moved(tmp_path: Path) -> None:
    hedge, funds = coin_book()
    watch, placed = Watch(), list[int]()

    async def script(it: Play) -> None:
        await it.until_hedged()
        placed.append(len(it.watcher.placed()))
        await watch.over(it, 4 * QUARTER_S, width="0.004")
        placed.append(len(it.watcher.placed()))

    it = run(script, hedge, tmp_path, funds, contracts=(INVERSE_PERP,))
    assert max(watch.prices) / min(watch.prices) > D("1.01"), "the price has to move for this to say anything"
    assert placed[0] == placed[1] > 0
    assert max(watch.outside) == 0
    assert abs(it.truth.deltas["BTC"]) <= D("0.004")
    assert it.truth.positions["BTCUSD_PERP"] < 0 == it.truth.positions["BTCUSDT"]


def test_a_coin_settled_book_is_worth_the_same_dollars_whatever_the_price(tmp_path: Path) -> None:
    hedge, funds = coin_book()
    worth = list[D]()

    async def script(it: Play) -> None:
        await it.until_hedged()
        for price in ("45000", "60000", "90000", "30000"):
            it.world.exchange.set_index("BTC", D(price))
            it.world.exchange.refresh_marks()
            tracker = it.world.exchange.floor.tracker("BTCUSD_PERP")
            tracker.smoothed = None
            it.world.exchange.floor.marks["BTCUSD_PERP"] = D(price)
            worth.append(it.world.exchange.derivatives(OWNER)["BTC"].equity * D(price))

    run(script, hedge, tmp_path, funds, contracts=(INVERSE_PERP,))
    assert max(worth) - min(worth) < D("0.006") * max(worth)


@pytest.mark.parametrize("payoff", [Payoff.LINEAR, Payoff.INVERSE])
def test_a_dated_hedge_that_is_held_to_its_end_is_told_as_settled(payoff: Payoff, tmp_path: Path) -> None:
    expiry = quarters(NOON, 1)[0]
    quote = "USD" if payoff is Payoff.INVERSE else "USDT"
    dated = contract("BTC", quote=quote, payoff=payoff, expiry_at=expiry, settlement_ms=60_000)
    day = "260327"
    id = InstrumentId(ACCOUNT, f"BTC/USD:BTC-{day}" if payoff is Payoff.INVERSE else f"BTC/USDT:USDT-{day}")
    hedge = hedge_of(instruments=(id,), guards={"position": D(100_000), "basis": D(500), "expiring": 300_000})
    spot, coins = ("0", "1.01") if payoff is Payoff.INVERSE else ("1", "0")
    funds = Funds(spot={"BTC": D(spot), "USDT": D(20_000)}, linear=D(150_000), coins={"BTC": D(coins)})

    told, held = list[Change](), list[D]()

    def listen(before: State, stamped: Stamped, result: Result) -> None:
        told.extend(change for change in result.changes if change.what == id.symbol)

    async def script(it: Play) -> None:
        it.watcher.looks.append(listen)
        await it.until_hedged()
        held.append(it.truth.positions[dated.symbol])
        assert held[0] < 0
        await it.sleep((expiry - it.clock.now_ms()) / 1000 + 120)
        assert dated.symbol not in it.truth.positions

    it = run(script, hedge, tmp_path, funds, contracts=(dated,), start_at=expiry - 1_200_000)
    assert it.state.halted is None
    assert [(change.cause, change.quantity) for change in told] == [(ChangeCause.SETTLEMENT, -held[0])]
    trade = it.world.exchange.trades(OWNER, dated.wallet, dated.symbol)[-1]
    assert trade.client_order_id.startswith("settlement_autoclose-")
