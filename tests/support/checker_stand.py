"""A stand for checkers: an exchange whose truth a test sets, and happenings made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Decision, Exposure, Mode, Reason, State, initial_state
from hedger.engine.step import Result
from hedger.model.account import AccountReading, Margin
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.market import Mark, Quote
from hedger.model.message import CancelOrder, Event, PlaceOrder, Stamped, TimePassed
from hedger.model.order import Side
from hedger.sim.checkers.finding import Checker
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Accepted, Committed, Sent, Stepped
from hedger.sim.nouns import OrderKind, SimOrder, Wallet
from hedger.sim.world import Funds, paper_world
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of

NOON = 1_767_268_800_000
USER = "main"
SYMBOL = "BTCUSDT"
ID = perpetual()
MARGIN = Margin(equity=D(150_000), maintenance_margin=D(0), initial_margin=D(0), available=D(150_000))


def order_id(number: int = 1, epoch: int = 1, bot: str = "sim") -> str:
    return format_order_id(OrderIdentity(bot=bot, epoch=epoch, sequence=number))


class Stand:
    """One hedge of 1 BTC on a real (still) exchange; `true` values are set on it, happenings are only told."""

    def __init__(self, policy: Policy | None = None, *, spot: str = "1", collateral: str = "150000") -> None:
        funds = Funds(spot={"USDT": D(20_000), "BTC": D(spot)}, linear=D(collateral))
        self.world = paper_world(1, NOON, users={USER: funds}, owner=USER, still=True)
        self.exchange = self.world.exchange
        self.policy = policy or policy_of(hedge_of())
        self.witness = Witness(self.exchange, self.policy, {ACCOUNT: USER})
        self.exchange.advance(NOON + 5_000)

    @property
    def now(self) -> int:
        return self.exchange.now

    def wait(self, seconds: float) -> None:
        self.exchange.advance(self.now + int(seconds * 1000))

    def price(self, side: Side = Side.SELL, ticks: int = 0) -> D:
        best = self.exchange.best(Wallet.LINEAR, SYMBOL)
        assert best.ask is not None
        assert best.bid is not None
        return best.ask + ticks * D("0.1") if side is Side.SELL else best.bid - ticks * D("0.1")

    # --- making things --------------------------------------------------------------------------------------------

    def order(self, number: int = 1, **changes: Any) -> PlaceOrder:
        made = PlaceOrder(
            id=ID,
            client_order_id=order_id(number),
            side=Side.SELL,
            quantity=D(1),
            price=self.price(),
            reduce_only=False,
            ttl_ms=2_000,
            decision_id=number,
        )
        return replace(made, **changes)

    def decision(self, order: PlaceOrder, **changes: Any) -> Decision:
        quote = Quote(
            id=ID,
            bid=self.price(Side.BUY),
            bid_quantity=D(1),
            ask=self.price(),
            ask_quantity=D(1),
            exchange_at=self.now,
        )
        price = quote.mid_price
        mark = Mark(
            id=ID,
            mark_price=price,
            index_price=price,
            funding_rate=D(0),
            funding_interval_ms=1,
            next_funding_at=0,
            exchange_at=self.now,
        )
        made = Decision(
            decision_id=order.decision_id,
            at=self.now,
            hedge="btc",
            mode=Mode.HEDGING,
            action=Action.PLACE,
            reason=Reason.OUTSIDE_BAND,
            detail="",
            exposure=Exposure(spot=D(1), static=D(0), futures=D(0), low=D(1), high=D(1)),
            target=D(0),
            deviation=D(1),
            upper=D("0.01"),
            lower=D("0.01"),
            quote=quote,
            mark=mark,
        )
        return replace(made, **changes)

    def state(self, *orders: Order, **changes: Any) -> State:
        """A state that has just read everything."""
        made = initial_state(self.policy, now=self.now, epoch=1)
        decision = self.decision(self.order())
        assert decision.quote is not None
        assert decision.mark is not None
        view = replace(made.accounts[ACCOUNT], reading=self.reading(), believed_at=self.now)
        made = made._replace(
            mode=Mode.HEDGING,
            instruments={ID: instrument_of()},
            quotes={ID: (decision.quote, self.now)},
            marks={ID: (decision.mark, self.now)},
            accounts={ACCOUNT: view},
            orders={order.client_order_id: order for order in orders},
        )
        return made._replace(**changes)

    def reading(self, **changes: Any) -> AccountReading:
        made = AccountReading(
            account=ACCOUNT,
            spot={},
            collateral={},
            positions=(),
            margin=MARGIN,
            open_orders=(),
            one_way=True,
            exchange_at=self.now,
        )
        return replace(made, **changes)

    def held(self, order: PlaceOrder, **changes: Any) -> Order:
        """The order as the daemon keeps it."""
        made = Order(
            client_order_id=order.client_order_id,
            id=order.id,
            hedge="btc",
            side=order.side,
            quantity=order.quantity,
            price=order.price,
            reduce_only=order.reduce_only,
            decision_id=order.decision_id,
            decision_mid=None,
            deviation=D(1),
            holding=D(1),
            margin_reduction=False,
            placed_at=self.now,
            ttl_ms=2_000,
        )
        return replace(made, **changes)

    # --- what is true ---------------------------------------------------------------------------------------------

    def rest(self, order: PlaceOrder, ticks: int = 500) -> SimOrder:
        """The order is on the exchange's book, far from the touch."""
        return self.exchange.place(
            USER,
            Wallet.LINEAR,
            SYMBOL,
            side=order.side,
            kind=OrderKind.POST_ONLY,
            quantity=order.quantity,
            price=self.price(order.side, ticks),
            reduce_only=order.reduce_only,
            client_order_id=order.client_order_id,
        )

    def trade(self, side: Side, quantity: str, name: str = "web_1") -> None:
        """The account takes from the book under an id: a stranger's unless it is one of ours."""
        self.exchange.place(
            USER,
            Wallet.LINEAR,
            SYMBOL,
            side=side,
            kind=OrderKind.MARKET,
            quantity=D(quantity),
            price=None,
            reduce_only=False,
            client_order_id=name,
        )

    # --- happenings -----------------------------------------------------------------------------------------------

    def stepped(
        self,
        *orders: PlaceOrder,
        event: Event | None = None,
        before: State | None = None,
        after: State | None = None,
        decision: Decision | None = None,
    ) -> Stepped:
        after = after if after is not None else self.state(*(self.held(order) for order in orders))
        decisions = tuple(decision or self.decision(order) for order in orders)
        stamped = Stamped(self.now, event if event is not None else TimePassed())
        result = Result(after, tuple(orders), decisions)
        return Stepped(at=self.now, before=before if before is not None else after, stamped=stamped, result=result)

    def committed(self, *rows: tuple[str, str]) -> Committed:
        return Committed(at=self.now, rows=rows)

    def sent(self, order: PlaceOrder | CancelOrder) -> Sent:
        what = "place" if isinstance(order, PlaceOrder) else "cancel"
        return Sent(at=self.now, account=ACCOUNT, what=what, order=order)

    def accepted(self, order: PlaceOrder) -> Accepted:
        return Accepted(at=self.now, account=ACCOUNT, order=order)


def found(checker: Checker, happenings: Iterable[Any]) -> list[str]:
    """The invariants that a checker found broken in a trace."""
    return [finding.invariant for happening in happenings for finding in checker.look(happening)]
