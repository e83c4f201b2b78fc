"""Whatever happens to an account, the parts add up to the change of its value, and each cent has the right name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from hedger.engine.formulas.attribution import Component
from hedger.model.account import FundingPayment
from hedger.model.instrument import InstrumentId
from hedger.model.order import Fill
from tests.support.account_world import DATED, IDS, INVERSE, PERPETUAL, AccountWorld
from tests.support.option_rows import call, put

ASSETS = ("BTC", "USDT", "BNB")
ids = st.sampled_from(IDS)
assets = st.sampled_from(ASSETS)
cents = st.integers(-500, 500).map(lambda n: D(n) / 100)
large = st.integers(50, 5_000).flatmap(lambda n: st.sampled_from((D(n), D(-n))))


class Move(NamedTuple):
    price: D
    basis: D
    usdt: D
    bnb: D
    sigma: D


class Trade(NamedTuple):
    at: int
    signed: D
    edge: D
    fee: D
    asset: str
    late: bool
    waited: D


class Fund(NamedTuple):
    at: int
    amount: D
    late: bool


class Deposit(NamedTuple):
    asset: str
    dollars: D


class Foreign(NamedTuple):
    at: int
    signed: D
    edge: D


class Option(NamedTuple):
    is_call: bool
    quantity: D


class Read(NamedTuple):
    pass


class Hear(NamedTuple):
    pass


leaps = st.integers(-500, 500).map(D)
slips = st.integers(-500, 500).map(lambda n: D(n) / 100_000)
swings = st.integers(-10, 10).map(lambda n: D(n) / 100)
filled = st.tuples(st.sampled_from((PERPETUAL, DATED)), cents.filter(bool), cents, cents, st.booleans())
steps = st.one_of(
    st.builds(Move, leaps, cents, slips, cents, swings),
    st.builds(Trade, st.integers(0, 2), cents, cents, cents, assets, st.booleans(), cents),
    st.builds(Fund, st.integers(0, 2), cents, st.booleans()),
    st.builds(Deposit, assets, large),
    st.builds(Foreign, st.integers(0, 2), cents, cents),
    st.builds(Option, st.booleans(), cents),
    st.builds(Read),
    st.builds(Hear),
)


class Told:
    """A world that is moved step by step; `late` is what was not heard of yet."""

    def __init__(self) -> None:
        self.world = AccountWorld()
        self.late: list[Fill | FundingPayment] = []
        self.world.read()
        self.began = self.world.net_value()

    def units(self, at: int, signed: D) -> D:
        """A unit of the inverse contract is a hundred dollars, of the others a coin."""
        return (signed * 100).to_integral_value() if IDS[at] == INVERSE else signed

    def act(self, step: object) -> None:
        world = self.world
        match step:
            case Move():
                world.index = max(D(20_000), world.index + step.price)
                world.basis = {id: basis + step.basis for id, basis in world.basis.items()}
                world.usdt += step.usdt
                world.bnb = max(D(100), world.bnb + step.bnb)
                self.vary(step.sigma)
                world.prices()
            case Trade(signed=signed) if self.units(step.at, signed):
                id, units = IDS[step.at], self.units(step.at, signed)
                price, decided = world.mark(id) + step.edge, world.mark(id) + step.waited
                fee = step.fee / (1_000 if step.asset != "USDT" else 1)
                fill = world.trade(id, units, price, fee=fee, fee_asset=step.asset, decided=decided)
                self.tell(fill, late=step.late)
            case Fund():
                amount = step.amount / (1_000 if IDS[step.at] == INVERSE else 1)
                self.tell(world.fund(IDS[step.at], amount), late=step.late)
            case Deposit():
                price = {"USDT": D(1), "BTC": world.index, "BNB": world.bnb}[step.asset]
                world.deposit(step.asset, (step.dollars / price).quantize(D("1e-8")))
            case Foreign(signed=signed) if self.units(step.at, signed):
                world.foreign(IDS[step.at], self.units(step.at, signed), world.mark(IDS[step.at]) + step.edge)
            case Option():
                option = (call if step.is_call else put)(world, step.quantity)
                world.options[option.id] = option
            case Read():
                self.read()
            case Hear():
                self.hear()
            case _:
                return

    def vary(self, by: D) -> None:
        """Options follow the index, and their volatility moves."""
        for id, option in self.world.options.items():
            sigma = max(D("0.1"), (option.mark_sigma or D(0)) + by)
            made = (call if option.option_type.sign > 0 else put)(self.world, option.quantity, sigma)
            self.world.options[id] = replace(made, id=id)

    def tell(self, news: Fill | FundingPayment, *, late: bool) -> None:
        self.late.append(news)
        if not late:
            self.hear()

    def hear(self) -> None:
        for news in self.late:
            if isinstance(news, Fill):
                self.world.hear(news)
            else:
                self.world.hear_payment(news)
        self.late = []

    def read(self) -> None:
        self.world.read()
        self.exact()

    def exact(self) -> None:
        world = self.world
        change = world.net_value() - self.began
        assert abs(world.made() + world.flows() - change) <= D("1e-12") * max(abs(world.net_value()), D(1))


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40))
def test_the_parts_and_the_flows_add_up_to_the_change_of_the_value_in_any_weather(story: list[object]) -> None:
    told = Told()
    for step in story:
        told.act(step)
    told.hear()
    told.read()
    told.world.settle()
    told.exact()


@settings(max_examples=100, deadline=None)
@given(st.lists(steps.filter(lambda s: not isinstance(s, Option | Foreign)), max_size=30))
def test_fees_funding_and_transfers_are_booked_at_what_they_were_worth_when_they_were_read(story: list[object]) -> None:
    """With a reading after each step, and everything heard of at once: then nothing is left to explain."""
    told, world = Told(), None
    fees = funding = flows = D(0)
    for step in story:
        world = told.world
        held, paid, got = dict(world.wallet), dict(world.fees), dict(world.funding)
        told.act(step)
        told.hear()
        price = {"BTC": world.index * world.usdt, "USDT": world.usdt, "BNB": world.bnb * world.usdt}
        for asset in ASSETS:
            fees += (world.fees.get(asset, D(0)) - paid.get(asset, D(0))) * price[asset]
            funding += (world.funding.get(asset, D(0)) - got.get(asset, D(0))) * price[asset]
            if isinstance(step, Deposit):
                flows += (world.wallet[asset] - held[asset]) * price[asset]
        told.read()
    told.world.settle()
    near = D("1e-9") * told.began
    assert abs(told.world.part(Component.FEES) - fees) < near
    assert abs(told.world.part(Component.FUNDING) - funding) < near
    assert abs(told.world.flows() - flows) < near
    assert abs(told.world.part(Component.RESIDUAL)) < near


@settings(max_examples=100, deadline=None)
@given(st.lists(filled, max_size=15))
def test_the_futures_parts_are_what_was_gained_on_the_futures(trades: list[tuple[InstrumentId, D, D, D, bool]]) -> None:
    """Heard of in time or after a reading had shown it: index, basis, delay and edge are the whole gain and no more."""
    told = Told()
    world = told.world
    edge = delay = D(0)
    for id, signed, offset, waited, late in trades:
        mid = world.mark(id)
        fill = world.trade(id, signed, mid + offset, decided=mid + waited)
        edge += -signed * offset
        delay += signed * waited
        if late:
            told.read()
            world.index += waited * 10
            told.read()
        world.hear(fill)
        world.index += offset * 10
        world.basis = {key: basis + waited for key, basis in world.basis.items()}
        told.read()
    gained = world.wallet["USDT"] - 100_000
    gained += sum((h.quantity * world.mark(i) - h.cost for i, h in world.held.items()), D(0))
    parts = (Component.FUTURES_INDEX, Component.FUTURES_BASIS, Component.DELAY, Component.EXECUTION_EDGE)
    assert abs(sum((world.part(p) for p in parts), D(0)) - gained) < D("1e-9")
    execution = world.part(Component.EXECUTION_EDGE) + world.part(Component.DELAY)
    assert abs(execution - edge - delay) < D("1e-9"), "where the mid at the fill is not known any more, delay has both"
    if not any(late for *_, late in trades):
        assert abs(world.part(Component.EXECUTION_EDGE) - edge) < D("1e-9")
    assert abs(world.part(Component.RESIDUAL)) < D("1e-9")
    assert not world.book.carry.moved
