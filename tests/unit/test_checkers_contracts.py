"""What the judges of the swarm see of coin-settled and dated contracts, options and targets: by the exchange alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.known.policy import Hedge, Numeraire, Target, TargetKind
from hedger.engine.known.state import Exposure, Reason
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import PlaceOrder
from hedger.model.option import OptionType
from hedger.model.order import Side
from hedger.sim.checkers.ends import off_target
from hedger.sim.checkers.exposure import ExposureChecker
from hedger.sim.checkers.gate import GateChecker
from hedger.sim.checkers.targets import Held, wanted
from hedger.sim.checkers.witness import Witness
from hedger.sim.listings import contract, option
from hedger.sim.nouns import OrderKind, Wallet
from hedger.sim.translation import unified_option
from hedger.sim.world import Funds, paper_world
from tests.support.checker_stand import ID, NOON, USER, Stand, found
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of

INVERSE = InstrumentId(ACCOUNT, "BTC/USD:BTC")
DATED = InstrumentId(ACCOUNT, "BTC/USDT:USDT-260101")
AVERAGE_MS = 300_000
END = NOON + 600_000
MONTH = NOON + 30 * 86_400_000
CALL = unified_option(
    option("BTC", quote="USDT", payoff=Payoff.LINEAR, strike=D(60_000), expiry_at=MONTH, option_type=OptionType.CALL)
)


class Books(Stand):
    """The same stand with a hedge on another contract, coins as collateral, and options."""

    def __init__(self, hedge: Hedge, **funds: object) -> None:
        held = Funds(spot={"USDT": D(20_000), "BTC": D(1)}, linear=D(150_000), **funds)  # type: ignore[arg-type]
        listed = (
            contract("BTC", quote="USD", payoff=Payoff.INVERSE),
            contract("BTC", expiry_at=END, settlement_ms=AVERAGE_MS),
        )
        self.world = paper_world(1, NOON, users={USER: held}, owner=USER, still=True, contracts=listed)
        self.exchange = self.world.exchange
        self.policy = policy_of(hedge)
        self.witness = Witness(self.exchange, self.policy, {ACCOUNT: USER})
        self.exchange.advance(NOON + 5_000)

    @property
    def hedge(self) -> Hedge:
        return self.policy.hedges[0]

    def take(self, wallet: Wallet, symbol: str, side: Side, quantity: str, name: str = "web_1") -> None:
        self.exchange.place(
            USER,
            wallet,
            symbol,
            side=side,
            kind=OrderKind.MARKET,
            quantity=D(quantity),
            price=None,
            reduce_only=False,
            client_order_id=name,
        )

    def jump(self, fraction: float) -> None:
        self.world.market.fair.jump("BTC", fraction)
        self.wait(30)


def test_a_short_inverse_contract_with_its_profit_is_as_many_coins_at_every_price() -> None:
    stand = Books(hedge_of(instruments=(INVERSE,)), coins={"BTC": D(2)})
    stand.take(Wallet.INVERSE, "BTCUSD_PERP", Side.SELL, "900")
    before = stand.witness.delta(stand.hedge)
    assert D("1.4") < before < D("1.6"), "three coins, less 90,000 dollars of them"
    stand.jump(0.08)
    assert stand.witness.marks(INVERSE, 0)[-1] > 63_000
    assert abs(stand.witness.delta(stand.hedge) - before) < D("0.0001")
    assert abs(stand.witness.holding(stand.hedge) - D(3)) > D("0.05"), "what it lost is gone from the coins"


def order_on(stand: Books, id: InstrumentId, quantity: str) -> PlaceOrder:
    mark = stand.witness.marks(id, 0)[-1]
    return stand.order(id=id, quantity=D(quantity), price=mark.quantize(D("0.1")))


def judged(stand: Books, order: PlaceOrder, **decision: object) -> list[str]:
    checker = ExposureChecker(stand.witness)
    made = stand.decision(order, **decision)
    return found(checker, [stand.stepped(order, decision=made), stand.accepted(order)])


def test_an_inverse_order_that_carries_the_book_past_its_target_breaks_i1() -> None:
    stand = Books(hedge_of(instruments=(INVERSE,)), coins={"BTC": D(2)})
    coin = stand.witness.marks(INVERSE, 0)[-1] / 100
    assert judged(stand, order_on(stand, INVERSE, f"{3 * coin:.0f}")) == []
    assert judged(stand, order_on(stand, INVERSE, f"{3 * coin + 3:.0f}")) == ["I1"]


def test_a_dated_contract_loses_its_delta_with_its_settlement_average() -> None:
    stand = Books(hedge_of(instruments=(DATED, ID)))
    stand.take(Wallet.LINEAR, "BTCUSDT_260101", Side.SELL, "1")
    assert abs(stand.witness.delta(stand.hedge)) < D("0.01"), "hedged, give or take the basis"
    stand.exchange.advance(END - AVERAGE_MS // 2)
    assert abs(stand.witness.delta(stand.hedge) - D("0.5")) < D("0.01")
    assert judged(stand, stand.order(quantity=D("0.45"))) == [], "what has been fixed may be hedged again"
    assert judged(stand, stand.order(quantity=D("0.6"))) == ["I1"]
    stand.exchange.advance(END + 1_000)
    assert stand.witness.delta(stand.hedge) == D(1)
    assert stand.witness.position(DATED) == 0
    assert stand.witness.listing(DATED).settlement_ms == AVERAGE_MS, "it is known after its end"


def test_a_limit_of_the_position_counts_what_the_settlement_average_has_left_open() -> None:
    stand = Books(hedge_of(instruments=(DATED, ID), guards={"position": D("1.1"), "orders_per_minute": 9}))
    stand.take(Wallet.LINEAR, "BTCUSDT_260101", Side.SELL, "1")
    checker = GateChecker(stand.witness)
    before = stand.order(1, quantity=D("0.45"))
    assert found(checker, [stand.stepped(before), stand.sent(before)]) == ["I10"]
    stand.exchange.advance(END - AVERAGE_MS // 2)
    for number, quantity, broken in ((2, "0.55", []), (3, "0.65", ["I10"])):
        order = stand.order(number, quantity=D(quantity))
        assert found(checker, [stand.stepped(order), stand.sent(order)]) == broken, quantity


def test_a_dated_order_is_judged_by_any_basis_of_the_time_in_which_its_mark_may_have_been() -> None:
    stand = Books(hedge_of(instruments=(DATED, ID)))
    before = stand.witness.coins(DATED, D(-1))
    stand.jump(0.02)
    after = stand.witness.coins(DATED, D(-1))
    assert abs(after) != abs(before)
    least = max(before, after)
    assert stand.witness.coins_at_least(DATED, D(-1), NOON) >= least
    assert stand.witness.coins_at_least(DATED, D(-1), stand.now) == after


def test_an_option_counts_with_the_delta_of_the_exchange_as_it_moved_since_the_reading() -> None:
    stand = Books(hedge_of(), options={CALL: D(-1)})
    delta, premium, slack = stand.witness.options(stand.hedge)
    assert D("-0.65") < delta < D("-0.45")
    assert premium < 0
    assert slack == D("0.003")
    net = stand.witness.delta(stand.hedge)
    assert abs(net - (1 + delta)) < D("1e-9")
    assert judged(stand, stand.order(quantity=net.quantize(D("0.001")))) == []
    assert judged(stand, stand.order(quantity=net.quantize(D("0.001")) + D("0.02"))) == ["I1"]
    stand.jump(-0.1)
    later = stand.witness.delta(stand.hedge)
    assert later > net + D("0.1")
    assert judged(stand, stand.order(quantity=later.quantize(D("0.001")))) == [], "the price has moved"
    assert off_target(stand.witness, stand.hedge, D(54_000)) > D("0.5")


def test_a_slice_of_a_roll_may_end_anywhere_in_the_band_and_nothing_else_may() -> None:
    stand = Books(hedge_of(instruments=(DATED, ID)))
    order = stand.order(quantity=D("1.009"))
    assert judged(stand, order) == ["I1"]
    assert judged(stand, order, reason=Reason.ROLL) == []


@pytest.mark.parametrize(
    ("target", "usd", "coin"),
    [
        (Target(kind=TargetKind.NEUTRAL, value=D(0)), "0", "0.9"),
        (Target(kind=TargetKind.RATIO, value=D("0.5")), "0.2", "0.7"),
        (Target(kind=TargetKind.COINS, value=D(2)), "2", "2.9"),
        (Target(kind=TargetKind.QUOTE, value=D(60_000)), "1", "1.9"),
    ],
)
def test_who_counts_in_coins_is_neutral_with_all_that_he_owns(target: Target, usd: str, coin: str) -> None:
    """One coin, of which contracts have made 0.1, and options with a delta of −0.5 that are worth −0.1."""
    held = Held(D(1), D("-0.5"), D("-0.1"), D("0.1"))
    hedge = hedge_of(target=target)
    assert wanted(hedge, held, D(60_000), NOON) == D(usd)
    assert wanted(replace(hedge, numeraire=Numeraire.COIN), held, D(60_000), NOON) == D(coin)


def test_the_judge_takes_the_coins_of_the_decision_and_not_those_that_came_since() -> None:
    stand = Books(hedge_of(target=Target(kind=TargetKind.RATIO, value=D("0.5"))))
    seen = Exposure(spot=D(1), static=D(0), futures=D(0), low=D(1), high=D(1))
    assert judged(stand, stand.order(quantity=D("0.5")), exposure=seen) == []
    assert judged(stand, stand.order(quantity=D("0.51")), exposure=seen) == ["I1"]
