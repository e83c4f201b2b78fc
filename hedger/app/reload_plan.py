"""What a reload would change and do at once, what stands against it, and what of it needs a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel

from hedger.app.gamma import needs_consent, refuse_ended
from hedger.engine.decision.facts import Facts, gather
from hedger.engine.decision.roll import roll_of
from hedger.engine.guards.margin import judge_margin
from hedger.engine.held.exposure import room_for
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.revision import changed_hedges, revised, unrevisable
from hedger.engine.known.state import Severity, State
from hedger.engine.wanted.band import rebalance
from hedger.errors import ConfigError
from hedger.model.message import PolicyChanged
from hedger.model.numeric import ZERO, plain
from hedger.model.order import Side
from hedger.settings.diff import Change, diff, restarts
from hedger.settings.explain import config_digest
from hedger.settings.policy import to_policy
from hedger.settings.reachable import check_reachable
from hedger.settings.schema import Settings

MUCH = 10  # so many times as much is a misplaced point or another unit, until a person says that it is meant
LOWER_IS_LOOSER = ("depth", "expiring_s", "liquidation_distance.", "cooldown_s", "longest_", "clean_", "settle_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a reload comes to. `was` is the digest of what is in force, `digest` that of what was read.

    `refusals` are why it is not done at all; `effects` say what it does at once, and `doubts` what of that, or of its
    numbers, is more than a reload does without a person's word. Each is one sentence.
    """

    was: str
    digest: str
    changes: tuple[Change, ...]
    refusals: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For the answer to whoever asks, without any secret."""
        return {
            "was": self.was,
            "digest": self.digest,
            "changes": [{"key": c.key, "was": c.was, "will": c.will, "effect": c.effect.value} for c in self.changes],
            "refusals": list(self.refusals),
            "effects": list(self.effects),
            "doubts": list(self.doubts),
        }


def plan_of(old: Settings, new: Settings, state: State) -> Plan:
    """What taking `new` in place of `old` would come to in this state; nothing is changed by it."""
    changes = diff(old, new)
    refusals = tuple(_refusals(old, new, changes, state)) if changes else ()
    plan = Plan(was=config_digest(old), digest=config_digest(new), changes=changes, refusals=refusals)
    if refusals or not changes:
        return plan
    told = [*_limits(old, new), *_told(to_policy(old), to_policy(new), state)]
    return Plan(
        was=plan.was,
        digest=plan.digest,
        changes=changes,
        effects=tuple(text for text, doubted in told if not doubted),
        doubts=tuple(text for text, doubted in told if doubted),
    )


# --- what stands against it -------------------------------------------------------------------------------------------


def _refusals(old: Settings, new: Settings, changes: tuple[Change, ...], state: State) -> Iterator[str]:
    cold = restarts(changes)
    if cold:
        verb = "takes" if len(cold) == 1 else "take"
        keys = ", ".join(change.key for change in cold)
        yield f"{keys} {verb} effect only at a start: start it anew with this file, or take that out of it"
        return
    policy = to_policy(new)
    if parts := unrevisable(to_policy(old), policy):
        yield f"{', '.join(parts)} cannot change while it runs: start it anew with this file"
    yield from _unaccepted(old, new, policy, state)
    prices = {id: quote.mid_price for id, (quote, _) in state.quotes.items()}
    try:
        refuse_ended(policy, state.now)
        check_reachable(policy, tuple(state.instruments.values()), prices, state.now)
    except ConfigError as problem:
        yield from str(problem).splitlines()


def _unaccepted(old: Settings, new: Settings, policy: Policy, state: State) -> Iterator[str]:
    """A gamma that nobody has accepted, of a target that is another one now."""
    for hedge in policy.hedges:
        target = new.hedges[hedge.name].target
        gamma = needs_consent(hedge, ()) or _holds_options(state, hedge)
        if gamma and not target.accept_gamma and target != old.hedges[hedge.name].target:
            where = f"hedges.{hedge.name}.target"
            yield (
                f"{where} has a gamma that nobody has accepted: read what `hedger gamma` says of it, then set "
                f"accept_gamma = true in {where}"
            )


def _holds_options(state: State, hedge: Hedge) -> bool:
    readings = (state.accounts[account].reading for account in state.accounts_of_hedge[hedge.name])
    options = (option for reading in readings if reading is not None for option in reading.options)
    return any(option.underlying == hedge.underlying and option.quantity for option in options)


# --- what it does -----------------------------------------------------------------------------------------------------


def _told(old: Policy, new: Policy, state: State) -> Iterator[tuple[str, bool]]:
    """What it does, hedge by hedge, and whether that needs a person's word."""
    names = changed_hedges(old, new)
    after = revised(state, PolicyChanged(digest="", hedges=names))
    for before, hedge in zip(old.hedges, new.hedges, strict=True):
        if hedge.name in names:
            yield from _reduces(hedge, after)
            yield from _at_once(_Pair(before, hedge, gather(state, before), gather(after, hedge)), state, after)


def _limits(old: Settings, new: Settings) -> Iterator[tuple[str, bool]]:
    """Guards that become so wide that they hardly guard any more."""
    before = dict(_guarding(old))
    for where, table in _guarding(new):
        known = dict(_numbers(before[where]))
        for key, will in _numbers(table):
            was = known.get(key)
            if was is not None and was != will and _much_looser(key, was, will):
                yield f"{where}.{key} becomes {plain(will)}; it is {plain(was)}", True


def _guarding(settings: Settings) -> Iterator[tuple[str, BaseModel]]:
    """The tables that guard; pegs come and go only by a start, like hedges."""
    for name, hedge in settings.hedges.items():
        yield f"{name}: guards", hedge.guards
    yield "breakers", settings.breakers
    yield "reconcile", settings.reconcile
    for coin, peg in settings.money.items():
        yield f"money.{coin}", peg


def _numbers(table: BaseModel) -> Iterator[tuple[str, Decimal]]:
    for name in type(table).model_fields:
        value = getattr(table, name)
        if isinstance(value, BaseModel):
            yield from ((f"{name}.{key}", number) for key, number in _numbers(value))
        elif isinstance(value, int | Decimal):
            yield name, Decimal(value)


def _much_looser(key: str, was: Decimal, will: Decimal) -> bool:
    """Whether what a guard keeps away from comes so many times as near. A margin ratio of 1 is liquidation."""
    if key.startswith(LOWER_IS_LOOSER):
        return was >= MUCH * will
    if key.startswith("margin_ratio."):
        return 1 - was >= MUCH * (1 - will)
    return will >= MUCH * was


def _reduces(hedge: Hedge, after: State) -> Iterator[tuple[str, bool]]:
    """Levels of margin by which positions would be taken off at once."""
    memory = after.hedges[hedge.name]
    if judge_margin(after, hedge, memory).severity is Severity.REDUCE and memory.severity is not Severity.REDUCE:
        yield f"{hedge.name}: margin is short by the new levels, and positions are taken off at once", True


class _Pair(NamedTuple):
    """A hedge before and after, with the facts on each; None while something of it was never seen."""

    old: Hedge
    new: Hedge
    was: Facts | None
    will: Facts | None


def _at_once(pair: _Pair, state: State, after: State) -> Iterator[tuple[str, bool]]:
    old, new, was, will = pair
    moved = [
        name for name in ("target", "band", "static_quantity", "carry") if getattr(old, name) != getattr(new, name)
    ]
    if was is None or will is None:
        if moved or old.guards.position != new.guards.position:
            yield f"{new.name}: its prices and accounts are not known yet, so nobody can say what this does", True
        return
    if will.flaw is not None and was.flaw is None:
        yield f"{new.name}: nothing could be traded at first: {will.flaw}", True
    yield from _widths(new, was, will)
    yield from _trade(pair, was, will, _due(state, old, was), _due(after, new, will))
    rolls = roll_of(state, old, was.instrument.id), roll_of(after, new, will.instrument.id)
    if rolls[1] is not None and rolls[1] != rolls[0]:
        yield f"{new.name}: what is held moves from {rolls[1].near} to {rolls[1].far}, {rolls[1].why}", True


def _widths(new: Hedge, was: Facts, will: Facts) -> Iterator[tuple[str, bool]]:
    """A band in another unit than was meant hedges nothing any more, or every tick."""
    before, after = ((facts.edges.upper, facts.edges.lower) for facts in (was, will))
    even = before[0] == before[1] and after[0] == after[1]
    for side, old, now in zip(("on each side" if even else "above", "below"), before, after, strict=True):
        if old != now and not (even and side == "below"):
            much = now >= MUCH * old or old >= MUCH * now
            yield f"{new.name}: the band becomes {_coins(now)} {new.underlying} {side}; it is {_coins(old)}", much


def _trade(pair: _Pair, was: Facts, will: Facts, due: Decimal, due_then: Decimal) -> Iterator[tuple[str, bool]]:
    """More than one order's worth, at once or of the wanted position, needs a word: of the limit that is in force."""
    new, most = pair.new, pair.old.guards.order_notional
    shift = was.deviation - will.deviation
    if shift:
        worth = abs(shift) * will.price
        way = "longer" if shift > 0 else "shorter"
        text = f"{new.name}: the wanted position becomes {_coins(abs(shift))} {new.underlying} {way}"
        yield f"{text}, which is worth {_money(worth)}", worth > most
    more = abs(due_then) - (abs(due) if due * due_then > 0 else ZERO)
    if due_then and more > 0:
        worth = more * will.price
        text = f"{new.name}: it {'buys' if due_then > 0 else 'sells'} {_coins(abs(due_then))} {new.underlying} at once"
        yield f"{text}, worth {_money(abs(due_then) * will.price)}", worth > most


def _due(state: State, hedge: Hedge, facts: Facts) -> Decimal:
    """What would be traded now in coins, + is bought: what the band asks for, within the position limit."""
    low, high = facts.exposure.low - facts.target, facts.exposure.high - facts.target
    coins = rebalance(facts.edges, low, high)
    if not coins:
        return ZERO
    side = Side.BUY if coins > 0 else Side.SELL
    room = max(ZERO, room_for(state, hedge, facts.instrument, side) * abs(facts.per_unit))
    return side.sign * min(abs(coins), room)


def _coins(value: Decimal) -> str:
    return plain(round(value, 8))


def _money(value: Decimal) -> str:
    return f"{value:,.0f}"
