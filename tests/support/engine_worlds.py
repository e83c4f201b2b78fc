"""States in the middle of hedging, made by hand: one coin, one account, prices that are fresh, a reading believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

from hedger.engine.guards.mode import with_mode
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State, initial_state
from hedger.engine.step import Result, step
from hedger.model.account import AccountReading, Margin, MarginMode, Position
from hedger.model.identity import OrderIdentity, format_order_id
from hedger.model.instrument import Instrument
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Event, InstrumentsLoaded, PlaceOrder, Stamped, StreamChanged
from hedger.model.order import Fill, OrderReport, ReportStatus, Side
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of

NOW = 1_767_268_800_000
POLICY = policy_of(hedge_of())


def quote_at(bid: str = "60000", ask: str = "60000.1", *, at: int = NOW, **changes: Any) -> Quote:
    made = Quote(id=perpetual(), bid=D(bid), bid_quantity=D(5), ask=D(ask), ask_quantity=D(5), exchange_at=at)
    return replace(made, **changes)


def mark_at(price: str = "60000", *, at: int = NOW, **changes: Any) -> Mark:
    made = Mark(
        id=perpetual(),
        mark_price=D(price),
        index_price=D(price),
        funding_rate=D("0.0001"),
        funding_interval_ms=28_800_000,
        next_funding_at=NOW + 14_400_000,
        exchange_at=at,
    )
    return replace(made, **changes)


def position_at(quantity: str | D = "0", **changes: Any) -> Position:
    made = Position(
        id=perpetual(),
        underlying="BTC",
        quantity=D(quantity),
        contract_multiplier=D(1),
        entry_price=D(60_000),
        mark_price=D(60_000),
        liquidation_price=None,
        leverage=D(1),
        margin_mode=MarginMode.CROSS,
    )
    return replace(made, **changes)


def reading_of(
    spot: str | D = "1", position: str | D = "0", *, at: int = NOW, orders: Sequence[OrderReport] = (), **changes: Any
) -> AccountReading:
    made = AccountReading(
        account=ACCOUNT,
        spot={"BTC": max(D(spot), D(0))},
        collateral={"USDT": D(150_000), **({"BTC": D(spot)} if D(spot) < 0 else {})},
        positions=(position_at(position),),
        margin=Margin(equity=D(150_000), maintenance_margin=D(300), initial_margin=D(0), available=D(9_000_000)),
        open_orders=tuple(orders),
        one_way=True,
        exchange_at=at,
    )
    return replace(made, **changes)


def read_at(at: int, reading: AccountReading | None = None, *, requested_at: int | None = None) -> Stamped:
    """A reading that arrives at `at`, asked for then too unless said otherwise."""
    asked = at if requested_at is None else requested_at
    return Stamped(at, AccountRead(requested_at=asked, reading=reading or reading_of(at=at)))


def feed(state: State, *events: Stamped | tuple[int, Event], policy: Policy = POLICY) -> tuple[State, list[Result]]:
    """The state after events, and what each came to."""
    results = []
    for at, event in events:
        result = step(state, Stamped(at, event), policy)
        state = result.state
        results.append(result)
    return state, results


def hedging(
    spot: str | D = "0",
    position: str | D = "0",
    *,
    policy: Policy = POLICY,
    instrument: Instrument | None = None,
    orders: Sequence[Order] = (),
) -> State:
    """A reconciled state that holds `spot` and `position`, at NOW, with `orders` in it; nothing is decided yet."""
    state = initial_state(policy, now=NOW, epoch=1)
    rules = instrument or instrument_of()
    state = state._replace(
        instruments={rules.id: rules},
        quotes={rules.id: (quote_at(), NOW)},
        marks={rules.id: (mark_at(), NOW)},
        orders={order.client_order_id: order for order in orders},
        next_sequence=len(orders) + 1,
        reconciled=True,
    )
    view = replace(
        state.accounts[ACCOUNT],
        reading=reading_of(spot, position),
        believed_at=NOW - 1,
        barrier_at=NOW - 1_000,
        clean_cycles=5,
        stream_up=True,
    )
    return with_mode(state._replace(accounts={ACCOUNT: view}), policy)


def started(policy: Policy = POLICY) -> State:
    """A program that has loaded its instruments and seen prices, and read nothing yet."""
    state = initial_state(policy, now=NOW, epoch=1)
    loaded = InstrumentsLoaded(account=ACCOUNT, instruments=(instrument_of(),))
    up = StreamChanged(account=ACCOUNT, up=True, text="open")
    events: list[tuple[int, Event]] = [(NOW, loaded), (NOW, up), (NOW, quote_at()), (NOW, mark_at())]
    return feed(state, *events, policy=policy)[0]


def order_of(
    side: Side = Side.SELL, quantity: str | D = "0.5", *, sequence: int = 1, epoch: int = 1, **changes: Any
) -> Order:
    made = Order(
        client_order_id=order_id(sequence, epoch),
        id=perpetual(),
        hedge="btc",
        side=side,
        quantity=D(quantity),
        price=D(60_000),
        reduce_only=False,
        decision_id=1,
        decision_mid=D(60_000),
        deviation=D(1),
        holding=D(1),
        margin_reduction=False,
        placed_at=NOW,
        ttl_ms=2_000,
        changed_at=NOW,
    )
    return replace(made, **changes)


def order_id(sequence: int = 1, epoch: int = 1, bot: str = "sim") -> str:
    return format_order_id(OrderIdentity(bot=bot, epoch=epoch, sequence=sequence))


def report_of(
    order: Order, status: ReportStatus = ReportStatus.WORKING, filled: str | D = "0", at: int = NOW
) -> OrderReport:
    return OrderReport(
        id=order.id,
        client_order_id=order.client_order_id,
        venue_order_id="v1",
        side=order.side,
        quantity=order.quantity,
        filled=D(filled),
        price=order.price,
        status=status,
        reduce_only=order.reduce_only,
        exchange_at=at,
    )


def fill_of(order: Order, quantity: str | D, trade_id: str = "1", at: int = NOW, **changes: Any) -> Fill:
    made = Fill(
        id=order.id,
        trade_id=trade_id,
        venue_order_id="v1",
        client_order_id=order.client_order_id,
        side=order.side,
        quantity=D(quantity),
        price=order.price,
        fee=D("0.1"),
        fee_asset="USDT",
        maker=True,
        exchange_at=at,
    )
    return replace(made, **changes)


def placed(results: Sequence[Result]) -> list[PlaceOrder]:
    return [command for result in results for command in result.commands if isinstance(command, PlaceOrder)]
