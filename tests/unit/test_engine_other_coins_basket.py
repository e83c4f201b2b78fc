"""A coin without a future, hedged with those of five others that are needed alike: none of its hedges is futile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D

import numpy as np
import pytest

from hedger.engine.formulas.volatility import Returns
from hedger.engine.guards.mode import with_mode
from hedger.engine.known.policy import Cross
from hedger.engine.known.state import Reason, State, initial_state
from hedger.engine.step import step
from hedger.engine.wanted.other_coins import measured
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, OrderAccepted, PlaceOrder, Stamped, TimePassed
from hedger.model.order import ReportStatus
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, fill_of, mark_at, position_at, quote_at, reading_of, report_of

SPOT = InstrumentId(ACCOUNT, "ARB/USDT")
COINS = ("BTC", "ETH", "SOL", "BNB", "XRP")
HEDGE = hedge_of(
    "ARB",
    instruments=tuple(perpetual(coin) for coin in COINS),
    cross=Cross(spot=SPOT, coins=COINS, halflife_bars=400, beta_band=D("0.1")),
    band=band("2000"),
    guards={"position": D(2_000_000), "order_notional": D(10_000_000)},
    static_quantity=D(1_000_000),
)
POLICY = policy_of(HEDGE)


def quotes(at: int) -> list[Quote]:
    deep = D(500)
    legs = [
        quote_at("999.9", "1000.1", id=perpetual(coin), at=at, bid_quantity=deep, ask_quantity=deep) for coin in COINS
    ]
    return [quote_at("0.49995", "0.50005", id=SPOT, at=at), *legs]


def marks(at: int) -> list[Mark]:
    return [mark_at("1000", id=perpetual(coin), at=at) for coin in COINS]


def reading(held: Mapping[str, D], at: int) -> AccountReading:
    rows = tuple(position_at(held[c], id=perpetual(c), underlying=c, mark_price=D(1_000)) for c in COINS)
    return replace(reading_of("0", at=at), positions=rows, spot={"ARB": D(0)})


def world() -> State:
    """A million of a coin at half a dollar, and hourly returns in which all coins have one factor."""
    rng = np.random.default_rng(3)
    common = rng.normal(0, 0.006, 700)
    moves = {coin: common + rng.normal(0, 0.003, 700) for coin in ("ARB", *COINS)}
    state = initial_state(POLICY, now=NOW, epoch=1)
    view = replace(
        state.accounts[ACCOUNT],
        reading=reading(dict.fromkeys(COINS, D(0)), NOW),
        believed_at=NOW - 1,
        barrier_at=NOW - 1_000,
        clean_cycles=5,
        stream_up=True,
    )
    state = state._replace(
        instruments={perpetual(coin): instrument_of(coin) for coin in COINS},
        quotes={quote.id: (quote, NOW) for quote in quotes(NOW)},
        marks={mark.id: (mark, NOW) for mark in marks(NOW)},
        reconciled=True,
        accounts={ACCOUNT: view},
        returns={c: Returns(NOW, 3_600_000, tuple(round(float(r), 7) for r in m)) for c, m in moves.items()},
    )
    return measured(with_mode(state, POLICY), POLICY)


class Venue:
    """Fills every order whole, at once."""

    def __init__(self) -> None:
        self.state = world()
        self.held = dict.fromkeys(COINS, D(0))
        self.orders: list[PlaceOrder] = []

    def run(self, times: int) -> None:
        for turn in range(1, times + 1):
            at = NOW + 5_000 * turn
            for quote in quotes(at):
                self.tell(at, quote)
            for mark in marks(at):
                self.tell(at, mark)
            self.tell(at, AccountRead(requested_at=at, reading=reading(self.held, at)))
            self.tell(at + 1, TimePassed())

    def tell(self, at: int, event: Event) -> None:
        result = step(self.state, Stamped(at, event), POLICY)
        self.state = result.state
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self._fill(at, command)

    def _fill(self, at: int, order: PlaceOrder) -> None:
        self.orders.append(order)
        name, quantity = order.client_order_id, order.quantity
        self.held[order.id.symbol[:3]] += order.side.sign * quantity
        self.tell(at, OrderAccepted(client_order_id=name, venue_order_id="v1"))
        self.tell(at, fill_of(self.state.orders[name], quantity, name, at=at))
        self.tell(at, report_of(self.state.orders[name], ReportStatus.FILLED, quantity, at))


def test_that_another_coin_is_as_far_out_as_the_one_that_was_hedged_makes_no_hedge_futile() -> None:
    it = Venue()
    it.run(12)
    assert it.state.halted is None
    assert {order.id for order in it.orders} == {perpetual(coin) for coin in COINS}
    decision = it.state.hedges["arb"].decision
    assert decision is not None
    assert decision.reason is Reason.INSIDE_BAND


@pytest.mark.parametrize("futile", [0, 2])
def test_a_fill_that_leaves_its_own_coin_where_it_was_is_counted_still(futile: int) -> None:
    """The position after it is that before it, and no other coin is further out."""
    it = Venue()
    state = it.state
    it.tell(NOW, TimePassed())
    assert len(it.orders) == 1
    memory = replace(it.state.hedges["arb"], futile=futile)
    after = step(state._replace(hedges={"arb": memory}), Stamped(NOW + 1, TimePassed()), POLICY).state
    assert after.hedges["arb"].futile == futile + 1
