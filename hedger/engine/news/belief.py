"""Which reading of an account is believed: asked for in time, complete, with our fills in it, and, where it shows what
we did not do, confirmed by a second one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.held.expiry import has_settled
from hedger.engine.held.exposure import exposure
from hedger.engine.held.freshness import was_away
from hedger.engine.known.movement import Doubt
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import AccountView, State
from hedger.engine.known.widths import Widths
from hedger.engine.news.changes import remember
from hedger.engine.news.executions import Unshown, has_word, is_unasked, refused, shown, undoes_our_fills, unshown
from hedger.engine.news.settled import coins_owned, held, option_moves, units_in_coins
from hedger.engine.news.whole import fault_of_reading, left_out
from hedger.engine.wanted.aim import aim
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import AccountRead
from hedger.model.numeric import ZERO

LAG_MS = 30_000
CONFIRM_AFTER_MS = 1_000
CONFIRM_AGAINST_US_MS = 5_000
MOST_ROUNDS = 3
MOST_ROUNDS_MS = 15_000
JUMP_AGAIN_MS = (0, 1_000, 2_000, 5_000, 10_000, 30_000)
AGAIN_MS = 30_000
GO_ON_MS = 10_000


def believe(state: State, policy: Policy, event: AccountRead) -> State:
    """The state with the reading believed, doubted or refused."""
    reading = event.reading
    view = state.accounts[reading.account]
    if event.requested_at <= max(view.barrier_at, view.believed_at):
        return state
    view, gone = left_out(state, policy, view, event)
    fault = fault_of_reading(state, policy, view, reading, gone) or _lacks_our_fills(state, view, reading)
    contradicted = [] if fault else _contradicted(state, policy, view, event)
    if contradicted:
        fault = _lacks(contradicted)
        view = refused(view, contradicted, state.now)
    if fault is not None:
        return _with(state, reading, replace(view, failures=view.failures + 1, last_failure=fault, mistrusted=True))
    shifts, seen = _moved(state, policy, view, event)
    apart_ms = _doubtful(state, policy, view, event, shifts)
    if apart_ms is not None and not _confirmed(state, policy, view, event, shifts):
        return _with(state, reading, _doubted(state, policy, view, event, shifts, apart_ms))
    believed = replace(
        view,
        reading=reading,
        believed_at=event.requested_at,
        doubted=None,
        doubt=_restless(state, policy, view, reading, apart_ms),
        owed=max(0, _owed(state, policy, view, reading.account) - 1),
        fills_since={},
        ahead=_ahead(state, policy, view, event),
        evidence=shown(view.evidence, seen, event.requested_at, state.now),
        clean_cycles=view.clean_cycles + 1,
        failures=0,
        last_failure="",
        mistrusted=False,
    )
    state = _with(state, reading, believed)
    if view.reading is not None:
        state = remember(state, policy, view, event.requested_at, shifts)
    return _look_again_elsewhere(state, policy, view.reading, reading)


def _with(state: State, reading: AccountReading, view: AccountView) -> State:
    return state._replace(accounts={**state.accounts, reading.account: view})


def _owed(state: State, policy: Policy, view: AccountView, account: str) -> int:
    """How many believed readings must come before a create there, this one among them: where others stood in for it
    while it was away, as many as after a start."""
    away = any(concerns(hedge, account) and was_away(state, hedge, account) for hedge in policy.hedges)
    return max(view.owed, policy.clean_cycles) if away else view.owed


def _lacks_our_fills(state: State, view: AccountView, reading: AccountReading) -> str | None:
    """A first reading, soon after our own fills, may be from before them: there is none to compare it with."""
    if view.reading is not None or state.now - view.barrier_at > LAG_MS:
        return None
    return "the first reading may lack our own fills" if any(view.fills_since.values()) else None


def _contradicted(state: State, policy: Policy, view: AccountView, event: AccountRead) -> list[InstrumentId]:
    """The instruments on which a reading undoes what we did, and no execution that the venue names explains it.

    It is an old reading, however late it was asked for and however many agree: only executions, or a person's word,
    say that something else moved the position back. One that moved further than our fills waits for the executions too.
    """
    if view.reading is None or has_word(view, state.now):
        return []
    contradicted = []
    for id in _ids(policy, view.reading, event.reading):
        left = _left(view, view.reading, event, id, policy.settle_ms).left
        if has_settled(state, id, event.reading):
            continue  # it was the end of the contract that took it, whatever we did before
        if undoes_our_fills(view, id, left, state.now) or is_unasked(view, id, left):
            contradicted.append(id)
    return contradicted


def _lacks(ids: list[InstrumentId]) -> str:
    names = ", ".join(str(id) for id in ids)
    text = f"the reading lacks our own fills on {names}, and no execution that the venue names explains it; "
    return text + "if the venue's own page shows that position, resume with a reason"


def _ids(policy: Policy, old: AccountReading, new: AccountReading) -> list[InstrumentId]:
    """The instruments of two readings whose coins are hedged on this account."""
    coins = {coin for hedge in policy.hedges if concerns(hedge, new.account) for coin in hedge.coins}
    return list(dict.fromkeys(p.id for p in (*old.positions, *new.positions) if p.underlying in coins))


def _left(view: AccountView, old: AccountReading, event: AccountRead, id: InstrumentId, settle_ms: int) -> Unshown:
    """What neither our fills nor others' executions explain of a position's movement, and the executions that do."""
    return unshown(view, id, _more(view, old, event.reading, id), event.requested_at, settle_ms)


def _ahead(state: State, policy: Policy, view: AccountView, event: AccountRead) -> dict[InstrumentId, Decimal]:
    """What a reading's positions have moved further than executions explain, as far as orders of ours that still work
    may have done it: news of those fills is yet to come, and no later reading will move by them again."""
    ahead: dict[InstrumentId, Decimal] = {}
    if view.reading is None:
        return ahead
    live = [order for order in state.orders.values() if order.live and order.id.account == event.reading.account]
    for id in dict.fromkeys(order.id for order in live):
        more = _left(view, view.reading, event, id, policy.settle_ms).left
        able = sum((o.remaining for o in live if o.id == id and o.side.sign * more > 0), ZERO)
        if able:
            ahead[id] = min(able, more) if more > 0 else max(-able, more)
    return ahead


def _more(view: AccountView, old: AccountReading, new: AccountReading, id: InstrumentId) -> Decimal:
    """How much further a position has moved than our own fills, signed, in units of the new reading."""
    before, after = _rows(old, id), _rows(new, id)
    moved = sum((p.quantity for p in after), ZERO)
    for position in before:
        per_unit = after[0].contract_multiplier if after else position.contract_multiplier
        moved -= position.quantity * position.contract_multiplier / per_unit
    return moved + view.ahead.get(id, ZERO) - view.fills_since.get(id, ZERO)


def _rows(reading: AccountReading, id: InstrumentId) -> list[Position]:
    return [p for p in reading.positions if p.id == id]


# --- what we did not do -----------------------------------------------------------------------------------------------


def _moved(
    state: State, policy: Policy, view: AccountView, event: AccountRead
) -> tuple[dict[InstrumentId, Decimal], list[Unshown]]:
    """What neither our fills nor orders of ours that still work explain of the positions' movements since the believed
    reading, signed, in units, without zeros, and the executions of others in it. Only coins that are hedged on this
    account count."""
    old, moved, seen = view.reading, dict[InstrumentId, Decimal](), list[Unshown]()
    if old is None:
        return moved, seen
    ahead = _ahead(state, policy, view, event)
    for id in _ids(policy, old, event.reading):
        seen.append(_left(view, old, event, id, policy.settle_ms))
        more = _more(view, old, event.reading, id) - ahead.get(id, ZERO)
        if more:
            moved[id] = more
    return moved, seen


def _doubtful(
    state: State, policy: Policy, view: AccountView, event: AccountRead, shifts: dict[InstrumentId, Decimal]
) -> int | None:
    """How many ms after this reading one must be asked for that confirms it; None where it needs no other.

    A position that somebody else moved may be a replica that is behind: soon after our own fills, or against them, the
    second reading must come from a while later, unless executions explain all of it. Where others trade without a
    pause no two readings agree; after some rounds the newest is taken, and where coins come and go without a pause
    too: they are what they are.
    """
    jumps, doubt = _jumps(state, policy, view, event.reading), view.doubt
    if jumps and doubt.rounds >= len(JUMP_AGAIN_MS) and state.now >= doubt.confirm_at:
        jumps = False
    if not shifts:
        return JUMP_AGAIN_MS[min(doubt.rounds, len(JUMP_AGAIN_MS) - 1)] if jumps else None
    old = view.reading
    left = {id: _left(view, old, event, id, policy.settle_ms).left for id in shifts} if old is not None else {}
    against = any(quantity * view.fills_since.get(id, ZERO) < 0 for id, quantity in left.items())
    if against or (any(left.values()) and state.now - view.barrier_at <= LAG_MS):
        return CONFIRM_AGAINST_US_MS
    enough = doubt.rounds >= MOST_ROUNDS and state.now - doubt.since_at >= MOST_ROUNDS_MS
    return None if enough and not jumps else CONFIRM_AFTER_MS


def _restless(state: State, policy: Policy, view: AccountView, reading: AccountReading, apart_ms: int | None) -> Doubt:
    """What is kept of the doubt once a reading is believed: nothing, but where it jumps and no two agree, the rounds
    until one comes that does not, so that each further jump need not wait for as many again."""
    tired = apart_ms is None and view.doubt.rounds >= len(JUMP_AGAIN_MS) and _jumps(state, policy, view, reading)
    return Doubt(rounds=view.doubt.rounds, since_at=view.doubt.since_at) if tired else Doubt()


def _doubted(
    state: State,
    policy: Policy,
    view: AccountView,
    event: AccountRead,
    shifts: dict[InstrumentId, Decimal],
    apart_ms: int,
) -> AccountView:
    """The view with a reading doubted. One that says the same too soon changes nothing: the first one's time counts.

    Where only coins jump, one that comes before its turn does not count as a round, and moves no time.
    """
    if _agrees(state, policy, view, event.reading, shifts):
        return view
    if not shifts and not view.doubt.shifts and event.requested_at < view.doubt.confirm_at:
        return replace(view, doubted=event.reading)
    since_at = view.doubt.since_at if view.doubted is not None else state.now
    doubt = Doubt(
        shifts=shifts,
        confirm_at=event.requested_at + apart_ms,
        rounds=view.doubt.rounds + 1,
        since_at=since_at,
    )
    return replace(view, doubted=event.reading, doubt=doubt, asked_at=0)


def _confirmed(
    state: State, policy: Policy, view: AccountView, event: AccountRead, shifts: dict[InstrumentId, Decimal]
) -> bool:
    in_time = event.requested_at >= view.doubt.confirm_at
    return in_time and _agrees(state, policy, view, event.reading, shifts)


def _jumps(state: State, policy: Policy, view: AccountView, reading: AccountReading) -> bool:
    """Whether a hedge's delta would move by more than the allowed number of bands with no fill to explain it."""
    since = {id.symbol: quantity for id, quantity in view.fills_since.items()}
    return view.reading is not None and _differ(state, policy, view.reading, reading, since)


def _agrees(
    state: State, policy: Policy, view: AccountView, reading: AccountReading, shifts: dict[InstrumentId, Decimal]
) -> bool:
    """Whether a reading tells the same story as the doubted one: the same movements, and no jump between the two."""
    doubted = view.doubted
    return doubted is not None and shifts == view.doubt.shifts and not _differ(state, policy, doubted, reading, {})


def _differ(state: State, policy: Policy, old: AccountReading, new: AccountReading, since: dict[str, Decimal]) -> bool:
    # An option that came, went or changed other than by its expiry: a row that is missing is not a sale.
    by_options = {move.underlying for move in option_moves(old, new) if not move.ended}
    for hedge in policy.hedges:
        if not concerns(hedge, new.account):
            continue
        moved = abs(_coins(state, hedge, new, {}) - _coins(state, hedge, old, since))
        edges = _edges(state, hedge) if moved or hedge.underlying in by_options else None
        if edges is None:
            continue
        if moved > policy.delta_jump_bands * (edges.upper + edges.lower) or hedge.underlying in by_options:
            return True
    return False


def _edges(state: State, hedge: Hedge) -> Widths | None:
    """The hedge's band on what it holds, None while a price or an account was never seen."""
    seen, held = _first_seen(state, hedge), exposure(state, hedge)
    if seen is None or held is None:
        return None
    return aim(state, hedge, held, state.instruments[seen].coin_price(state.marks[seen][0].index_price)).edges


def _first_seen(state: State, hedge: Hedge) -> InstrumentId | None:
    """The first of a hedge's instruments; after a start without it, because it has ended, the next that has a mark."""
    listed = (id for id in hedge.instruments if id not in state.delisted or id in state.marks)
    first = next(listed, hedge.instruments[0])
    return first if first in state.marks and first in state.instruments else None


def concerns(hedge: Hedge, account: str) -> bool:
    """Whether an account's readings count in a hedge."""
    return account in hedge.accounts


def _coins(state: State, hedge: Hedge, reading: AccountReading, since: dict[str, Decimal]) -> Decimal:
    """What a reading holds in coins, told so that no price moves it: wallets, positions in units, and of contracts that
    settle in the coin the equity beside them."""
    coins = coins_owned(reading, hedge.underlying)
    for position in reading.positions:
        if position.underlying != hedge.underlying:
            continue
        more = since.get(position.id.symbol, ZERO)
        if position.payoff is not Payoff.INVERSE:
            coins += (position.quantity + more) * position.contract_multiplier
        elif more:
            coins += units_in_coins(state, position.id, more)
    return coins


def _look_again_elsewhere(state: State, policy: Policy, old: AccountReading | None, new: AccountReading) -> State:
    """Where a holding moved by more than the band, the hedge's other accounts are read again first: coins that left
    here may have arrived there. Coins that trickle into two accounts would keep each waiting for the other."""
    if old is None:
        return state
    accounts = dict(state.accounts)
    for hedge in policy.hedges:
        others = [name for name in state.accounts_of_hedge[hedge.name] if name != new.account]
        moved = abs(held(new, hedge.underlying) - held(old, hedge.underlying))
        edges = _edges(state, hedge) if moved and others and concerns(hedge, new.account) else None
        if edges is not None and moved > min(edges.upper, edges.lower):
            for name in others:
                accounts[name] = _awaited(accounts[name], state.now)
    return state._replace(accounts=accounts)


def _awaited(view: AccountView, now: int) -> AccountView:
    """The view with a new reading asked for. Two accounts that both move with each reading would ask each other for
    ever: after half a minute of that, there is a while in which they go on as they are."""
    since = view.again_since if now - view.again_at <= GO_ON_MS else now
    if AGAIN_MS < now - since <= AGAIN_MS + GO_ON_MS:
        return replace(view, again_since=since, again_at=now)
    since = since if now - since <= AGAIN_MS else now
    return replace(view, barrier_at=max(view.barrier_at, now), again_since=since, again_at=now)
