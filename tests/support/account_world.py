"""An account of our own making: it knows the truth of each cent, and tells the books what a venue would tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal as D

from hedger.engine.formulas.attribution import Component, Leg
from hedger.engine.known.book import Book
from hedger.engine.known.orders import apply_fill
from hedger.engine.known.policy import Peg, Policy
from hedger.engine.known.state import State, initial_state
from hedger.engine.news.booked_fills import on_execution
from hedger.engine.news.books import on_believed, on_payments
from hedger.model.account import AccountReading, FundingPayment, Margin, MarginMode, Position
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, FundingRead
from hedger.model.option import OptionPosition
from hedger.model.order import Fill, FillCause, Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, order_of

PERPETUAL = perpetual()
DATED = InstrumentId(ACCOUNT, "BTC/USDT:USDT-261225")
INVERSE = InstrumentId(ACCOUNT, "BTC/USD:BTC")
PEGGED = InstrumentId(ACCOUNT, "USDT/USD")
IDS = (PERPETUAL, DATED, INVERSE)
MARGIN = Margin(equity=D(1), maintenance_margin=D(0), initial_margin=D(0), available=D(1))
EXPIRY_AT = NOW + 30 * 86_400_000

HEDGE = replace(
    hedge_of(),
    instruments=IDS,
    pegs=(Peg(asset="USDT", par=D(1), limit=D(100), source=PEGGED, age=10**12),),
)
POLICY = policy_of(HEDGE)
RULES: dict[InstrumentId, Instrument] = {
    PERPETUAL: instrument_of(),
    DATED: instrument_of(id=DATED, kind=Kind.FUTURE, expiry_at=EXPIRY_AT),
    INVERSE: instrument_of(id=INVERSE, quote="USD", settle="BTC", payoff=Payoff.INVERSE, multiplier="100"),
}


@dataclass
class Held:
    """A position: signed quantity, and Σ quantity · worth of a unit at the prices that it was bought at."""

    quantity: D = D(0)
    cost: D = D(0)


@dataclass
class AccountWorld:
    """Prices, wallets and positions, moved by what a test does; `books` is what the books made of it."""

    policy: Policy = POLICY
    index: D = D(60_000)
    basis: dict[InstrumentId, D] = field(default_factory=lambda: dict.fromkeys(IDS, D(10)))
    usdt: D = D(1)
    bnb: D = D(600)
    wallet: dict[str, D] = field(default_factory=lambda: {"BTC": D(2), "USDT": D(100_000), "BNB": D(3)})
    held: dict[InstrumentId, Held] = field(default_factory=lambda: {id: Held() for id in IDS})
    options: dict[InstrumentId, OptionPosition] = field(default_factory=dict)
    foreigners: tuple[Position, ...] = ()
    now: int = NOW
    number: int = 0
    fees: dict[str, D] = field(default_factory=dict)
    funding: dict[str, D] = field(default_factory=dict)
    accrued: dict[str, D] = field(default_factory=dict)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        state = initial_state(self.policy, now=self.now, epoch=1)
        bnb = instrument_of("BNB")
        self.state = state._replace(instruments={**RULES, bnb.id: bnb})
        self.prices()

    # --- the market -------------------------------------------------------------------------------------------------

    def pass_time(self, ms: int) -> None:
        self.now += ms
        self.state = self.state._replace(now=self.now)
        self.prices()

    def mark(self, id: InstrumentId) -> D:
        """In the quote of the contract: one in dollars follows the index in dollars."""
        return self.index_of(id) + self.basis[id]

    def index_of(self, id: InstrumentId) -> D:
        return self.index * (self.usdt if id == INVERSE else 1)

    def prices(self) -> None:
        """Books half a dollar either side of the mark, and marks, as of now."""
        quotes = {id: (self._quote(id, self.mark(id), D("0.5")), self.now) for id in IDS}
        quotes[PEGGED] = (self._quote(PEGGED, self.usdt, D("0.0001")), self.now)
        marks = {id: (self._mark(id, self.mark(id), self.index_of(id)), self.now) for id in IDS}
        marks[perpetual("BNB")] = (self._mark(perpetual("BNB"), self.bnb, self.bnb), self.now)
        self.state = self.state._replace(quotes=quotes, marks=marks)

    def _quote(self, id: InstrumentId, mid: D, half: D) -> Quote:
        one = D(1)
        return Quote(id=id, bid=mid - half, bid_quantity=one, ask=mid + half, ask_quantity=one, exchange_at=self.now)

    def _mark(self, id: InstrumentId, mark: D, index: D) -> Mark:
        return Mark(
            id=id,
            mark_price=mark,
            index_price=index,
            funding_rate=D(0),
            funding_interval_ms=28_800_000,
            next_funding_at=self.now,
            exchange_at=self.now,
        )

    # --- the account -------------------------------------------------------------------------------------------------

    def trade(
        self, id: InstrumentId, signed: D, price: D, *, fee: D = D(0), fee_asset: str = "USDT", decided: D | None = None
    ) -> Fill:
        """A fill of ours happens at the venue: nobody has heard of it yet. `signed` in units."""
        self.pass_time(1)
        leg, held = self.leg(id), self.held[id]
        settle = leg.settle
        closed = min(abs(signed), abs(held.quantity)) if signed * held.quantity < 0 else D(0)
        if closed:
            part = held.cost * closed / abs(held.quantity)
            gained = (closed if held.quantity > 0 else -closed) * leg.worth(price) - part
            self._get(settle, gained)
            held.cost -= part
        opened = signed + (closed if held.quantity > 0 else -closed)
        held.cost += opened * leg.worth(price)
        held.quantity += signed
        self._get(fee_asset, -fee)
        self.number += 1
        name = str(self.number)
        side = Side.BUY if signed > 0 else Side.SELL
        order = order_of(side, abs(signed), sequence=self.number, id=id, decision_mid=decided or self.mark(id))
        fill = Fill(
            id=id,
            trade_id=name,
            venue_order_id=f"v{name}",
            client_order_id=order.client_order_id,
            side=side,
            quantity=abs(signed),
            price=price,
            fee=fee,
            fee_asset=fee_asset,
            maker=True,
            exchange_at=self.now,
        )
        self.state = self.state._replace(orders={**self.state.orders, order.client_order_id: order})
        self.fees[fee_asset] = self.fees.get(fee_asset, D(0)) - fee
        return fill

    def hear(self, fill: Fill) -> None:
        """The books hear of an execution, as the engine lets them."""
        before, orders = self.state, dict(self.state.orders)
        order = orders.get(fill.client_order_id or "")
        if order is not None:
            orders[order.client_order_id] = apply_fill(order, fill, self.now)
        self.state = on_execution(before, before._replace(orders=orders), self.policy, fill)

    def fill(self, id: InstrumentId, signed: D, price: D, **terms: object) -> None:
        """A fill that is heard of at once."""
        self.hear(self.trade(id, signed, price, **terms))  # type: ignore[arg-type]

    def foreign(self, id: InstrumentId, signed: D, price: D, *, cause: FillCause = FillCause.ORDER) -> Fill:
        """Somebody else's hand moves a position."""
        fill = self.trade(id, signed, price)
        orders = {key: o for key, o in self.state.orders.items() if key != fill.client_order_id}
        self.state = self.state._replace(orders=orders)
        return replace(fill, client_order_id="foreign", cause=cause)

    def fund(self, id: InstrumentId, amount: D) -> FundingPayment:
        """A payment at the venue, not heard of yet."""
        self.pass_time(1)
        asset = self.leg(id).settle
        self._get(asset, amount)
        self.funding[asset] = self.funding.get(asset, D(0)) + amount
        self.number += 1
        return FundingPayment(id=id, payment_id=f"p{self.number}", amount=amount, asset=asset, exchange_at=self.now)

    def accrue(self, id: InstrumentId, amount: D) -> None:
        """Funding that the venue pays all the time, and tells as a payment later."""
        asset = self.leg(id).settle
        self._get(asset, amount)
        self.accrued[asset] = self.accrued.get(asset, D(0)) + amount

    def fund_accrued(self, id: InstrumentId) -> FundingPayment:
        """All that has accrued is settled: the wallet has it already."""
        asset = self.leg(id).settle
        amount = self.accrued.pop(asset)
        self._get(asset, -amount)
        return self.fund(id, amount)

    def hear_payment(self, payment: FundingPayment) -> None:
        seen = self.state.funding_seen.get(ACCOUNT, frozenset()) | {payment.payment_id}
        after = self.state._replace(funding_seen={ACCOUNT: seen})
        event = FundingRead(account=ACCOUNT, requested_at=self.now, since_at=0, payments=(payment, payment))
        self.state = on_payments(self.state, after, self.policy, event)

    def deposit(self, asset: str, amount: D) -> None:
        self._get(asset, amount)

    def _get(self, asset: str, amount: D) -> None:
        self.wallet[asset] = self.wallet.get(asset, D(0)) + amount

    # --- readings ----------------------------------------------------------------------------------------------------

    def leg(self, id: InstrumentId) -> Leg:
        rules = RULES[id]
        return Leg(
            symbol=id.symbol,
            hedge="btc",
            settle=rules.settle,
            payoff=rules.payoff,
            quantity=self.held[id].quantity,
            multiplier=rules.contract_multiplier,
            mark_price=self.mark(id),
            index_price=self.index_of(id),
            expiry_at=rules.expiry_at,
        )

    def reading(self) -> AccountReading:
        unrealized: dict[str, D] = {}
        for id in IDS:
            leg = self.leg(id)
            profit = leg.quantity * leg.worth(leg.mark_price) - self.held[id].cost
            unrealized[leg.settle] = unrealized.get(leg.settle, D(0)) + profit
        for row in self.foreigners:
            unrealized["USDT"] += row.quantity * (row.mark_price - row.entry_price)
        return AccountReading(
            account=ACCOUNT,
            spot={"BTC": self.wallet["BTC"], "BNB": self.wallet["BNB"]},
            collateral={"USDT": self.wallet["USDT"]},
            positions=(*(self._position(id) for id in IDS), *self.foreigners),
            margin=MARGIN,
            open_orders=(),
            one_way=True,
            exchange_at=self.now,
            options=tuple(self.options.values()),
            unrealized=unrealized,
            accrued=dict(self.accrued),
        )

    def _position(self, id: InstrumentId) -> Position:
        rules = RULES[id]
        return Position(
            id=id,
            underlying="BTC",
            quantity=self.held[id].quantity,
            contract_multiplier=rules.contract_multiplier,
            entry_price=D(0),
            mark_price=self.mark(id),
            liquidation_price=None,
            leverage=D(1),
            margin_mode=MarginMode.CROSS,
            payoff=rules.payoff,
            expiry_at=rules.expiry_at,
            index_price=self.index_of(id),
        )

    def read(self) -> Book:
        """A reading that is believed."""
        self.pass_time(5_000)
        reading, before = self.reading(), self.state
        view = replace(before.accounts[ACCOUNT], reading=reading)
        after = before._replace(accounts={**before.accounts, ACCOUNT: view})
        event = AccountRead(requested_at=self.now, reading=reading)
        self.state = on_believed(before, after, self.policy, event)
        return self.book

    def settle(self) -> Book:
        """Readings until nothing is left open."""
        for _ in range(3):
            self.pass_time(200_000)
            self.read()
        return self.book

    # --- what the books say -------------------------------------------------------------------------------------------

    @property
    def book(self) -> Book:
        return self.state.books[ACCOUNT]

    def net_value(self) -> D:
        """The truth, in dollars, reckoned another way than the program does."""
        coin = self.index * self.usdt
        total = self.wallet["BTC"] * coin + self.wallet["BNB"] * self.bnb * self.usdt + self.wallet["USDT"] * self.usdt
        for id in IDS:
            leg, held = self.leg(id), self.held[id]
            profit = held.quantity * leg.worth(leg.mark_price) - held.cost
            total += profit * (coin if leg.settle == "BTC" else self.usdt)
        for option in self.options.values():
            worth = option.coins * (option.mark_price or D(0))
            total += worth * (coin if option.payoff is Payoff.INVERSE else self.usdt)
        return total

    def part(self, component: Component) -> D:
        return sum((row.part(component) for row in self.book.rows.values()), D(0))

    def flows(self) -> D:
        return sum((row.flows for row in self.book.rows.values()), D(0))

    def made(self) -> D:
        return sum((row.made for row in self.book.rows.values()), D(0))
