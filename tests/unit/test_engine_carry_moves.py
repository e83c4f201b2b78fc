"""What is held moves to what earns more, as far as margin lets it, and never to and fro: a fee is paid each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.policy import Carry, ChoiceRule, Failover
from hedger.engine.known.state import Action
from hedger.engine.step import step
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.message import AccountRead, Event, OrderAccepted, PlaceOrder, Stamped, TimePassed
from hedger.model.order import ReportStatus, Side
from tests.support.dated_worlds import future
from tests.support.engine_policies import band
from tests.support.engine_worlds import NOW, fill_of, mark_at, position_at, quote_at, report_of
from tests.support.several_worlds import (
    AT_ONE,
    AT_THREE,
    AT_TWO,
    ONE,
    TWO,
    VAULT,
    at_hand,
    margin_of,
    reading_at,
    sent,
    several,
)

PRICE = D(60_000)
ACCOUNTS = ((ONE, AT_ONE), (TWO, AT_TWO))
PAYS_MORE = {AT_ONE: "0.0001", AT_TWO: "0.001"}
PAYS_ALIKE = {AT_ONE: "0.0001", AT_TWO: "0.0001"}


class Venues:
    """Two accounts, each with an equity that is all its margin, which fill every order whole at once."""

    def __init__(
        self,
        equity: Mapping[InstrumentId, str],
        funding: Mapping[InstrumentId, str],
        *,
        failover: bool,
        width: str = "0.01",
    ) -> None:
        stands_in = Failover(allowed=failover, blind_ms=300_000 if failover else 0)
        carry = Carry(rule=ChoiceRule.CARRY, moves=True)
        self.policy = several(failover=stands_in, carry=carry, band=band(width))
        self.equity, self.funding = {id: D(worth) for id, worth in equity.items()}, funding
        self.held = {AT_ONE: D(-1), AT_TWO: D(0)}
        state = at_hand(self.policy, {AT_ONE: "-1"})
        views = {name: replace(state.accounts[name], reading=self._read(name, id, NOW)) for name, id in ACCOUNTS}
        self.state = state._replace(accounts={**state.accounts, **views})
        self.orders: list[PlaceOrder] = []

    def run(self, times: int) -> None:
        for turn in range(1, times + 1):
            at = NOW + 5_000 * turn
            for id in (AT_ONE, AT_TWO):
                self.tell(at, quote_at(id=id, at=at))
                self.tell(at, mark_at(id=id, at=at, funding_rate=D(self.funding[id])))
            self.tell(at, AccountRead(requested_at=at, reading=reading_at(VAULT, "1", at=at)))
            for account, id in ACCOUNTS:
                self.tell(at, AccountRead(requested_at=at, reading=self._read(account, id, at)))
            self.tell(at + 1, TimePassed())

    def _read(self, account: str, id: InstrumentId, at: int) -> AccountReading:
        free = max(D(0), self.equity[id] - PRICE * abs(self.held[id]))
        return reading_at(account, position=self.held[id], at=at, margin=margin_of(available=str(free)))

    def tell(self, at: int, event: Event) -> None:
        result = step(self.state, Stamped(at, event), self.policy)
        self.state = result.state
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self._fill(at, command)

    def _fill(self, at: int, order: PlaceOrder) -> None:
        self.orders.append(order)
        name, quantity = order.client_order_id, order.quantity
        self.held[order.id] += order.side.sign * quantity
        self.tell(at, OrderAccepted(client_order_id=name, venue_order_id="v1"))
        self.tell(at, fill_of(self.state.orders[name], quantity, name, at=at))
        self.tell(at, report_of(self.state.orders[name], ReportStatus.FILLED, quantity, at))

    @property
    def rests(self) -> bool:
        """Whether nothing was due when it was last looked at."""
        decision = self.state.hedges["btc"].decision
        return decision is not None and decision.action is Action.HOLD


@pytest.mark.parametrize("failover", [False, True])
@pytest.mark.parametrize("equity", ["1210", "1300", "1261"])
def test_it_moves_until_the_better_one_is_full_and_then_rests(failover: bool, equity: str) -> None:
    it = Venues({AT_ONE: "60300", AT_TWO: equity}, PAYS_MORE, failover=failover)
    it.run(40)
    assert {(order.id, order.side) for order in it.orders} == {(AT_TWO, Side.SELL), (AT_ONE, Side.BUY)}
    assert -D("0.02") <= it.held[AT_TWO] <= -D("0.015")
    assert it.rests


@pytest.mark.parametrize("failover", [False, True])
def test_where_the_one_that_is_held_is_full_nothing_moves_for_that_alone(failover: bool) -> None:
    it = Venues({AT_ONE: "60010", AT_TWO: "900000"}, PAYS_ALIKE, failover=failover)
    it.run(20)
    assert not it.orders
    assert it.rests


@pytest.mark.parametrize("failover", [False, True])
def test_a_slice_is_no_larger_than_the_free_margin_it_goes_to(failover: bool) -> None:
    """A tenth of a coin would be half a side of the band; 0.02 is what 1,300 let be opened, and so much is closed."""
    it = Venues({AT_ONE: "60300", AT_TWO: "1300"}, PAYS_MORE, failover=failover, width="0.2")
    it.run(20)
    assert it.held[AT_TWO] <= -D("0.02")
    assert abs(1 + it.held[AT_ONE] + it.held[AT_TWO]) <= D("0.1")
    assert it.orders[0].id == AT_TWO, "protection is there again before it is given up"
    assert it.rests


@pytest.mark.parametrize("failover", [False, True])
def test_with_margin_for_all_of_it_all_of_it_moves(failover: bool) -> None:
    it = Venues({AT_ONE: "60300", AT_TWO: "900000"}, PAYS_MORE, failover=failover)
    it.run(420)
    assert it.held == {AT_ONE: D(0), AT_TWO: D(-1)}
    assert it.rests


@pytest.mark.parametrize(("far_price", "moves"), [("59700", False), ("60600", True)])
def test_nothing_moves_into_a_contract_that_would_be_left_at_once_for_the_next(far_price: str, moves: bool) -> None:
    """A long pays 110 % a year in the perpetual and nothing in the near contract, which a cheap far one would take over
    at once; that one has no margin. A dear far one takes nothing over."""
    far, near = InstrumentId(ONE, "BTC/USDT:USDT-260401"), InstrumentId(TWO, "BTC/USDT:USDT-260131")
    carry = Carry(rule=ChoiceRule.CARRY, moves=True, roll_spread=D("0.02"))
    policy = several(far, near, AT_THREE, carry=carry)
    rules = {far: future(far, 90), near: future(near, 30)}
    state = at_hand(policy, {AT_THREE: "1"}, spot="-1", rules=rules)
    flat: dict[str, Any] = {"funding_rate": D(0), "funding_interval_ms": 0}
    prices = {
        far: mark_at(far_price, id=far, index_price=PRICE, **flat),
        near: mark_at("60000", id=near, index_price=PRICE, **flat),
        AT_THREE: mark_at(id=AT_THREE, funding_rate=D("0.001")),
    }
    rows = (position_at(id=near, expiry_at=rules[near].expiry_at, index_price=PRICE),)
    full = replace(state.accounts[ONE], reading=reading_at(ONE, margin=margin_of(available="100")))
    empty = replace(state.accounts[TWO], reading=replace(reading_at(TWO), positions=rows))
    state = state._replace(
        marks={id: (mark, NOW) for id, mark in prices.items()},
        accounts={**state.accounts, ONE: full, TWO: empty},
    )
    order = sent(step(state, Stamped(NOW, TimePassed()), policy))
    assert (order is not None) is moves
    assert order is None or (order.id, order.side) == (near, Side.BUY)
