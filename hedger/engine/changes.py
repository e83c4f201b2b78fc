"""Why an account changed although we did nothing: each movement that our fills do not explain is given its cause.

A believed reading leaves a `Shift` where a position moved further than our own fills; the executions of that time are
asked for, and what they name is told with its cause. What no answer names is told as unexplained. So, over any stretch
of readings, positions moved by our own fills and the told changes, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from hedger.engine.executions import ask_for_executions, heard_of, key_of, on_list
from hedger.engine.movement import Movement, Shift
from hedger.engine.order_flow import order_of
from hedger.engine.policy import Policy
from hedger.engine.state import AccountView, Change, ChangeCause, State
from hedger.model.account import AccountReading
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import Command, FillsRead, ReadFills
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause

ASK_AFTER_MS = (0, 2_000, 5_000, 15_000, 30_000)
ANSWERED_AFTER_MS = 15_000
EXPLAINED_WITHIN_MS = 60_000
CLOCK_SLACK_MS = 1_000
READ_BACK_MS = 30_000
HOUR_MS = 3_600_000
MOST_DRIFTS = 3
MOST_TRADES = 256

_CAUSE_OF_FILL = {
    FillCause.ORDER: ChangeCause.FOREIGN_TRADE,
    FillCause.LIQUIDATION: ChangeCause.LIQUIDATION,
    FillCause.DELEVERAGING: ChangeCause.DELEVERAGING,
    FillCause.SETTLEMENT: ChangeCause.SETTLEMENT,
}
FORCED = frozenset({ChangeCause.LIQUIDATION, ChangeCause.DELEVERAGING, ChangeCause.SETTLEMENT})
DRIFT = frozenset({ChangeCause.FOREIGN_TRADE, ChangeCause.UNEXPLAINED})


# --- a reading was believed -------------------------------------------------------------------------------------------


def remember(
    state: State, policy: Policy, old: AccountView, requested_at: int, moved: Mapping[InstrumentId, Decimal]
) -> State:
    """The state with what a believed reading moved and our fills do not explain: `moved`, signed, in units.

    `old` is the view before the reading. Coins that came or went are told at once: no order of ours moves them.
    """
    account, view = _view_of(state, old)
    movement, since_at = view.movement, view.movement.explained_at or old.believed_at
    shifts = dict(movement.shifts)
    for id, quantity in moved.items():
        fresh = Shift(quantity=ZERO, began_at=state.now, since_at=since_at, read_at=0, seen_at=0)
        had = shifts.get(id, fresh)
        left = had.quantity + quantity
        shifts[id] = replace(had, quantity=left, read_at=requested_at, seen_at=state.now, asks=0)
    if not shifts and not view.ahead:
        since_at = requested_at
    state = _with(state, account, replace(movement, shifts=shifts, explained_at=since_at))
    return _tell_coins(state, policy, account, old.reading, view.reading)


def _view_of(state: State, old: AccountView) -> tuple[str, AccountView]:
    reading = old.reading
    assert reading is not None, "movement is between two readings"
    return reading.account, state.accounts[reading.account]


def _tell_coins(
    state: State, policy: Policy, account: str, old: AccountReading | None, new: AccountReading | None
) -> State:
    """Tell coins that came or went, fees aside, once they come to a lot: less is dust, and is kept until it does."""
    if old is None or new is None:
        return state
    movement = state.accounts[account].movement
    coins, changes = dict(movement.coins), []
    for asset, lot in _watched(state, policy, account).items():
        left = coins.get(asset, ZERO) + held(new, asset) - held(old, asset)
        if left and abs(left) >= lot:
            changes.append(_change(state, account, asset, ChangeCause.TRANSFER, left, "coins came or went"))
            left = ZERO
        coins[asset] = left
    return _told(_with(state, account, replace(movement, coins=coins)), changes)


def held(reading: AccountReading, asset: str) -> Decimal:
    """Coins of an asset in the spot wallet and as collateral."""
    return reading.spot.get(asset, ZERO) + reading.collateral.get(asset, ZERO)


def _watched(state: State, policy: Policy, account: str) -> dict[str, Decimal]:
    """The coins that count in a hedge on this account, with a lot of the hedge's first instrument in coins."""
    lots: dict[str, Decimal] = {}
    for hedge in policy.hedges:
        rules = state.instruments.get(hedge.instruments[0])
        if account in hedge.spot_accounts:
            lots[hedge.underlying] = rules.lot_size * rules.contract_multiplier if rules is not None else ZERO
    return lots


# --- executions came --------------------------------------------------------------------------------------------------


def own_fill_came(before: State, after: State, policy: Policy, fill: Fill) -> State:
    """`after` the booking of an execution of ours: its fee is no transfer, and if it explains a movement that an
    earlier reading showed already, that reading has seen it."""
    order, was = order_of(after, fill), order_of(before, fill)
    account, view = fill.id.account, after.accounts[fill.id.account]
    if order is None:
        return after._replace(accounts={**after.accounts, account: heard_of(view, after, policy, fill)})
    if was is None or order.booked == was.booked:
        return after
    movement = replace(view.movement, trades_known=_known(view.movement, [fill]))
    if fill.fee_asset in movement.coins:
        coins = {**movement.coins, fill.fee_asset: movement.coins[fill.fee_asset] + fill.fee}
        movement = replace(movement, coins=coins)
    after = _with(after, account, movement)
    return _missed(after, policy, fill, movement.shifts.get(fill.id))


def _missed(state: State, policy: Policy, fill: Fill, shift: Shift | None) -> State:
    """An execution from well before the reading that showed the movement: it explains that much of it."""
    view = state.accounts[fill.id.account]
    if shift is None or fill.exchange_at + policy.settle_ms > shift.read_at + view.offset_ms:
        return state
    since = view.fills_since.get(fill.id, ZERO)
    part = fill.side.sign * min(fill.quantity, abs(shift.quantity), abs(since))
    if part * shift.quantity <= 0 or part * since <= 0:
        return state
    shifts = _less(view.movement.shifts, fill.id, part)
    seen = replace(view, fills_since={**view.fills_since, fill.id: since - part})
    state = state._replace(accounts={**state.accounts, fill.id.account: seen})
    state = _with(state, fill.id.account, replace(view.movement, shifts=shifts))
    text = f"order {fill.client_order_id or fill.venue_order_id}: its fill was missed when it happened"
    return _told(state, [_change(state, fill.id.account, fill.id.symbol, ChangeCause.OWN_FILL, part, text)])


def explain(state: State, policy: Policy, event: FillsRead) -> State:
    """The state after a list of executions: those of others explain what they moved, each with its cause."""
    account, view = event.id.account, on_list(state.accounts[event.id.account], event)
    state = state._replace(accounts={**state.accounts, account: view})
    shift = view.movement.shifts.get(event.id)
    if shift is None:
        return state
    strange = _strange(state, view, shift, event.fills)
    changes = _by_order(state, policy, event.id, strange)
    total = sum((change.quantity for change in changes), ZERO)
    shifts = _less(view.movement.shifts, event.id, total)
    complete = event.since_at <= shift.since_at + view.offset_ms
    explained_at = view.movement.explained_at
    if event.id in shifts and complete and event.requested_at - shift.read_at >= ANSWERED_AFTER_MS:
        changes.append(_rest(state, event.id, shifts.pop(event.id)))
        explained_at = shift.read_at
    known = _known(view.movement, strange)
    movement = replace(view.movement, shifts=shifts, trades_known=known, explained_at=explained_at)
    return _told(_with(state, account, movement), changes)


def _strange(state: State, view: AccountView, shift: Shift, fills: Iterable[Fill]) -> list[Fill]:
    """The executions that are not ours, were not told, and were done between the readings.

    Once an answer did not explain everything, also older ones that fit: the venue's list of positions was behind.
    """
    known, left, some = frozenset(view.movement.trades_known), shift.quantity, []
    since_at = shift.since_at + view.offset_ms - CLOCK_SLACK_MS
    until_at = shift.seen_at + view.offset_ms + CLOCK_SLACK_MS
    for fill in sorted(fills, key=lambda fill: fill.exchange_at):
        if order_of(state, fill) is not None or key_of(fill) in known or fill.exchange_at > until_at:
            continue
        quantity = fill.side.sign * fill.quantity
        fits = shift.asks > 1 and quantity * left > 0 and abs(quantity) <= abs(left)
        if fill.exchange_at >= since_at or fits:
            some.append(fill)
            left -= quantity
    return some


def _by_order(state: State, policy: Policy, id: InstrumentId, fills: Iterable[Fill]) -> list[Change]:
    """One change for each order that the executions belong to."""
    orders: dict[str, list[Fill]] = {}
    for fill in fills:
        orders.setdefault(fill.venue_order_id, []).append(fill)
    changes = []
    for name, some in orders.items():
        total = sum((fill.side.sign * fill.quantity for fill in some), ZERO)
        text = f"order {some[0].client_order_id or name}, executions: {len(some)}"
        changes.append(_change(state, id.account, id.symbol, _cause(policy, some[0]), total, text))
    return changes


def _cause(policy: Policy, fill: Fill) -> ChangeCause:
    """An order with our tag that is not kept any more is of an earlier start, or ended long ago."""
    identity = parse_order_id(fill.client_order_id or "")
    ours = identity is not None and identity.bot == policy.bot
    return ChangeCause.OWN_FILL if ours else _CAUSE_OF_FILL[fill.cause]


# --- on the clock's beat ----------------------------------------------------------------------------------------------


def pursue(state: State) -> tuple[State, list[Command]]:
    """Ask for the executions that may explain what moved; what nobody explained in time is told so."""
    commands: list[Command] = []
    for account, view in state.accounts.items():
        if view.movement.shifts:
            state, asked = _pursue_one(state, account, view)
            commands += asked
    state, asked = ask_for_executions(state)
    return state, commands + asked


def _pursue_one(state: State, account: str, view: AccountView) -> tuple[State, list[Command]]:
    commands: list[Command] = []
    shifts, changes, explained_at = dict(view.movement.shifts), [], view.movement.explained_at
    for id, shift in view.movement.shifts.items():
        if id not in state.instruments or state.now - shift.began_at >= EXPLAINED_WITHIN_MS:
            changes += [_rest(state, id, shift)] if shift.quantity else []
            del shifts[id]
            explained_at = shift.read_at
        elif state.now - shift.asked_at >= ASK_AFTER_MS[min(shift.asks, len(ASK_AFTER_MS) - 1)]:
            commands.append(ReadFills(id=id, since_at=shift.since_at + view.offset_ms - READ_BACK_MS))
            shifts[id] = replace(shift, asked_at=state.now, asks=shift.asks + 1)
    movement = replace(view.movement, shifts=shifts, explained_at=explained_at)
    return _told(_with(state, account, movement), changes), commands


# --- telling ----------------------------------------------------------------------------------------------------------


def _rest(state: State, id: InstrumentId, shift: Shift) -> Change:
    text = "no execution that the venue names explains it"
    return _change(state, id.account, id.symbol, ChangeCause.UNEXPLAINED, shift.quantity, text)


def _change(state: State, account: str, what: str, cause: ChangeCause, quantity: Decimal, detail: str) -> Change:
    return Change(at=state.now, account=account, what=what, cause=cause, quantity=quantity, detail=detail)


def _told(state: State, changes: list[Change]) -> State:
    """The state with changes to tell. After a closure by the venue's own hand another reading comes before a create;
    where others move positions too often, the account only reduces."""
    for change in changes:
        view = state.accounts[change.account]
        if change.cause in FORCED:
            view = replace(view, barrier_at=max(view.barrier_at, state.now))
        state = state._replace(accounts={**state.accounts, change.account: view})
    for account in {change.account for change in changes if change.cause in DRIFT}:
        state = _with(state, account, _drifted(state.accounts[account].movement, state.now))
    return state._replace(changes=(*state.changes, *changes)) if changes else state


def _drifted(movement: Movement, now: int) -> Movement:
    """Three within an hour are too many, until fewer than three lie within it."""
    last = (*movement.drifted_at, now)[-MOST_DRIFTS:]
    often = len(last) == MOST_DRIFTS and now - last[0] <= HOUR_MS
    return replace(movement, drifted_at=last, drifting_until=last[0] + HOUR_MS if often else movement.drifting_until)


def _less(shifts: Mapping[InstrumentId, Shift], id: InstrumentId, quantity: Decimal) -> dict[InstrumentId, Shift]:
    """The shifts without what was explained of one; one that is explained in full is gone."""
    left = shifts[id].quantity - quantity
    if left:
        return {**shifts, id: replace(shifts[id], quantity=left)}
    return {other: shift for other, shift in shifts.items() if other != id}


def _known(movement: Movement, fills: Iterable[Fill]) -> tuple[str, ...]:
    return (*movement.trades_known, *(key_of(fill) for fill in fills))[-MOST_TRADES:]


def _with(state: State, account: str, movement: Movement) -> State:
    view = replace(state.accounts[account], movement=movement)
    return state._replace(accounts={**state.accounts, account: view})
