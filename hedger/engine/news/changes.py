"""Why an account changed although we did nothing: each movement that our fills do not explain is given its cause.

A believed reading leaves a `Shift` where a position moved further than our own fills; the executions of that time are
asked for, and what they name is told with its cause. What no answer names is told as unexplained. So, over any stretch
of readings, positions moved by our own fills and the told changes, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from hedger.engine.known.movement import Movement, Shift
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import AccountView, Change, ChangeCause, State
from hedger.engine.news.between import others_between
from hedger.engine.news.executions import ask_for_executions, heard_of, key_of, on_list, with_others, without
from hedger.engine.news.order_flow import order_of
from hedger.engine.news.settled import coins_owned, has_ended, option_moves, units_in_coins
from hedger.model.account import AccountReading, Position
from hedger.model.identity import parse_order_id
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.message import Command, FillsRead, FundingRead, ReadFills
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause
from hedger.model.spans import HOUR_MS

ASK_AFTER_MS = (0, 2_000, 5_000, 15_000, 30_000)
ANSWERED_AFTER_MS = 15_000
EXPLAINED_WITHIN_MS = 60_000
READ_BACK_MS = 30_000
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

    `old` is the view before the reading. Coins that came or went are told at once, unless news of a trade that moved
    them is still to come. A contract that was gone at its expiry was settled, and an option moves at its owner's wish
    or at its end: neither is a drift.
    """
    account, before, view = _views_of(state, old)
    movement, since_at = view.movement, view.movement.explained_at or old.believed_at
    shifts, reading = dict(movement.shifts), view.reading
    assert reading is not None, "movement is between two readings"
    settled, cash = _settled(state, before, reading, moved)
    for id, quantity in moved.items():
        if has_ended(before, reading, id):
            continue
        fresh = Shift(quantity=ZERO, began_at=state.now, since_at=since_at, read_at=0, seen_at=0)
        had = shifts.get(id, fresh)
        left = had.quantity + quantity
        shifts[id] = replace(had, quantity=left, read_at=requested_at, seen_at=state.now, asks=0)
    if not shifts and not view.ahead:
        since_at = requested_at
    state = _with(state, account, replace(movement, shifts=shifts, explained_at=since_at))
    return _tell_coins(_told(state, settled), policy, account, before, reading, cash)


def _views_of(state: State, old: AccountView) -> tuple[str, AccountReading, AccountView]:
    reading = old.reading
    assert reading is not None, "movement is between two readings"
    return reading.account, reading, state.accounts[reading.account]


def _settled(
    state: State, old: AccountReading, new: AccountReading, moved: Mapping[InstrumentId, Decimal]
) -> tuple[list[Change], frozenset[str]]:
    """The contracts that ended and the options that moved, each told, and the coins that their cash is paid in."""
    changes, cash = [], set[str]()
    for id, quantity in moved.items():
        if has_ended(old, new, id):
            changes.append(_change(state, old.account, id.symbol, ChangeCause.SETTLEMENT, quantity, "it has expired"))
            cash |= {p.underlying for p in old.positions if p.id == id and p.payoff is Payoff.INVERSE}
    for move in option_moves(old, new):
        cause = ChangeCause.SETTLEMENT if move.ended else ChangeCause.OPTION_TRADE
        text = "it has expired" if move.ended else "options are their owner's to trade"
        changes.append(_change(state, old.account, move.id.symbol, cause, move.quantity, text))
        cash.add(move.settle)
    return changes, frozenset(cash)


def _tell_coins(
    state: State, policy: Policy, account: str, old: AccountReading, new: AccountReading, cash: frozenset[str]
) -> State:
    """Tell coins that came or went, fees aside, once they come to a lot: less is dust, and is kept until it does.

    What a contract's settlement or an option's price paid in the same reading (`cash`) is no transfer.
    """
    movement = state.accounts[account].movement
    coins, unpaid, changes = dict(movement.coins), dict(movement.unpaid), []
    for asset, least in _watched(state, policy, account, new).items():
        came = coins_owned(new, asset) - coins_owned(old, asset)
        accrued = new.accrued.get(asset, ZERO) - old.accrued.get(asset, ZERO)
        left = coins.get(asset, ZERO) + came - accrued
        if abs(came) < abs(came - accrued):  # what had accrued is settled, and the coins stay where they were
            unpaid[asset] = unpaid.get(asset, ZERO) - accrued
        if asset in cash:
            left = ZERO
        elif left and abs(left) >= least + abs(unpaid.get(asset, ZERO)) and not _awaits_trades(state, account, asset):
            changes.append(_change(state, account, asset, ChangeCause.TRANSFER, left, "coins came or went"))
            left = ZERO
        coins[asset] = left
    return _told(_with(state, account, replace(movement, coins=coins, unpaid=unpaid)), changes)


def _watched(state: State, policy: Policy, account: str, reading: AccountReading) -> dict[str, Decimal]:
    """The coins that count in a hedge on this account, with the least that is told of each: a lot of the hedge's first
    instrument in coins, and what contracts that settle in the coin may have paid or been paid in funding."""
    least: dict[str, Decimal] = {}
    for hedge in policy.hedges:
        rules = next((state.instruments[id] for id in hedge.instruments if id in state.instruments), None)
        if account in hedge.spot_accounts:
            lot = units_in_coins(state, rules.id, rules.lot_size) if rules is not None else ZERO
            paid = (_funding_of(state, p) for p in reading.positions if p.underlying == hedge.underlying)
            least[hedge.underlying] = lot + sum(paid, ZERO)
    return least


def _funding_of(state: State, position: Position) -> Decimal:
    """Twice one interval's funding of an inverse contract, in coins: it moves the wallet before it is read."""
    mark = state.marks.get(position.id)
    if mark is None or position.payoff is not Payoff.INVERSE:
        return ZERO
    return 2 * abs(position.delta * mark[0].funding_rate)


def _awaits_trades(state: State, account: str, asset: str) -> bool:
    """Whether trades of contracts that settle in a coin have moved it, of which the executions are not known yet."""
    view = state.accounts[account]
    ids = {id for id, rules in state.instruments.items() if _settles_in(rules, asset) and id.account == account}
    if ids & (view.movement.shifts.keys() | view.ahead.keys()):
        return True
    return any(order.filled != order.booked for order in state.orders.values() if order.id in ids)


def _settles_in(rules: Instrument, asset: str) -> bool:
    return rules.payoff is Payoff.INVERSE and rules.underlying == asset


def funding_told(after: State, before: State, event: FundingRead) -> State:
    """`after` the booking of payments: those in a coin are no transfer of it."""
    view, seen = after.accounts[event.account], before.funding_seen.get(event.account, frozenset())
    booked = after.funding_seen.get(event.account, frozenset()) - seen
    coins, unpaid = dict(view.movement.coins), dict(view.movement.unpaid)
    for payment in {p.payment_id: p for p in event.payments}.values():
        if payment.payment_id in booked and payment.asset in coins:
            coins[payment.asset] -= payment.amount
            unpaid.pop(payment.asset, None)
    movement = replace(view.movement, coins=coins, unpaid=unpaid)
    return _with(after, event.account, movement) if movement != view.movement else after


def _traded(state: State, movement: Movement, fills: Iterable[Fill]) -> Movement:
    """The movement without the coins that executions of contracts that settle in them account for."""
    coins = dict(movement.coins)
    for fill in fills:
        rules = state.instruments.get(fill.id)
        if rules is not None and rules.payoff is Payoff.INVERSE and rules.underlying in coins:
            coins[rules.underlying] -= rules.coins(fill.side.sign * fill.quantity, fill.price)
    return replace(movement, coins=coins) if coins != movement.coins else movement


def _unseen_trade(state: State, movement: Movement, id: InstrumentId, quantity: Decimal) -> Movement:
    """The same for a movement that no execution explains: its price is taken to have been the mark."""
    rules = state.instruments.get(id)
    if rules is None or rules.payoff is not Payoff.INVERSE or rules.underlying not in movement.coins:
        return movement
    left = movement.coins[rules.underlying] - units_in_coins(state, id, quantity)
    return replace(movement, coins={**movement.coins, rules.underlying: left})


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
    key, evidence = key_of(fill), without(view.evidence, (key_of(fill),))
    told = key in view.movement.trades_known
    movement = replace(view.movement, trades_known=_known(view.movement, [fill]))
    movement = movement if told else _traded(after, movement, [fill])
    if fill.fee_asset in movement.coins:
        coins = {**movement.coins, fill.fee_asset: movement.coins[fill.fee_asset] + fill.fee}
        movement = replace(movement, coins=coins)
    view = replace(view, movement=movement, evidence=evidence)
    after = after._replace(accounts={**after.accounts, account: view})
    news = order.filled - was.filled or _not_shown(view, fill)
    return _missed(after, policy, fill, news, counted=key in evidence.counted or told, told=told)


def _not_shown(view: AccountView, fill: Fill) -> Decimal:
    """As much of an execution whose order's record came first as our fills since the reading can have of it."""
    return max(ZERO, min(fill.quantity, fill.side.sign * view.fills_since.get(fill.id, ZERO)))


def _missed(state: State, policy: Policy, fill: Fill, news: Decimal, *, counted: bool, told: bool) -> State:
    """An execution of ours that a believed reading has shown already, as a movement whose cause is looked for or was
    not found, or as an execution of another (`counted`): no later reading will move by it again.

    It is one that was done well before the believed reading; `news` of it are counted beside that reading now. What
    was told before is taken back.
    """
    movement = state.accounts[fill.id.account].movement
    shift, rested = movement.shifts.get(fill.id), movement.rested.get(fill.id)
    if shift is not None and (part := _part(state, policy, fill, shift, news, counted=counted)):
        movement = replace(movement, shifts=_less(movement.shifts, fill.id, part))
        return _seen(state, fill, part, movement, part, ChangeCause.OWN_FILL)
    if rested is not None and (part := _part(state, policy, fill, rested, news, counted=counted)):
        left = {**movement.rested, fill.id: replace(rested, quantity=rested.quantity - part)}
        movement = _unseen_trade(state, replace(movement, rested=left), fill.id, -part)
        return _seen(state, fill, part, movement, -part, ChangeCause.UNEXPLAINED)
    part = fill.side.sign * news
    return _seen(state, fill, part, movement, -part, ChangeCause.FOREIGN_TRADE) if told and part else state


def _part(state: State, policy: Policy, fill: Fill, shift: Shift, news: Decimal, *, counted: bool) -> Decimal:
    """How much of an execution of ours a movement is, signed; nothing where it moved the other way, or before."""
    view = state.accounts[fill.id.account]
    awaited = view.ahead.get(fill.id, ZERO) * fill.side.sign > 0  # then it may be this one that was seen ahead
    read_at = shift.read_at if awaited else max(shift.read_at, view.believed_at)
    at = fill.exchange_at - view.offset_ms
    if shift.quantity * fill.side.sign <= 0 or at > shift.seen_at:
        return ZERO
    if not counted and at + policy.settle_ms > read_at:
        return ZERO
    return fill.side.sign * min(abs(shift.quantity), news)


def _seen(state: State, fill: Fill, part: Decimal, movement: Movement, quantity: Decimal, cause: ChangeCause) -> State:
    """The state in which the believed reading has part of our own fill; a take-back is no drift of somebody else."""
    view = state.accounts[fill.id.account]
    since = {**view.fills_since, fill.id: view.fills_since.get(fill.id, ZERO) - part}
    view = replace(view, fills_since=since, movement=movement)
    state = state._replace(accounts={**state.accounts, fill.id.account: view})
    text = f"order {fill.client_order_id or fill.venue_order_id}: its fill was missed when it happened"
    change = _change(state, fill.id.account, fill.id.symbol, cause, quantity, text)
    return state._replace(changes=(*state.changes, change))


def explain(state: State, policy: Policy, event: FillsRead) -> State:
    """The state after a list of executions: those of others explain what they moved, each with its cause."""
    account, view = event.id.account, on_list(state.accounts[event.id.account], event)
    state = state._replace(accounts={**state.accounts, account: view})
    shift = view.movement.shifts.get(event.id)
    if shift is None:
        return state
    strange, kept = others_between(state, view, shift, event.fills)
    changes = _by_order(state, policy, event.id, strange)
    total = sum((change.quantity for change in changes), ZERO)
    shifts = _less(view.movement.shifts, event.id, total)
    complete = event.since_at <= shift.since_at + view.offset_ms
    explained_at = view.movement.explained_at
    movement = _traded(state, view.movement, strange)
    if event.id in shifts and complete and event.requested_at - shift.read_at >= ANSWERED_AFTER_MS:
        left = shifts.pop(event.id)
        changes.append(_rest(state, event.id, left))
        movement = _rested(_unseen_trade(state, movement, event.id, left.quantity), event.id, left)
        explained_at = shift.read_at
    known = _known(view.movement, strange)
    movement = replace(movement, shifts=shifts, trades_known=known, explained_at=explained_at)
    state = _told(_with(state, account, movement), changes)
    view = with_others(state.accounts[account], strange, kept)
    return state._replace(accounts={**state.accounts, account: view})


def _by_order(state: State, policy: Policy, id: InstrumentId, fills: Iterable[Fill]) -> list[Change]:
    """One change for each order that the executions belong to."""
    orders: dict[str, list[Fill]] = {}
    for fill in fills:
        orders.setdefault(fill.venue_order_id, []).append(fill)
    changes = []
    for name, some in orders.items():
        total = sum((fill.side.sign * fill.quantity for fill in some), ZERO)
        text = f"order {some[0].client_order_id or name}, executions: {len(some)}"
        changes.append(_change(state, id.account, id.symbol, _cause(state, policy, some[0]), total, text))
    return changes


def _cause(state: State, policy: Policy, fill: Fill) -> ChangeCause:
    """An order with our tag that is not kept any more is of an earlier start, or ended long ago; one that bears the id
    of an order that is kept, and is another, is a stranger's."""
    identity = parse_order_id(fill.client_order_id or "")
    ours = identity is not None and identity.bot == policy.bot and order_of(state, fill) is None
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
    movement = view.movement
    shifts, changes, explained_at = dict(movement.shifts), [], movement.explained_at
    for id, shift in view.movement.shifts.items():
        if id not in state.instruments or state.now - shift.began_at >= EXPLAINED_WITHIN_MS:
            changes += [_rest(state, id, shift)] if shift.quantity else []
            movement = _rested(_unseen_trade(state, movement, id, shift.quantity), id, shift)
            del shifts[id]
            explained_at = shift.read_at
        elif state.now - shift.asked_at >= ASK_AFTER_MS[min(shift.asks, len(ASK_AFTER_MS) - 1)]:
            commands.append(ReadFills(id=id, since_at=shift.since_at + view.offset_ms - READ_BACK_MS))
            shifts[id] = replace(shift, asked_at=state.now, asks=shift.asks + 1)
    movement = replace(movement, shifts=shifts, explained_at=explained_at)
    return _told(_with(state, account, movement), changes), commands


# --- telling ----------------------------------------------------------------------------------------------------------


def _rest(state: State, id: InstrumentId, shift: Shift) -> Change:
    text = "no execution that the venue names explains it"
    return _change(state, id.account, id.symbol, ChangeCause.UNEXPLAINED, shift.quantity, text)


def _rested(movement: Movement, id: InstrumentId, shift: Shift) -> Movement:
    """The movement with what is told as unexplained, and with what was left of the same way before."""
    if not shift.quantity:
        return movement
    had = movement.rested.get(id)
    more = had.quantity if had is not None and had.quantity * shift.quantity > 0 else ZERO
    return replace(movement, rested={**movement.rested, id: replace(shift, quantity=shift.quantity + more)})


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
