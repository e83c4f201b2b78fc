"""What happens on the exchange itself while a plan lasts: markets, other hands, disks and clocks."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.errors import JournalError
from hedger.model.order import Side
from hedger.model.spans import HOUR_MS
from hedger.runtime.journal import Journal, Row
from hedger.sim.faults.catalogue import CATALOGUE, Layer
from hedger.sim.faults.clocks import SkewedClock
from hedger.sim.faults.disk import FaultyJournal
from hedger.sim.faults.hands import FOREIGN
from hedger.sim.faults.plan import Plan, constant_plan
from hedger.sim.faults.strikes import Strikes
from hedger.sim.faults.world import ACTS, WorldFaults
from hedger.sim.happenings import Happening, Struck
from hedger.sim.nouns import Listing, OrderKind, Wallet
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.sim.world import Funds, World, paper_world
from tests.support.bare_exchange import START, SYMBOL
from tests.support.faulty_desk import FaultyDesk, at_a_faulty_desk, constant, with_form

D = Decimal
USERS = {"first": "main", "second": "other"}


class Stage:
    """A still world of two users under a plan, moved by hand."""

    def __init__(self, plan: Plan) -> None:
        funds = Funds(spot={"BTC": D(1), "USDT": D(20_000)}, linear=D(150_000))
        self.world: World = paper_world(1, START, users=dict.fromkeys(USERS.values(), funds), still=True)
        self.exchange = self.world.exchange
        self.told: list[Struck] = []
        self.faults = WorldFaults(world=self.world, plan=plan, tell=self._tell, users=USERS)
        self.faults.begin()

    def _tell(self, happening: object) -> None:
        assert isinstance(happening, Struck)
        self.told.append(happening)

    def go(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now + int(seconds * 1000))

    def coins(self) -> Decimal:
        return sum((self.exchange.truth(user).spot["BTC"] for user in USERS.values()), D(0))

    def positions(self) -> list[Decimal]:
        return [self.exchange.truth(user).positions[SYMBOL] for user in USERS.values()]

    def sell(self, quantity: str = "1") -> None:
        """Both users are short, as hedgers of a coin are."""
        for user in USERS.values():
            self.exchange.place(
                user,
                Wallet.LINEAR,
                SYMBOL,
                side=Side.SELL,
                kind=OrderKind.MARKET,
                quantity=D(quantity),
                price=None,
                reduce_only=False,
                client_order_id="",
            )

    def equity(self) -> list[Decimal]:
        return [self.exchange.linear_account(user).equity for user in USERS.values()]


def test_every_world_fault_has_an_act() -> None:
    assert set(ACTS) == {code for code, kind in CATALOGUE.items() if kind.layer is Layer.WORLD}


# --- markets ----------------------------------------------------------------------------------------------------------


def test_a_price_moves_by_a_fifth_in_a_minute() -> None:
    stage = Stage(constant("M01"))
    before = stage.world.market.fair.price("BTC")
    stage.go(61)
    assert abs(stage.world.market.fair.price("BTC") / before - 1) == pytest.approx(0.2, abs=0.03)
    assert len(stage.told) == 1


def test_a_trend_goes_one_way_for_the_window() -> None:
    stage = Stage(constant("M02", seconds=1_800))
    before = stage.world.market.fair.price("BTC")
    stage.go(1_800)
    assert abs(stage.world.market.fair.price("BTC") / before - 1) > 0.008
    assert stage.world.market.fair.weather.name == "trend" or stage.told


def test_the_basis_opens_to_a_tenth_and_closes() -> None:
    stage = Stage(constant("M05", seconds=60))
    stage.go(30)
    assert abs(stage.world.market.fair.basis("BTC")) == pytest.approx(0.1, abs=0.01)
    stage.go(31)
    assert abs(stage.world.market.fair.basis("BTC")) < 0.01


def test_a_lost_peg_makes_every_coin_dearer_and_is_found_again() -> None:
    stage = Stage(constant("M07", seconds=300))
    before = stage.world.market.fair.price("BTC")
    stage.go(170)
    assert stage.world.market.fair.price("BTC") / before > 1.025
    stage.go(150)
    assert stage.world.market.fair.price("BTC") / before == pytest.approx(1, abs=0.02)


# --- other hands ------------------------------------------------------------------------------------------------------


def test_coins_leave_one_account_before_they_arrive_at_the_other() -> None:
    stage = Stage(constant("D10", seconds=60))
    stage.go(30)
    assert stage.coins() < 2
    stage.go(31)
    assert stage.coins() == 2
    assert stage.exchange.truth("main").spot["BTC"] != 1


def test_a_hedge_is_deleveraged_or_its_account_liquidated() -> None:
    ends = set()
    for seed in range(8):
        stage = Stage(constant("A02", seconds=60, after=5, seed=seed))
        stage.sell()
        stage.go(10)
        assert sorted(stage.positions())[0] == -1
        assert sorted(stage.positions())[1] > -1
        truths = [stage.exchange.truth(user) for user in USERS.values()]
        ends |= {("adl", t.deleveragings > 0) for t in truths} | {("bust", t.liquidations > 0) for t in truths}
        stage.go(60)
        assert min(stage.equity()) > 90_000
    assert {("adl", True), ("bust", True)} <= ends


def test_somebody_else_trades_and_rests_orders_that_are_known_as_theirs() -> None:
    stage = Stage(constant("A03", seconds=300))
    stage.go(299)
    resting = [order for user in USERS.values() for order in stage.exchange.truth(user).open_orders]
    assert resting
    assert all(order.client_order_id.startswith(FOREIGN) for order in resting)
    assert {order.client_order_id for order in resting} < stage.faults.foreign
    assert any(stage.positions())
    stage.go(2)
    assert not any(stage.exchange.truth(user).open_orders for user in USERS.values())


def test_the_operator_hedges_by_hand_towards_less_delta() -> None:
    stage = Stage(constant("O05", seconds=10))
    stage.go(1)
    assert sorted(stage.positions())[0] < 0
    assert sorted(stage.positions())[1] == 0
    assert len(stage.faults.foreign) == 1


def test_modes_are_changed_and_changed_back() -> None:
    forms = set()
    for seed in range(12):
        stage = Stage(constant("A05", seconds=60, seed=seed, after=1))
        stage.sell("0.5")
        before = [modes(stage, user) for user in USERS.values()]
        stage.go(5)
        now = [modes(stage, user) for user in USERS.values()]
        forms |= {i for old, new in zip(before, now, strict=True) for i in range(3) if old[i] != new[i]}
        assert stage.positions() == [D("-0.5"), D("-0.5")], "nobody is liquidated by it"
        stage.go(60)
        assert [modes(stage, user) for user in USERS.values()] == before
    assert forms == {0, 1, 2}


def modes(stage: Stage, user: str) -> tuple[int, bool, bool]:
    account = stage.exchange.floor.account(user)
    return account.leverage_of(SYMBOL), SYMBOL in account.isolated, account.hedge_mode


def test_balances_move_by_a_little_without_a_trade() -> None:
    stage = Stage(constant("A10", seconds=300))
    before = sum(stage.equity(), D(0))
    stage.go(300)
    assert 0 < abs(sum(stage.equity(), D(0)) - before) < 100
    assert not any(stage.exchange.truth(user).trades for user in USERS.values())


def test_margin_falls_away_and_comes_back() -> None:
    stage = Stage(constant("M04", seconds=60, after=5))
    stage.sell()
    before = sum(stage.equity())
    stage.go(10)
    assert min(stage.equity()) < 40_000
    stage.go(60)
    assert sum(stage.equity()) == pytest.approx(before, rel=D("0.02"))


@pytest.mark.parametrize(
    ("form", "read"),
    [
        (0, lambda rules: rules.tick_size),
        (1, lambda rules: rules.lot_size),
        (2, lambda rules: rules.min_notional),
    ],
)
def test_a_contracts_rules_grow_coarser_and_are_as_before_later(form: int, read: Callable[[Listing], Decimal]) -> None:
    stage = Stage(with_form("V31", 4, form, seconds=60))
    before = stage.exchange.listings[Wallet.LINEAR, SYMBOL]
    stage.go(5)
    assert read(stage.exchange.listings[Wallet.LINEAR, SYMBOL]) > read(before)
    stage.go(60)
    assert stage.exchange.listings[Wallet.LINEAR, SYMBOL] == before


@pytest.mark.parametrize("code", ["V18", "V29"])
def test_the_exchange_ends_what_rests_by_itself(code: str) -> None:
    async def story(desk: FaultyDesk) -> None:
        await desk.placed()
        await desk.clock.sleep(20)
        assert desk.working() == []
        assert desk.struck(code)

    at_a_faulty_desk(constant(code), story)


def test_a_foreign_order_is_left_alone_by_the_exchanges_acts() -> None:
    async def story(desk: FaultyDesk) -> None:
        assert desk.venue.house.hands.rest(SYMBOL, Side.BUY, D("0.1"), D(58_000))
        await desk.clock.sleep(30)
        assert [order.client_order_id.startswith(FOREIGN) for order in desk.working()] == [True]

    at_a_faulty_desk(constant("V18", "V10"), story)


# --- disks and clocks -------------------------------------------------------------------------------------------------


def test_a_full_disk_refuses_rows_while_the_plan_says_so(tmp_path: Path) -> None:
    now: list[int] = [0]
    told: list[Happening] = []
    plan = with_form("P07", 4, 0, seconds=1)
    strikes = Strikes(plan, "disk", told.append, lambda: START + now[0])
    journal = FaultyJournal.open(tmp_path, durable=False)
    journal.begin(START, {})
    journal.trouble(strikes)
    with pytest.raises(JournalError, match="full"):
        journal.write([Row(START, "stop", "lost", {})])
    journal.write([])
    now[0] = 2_000
    journal.write([Row(START, "stop", "kept", {})])
    journal.close()
    kept = Journal.open(tmp_path, read_only=True)
    assert [key for _, key, _ in kept.rows("stop")] == ["kept"]
    kept.close()
    assert len(told) == 1


def test_a_slow_disk_stops_the_whole_process_for_a_while(tmp_path: Path) -> None:
    async def story() -> None:
        clock = VirtualClock()
        journal = FaultyJournal.open(tmp_path, durable=False)
        journal.trouble(Strikes(with_form("P07", 4, 3), "disk", lambda _: None, clock.now_ms))
        began = clock.now_ms()
        journal.write([Row(began, "stop", "slow", {})])
        assert 100 <= clock.now_ms() - began <= 5_000
        journal.close()

    run_virtual(story(), START)


def test_a_process_that_begins_on_a_wrong_clock_keeps_its_error() -> None:
    async def story() -> None:
        clock = VirtualClock()
        strikes = Strikes(constant_plan(["P11"], START, START + 10_000), "clock", lambda _: None, clock.now_ms)
        wrong = SkewedClock(clock, strikes)
        assert abs(wrong.now_ms() - clock.now_ms()) == HOUR_MS
        await asyncio.sleep(20)
        assert abs(wrong.now_ms() - clock.now_ms()) == HOUR_MS
        assert SkewedClock(clock, strikes).now_ms() == clock.now_ms()

    run_virtual(story(), START)
