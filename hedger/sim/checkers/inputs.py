"""I5, I6, I24: creates are decided on fresh facts, on readings younger than our fills and enough of them, on sanity."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Decision, State
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, FillsRead, PlaceOrder
from hedger.model.order import Fill, OrderReport
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Happening, Sent, Started, Stepped, Struck

LATE_MS = 1_000  # how long an order may wait between its decision and its first byte
SLACK_MS = 600  # half a round trip, rounding, and the error of a measured clock
RETURN_MS = 15_000  # a reading comes so long after it was asked for: an absence may look shorter by that
CLOCK_FAULTS = frozenset({"V33", "P11"})
CLOCK_FAULT_LASTS_MS = 900_000


class InputsChecker:
    """Remembers what each account told and when, in true time."""

    hears: tuple[type, ...] = (Stepped, Sent, Started, Struck)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._decisions: dict[str, tuple[Decision, Hedge]] = {}
        self._clock_fault_at: int | None = None
        self._filled: dict[tuple[int, str], int] = {}  # by (epoch, account): when a fill was last heard, daemon's time
        self._read: dict[tuple[int, str], tuple[int, int]] = {}  # by (epoch, account): last read, how often in a row
        self._trades: set[tuple[int, str]] = set()
        self._reported: dict[tuple[int, str], Decimal] = {}

    def look(self, happening: Happening) -> Iterator[Finding]:
        """What one happening shows to be wrong."""
        match happening:
            case Stepped():
                yield from self._stepped(happening)
            case Sent():
                if isinstance(happening.order, PlaceOrder):
                    yield from self._left(happening.at, happening.order)
            case Started():
                self._decisions.clear()
            case Struck():
                if happening.code in CLOCK_FAULTS:
                    self._clock_fault_at = happening.at
            case _:
                pass

    def _stepped(self, happening: Stepped) -> Iterator[Finding]:
        state = happening.result.state
        self._hear_fills(happening.before, happening.stamped.event, state.now)
        if isinstance(happening.stamped.event, AccountRead):
            self._hear_reading(state.epoch, happening.stamped.event.reading.account, state.now)
        for command in happening.result.commands:
            hedge = self._witness.hedge_of(command.id) if isinstance(command, PlaceOrder) else None
            if isinstance(command, PlaceOrder) and hedge is not None:
                decision = next(d for d in happening.result.decisions if d.decision_id == command.decision_id)
                self._decisions[command.client_order_id] = decision, hedge
                yield from self._fresh(happening.at, state, hedge, command)
                yield from self._after_fills(happening.at, state, hedge, command)
                yield from self._after_absences(happening.at, state, hedge, command)
                yield from self._sane(happening.at, decision, command)

    # --- I5 -------------------------------------------------------------------------------------------------------

    def _fresh(self, at: int, state: State, hedge: Hedge, command: PlaceOrder) -> Iterator[Finding]:
        """By the daemon's own clock, which runs at true speed: when each input was received."""
        guards = hedge.guards
        received = [
            ("quote", state.quotes[command.id][1], guards.quote_age),
            ("mark", state.marks[command.id][1], guards.mark_age),
            *(
                (f"account {name}", state.accounts[name].believed_at, _oldest(hedge, name, command))
                for name in self._asked(state, hedge, command)
            ),
        ]
        for what, received_at, budget in received:
            if state.now - received_at > budget:
                text = f"{command.client_order_id} was decided on a {what} of {state.now - received_at} ms ago"
                yield Finding(invariant="I5", at=at, sentence=text)

    def _asked(self, state: State, hedge: Hedge, command: PlaceOrder) -> tuple[str, ...]:
        """The accounts whose age counts: those traded on, and those whose coins count where one may be missed. To take
        a position off for a person, only its own does."""
        if _flattens(state, command):
            return (command.id.account,)
        coins = hedge.spot_accounts if hedge.failover.allowed else ()
        return tuple(dict.fromkeys((*(id.account for id in hedge.instruments), *coins)))

    def _left(self, at: int, order: PlaceOrder) -> Iterator[Finding]:
        """By the exchange's own times, when the order really left."""
        known = self._decisions.pop(order.client_order_id, None)
        doubtful = self._clock_fault_at is not None and at - self._clock_fault_at < CLOCK_FAULT_LASTS_MS
        if known is None or doubtful:
            return
        decision, hedge = known
        limits = (
            ("quote", decision.quote, hedge.guards.quote_age),
            ("mark", decision.mark, hedge.guards.mark_age),
        )
        for what, price, budget in limits:
            if price is None or at - price.exchange_at > budget + LATE_MS + SLACK_MS:
                age = None if price is None else at - price.exchange_at
                text = f"{order.client_order_id} left on a {what} that the exchange gave {age} ms ago"
                yield Finding(invariant="I5", at=at, sentence=text)

    # --- I6 -------------------------------------------------------------------------------------------------------

    def _hear_fills(self, before: State, event: object, now: int) -> None:
        """Note when a fill of ours was first heard of, whichever way."""
        match event:
            case Fill():
                self._hear_fill(before, event, now)
            case FillsRead():
                for fill in event.fills:
                    self._hear_fill(before, fill, now)
            case OrderReport():
                self._hear_report(before, event, now)
            case AccountRead():
                for report in event.reading.open_orders:
                    self._hear_report(before, report, now)
            case _:
                pass

    def _hear_fill(self, before: State, fill: Fill, now: int) -> None:
        order = before.orders.get(fill.client_order_id or "")
        key = (before.epoch, f"{fill.id}/{fill.trade_id}")
        if order is None or key in self._trades or fill.exchange_at <= order.adopted_at:
            return
        self._trades.add(key)
        booked = order.booked + fill.quantity
        if booked > order.reported and fill.trade_id not in order.trade_ids:
            self._filled[before.epoch, fill.id.account] = now

    def _hear_report(self, before: State, report: OrderReport, now: int) -> None:
        name = report.client_order_id or ""
        order = before.orders.get(name)
        if order is None:
            return
        known = max(self._reported.get((before.epoch, name), Decimal(0)), order.filled)
        if report.filled > known:
            self._reported[before.epoch, name] = report.filled
            self._filled[before.epoch, report.id.account] = now

    def _after_fills(self, at: int, state: State, hedge: Hedge, command: PlaceOrder) -> Iterator[Finding]:
        """The reading was asked for after the last fill that we heard of, and the venue's lag."""
        heard_at = self._filled.get((state.epoch, command.id.account))
        if heard_at is None:
            return
        believed_at = state.accounts[command.id.account].believed_at
        if believed_at <= heard_at + self._witness.policy.settle_ms:
            text = (
                f"{command.client_order_id} was decided on a reading of {believed_at}, a fill was heard at {heard_at}"
            )
            yield Finding(invariant="I6", at=at, sentence=text)

    def _hear_reading(self, epoch: int, account: str, now: int) -> None:
        """Count readings in a row: after a time in which the account was out of sight they begin anew."""
        last_at, count = self._read.get((epoch, account), (now, 0))
        limit = max(hedge.guards.account_age for hedge in self._witness.policy.hedges) + RETURN_MS
        self._read[epoch, account] = now, 1 if now - last_at > limit else count + 1

    def _after_absences(self, at: int, state: State, hedge: Hedge, command: PlaceOrder) -> Iterator[Finding]:
        """An account that was out of sight, and is seen again, was read as often as after a start."""
        least = self._witness.policy.clean_cycles
        for account in {command.id.account} & hedge.may_miss if _flattens(state, command) else hedge.may_miss:
            last_at, count = self._read.get((state.epoch, account), (0, 0))
            if state.now - last_at <= hedge.guards.account_age and count < least:
                text = f"{command.client_order_id} was decided when {account} was read {count} times after an absence"
                yield Finding(invariant="I6", at=at, sentence=text)

    # --- I24 ------------------------------------------------------------------------------------------------------

    def _sane(self, at: int, decision: Decision, command: PlaceOrder) -> Iterator[Finding]:
        wrong = [
            f"{name} = {value}"
            for name, value in _numbers(decision.quote, decision.mark, decision)
            if not isinstance(value, Decimal) or not value.is_finite()
        ]
        quote, mark = decision.quote, decision.mark
        if not wrong and quote is not None and not 0 < quote.bid < quote.ask:
            wrong.append(f"bid {quote.bid} and ask {quote.ask}")
        if not wrong and mark is not None and not mark.mark_price > 0 < mark.index_price:
            wrong.append(f"mark {mark.mark_price} and index {mark.index_price}")
        if quote is None or mark is None:
            wrong.append("no quote or no mark")
        if wrong:
            text = f"{command.client_order_id} was decided on {', '.join(wrong)}"
            yield Finding(invariant="I24", at=at, sentence=text)


def _flattens(state: State, command: PlaceOrder) -> bool:
    order = state.orders.get(command.client_order_id)
    return order is not None and order.flatten


def _oldest(hedge: Hedge, account: str, order: PlaceOrder) -> int:
    """How old the reading of an account may be: where others may go on without it, longer."""
    missed = hedge.failover.allowed and account != order.id.account and account not in hedge.spot_accounts
    return max(hedge.guards.account_age, hedge.failover.blind_ms) if missed else hedge.guards.account_age


def _numbers(quote: Quote | None, mark: Mark | None, decision: Decision) -> Iterator[tuple[str, object]]:
    if quote is not None:
        yield from (("bid", quote.bid), ("ask", quote.ask))
        yield from (("bid_quantity", quote.bid_quantity), ("ask_quantity", quote.ask_quantity))
    if mark is not None:
        yield from (("mark_price", mark.mark_price), ("index_price", mark.index_price))
    exposure = decision.exposure
    if exposure is not None:
        yield from (("spot", exposure.spot), ("futures", exposure.futures), ("low", exposure.low))
    yield from (("target", decision.target), ("deviation", decision.deviation))
