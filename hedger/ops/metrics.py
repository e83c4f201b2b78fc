"""The meters kept up to date: counters at each step, gauges when what they show has changed."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from typing import Protocol, get_args

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics

from hedger.engine.held.money import pegs_of
from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Action, Decision, Mode, Reason, State
from hedger.engine.step import Result
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    AccountRead,
    Command,
    Event,
    JournalChanged,
    OrderRejected,
    Stamped,
    TimePassed,
)
from hedger.model.order import OrderReport, RejectReason
from hedger.ops.account_counts import AccountCounts, touch
from hedger.ops.carry import CarryGauges, CarryMeters
from hedger.ops.configuration import ConfigurationGauges, ConfigurationMeters
from hedger.ops.gauges import AccountGauges, HedgeGauges, MarketGauges
from hedger.ops.greeks import OptionGauges, OptionMeters
from hedger.ops.guard_limits import DECISION_PAIRS, GUARD_REASONS
from hedger.ops.meters import AccountMeters, Declaring, HedgeMeters, ProgramMeters
from hedger.ops.money import MoneyGauges, MoneyMeters
from hedger.ops.notify import Outcome
from hedger.ops.pnl import PnlGauges, PnlMeters
from hedger.ops.surroundings import Serving, Surroundings
from hedger.ops.volatility import VolatilityGauges, VolatilityMeters

MARKET_EVERY_MS = 250
GUARD_TURNS = 4  # of many hedges not all look at their guards on the same beat
STAGES = ("step", "poll", "tick")
OUTCOMES = ("placed", "accepted", "filled", "canceled", "expired", "rejected", "unknown")
_OUTCOME_OF_STATUS = {
    OrderStatus.OPEN: "accepted",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.UNKNOWN: "unknown",
}


class JournalFile(Protocol):
    """The journal's file, asked from a thread of the server's."""

    def size(self) -> int:
        """Bytes on the disk."""

    def room(self) -> tuple[int, int]:
        """Bytes free on that disk, and how many must be; raises OSError."""


class Metrics:
    """The program's meters, on a registry of their own.

    It is an `Observer` of the runtime. All label sets that can be known are there, at 0 or NaN, from the start.
    """

    def __init__(self, policy: Policy, *, version: str = "0") -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        declaring = Declaring(self.registry)
        self._program = ProgramMeters(declaring)
        self._hedge = HedgeMeters(declaring)
        self._account = AccountMeters(declaring)
        self._counts = AccountCounts(self._account, policy.accounts)
        volatility = VolatilityMeters(declaring)
        carry = CarryMeters(declaring)
        options = OptionMeters(declaring)
        self._policy = policy
        self._shown_at = {hedge.name: 0 for hedge in policy.hedges}
        self._hedges = {h.name: HedgeGauges(self._hedge, h, OptionGauges(options, h)) for h in policy.hedges}
        self._in_turn = cycle(self._hedges.values())
        self._ids = tuple(dict.fromkeys(id for hedge in policy.hedges for id in hedge.instruments))
        self._markets = {id: MarketGauges(self._account, id) for id in self._ids}
        self._accounts = {name: AccountGauges(self._account, name, self._ids_of(name)) for name in policy.accounts}
        underlyings = dict.fromkeys(hedge.underlying for hedge in policy.hedges)
        self._volatility = tuple(VolatilityGauges(volatility, underlying) for underlying in underlyings)
        self._carry = {hedge.name: CarryGauges(carry, hedge) for hedge in policy.hedges}
        money = MoneyMeters(declaring)
        self._money = tuple(MoneyGauges(money, peg) for peg in pegs_of(policy))
        self._pnl = PnlGauges(PnlMeters(declaring), policy)
        self.configuration = ConfigurationGauges(ConfigurationMeters(declaring))
        self._started = False
        self._initialise_program(version)
        self._initialise_labels()
        self._now = 0
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """The limits of a policy, at the start and when its owner has changed it; its hedges are those of the start."""
        self._policy = policy
        self._program.sends.set(policy.sends)
        self._program.cycles_wanted.set(policy.clean_cycles)
        self._program.lag_limit.set(policy.lag_ms / 1000)
        for account in policy.accounts:
            least = min((h.guards.account_age for h in policy.hedges if account in h.accounts), default=None)
            self._account.age_limit.labels(account).set(math.nan if least is None else least / 1000)
        for hedge in policy.hedges:
            if hedge.name in self._hedges:
                self._hedges[hedge.name].adopt(hedge)
                self._carry[hedge.name].adopt(hedge)
        for money, peg in zip(self._money, pegs_of(policy), strict=True):
            money.adopt(peg)

    def look_at(self, journal: JournalFile) -> None:
        """Have each scrape, which is no work of the event loop's, ask for the journal's size and the room beside it."""
        program = self._program
        program.journal_size.set_function(lambda: _known(journal.size))
        program.disk_free.set_function(lambda: _known(lambda: journal.room()[0]))
        program.disk_wanted.set_function(lambda: _known(lambda: journal.room()[1]))

    def _ids_of(self, account: str) -> tuple[InstrumentId, ...]:
        return tuple(id for id in self._ids if id.account == account)

    def _initialise_program(self, version: str) -> None:
        self._program.build_info.labels(version, platform.python_version()).set(1)
        self._console_revived = 0
        journal = (self._program.journal_healthy, self._program.journal_size)
        for unknown in (*journal, self._program.console_up, self._program.disk_free, self._program.disk_wanted):
            unknown.set(math.nan)
        self._events = {kind: self._program.events.labels(_snake(kind)) for kind in get_args(Event)}
        self._commands = {kind: self._program.commands.labels(_snake(kind)) for kind in get_args(Command)}
        self._beats = {stage: self._program.heartbeat.labels(stage).set for stage in STAGES}
        touch(self._program.messages, tuple(Outcome))
        self._modes = {mode: self._program.mode.labels(mode.value).set for mode in Mode}

    def _initialise_labels(self) -> None:
        meters = self._hedge
        self._decided: dict[tuple[str, Action, Reason], Counter] = {}
        for hedge in self._policy.hedges:
            for action, reason in DECISION_PAIRS:
                key = (hedge.name, action, reason)
                self._decided[key] = meters.decisions.labels(hedge.name, action.value, reason.value)
            touch(meters.denials, [hedge.name], [reason.value for reason in GUARD_REASONS])
            touch(meters.orders, [hedge.name], OUTCOMES)
            touch(meters.rejects, [hedge.name], [reason.value for reason in RejectReason])
            touch(meters.fills, [hedge.name], ("maker", "taker"))
            touch(meters.notional, [hedge.name])
            touch(meters.quantity, [hedge.name])
            touch(meters.fill_time, [hedge.name])
            touch(meters.lifetime, [hedge.name])

    # --- what the engine did ---------------------------------------------------------------------------------------

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """Count one step and show what it changed. For prices this is done at most four times a second."""
        at, event = stamped
        after = result.state
        self._now = at
        self._events[type(event)].inc()
        self._program.step.observe(seconds)
        self._beats["step"](at / 1000)
        for command in result.commands:
            self._commands[type(command)].inc()
        for decision in result.decisions:
            self._count_decision(decision)
        self._counts.count(event, before, result)
        if before.reconciled and not after.reconciled:
            self._program.reconciles.inc()
        if not self._started:
            self._start(after)
        if after.orders is not before.orders:
            self._orders_changed(before, after)
        if after.ledgers is not before.ledgers:
            self._ledgers_changed(before, after)
        if after.books is not before.books:
            self._pnl.show(after)
        if isinstance(event, Quote | Mark):
            self._price_came(event.id, after)
        else:
            self._something_came(event, before, after, at)

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """Count and time what the runtime did: `place`, `cancel`, `commit`, `lag`, `read_…`; others are ignored.

        Failed reads are counted from the engine's `ReadFailed` events, because every failure comes that way.
        """
        match stage:
            case "commit":
                self._program.commit.observe(seconds)
                self._program.committed_at.set(self._now / 1000)
            case "lag":
                self._program.loop_lag.set(seconds)
                self._program.beat_lag.observe(seconds)
            case _:
                self._counts.timed(stage, account, seconds)

    def queued(self, events: int) -> None:
        """How many events wait for the engine."""
        self._program.inbox_depth.set(events)

    def messaged(self, outcome: Outcome) -> None:
        """What became of a message to people; called from its own thread."""
        self._program.messages.labels(outcome.value).inc()

    def surrounded(self, state: State, around: Surroundings) -> None:
        """What is not in the state: whether hedges could not act for too long."""
        for gauges in self._hedges.values():
            gauges.show_stuck(state, self._policy, around.stuck_since)

    def keys_end(self, ends: Mapping[str, int]) -> None:
        """Until when the keys of accounts work (ms)."""
        for account, at in ends.items():
            self._account.keys_end.labels(account).set(at / 1000)

    def console(self, serving: Serving) -> None:
        """Whether the console serves, and how often it began anew."""
        self._program.console_up.set(serving.fault is None)
        self._program.console_revived.inc(serving.revived - self._console_revived)
        self._console_revived = serving.revived

    def rate_weight_used(self, account: str, ratio: float) -> None:
        """The share of the venue's rate limit that is in use."""
        self._account.rate_weight.labels(account).set(ratio)

    def frame_ignored(self, account: str) -> None:
        """A streamed frame was not understood."""
        self._account.frames_ignored.labels(account).inc()

    def _start(self, state: State) -> None:
        self._started = True
        for gauges in self._hedges.values():
            gauges.show_orders(state)
        for name, ledger in state.ledgers.items():
            self._hedges[name].show_ledger(ledger)
        for name, view in state.accounts.items():
            self._accounts[name].show(view, state.now)
        self._pnl.show(state)
        self._show_program(state)

    def _price_came(self, id: InstrumentId, state: State) -> None:
        for name in state.hedges_of_instrument.get(id, ()):
            if state.now - self._shown_at[name] >= MARKET_EVERY_MS:
                self._shown_at[name] = state.now
                self._hedges[name].show(state)
                self._markets[id].show(state)

    def _something_came(self, event: Event, before: State, after: State, at: int) -> None:
        """Anything but a price is rare: every gauge that it may have moved is written at once."""
        for name, gauges in self._hedges.items():
            self._shown_at[name] = after.now
            gauges.show(after)
        if after.accounts is not before.accounts:
            for name, view in after.accounts.items():
                if view is not before.accounts.get(name):
                    self._accounts[name].show(view, after.now)
        if after.volatility is not before.volatility:
            for volatility in self._volatility:
                volatility.show(after)
        self._show_program(after)
        self._count_event(event, before, after, at)

    def _show_program(self, state: State) -> None:
        for mode, write in self._modes.items():
            write(mode is state.mode)
        program = self._program
        program.reconciled.set(state.reconciled)
        program.halted.set(state.halted is not None)
        program.paused.set(state.paused is not None)
        program.draining.set(state.draining is not None)
        program.journal_healthy.set(state.journal_fault is None)

    def _count_event(self, event: Event, before: State, after: State, at: int) -> None:
        match event:
            case TimePassed():
                self._beats["tick"](at / 1000)
                self._program.loop_late.inc(event.lag_ms > self._policy.lag_ms)
                for hedge in islice(self._in_turn, -(-len(self._hedges) // GUARD_TURNS)):
                    hedge.show_guards(after)
                for market in self._markets.values():
                    market.show(after)
            case AccountRead():
                self._beats["poll"](at / 1000)
                for money in self._money:
                    money.show(after)
                for carry in self._carry.values():
                    carry.show(after)
            case JournalChanged():
                self._program.journal_failures.inc(not event.healthy)
            case OrderRejected():
                order = before.orders.get(event.client_order_id)
                if order is not None:
                    self._hedge.rejects.labels(order.hedge, event.reason.value).inc()
            case OrderReport() if event.ended_because is not None:
                was, now = (state.orders.get(event.client_order_id or "") for state in (before, after))
                if was is not None and was.live and (now is None or not now.live):
                    self._hedge.rejects.labels(was.hedge, event.ended_because.value).inc()
            case _:
                return

    def _count_decision(self, decision: Decision) -> None:
        key = (decision.hedge, decision.action, decision.reason)
        counter = self._decided.get(key)
        if counter is None:
            counter = self._hedge.decisions.labels(decision.hedge, decision.action.value, decision.reason.value)
            self._decided[key] = counter
        counter.inc()
        if decision.action is Action.DENY and decision.reason in GUARD_REASONS:
            self._hedge.denials.labels(decision.hedge, decision.reason.value).inc()

    def _orders_changed(self, before: State, after: State) -> None:
        changed = set()
        for key, order in after.orders.items():
            was = before.orders.get(key)
            if was is not order:
                changed.add(order.hedge)
                self._count_order(was, order, after.now)
        for key in before.orders.keys() - after.orders.keys():
            changed.add(before.orders[key].hedge)
        for name in changed & self._hedges.keys():
            self._hedges[name].show_orders(after)

    def _count_order(self, was: Order | None, now: Order, at: int) -> None:
        if was is not None and was.live and not now.live:
            self._hedge.lifetime.labels(now.hedge).observe((at - now.placed_at) / 1000)
            if now.status is OrderStatus.FILLED:
                self._hedge.fill_time.labels(now.hedge).observe((at - now.placed_at) / 1000)
        if was is None and now.status is OrderStatus.SENT:
            self._hedge.orders.labels(now.hedge, "placed").inc()
        elif was is None or was.status is not now.status:
            outcome = _OUTCOME_OF_STATUS.get(now.status)
            if outcome is not None:
                self._hedge.orders.labels(now.hedge, outcome).inc()

    def _ledgers_changed(self, before: State, after: State) -> None:
        for name, ledger in after.ledgers.items():
            was = before.ledgers.get(name)
            if was is not ledger:
                self._count_fills(name, was or Ledger(), ledger)
                self._hedges[name].show_ledger(ledger)

    def _count_fills(self, hedge: str, was: Ledger, now: Ledger) -> None:
        if now.fills == was.fills:
            return
        meters = self._hedge
        meters.fills.labels(hedge, "maker").inc(now.maker_fills - was.maker_fills)
        meters.fills.labels(hedge, "taker").inc(now.taker_fills - was.taker_fills)
        meters.notional.labels(hedge).inc(float(now.notional - was.notional))
        meters.quantity.labels(hedge).inc(float(now.quantity - was.quantity))


def _known(measure: Callable[[], int]) -> float:
    try:
        return measure()
    except OSError:
        return math.nan


def _snake(kind: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
