"""What the engine did, as log lines: each change is told once, at the step that made it."""

from __future__ import annotations

import logging
from typing import Any

import structlog

from hedger.engine.guards.gate import no_lease
from hedger.engine.known.breaker import Breaker, BreakerStatus
from hedger.engine.known.conventions import GreeksCheck
from hedger.engine.known.orders import FINAL, Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import (
    AccountView,
    Action,
    Change,
    ChangeCause,
    Decision,
    HedgeState,
    Mode,
    Reason,
    Severity,
    State,
)
from hedger.engine.known.switch import Switch
from hedger.engine.step import Result
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    Command,
    Event,
    Halt,
    InstrumentsLoaded,
    JournalChanged,
    Operation,
    OperatorAsked,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderWrittenOff,
    ReadFailed,
    Stamped,
    Stop,
    StreamChanged,
    SwitchFailed,
    VenueQuieted,
)
from hedger.model.numeric import plain
from hedger.ops.events import LogEvent
from hedger.ops.figures import iso
from hedger.ops.lines import decision_line
from hedger.ops.pnl import flows_between, unexplained_between
from hedger.ops.words import END_FLATTEN, END_PAUSE, LIFT_HALT, ended_words

LATE_S = 1.0
_REMEDIES = {Operation.PAUSE: END_PAUSE, Operation.FLATTEN: END_FLATTEN}
_TOLD_DECISIONS = frozenset({Action.PLACE, Action.CANCEL, Action.DENY})
_LEVEL_OF_SEVERITY = {
    Severity.CLEAR: logging.INFO,
    Severity.WARN: logging.WARNING,
    Severity.STOP: logging.WARNING,
    Severity.REDUCE: logging.ERROR,
}

_LEVEL_OF_CAUSE = {
    ChangeCause.OWN_FILL: logging.WARNING,
    ChangeCause.FOREIGN_TRADE: logging.WARNING,
    ChangeCause.DELEVERAGING: logging.ERROR,
    ChangeCause.LIQUIDATION: logging.ERROR,
    ChangeCause.SETTLEMENT: logging.WARNING,
    ChangeCause.OPTION_TRADE: logging.INFO,
    ChangeCause.TRANSFER: logging.INFO,
    ChangeCause.UNEXPLAINED: logging.ERROR,
}

_BREAKER_EVENTS = {
    BreakerStatus.CLOSED: (LogEvent.BREAKER_CLOSED, logging.INFO),
    BreakerStatus.OPEN: (LogEvent.BREAKER_OPENED, logging.ERROR),
    BreakerStatus.HALF_OPEN: (LogEvent.BREAKER_HALF_OPEN, logging.WARNING),
    BreakerStatus.RESTRICTED: (LogEvent.ACCOUNT_RESTRICTED, logging.ERROR),
}


_UNTOUCHED = Breaker()


class Narrator:
    """Writes the log of a run. Steps that change nothing worth telling cost about a microsecond each."""

    def __init__(self, policy: Policy) -> None:
        self._log = structlog.get_logger("hedger.engine")
        self._hedges = tuple(hedge.name for hedge in policy.hedges)

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """Tell what one step changed."""
        event, after = stamped.event, result.state
        if not isinstance(event, Quote | Mark):
            self._tell_event(event)
        if isinstance(event, InstrumentsLoaded):
            self._tell_left_out(before, after, event)
        if after.mode is not before.mode:
            self._tell_mode(before, after)
        for decision in result.decisions:
            self._log.log(_level_of(decision, after), LogEvent.DECISION_MADE, **decision_line(decision))
        if after.accounts is not before.accounts:
            self._tell_accounts(before, after)
        if after.hedges is not before.hedges:
            self._tell_hedges(before, after)
        if after.orders is not before.orders:
            self._tell_orders(before, after)
        if after.ledgers is not before.ledgers:
            self._tell_funding(before, after)
        if after.books is not before.books:
            self._tell_books(before, after)
        for change in result.changes:
            self._log.log(_LEVEL_OF_CAUSE[change.cause], LogEvent.ACCOUNT_CHANGED, **_change(change))
        for command in result.commands:
            self._tell_command(command)

    def queued(self, events: int) -> None:
        """Not shown here."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """A loop that comes late by a second or more is worth a line; other times are for the metrics."""
        if stage == "lag" and seconds >= LATE_S:
            self._log.warning(LogEvent.LOOP_LAGGED, seconds=round(seconds, 3))

    def _tell_event(self, event: Event) -> None:
        match event:
            case ReadFailed():
                self._log.warning(LogEvent.READ_FAILED, account=event.account, what=event.what, reason=event.reason)
            case StreamChanged():
                level = logging.INFO if event.up else logging.WARNING
                self._log.log(level, LogEvent.STREAM_CHANGED, account=event.account, up=event.up, text=event.text)
            case JournalChanged():
                level = logging.INFO if event.healthy else logging.CRITICAL
                self._log.log(level, LogEvent.JOURNAL_CHANGED, healthy=event.healthy, text=event.text)
            case OperatorAsked():
                asked = event.operation.value
                more: dict[str, Any] = {"names": list(event.names)} if event.names else {}
                if event.operation in _REMEDIES:
                    more["remedy"] = _REMEDIES[event.operation]
                self._log.warning(LogEvent.OPERATOR_ASKED, operation=asked, reason=event.reason, **more)
            case InstrumentsLoaded():
                symbols = [instrument.id.symbol for instrument in event.instruments]
                self._log.info(LogEvent.INSTRUMENTS_LOADED, account=event.account, symbols=symbols)
            case OrderWrittenOff():
                self._log.warning(
                    LogEvent.ORDER_WRITTEN_OFF, client_order_id=event.client_order_id, reason=event.reason
                )
            case OrderRejected() | OrderOutcomeUnknown():
                self._tell_bad_answer(event)
            case SwitchFailed():
                self._log.warning(LogEvent.SWITCH_FAILED, account=event.account, text=event.text)
            case VenueQuieted():
                level = logging.ERROR if event.banned else logging.WARNING
                told = {"account": event.account, "until": iso(event.until_at), "banned": event.banned}
                self._log.log(level, LogEvent.VENUE_QUIETED, text=event.text, **told)
            case _:
                return

    def _tell_left_out(self, before: State, after: State, event: InstrumentsLoaded) -> None:
        """The contracts that the first list of a start lacks because they have ended."""
        if before.accounts[event.account].rules_due_at:
            return
        for id in sorted(id for id in after.delisted if id.account == event.account):
            self._log.warning(LogEvent.INSTRUMENT_LEFT_OUT, instrument=str(id), text=ended_words(id))

    def _tell_bad_answer(self, event: OrderRejected | OrderOutcomeUnknown) -> None:
        known = {"client_order_id": event.client_order_id, "text": event.text}
        if isinstance(event, OrderRejected):
            self._log.warning(LogEvent.ORDER_REJECTED, reason=event.reason.value, **known)
        else:
            self._log.warning(LogEvent.ORDER_OUTCOME_UNKNOWN, **known)

    def _tell_mode(self, before: State, after: State) -> None:
        why = after.mode_reason
        level = logging.WARNING if after.mode is Mode.SHADOW and why else logging.INFO
        self._log.log(level, LogEvent.MODE_CHANGED, was=before.mode.value, mode=after.mode.value, reason=why)

    def _tell_accounts(self, before: State, after: State) -> None:
        for name, view in after.accounts.items():
            was = before.accounts[name]
            if view.breaker.status is not was.breaker.status:
                self._tell_breaker(name, view.breaker)
            if view.instrument_breakers is not was.instrument_breakers:
                self._tell_instruments(was, view)
            if view.switch is not None and was.switch is not None and view.switch.held is not was.switch.held:
                self._tell_switch(name, view.switch)

    def _tell_instruments(self, was: AccountView, view: AccountView) -> None:
        for id, breaker in view.instrument_breakers.items():
            before = was.instrument_breakers.get(id, _UNTOUCHED)
            if breaker.status is not before.status:
                self._tell_breaker(id.account, breaker, symbol=id.symbol)

    def _tell_breaker(self, account: str, breaker: Breaker, **more: str) -> None:
        event, level = _BREAKER_EVENTS[breaker.status]
        until = iso(breaker.until_at) if breaker.until_at else None
        self._log.log(level, event, account=account, cause=breaker.cause, until=until, trips=breaker.tripped, **more)

    def _tell_switch(self, account: str, switch: Switch) -> None:
        if switch.held:
            self._log.info(LogEvent.SWITCH_ARMED, account=account, lease_until=iso(switch.lease_until))
        else:
            self._log.error(LogEvent.SWITCH_LOST, account=account, lease_until=iso(switch.lease_until))

    def _tell_hedges(self, before: State, after: State) -> None:
        for name in self._hedges:
            was, now = before.hedges[name], after.hedges[name]
            if was is not now:
                self._tell_band(name, was, now)
                self._tell_severities(name, was, now)
                self._tell_greeks(name, was.greeks, now.greeks)

    def _tell_band(self, name: str, was: HedgeState, now: HedgeState) -> None:
        if was.outside_since is None and now.outside_since is not None:
            self._log.info(LogEvent.BAND_LEFT, hedge=name)
        elif was.outside_since is not None and now.outside_since is None:
            self._log.info(LogEvent.BAND_REGAINED, hedge=name, outside_ms=now.outside_ms - was.outside_ms)

    def _tell_severities(self, name: str, was: HedgeState, now: HedgeState) -> None:
        for guard, old, new in (
            ("margin_ratio", was.margin_severity, now.margin_severity),
            ("liquidation_distance", was.liquidation_severity, now.liquidation_severity),
        ):
            if old is not new:
                told = {"hedge": name, "guard": guard, "was": old.name.lower(), "now": new.name.lower()}
                self._log.log(_LEVEL_OF_SEVERITY[new], LogEvent.GUARD_LEVEL_CHANGED, **told)

    def _tell_greeks(self, name: str, was: GreeksCheck, now: GreeksCheck) -> None:
        if now.told and not was.told:
            told = {"option": now.option, "difference": now.worst, "differing": now.differing, "of": now.compared}
            self._log.warning(LogEvent.OPTION_GREEKS_DIFFER, hedge=name, **told)

    def _tell_books(self, before: State, after: State) -> None:
        for line in flows_between(before, after):
            self._log.info(LogEvent.FLOW_BOOKED, **line)
        for line in unexplained_between(before, after):
            self._log.warning(LogEvent.PNL_UNEXPLAINED, **line)

    def _tell_orders(self, before: State, after: State) -> None:
        for key, now in after.orders.items():
            was = before.orders.get(key)
            if was is now:
                continue
            if was is None and now.status is OrderStatus.SENT:
                self._log.info(LogEvent.ORDER_PLACED, **_order(now))
            elif was is None or was.status is not now.status:
                level = logging.ERROR if was is not None and was.status in FINAL else logging.INFO
                self._log.log(level, LogEvent.ORDER_CHANGED, was=was.status.value if was else None, **_order(now))
            if was is not None and now.filled > was.filled:
                self._log.info(LogEvent.ORDER_FILLED, **_order(now))

    def _tell_funding(self, before: State, after: State) -> None:
        for name in self._hedges:
            change = after.ledgers[name].funding - before.ledgers[name].funding
            if change:
                self._log.info(LogEvent.FUNDING_BOOKED, hedge=name, amount=plain(change))

    def _tell_command(self, command: Command) -> None:
        match command:
            case Halt():
                self._log.critical(LogEvent.HALTED, reason=command.reason, remedy=LIFT_HALT)
            case Stop():
                self._log.info(LogEvent.STOPPING, reason=command.reason)
            case _:
                return


def _level_of(decision: Decision, state: State) -> int:
    """An order that leaves without the dead man's switch is an alarm: only a margin reduction may."""
    if decision.reason is Reason.FLAT:  # what a person waits for
        return logging.INFO
    if decision.action not in _TOLD_DECISIONS:
        return logging.DEBUG
    if decision.action is Action.PLACE and decision.reason is Reason.MARGIN_REDUCTION and decision.order is not None:
        lapsed = no_lease(state, decision.order.id.account, state.now)
        return logging.WARNING if lapsed is None else logging.ERROR
    return logging.INFO


def _change(change: Change) -> dict[str, Any]:
    return {
        "account": change.account,
        "what": change.what,
        "cause": change.cause.value,
        "quantity": plain(change.quantity),
        "detail": change.detail,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "hedge": order.hedge,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "decision_id": order.decision_id,
        "instrument": str(order.id),
        "status": order.status.value,
        "side": order.side.value,
        "quantity": plain(order.quantity),
        "filled": plain(order.filled),
        "price": plain(order.price),
    }
