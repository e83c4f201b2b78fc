"""A venue around the pure `step`: what it says is lost, late, doubled, reordered, without a name or from before, until
it is told to be honest. Nothing is lawless: a list that says it is complete is that, up to the lag that it has."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal as D

from hedger.engine.held.exposure import position_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import step
from hedger.model.message import (
    AccountRead,
    CancelAnswered,
    CancelOrder,
    Command,
    Event,
    FillsRead,
    FindOrder,
    OrderAccepted,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    ReadAccount,
    ReadFailed,
    ReadFills,
    Stamped,
    TimePassed,
)
from hedger.model.order import Fill, OrderReport, RejectReason, ReportStatus, Side
from tests.support.engine_policies import ACCOUNT, band, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, hedging, mark_at, quote_at, reading_of

ID = perpetual()
POLICY = policy_of(
    hedge_of(
        band=band("0.05"),
        guards={"cancels_per_hour": 10**6, "orders_per_minute": 1_000, "futile_hedges": 10**6},
        execution={
            "slice_quantity": D("0.3"),
            "reprice_ms": 1_000,
            "linger_ms": 3_000,
            "deadline_ms": 8_000,
            "cooldown_ms": 500,
            "attempts_cooldown_ms": 3_000,
        },
    )
)
RECENT_MS = 30_000

# How often of a thing, and up to how many ms; what is not named never happens.
WEATHERS: dict[str, dict[str, float]] = {
    "network": {
        "drop": 0.3, "double": 0.3, "slow": 0.2, "lost_ack": 0.2, "lost_request": 0.1, "lost_cancel": 0.2,
        "find_fails": 0.3, "fills_fail": 0.3, "reading_fails": 0.3, "refuse": 0.1,
    },
    "lag": {
        "positions_lag": 4_000, "orders_lag": 5_000, "fills_lag": 5_000, "slow": 0.1, "drop": 0.2, "lost_ack": 0.1,
        "late_cancel": 0.3,
    },
    "nameless": {"drop": 0.5, "nameless": 0.5, "lost_ack": 0.3, "find_fails": 0.5, "slow": 0.2, "fills_lag": 3_000},
    "others": {"others": 0.2, "drop": 0.2, "slow": 0.1, "lost_ack": 0.1, "stale_end": 0.2},
    "stale ends": {"stale_end": 0.5, "drop": 0.6, "fills_fail": 0.7, "slow": 0.2, "fills_lag": 9_000},
}  # fmt: skip


@dataclass
class Resting:
    """An order at the venue, with its history of (time, filled, status)."""

    sent: PlaceOrder
    venue_order_id: str
    past: list[tuple[int, D, ReportStatus]]

    @property
    def filled(self) -> D:
        return self.past[-1][1]

    def lives(self) -> bool:
        """Whether it may fill now."""
        return self.past[-1][2] is ReportStatus.WORKING

    def report(self, at: int | None = None) -> OrderReport:
        """Its record now, or as a copy of `at` has it."""
        known = [entry for entry in self.past if at is None or entry[0] <= at] or self.past[:1]
        when, filled, status = known[-1]
        return OrderReport(
            id=ID,
            client_order_id=self.sent.client_order_id,
            venue_order_id=self.venue_order_id,
            side=self.sent.side,
            quantity=self.sent.quantity,
            filled=filled,
            price=self.sent.price,
            status=status,
            reduce_only=self.sent.reduce_only,
            exchange_at=when,
        )


@dataclass
class LossyVenue:
    """The venue, its weather, and the engine in front of it."""

    seed: int
    weather: Mapping[str, float]
    policy: Policy = POLICY
    now: int = NOW
    spot: D = D(1)
    state: State = field(init=False)
    orders: dict[str, Resting] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    blunders: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = hedging("1", "0", policy=self.policy)
        self._chance, self._honest = random.Random(self.seed), False
        self._positions: list[tuple[int, D]] = [(NOW - 10**7, D(0))]
        self._due: list[tuple[int, int, Event | Callable[[], None]]] = []
        self._count = 0

    @property
    def position(self) -> D:
        return self._positions[-1][1]

    def be_honest(self) -> None:
        self._honest = True

    def run(self, ms: int) -> None:
        """Let time pass: prices each second, a beat each quarter of one, a reading every three."""
        end, started = self.now + ms, self.now
        while self.now < end:
            self.now += 50
            while self._due and self._due[0][0] <= self.now:
                news = heapq.heappop(self._due)[2]
                news() if callable(news) else self._tell(news)
            passed = self.now - started
            if passed % 1_000 == 50:
                bid = D(60_000) + D(self._chance.randint(-30, 30)) / 10
                self._tell(quote_at(str(bid), str(bid + D("0.1")), at=self.now))
                self._tell(mark_at(str(bid), at=self.now))
            if passed % 3_000 == 50:
                self._read()
            if passed % 250 == 50:
                self._beat()

    # --- chance -----------------------------------------------------------------------------------------------------

    def _happens(self, what: str) -> bool:
        return not self._honest and self._chance.random() < self.weather.get(what, 0)

    def _lag(self, what: str) -> int:
        return 0 if self._honest else self._chance.randint(0, int(self.weather.get(what, 0)))

    def _soon(self, news: Event | Callable[[], None], ms: int | None = None) -> None:
        slow = self._chance.randint(300, 9_000) if self._happens("slow") else self._chance.randint(20, 300)
        self._count += 1
        heapq.heappush(self._due, (self.now + (slow if ms is None else ms), self._count, news))

    def _stream(self, news: Event) -> None:
        if not self._happens("drop"):
            self._soon(news)
            if self._happens("double"):
                self._soon(news, self._chance.randint(300, 5_000))

    # --- the engine -------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        result = step(self.state, Stamped(self.now, event), self.policy)
        self.state = result.state
        for command in result.commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case PlaceOrder():
                self._judge(command)
                self._place(command)
            case CancelOrder() if self._happens("lost_cancel"):
                self._soon(CancelAnswered(client_order_id=command.client_order_id, known=None, text=""), 10_000)
            case CancelOrder():
                self._soon(lambda: self._cancel(command), 100)
            case FindOrder():
                self._find(command)
            case ReadAccount():
                self._read()
            case ReadFills():
                self._list_fills(command)
            case _:
                pass

    def _judge(self, command: PlaceOrder) -> None:
        """At each create the true position, but for what strangers did of late, is one that the engine reckons with."""
        live = [order for order in self.state.orders.values() if order.live]
        low = high = position_of(self.state, ID)
        low -= sum((o.remaining for o in live if o.side is Side.SELL), D(0))
        high += sum((o.remaining for o in live if o.side is Side.BUY), D(0))
        truth, known = self.position, low <= self.position <= high
        for fill in reversed([fill for fill in self.fills if fill.exchange_at > self.now - RECENT_MS]):
            if fill.venue_order_id in self.strangers:
                truth -= fill.side.sign * fill.quantity
                known = known or low <= truth <= high
        if not known:
            self.blunders.append(f"{command.client_order_id} on [{low}, {high}], in truth {self.position}")

    # --- the venue --------------------------------------------------------------------------------------------------

    def _place(self, order: PlaceOrder) -> None:
        name = order.client_order_id
        if self._happens("refuse"):
            reason = RejectReason.POST_ONLY_WOULD_CROSS
            self._soon(OrderRejected(client_order_id=name, reason=reason, text=""))
        elif self._happens("lost_request"):
            self._soon(OrderOutcomeUnknown(client_order_id=name, text=""), self._chance.randint(1_000, 11_000))
        else:
            self._soon(lambda: self._arrive(order), self._chance.randint(10, 1_900))

    def _arrive(self, order: PlaceOrder) -> None:
        self._count += 1
        made = Resting(order, f"v{self._count}", [(self.now, D(0), ReportStatus.WORKING)])
        self.orders[order.client_order_id] = made
        if self._happens("lost_ack"):
            lost = OrderOutcomeUnknown(client_order_id=order.client_order_id, text="")
            self._soon(lost, self._chance.randint(1_000, 9_500))
        else:
            self._soon(OrderAccepted(client_order_id=order.client_order_id, venue_order_id=made.venue_order_id))
        self._stream(made.report())
        if self._chance.random() < 0.3:
            self._execute(made, order.quantity if self._chance.random() < 0.5 else D("0.05"))

    def _execute(self, order: Resting, quantity: D) -> None:
        quantity = min(quantity, order.sent.quantity - order.filled)
        filled = order.filled + quantity
        status = ReportStatus.FILLED if filled == order.sent.quantity else ReportStatus.WORKING
        order.past.append((self.now, filled, status))
        name = order.sent.client_order_id
        fill = self._trade(order.sent.side, quantity, order.venue_order_id, name, order.sent.price)
        self._stream(replace(fill, client_order_id=None) if self._happens("nameless") else fill)
        self._stream(order.report())

    def _trade(self, side: Side, quantity: D, venue_order_id: str, name: str | None, price: D) -> Fill:
        self._positions.append((self.now, self.position + side.sign * quantity))
        fill = Fill(
            id=ID,
            trade_id=str(len(self.fills) + 1),
            venue_order_id=venue_order_id,
            client_order_id=name,
            side=side,
            quantity=quantity,
            price=price,
            fee=D("0.1"),
            fee_asset="USDT",
            maker=True,
            exchange_at=self.now,
        )
        self.fills.append(fill)
        return fill

    def _cancel(self, command: CancelOrder) -> None:
        order = self.orders.get(command.client_order_id)
        if order is None or not order.lives():
            self._soon(CancelAnswered(client_order_id=command.client_order_id, known=False, text=""))
            return
        if self._chance.random() < 0.3:
            self._execute(order, D("0.05"))
        empty = replace(order.report(), filled=D(0), status=ReportStatus.CANCELED)
        if self._happens("late_cancel"):
            self._soon(lambda: self._end(order), self._chance.randint(100, 3_000))
        else:
            self._end(order)
        taken = CancelAnswered(client_order_id=command.client_order_id, known=True, text="")
        said: Event = taken if order.lives() else order.report()
        self._soon(empty if not order.lives() and self._happens("stale_end") else said)

    def _end(self, order: Resting) -> None:
        if order.lives():
            order.past.append((self.now, order.filled, ReportStatus.CANCELED))
            self._stream(order.report())

    def _beat(self) -> None:
        self._tell(TimePassed())
        for order in [order for order in self.orders.values() if order.lives()]:
            if self._chance.random() < 0.02:
                self._execute(order, D(self._chance.randint(1, 300)) / 1_000)
        if self._happens("others") and self._chance.random() < 0.25:
            side = self._chance.choice(list(Side))
            self.strangers.add(f"x{len(self.fills)}")
            name, quantity = self._chance.choice([None, "by-hand"]), D(self._chance.randint(1, 200)) / 1_000
            self._stream(self._trade(side, quantity, f"x{len(self.fills)}", name, D(60_000)))
        if not self._honest and self._chance.random() < 0.02:
            self.spot = max(D(0), self.spot + D(self._chance.randint(-300, 300)) / 1_000)

    # --- what is read -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        if self._happens("reading_fails"):
            self._soon(ReadFailed(account=ACCOUNT, what="account", reason="lost"))
            return
        at, listed_at = self.now - self._lag("positions_lag"), self.now - self._lag("orders_lag")
        position = [held for when, held in self._positions if when <= at][-1]
        reports = [order.report(listed_at) for order in self.orders.values() if order.past[0][0] <= listed_at]
        working = [report for report in reports if report.status is ReportStatus.WORKING]
        reading = reading_of(self.spot, position, at=self.now, orders=working)
        self._soon(AccountRead(requested_at=self.now, reading=reading))

    def _find(self, command: FindOrder) -> None:
        order, at = self.orders.get(command.client_order_id), self.now - self._lag("orders_lag")
        if self._happens("find_fails"):
            self._soon(ReadFailed(account=ACCOUNT, what="order", reason="lost"))
        elif order is None or order.past[0][0] > at:
            self._soon(OrderNotFound(client_order_id=command.client_order_id, requested_at=self.now))
        else:
            self._soon(order.report(at))

    def _list_fills(self, command: ReadFills) -> None:
        if self._happens("fills_fail"):
            self._soon(ReadFailed(account=ACCOUNT, what="fills", reason="lost"))
            return
        until = self.now - self._lag("fills_lag")
        told = [fill for fill in self.fills if command.since_at <= fill.exchange_at <= until]
        nameless = "nameless" in self.weather
        fills = tuple(replace(fill, client_order_id=None) if nameless else fill for fill in told)
        self._soon(FillsRead(id=ID, requested_at=self.now, since_at=command.since_at, fills=fills))

    # --- what must be true in the end -------------------------------------------------------------------------------

    def wrongs(self) -> list[str]:
        """What the engine has wrong now, in words."""
        view, found = self.state.accounts[ACCOUNT], list(self.blunders)
        if self.state.halted is not None:
            found.append(f"halted: {self.state.halted}")
        if position_of(self.state, ID) != self.position:
            found.append(f"the position is {self.position}, and {position_of(self.state, ID)} is believed")
        if self.now - view.believed_at > 20_000:
            found.append(f"not believed for {self.now - view.believed_at} ms: {view.last_failure}")
        filled = sum((order.filled for order in self.orders.values()), D(0))
        if (booked := self.state.ledgers["btc"].quantity) != filled:
            found.append(f"{booked} are booked of {filled} that we traded")
        for name, order in self.orders.items():
            known = self.state.orders.get(name)
            if order.lives() and (known is None or not known.live):
                found.append(f"order {name} may fill, and nothing is reserved for it")
        return found
