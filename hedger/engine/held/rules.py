"""Instruments at run time: their rules may change and they may be delisted while the program runs, so they are read
again every hour and when the venue calls an order invalid."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from hedger.engine.held.expiry import has_expired
from hedger.engine.known.breaker import OF_INSTRUMENT
from hedger.engine.known.state import AccountView, State
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.message import Command, InstrumentsLoaded, OrderRejected, ReadInstruments

EVERY_MS = 3_600_000
AGAIN_AFTER_MS = 60_000
SUSPECTED_AFTER_MS = 30_000
OWED_READINGS = 2


def on_instruments_loaded(state: State, event: InstrumentsLoaded) -> State:
    """The state with the rules of now. What an account does not list any more is kept and marked: its position is
    still there. A configured contract of which nothing is known, because it had ended before this start, is marked too.
    After a change of the coins in a unit, two readings and new prices come before the next create. A list
    in which a contract has become another one is refused whole: all that is known of its delta hangs on what it is."""
    known = {id: rules for id, rules in state.instruments.items() if id.account == event.account}
    other = [str(rules.id) for rules in event.instruments if rules.id in known and _is_another(known[rules.id], rules)]
    if other:
        text = (
            f"refused: {', '.join(other)} is said to be another contract than before; look, and restart if it is true"
        )
        view = replace(state.accounts[event.account], last_failure=text, rules_due_at=state.now + AGAIN_AFTER_MS)
        return state._replace(accounts={**state.accounts, event.account: view})
    listed = {rules.id: rules for rules in event.instruments}
    gone = frozenset((known.keys() | _ended_before(state, event.account)) - listed.keys())
    suspended = any(not has_expired(state, id) for id in gone & known.keys())  # what has expired does not come back
    due_at = state.now + (AGAIN_AFTER_MS if suspended else EVERY_MS)
    view = replace(state.accounts[event.account], rules_due_at=due_at)
    resized = {id for id, rules in listed.items() if _resized(known.get(id), rules)}
    if resized:
        view = replace(view, barrier_at=max(view.barrier_at, state.now), owed=OWED_READINGS)
        state = _without_prices(state, resized)
    return state._replace(
        instruments={**state.instruments, **listed},
        delisted=(state.delisted - listed.keys()) | gone,
        accounts={**state.accounts, event.account: view},
    )


def _ended_before(state: State, account: str) -> set[InstrumentId]:
    """The configured contracts of an account whose day has come: where the venue lists one no more, it has ended."""
    return {id for id in state.hedges_of_instrument if id.account == account and day_has_come(id.symbol, state.now)}


def _is_another(old: Instrument, new: Instrument) -> bool:
    """Whether terms differ that no contract ever changes."""
    return (old.kind, old.underlying, old.quote, old.settle, old.payoff, old.expiry_at) != (
        new.kind,
        new.underlying,
        new.quote,
        new.settle,
        new.payoff,
        new.expiry_at,
    )


def _without_prices(state: State, ids: Set[InstrumentId]) -> State:
    """A price of the old unit is no price of the new one, and must not make the new one look like a leap."""
    return state._replace(
        quotes={id: held for id, held in state.quotes.items() if id not in ids},
        marks={id: held for id, held in state.marks.items() if id not in ids},
    )


def _resized(old: Instrument | None, new: Instrument) -> bool:
    return old is not None and old.contract_multiplier != new.contract_multiplier


def on_refusal(state: State, id: InstrumentId | None, event: OrderRejected) -> State:
    """An order that is refused for its instrument is a reason to read the rules again soon."""
    if id is None or event.reason not in OF_INSTRUMENT:
        return state
    view = suspected(state.accounts[id.account], state.now)
    return state._replace(accounts={**state.accounts, id.account: view})


def suspected(view: AccountView, now: int) -> AccountView:
    """The account with its instruments' rules to be read again at once, but not more than twice a minute."""
    return replace(view, rules_due_at=min(view.rules_due_at, max(now, view.rules_asked_at + SUSPECTED_AFTER_MS)))


def ask_for_rules(state: State) -> tuple[State, list[Command]]:
    """Ask for the rules of each account's instruments when that is due; again in a minute where no answer comes."""
    due = [name for name, view in state.accounts.items() if 0 < view.rules_due_at <= state.now]
    if not due:
        return state, []
    accounts = dict(state.accounts)
    for name in due:
        accounts[name] = replace(accounts[name], rules_asked_at=state.now, rules_due_at=state.now + AGAIN_AFTER_MS)
    return state._replace(accounts=accounts), [ReadInstruments(account=name) for name in due]
