"""Whether prices and accounts are young enough to act on, by our clock and by the venue's."""

from __future__ import annotations

from typing import NamedTuple

from hedger.engine.known.policy import Cross, Hedge
from hedger.engine.known.state import AccountView, Reason, State
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.spans import DAY_MS

FUTURE_MS = 2_000


class Denied(NamedTuple):
    """Why an order may not be sent: a reason from the closed list, and the numbers for a person."""

    reason: Reason
    detail: str


def venue_now(state: State, account: str) -> int:
    """The time by the clock of an account's venue, as it was measured (ms): what ends there ends by that clock, and
    ours may be an hour off."""
    return state.now + state.accounts[account].offset_ms


def stale_input(state: State, hedge: Hedge, id: InstrumentId, *, to_reduce: bool = False) -> Denied | None:
    """The first input that is too old to act on, by our clock or by the venue's.

    To reduce a position (`to_reduce`), only its own account must be known.
    """
    offset = state.accounts[id.account].offset_ms
    quote, mark = state.quotes.get(id), state.marks.get(id)
    return (
        _stale_price(state.now, Reason.QUOTE_AGE, id, quote, offset, hedge.guards.quote_age)
        or _stale_price(state.now, Reason.MARK_AGE, id, mark, offset, hedge.guards.mark_age)
        or (None if to_reduce or hedge.cross is None else _stale_coin(state, hedge, hedge.cross))
        or stale_account(state, hedge, (id.account,) if to_reduce else state.accounts_of_hedge[hedge.name], id.account)
    )


def _stale_coin(state: State, hedge: Hedge, cross: Cross) -> Denied | None:
    """Whether the pair that prices a coin without a future is too old."""
    offset = state.accounts[cross.spot.account].offset_ms
    held = state.quotes.get(cross.spot)
    return _stale_price(state.now, Reason.QUOTE_AGE, cross.spot, held, offset, hedge.guards.quote_age)


def _stale_price(
    now: int, reason: Reason, id: InstrumentId, held: tuple[Quote | Mark, int] | None, offset_ms: int, limit: int
) -> Denied | None:
    if held is None:
        return Denied(reason, f"{id} has not been seen yet")
    age = age_of(now, held[1], held[0].exchange_at, offset_ms)
    return Denied(reason, f"{id} is {age} ms old, the limit is {limit} ms") if age > limit else None


def stale_account(state: State, hedge: Hedge, accounts: tuple[str, ...], own: str) -> Denied | None:
    """The first of a hedge's accounts whose believed reading is too old to trade on the account `own`: another one that
    is out of sight may be missed for a while."""
    limit = hedge.guards.account_age
    for account in accounts:
        view = state.accounts[account]
        if view.reading is None:
            return Denied(Reason.ACCOUNT_AGE, f"account {account} has not been read yet{_failure(view)}")
        age = _age_of_account(state, account)
        if age > limit and (account == own or not is_unseen(state, hedge, account)):
            why = _failure(view)
            if account in hedge.may_miss and account != own:
                why = f"; out of sight it is believed for {hedge.failover.blind_ms} ms unless in doubt{why}"
            return Denied(Reason.ACCOUNT_AGE, f"account {account} was read {age} ms ago, the limit is {limit} ms{why}")
    return None


def _failure(view: AccountView) -> str:
    return f"; {view.last_failure}" if view.last_failure else ""


def is_unseen(state: State, hedge: Hedge, account: str) -> bool:
    """Whether an account is out of sight, and what it was last seen with still counts, so that the hedge's other
    accounts may go on without it: the owner allows it, no spot or option on it counts, and nothing that was read of it
    is in doubt. What our own orders did there since is known or reserved, whatever its barrier says."""
    if not hedge.failover.allowed or account in hedge.spot_accounts:
        return False
    view = state.accounts[account]
    if view.reading is None or view.doubted is not None or view.mistrusted or view.reading.options:
        return False
    return hedge.guards.account_age < _age_of_account(state, account) <= hedge.failover.blind_ms


def was_away(state: State, hedge: Hedge, account: str) -> bool:
    """Whether an account that was believed before has not been for longer than it may, where others stand in for it."""
    if not hedge.failover.allowed or state.accounts[account].reading is None:
        return False
    return _age_of_account(state, account) > hedge.guards.account_age


def _age_of_account(state: State, account: str) -> int:
    view = state.accounts[account]
    assert view.reading is not None, "only what was read has an age"
    return age_of(state.now, view.believed_at, view.reading.exchange_at, view.offset_ms)


def age_of(now: int, received_at: int, exchange_at: int, offset_ms: int) -> int:
    """The worse of both ages; a venue time in our future by more than a little is as bad as one long past."""
    venue_age = now + offset_ms - exchange_at
    if venue_age < -FUTURE_MS:
        return max(now - received_at, -venue_age + DAY_MS)
    return max(now - received_at, venue_age)
