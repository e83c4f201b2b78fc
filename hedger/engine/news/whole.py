"""Whether a reading is whole: a row for everything that is traded or was held, each as the venue lists it."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.held.expiry import is_over
from hedger.engine.held.freshness import venue_now
from hedger.engine.known.movement import Absence
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import AccountView, State
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import Payoff
from hedger.model.message import AccountRead
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition

GONE_TIMES, GONE_APART_MS, GONE_MS = 3, 5_000, 30_000


def fault_of_reading(
    state: State, policy: Policy, view: AccountView, reading: AccountReading, gone: frozenset[str]
) -> str | None:
    """What a reading lacks, in words, None where it is whole; what is `gone` it may lack."""
    return (
        _without_a_row(state, policy, view, reading, gone)
        or _without_a_wallet(view.reading, reading)
        or _with_other_terms(state, reading)
    )


def left_out(state: State, policy: Policy, view: AccountView, event: AccountRead) -> tuple[AccountView, frozenset[str]]:
    """The view that counts the readings without a row of collateral or of a position that was there, and what is gone.

    Venues leave the row of a coin out once it was withdrawn to zero, and that of a position once it was closed. One
    reading without it may be cut short; several in a row, over half a minute, are not.
    """
    had = view.reading.collateral if view.reading is not None else {}
    coins = [hedge.underlying for hedge in policy.hedges if event.reading.account in hedge.spot_accounts]
    missing = [coin for coin in coins if had.get(coin, ZERO) and coin not in event.reading.collateral]
    absences: dict[str, Absence] = {}
    for what in (*missing, *_rows_left_out(state, policy, view.reading, event.reading)):
        at, was = event.requested_at, view.left_out.get(what)
        if was is None:
            was = Absence(at, at, 1)
        elif at - was.last_at >= GONE_APART_MS:
            was = Absence(was.first_at, at, was.times + 1)
        absences[what] = was
    gone = (c for c, a in absences.items() if a.times >= GONE_TIMES and a.last_at - a.first_at >= GONE_MS)
    changed = replace(view, left_out=absences) if absences != view.left_out else view
    return changed, frozenset(gone)


def _rows_left_out(state: State, policy: Policy, old: AccountReading | None, new: AccountReading) -> tuple[str, ...]:
    """What was held of coins that are hedged, options or contracts that nobody trades here, and has no row any more,
    though its time has not come. (What is traded here must always have one.)"""
    if old is None:
        return ()
    now = venue_now(state, new.account)
    told = {option.id for option in new.options} | {position.id for position in new.positions}
    held: tuple[OptionPosition | Position, ...] = (*old.options, *old.positions)
    missing = [row for row in held if row.quantity and row.id not in told]
    if not missing:
        return ()
    coins = {coin for hedge in policy.hedges for coin in hedge.coins}
    living = (row for row in missing if row.underlying in coins and (row.expiry_at is None or row.expiry_at > now))
    return tuple(row.id.symbol for row in living if row.id not in state.hedges_of_instrument)


def _without_a_row(
    state: State, policy: Policy, view: AccountView, reading: AccountReading, gone: frozenset[str]
) -> str | None:
    """A missing row is not a flat position, and a missing balance is not an empty one.

    The spot wallet lists every coin, zeros too; collateral in the coin may not go without a word once it was there,
    until enough readings agree that it is gone.
    """
    held = {p.id.symbol for p in reading.positions}
    ours = (id for id in state.hedges_of_instrument if id.account == reading.account and not is_over(state, id))
    lacking = [str(id) for id in ours if id.symbol not in held]
    for hedge in policy.hedges:
        coin, before = hedge.underlying, view.reading.collateral if view.reading is not None else {}
        went = before.get(coin, ZERO) and coin not in reading.collateral and coin not in gone
        if reading.account in hedge.spot_accounts and (coin not in reading.spot or went):
            lacking.append(f"the balance of {coin}")
    lacking += [symbol for symbol in _rows_left_out(state, policy, view.reading, reading) if symbol not in gone]
    return f"the reading has no row for {', '.join(lacking)}; a missing row is not a flat position" if lacking else None


def _without_a_wallet(old: AccountReading | None, new: AccountReading) -> str | None:
    """A contract that settles in a coin hangs on the profit and the margin of that coin's wallet: while one is held, a
    reading that has lost them is cut short."""
    if old is None:
        return None
    for row in new.positions:
        if row.quantity and row.payoff is Payoff.INVERSE:
            for name, had, has in (
                ("margin", old.coin_margins, new.coin_margins),
                ("unrealised profit", old.unrealized, new.unrealized),
            ):
                if row.underlying in had and row.underlying not in has:
                    return f"the reading has lost the {name} in {row.underlying}, of which {row.id} is held"
    return None


def _with_other_terms(state: State, reading: AccountReading) -> str | None:
    """A row that is told as another kind of contract than the listing says would count with another delta."""
    for row in reading.positions:
        rules = state.instruments.get(row.id)
        if rules is not None and (row.payoff, row.expiry_at) != (rules.payoff, rules.expiry_at):
            said, listed = (f"{each.payoff.value}, ending at {each.expiry_at}" for each in (row, rules))
            return f"{row.id} is listed as {listed} and told as {said}; nobody knows what its delta is"
    return None
