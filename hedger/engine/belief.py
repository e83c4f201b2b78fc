"""Which reading of an account is believed: asked for in time, complete, with our fills in it, and without a jump on
its own word."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.band import Widths, widths
from hedger.engine.exposure import exposure
from hedger.engine.policy import Hedge, Policy
from hedger.engine.state import AccountView, State
from hedger.model.account import AccountReading
from hedger.model.instrument import InstrumentId
from hedger.model.message import AccountRead
from hedger.model.numeric import ZERO

LAG_MS = 30_000


def believe(state: State, policy: Policy, event: AccountRead) -> State:
    """The state with the reading believed, doubted or refused."""
    reading = event.reading
    view = state.accounts[reading.account]
    if event.requested_at <= max(view.barrier_at, view.believed_at):
        return state
    fault = _lacks_a_row(state, policy, view, reading) or _lacks_our_fills(state, view, reading)
    if fault is not None:
        return _with(state, reading, replace(view, failures=view.failures + 1, last_failure=fault))
    if _jumps(state, policy, view, reading) and not _agrees(state, policy, view.doubted, reading):
        return _with(state, reading, replace(view, doubted=reading, asked_at=0))
    believed = replace(
        view,
        reading=reading,
        believed_at=event.requested_at,
        doubted=None,
        fills_since={},
        ahead=_ahead(state, view, reading),
        clean_cycles=view.clean_cycles + 1,
        failures=0,
        last_failure="",
    )
    return _look_again_elsewhere(_with(state, reading, believed), policy, view.reading, reading)


def _with(state: State, reading: AccountReading, view: AccountView) -> State:
    return state._replace(accounts={**state.accounts, reading.account: view})


def _lacks_a_row(state: State, policy: Policy, view: AccountView, reading: AccountReading) -> str | None:
    """A missing row is not a flat position, and a missing balance is not an empty one.

    The spot wallet lists every coin, zeros too; collateral in the coin may not go without a word once it was there.
    """
    held = {p.id.symbol for p in reading.positions}
    lacking = [str(id) for id in state.hedges_of_instrument if id.account == reading.account and id.symbol not in held]
    for hedge in policy.hedges:
        coin, before = hedge.underlying, view.reading.collateral if view.reading is not None else {}
        gone = coin not in reading.spot or (before.get(coin, ZERO) and coin not in reading.collateral)
        if reading.account in hedge.spot_accounts and gone:
            lacking.append(f"the balance of {coin}")
    return f"the reading has no row for {', '.join(lacking)}; a missing row is not a flat position" if lacking else None


def _lacks_our_fills(state: State, view: AccountView, reading: AccountReading) -> str | None:
    """A position that has not moved as far as our own fills since is an old one, however late it was asked for.

    After half a minute it is taken for what it is: something else moved the position back.
    """
    if state.now - view.barrier_at > LAG_MS:
        return None
    if view.reading is None:
        return "the first reading may lack our own fills" if any(view.fills_since.values()) else None
    for id, filled in view.fills_since.items():
        moved = _position(reading, id) - _position(view.reading, id)
        ahead = view.ahead.get(id, ZERO)
        due = filled - ahead if ahead * filled > 0 else filled
        if due * filled > 0 and abs(moved) < abs(due) and moved * due >= 0:
            return f"the reading lacks our own fills on {id}"
    return None


def _ahead(state: State, view: AccountView, reading: AccountReading) -> dict[InstrumentId, Decimal]:
    """What a reading's positions have moved further than our fills explain, as far as orders of ours that still work
    may have done it: news of those fills is yet to come, and no later reading will move by them again."""
    ahead: dict[InstrumentId, Decimal] = {}
    for order in state.orders.values():
        if view.reading is not None and order.live and order.id.account == reading.account:
            moved = _position(reading, order.id) - _position(view.reading, order.id)
            more = view.ahead.get(order.id, ZERO) + moved - view.fills_since.get(order.id, ZERO)
            if more * order.side.sign > 0:
                ahead[order.id] = order.side.sign * min(abs(more), order.remaining)
    return ahead


def _position(reading: AccountReading, id: InstrumentId) -> Decimal:
    return sum((p.quantity for p in reading.positions if p.id == id), ZERO)


def _jumps(state: State, policy: Policy, view: AccountView, reading: AccountReading) -> bool:
    """Whether a hedge's delta would move by more than the allowed number of bands with no fill to explain it."""
    since = {id.symbol: quantity for id, quantity in view.fills_since.items()}
    return view.reading is not None and _differ(state, policy, view.reading, reading, since)


def _agrees(state: State, policy: Policy, doubted: AccountReading | None, reading: AccountReading) -> bool:
    """Whether a second reading tells the same story as the doubted one: there is no jump between the two."""
    return doubted is not None and not _differ(state, policy, doubted, reading, {})


def _differ(state: State, policy: Policy, old: AccountReading, new: AccountReading, since: dict[str, Decimal]) -> bool:
    for hedge in policy.hedges:
        edges = _edges(state, hedge) if concerns(hedge, new.account) else None
        if edges is not None:
            moved = abs(_coins(hedge, new, {}) - _coins(hedge, old, since))
            if moved > policy.delta_jump_bands * (edges.upper + edges.lower):
                return True
    return False


def _edges(state: State, hedge: Hedge) -> Widths | None:
    """The hedge's band on what it holds, None while a price or an account was never seen."""
    mark, held = state.marks.get(hedge.instruments[0]), exposure(state, hedge)
    instrument = state.instruments.get(hedge.instruments[0])
    if mark is None or held is None or instrument is None:
        return None
    return widths(hedge.band, held.holding, mark[0].index_price / instrument.contract_multiplier)


def concerns(hedge: Hedge, account: str) -> bool:
    """Whether an account's readings count in a hedge."""
    return account in hedge.spot_accounts or any(id.account == account for id in hedge.instruments)


def _coins(hedge: Hedge, reading: AccountReading, since: dict[str, Decimal]) -> Decimal:
    coins = _holding(hedge, reading)
    for position in reading.positions:
        if position.underlying == hedge.underlying:
            coins += (position.quantity + since.get(position.id.symbol, ZERO)) * position.contract_multiplier
    return coins


def _holding(hedge: Hedge, reading: AccountReading) -> Decimal:
    return reading.spot.get(hedge.underlying, ZERO) + reading.collateral.get(hedge.underlying, ZERO)


def _look_again_elsewhere(state: State, policy: Policy, old: AccountReading | None, new: AccountReading) -> State:
    """Where a holding moved by more than the band, the hedge's other accounts are read again first: coins that left
    here may have arrived there. Coins that trickle into two accounts would keep each waiting for the other."""
    if old is None:
        return state
    accounts = dict(state.accounts)
    for hedge in policy.hedges:
        others = [name for name in state.accounts_of_hedge[hedge.name] if name != new.account]
        moved = abs(_holding(hedge, new) - _holding(hedge, old)) if concerns(hedge, new.account) else ZERO
        edges = _edges(state, hedge) if moved and others else None
        if edges is not None and moved > min(edges):
            for name in others:
                accounts[name] = replace(accounts[name], barrier_at=max(accounts[name].barrier_at, state.now))
    return state._replace(accounts=accounts)
