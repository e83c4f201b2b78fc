"""Three months of an account: deposits, funding, rolls between two contracts, fees in a third coin, an expiry."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import pairwise
from random import Random

import pytest

from hedger.engine.formulas.attribution import Component
from hedger.engine.known.book import DayRow
from hedger.engine.news.benchmarks import compare
from hedger.model.order import FillCause
from hedger.model.spans import DAY_MS
from tests.support.account_world import DATED, EXPIRY_AT, INVERSE, PERPETUAL, AccountWorld
from tests.support.option_rows import call

DAYS = 90
EVERY_MS = DAY_MS // 6


class Months:
    """A world that lives four hours at a time, and the truth beside it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = AccountWorld()
        self.world.read()
        self.began = self.world.net_value()
        self.rows: dict[tuple[int, str], DayRow] = {}
        self.fees = self.funding = self.flows = D(0)
        self.expired = False

    def live(self) -> None:
        for number in range(DAYS * 6):
            self.hours(number)
        self.world.settle()
        self.keep()

    def hours(self, number: int) -> None:
        world, random = self.world, self.random
        world.pass_time(EVERY_MS - 5_000)
        world.index = (world.index * D(repr(1 + random.gauss(0, 0.008)))).quantize(D("0.1"))
        world.basis = {id: D(random.randrange(-300, 600)) / 10 for id in world.basis}
        world.bnb = (world.bnb * D(repr(1 + random.gauss(0, 0.01)))).quantize(D("0.01"))
        self.option()
        if world.now >= EXPIRY_AT and not self.expired:
            self.expire()
        elif number % 2:
            self.pay()
        elif random.random() < 0.3:
            self.deposit()
        else:
            self.trade()
        self.read()

    def option(self) -> None:
        """A covered call until its expiry: then it is paid out."""
        world = self.world
        if world.now >= EXPIRY_AT:
            for option in world.options.values():
                world.wallet["USDT"] += option.coins * max(world.index - option.strike, D(0))
            world.options = {}
            return
        option = call(world, D(-1), D(self.random.randrange(40, 60)) / 100)
        if not world.options:
            self.flows += option.quantity * (option.mark_price or D(0))
        world.options = {option.id: option}

    def expire(self) -> None:
        """What is left of the dated contract settles at the index."""
        world, self.expired = self.world, True
        quantity = world.held[DATED].quantity
        if quantity:
            world.hear(world.foreign(DATED, -quantity, world.index, cause=FillCause.SETTLEMENT))

    def pay(self) -> None:
        """Funding, of any sign, in dollars or in coins; told late once in three times."""
        world = self.world
        id, amount = (PERPETUAL, D(self.random.randrange(-900, 900)) / 100)
        if self.random.random() < 0.3:
            id, amount = INVERSE, amount / 10_000
        payment = world.fund(id, amount)
        price = world.index if id == INVERSE else D(1)
        self.funding += amount * price
        if self.random.random() < 0.3:
            self.read()
        world.hear_payment(payment)

    def deposit(self) -> None:
        asset = self.random.choice(("BTC", "USDT", "BNB"))
        amount = {"BTC": D("0.1"), "USDT": D(900), "BNB": D(2)}[asset] * self.random.choice((1, -1))
        price = {"BTC": self.world.index, "USDT": D(1), "BNB": self.world.bnb}[asset]
        self.world.deposit(asset, amount)
        self.flows += amount * price

    def trade(self) -> None:
        """A roll from one contract to the other, or a hedge in coins; fees in dollars or in BNB."""
        world, random = self.world, self.random
        quantity = D(random.randrange(1, 100)) / 100 * random.choice((1, -1))
        legs = [(PERPETUAL, quantity)]
        if not self.expired:
            legs.append((DATED, -quantity))
        if random.random() < 0.3:
            legs = [(INVERSE, (quantity * 600).to_integral_value())]
        for id, signed in legs:
            asset = random.choice(("USDT", "BNB"))
            fee = D(random.randrange(-100, 1_000)) / 100 / (500 if asset == "BNB" else 1)
            price = world.mark(id) + D(random.randrange(-20, 20)) / 10
            world.fill(id, signed, price, fee=fee, fee_asset=asset, decided=world.mark(id) + random.randrange(-9, 9))
            self.fees -= fee * (world.bnb if asset == "BNB" else 1)

    def read(self) -> None:
        self.world.read()
        self.keep()

    def keep(self) -> None:
        for row in (*self.world.book.ended, *self.world.book.rows.values()):
            self.rows[row.day, row.hedge] = row

    def part(self, component: Component) -> D:
        return sum((row.part(component) for row in self.rows.values()), D(0))


@pytest.mark.parametrize("seed", range(3))
def test_three_months_add_up_and_every_part_is_what_it_was(seed: int) -> None:
    months = Months(seed)
    months.live()
    world, rows = months.world, months.rows.values()
    change = world.net_value() - months.began
    made, flows = (sum(amounts, D(0)) for amounts in ((r.made for r in rows), (r.flows for r in rows)))
    assert abs(made + flows - change) < D("1e-9") * world.net_value()
    assert len({row.day for row in rows}) >= DAYS
    assert abs(months.part(Component.FEES) - months.fees) < D("0.01")
    assert abs(months.part(Component.FUNDING) - months.funding) < 5, "what was told late in coins is valued when told"
    assert abs(flows - months.flows) < 5
    for part in (Component.SPOT, Component.DELTA, Component.GAMMA, Component.THETA, Component.FUTURES_BASIS):
        assert months.part(part) != 0
    assert months.part(Component.THETA) > 0, "a covered call collects theta"
    assert months.part(Component.GAMMA) < 0, "and is short gamma"
    for hedge in ("", "btc"):
        days = sorted((row for row in rows if row.hedge == hedge), key=lambda row: row.day)
        assert all(later.opening == row.closing for row, later in pairwise(days))
    told = compare(rows)
    assert abs(told.hedged + told.outside - made) < D("1e-9")
