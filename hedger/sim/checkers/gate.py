"""I9, I10, I16, I23: at the wire, every limit is computed once more, from the policy and the exchange's truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Mode, State
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.message import CancelOrder, PlaceOrder, VenueQuieted
from hedger.model.numeric import BPS, ZERO, is_multiple
from hedger.model.spans import DAY_MS, MINUTE_MS
from hedger.sim.checkers.exposure import adds_risk
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.inputs import LATE_MS
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Happening, Sent, Started, Stepped, Struck
from hedger.sim.nouns import Listing

BOUNDARY_MS = 2_000  # an order leaves a little after its decision, an event waits a little: spans end so much earlier
LEARNED_MS = 600_000  # how long after a change of its rules an instrument may still be traded by the old ones
MAY_CREATE = frozenset({Mode.HEDGING, Mode.REDUCE_ONLY})


class GateChecker:
    """Stands at the wire: what may leave, when, and how much of it."""

    hears: tuple[type, ...] = (Stepped, Sent, Started, Struck)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._state: dict[int, State] = {}
        self._sent: dict[str, deque[int]] = {}
        self._today: dict[str, tuple[int, int]] = {}
        self._struck: dict[str, int] = {}
        traded = (id for hedge in witness.policy.hedges for id in hedge.instruments)
        self._rules: dict[InstrumentId, Listing] = {id: witness.listing(id) for id in traded}
        self._changed_at: dict[InstrumentId, int] = {}
        self._before: dict[InstrumentId, Listing] = {}
        self._quiet: dict[str, tuple[int, int]] = {}  # by account: (no create until, no cancel until), true time

    def look(self, happening: Happening) -> Iterator[Finding]:
        """What one happening shows to be wrong."""
        match happening:
            case Stepped():
                self._state[happening.result.state.epoch] = happening.result.state
                event = happening.stamped.event
                if isinstance(event, VenueQuieted):
                    ahead = happening.result.state.now - happening.at
                    until = event.until_at - ahead
                    self._quiet[event.account] = (until, until if event.banned else 0)
            case Sent():
                yield from self._left(happening)
            case Started():
                self._state.pop(happening.epoch - 2, None)
            case Struck():
                self._struck[happening.code] = happening.at
            case _:
                pass

    def _left(self, happening: Sent) -> Iterator[Finding]:
        at, order = happening.at, happening.order
        no_create_until, no_cancel_until = self._quiet.get(happening.account, (0, 0))
        if isinstance(order, PlaceOrder):
            if at < no_create_until - BOUNDARY_MS:
                yield _finding("I16", at, order, f"left {no_create_until - at} ms before the end of a quiet")
            yield from self._allowed(at, order)
            yield from self._on_grid(at, order)
            hedge = self._witness.hedge_of(order.id)
            if hedge is None:
                yield _finding("I10", at, order, f"is on {order.id}, which no hedge trades")
            else:
                yield from self._within(at, order, hedge)
        elif isinstance(order, CancelOrder) and at < no_cancel_until - BOUNDARY_MS:
            yield _finding("I16", at, order, f"left {no_cancel_until - at} ms before the end of a ban")

    # --- I9 -------------------------------------------------------------------------------------------------------

    def _allowed(self, at: int, order: PlaceOrder) -> Iterator[Finding]:
        identity = parse_order_id(order.client_order_id)
        state = self._state.get(identity.epoch) if identity is not None else None
        if state is None or not self._witness.policy.sends:
            yield _finding("I9", at, order, "left without a process that may send")
            return
        if state.mode not in MAY_CREATE:
            yield _finding("I9", at, order, f"left in mode {state.mode.value}")
        if state.journal_fault is not None:
            yield _finding("I9", at, order, "left while the journal could not be written")
        known = state.orders.get(order.client_order_id)
        saves = order.reduce_only and known is not None and known.margin_reduction
        if order.id.account in self._witness.policy.switch_ms and not saves:  # its orphan could only reduce
            ends_at = self._witness.switch_ends_at(order.id)
            span = self._witness.policy.switch_ms[order.id.account]
            fired_early = at - self._struck.get("V29", at - span) < span  # which nobody can see who rests nothing
            if (ends_at is None or ends_at <= at) and not fired_early:
                yield _finding("I9", at, order, "left while the exchange would not cancel it if we fell silent")

    # --- I10 ------------------------------------------------------------------------------------------------------

    def _within(self, at: int, order: PlaceOrder, hedge: Hedge) -> Iterator[Finding]:
        yield from self._near_the_mark(at, order, hedge)
        recent, today = self._count(at, hedge)
        position = self._witness.position(order.id)
        if not adds_risk(position, order):
            return
        guards, listing = hedge.guards, self._witness.listing(order.id)
        limits: tuple[tuple[str, Decimal | int, Decimal | int], ...] = (
            ("quantity", order.quantity, listing.max_quantity),
            ("notional", listing.in_quote(order.quantity, order.price), guards.order_notional),
            ("creates in a minute", recent, guards.orders_per_minute),
            ("creates today", today, guards.orders_per_day),
        )
        for name, value, limit in limits:
            if value > limit:
                yield _finding("I10", at, order, f"has a {name} of {value}, the limit is {limit}")
        held = {id: self._witness.position(id) for id in hedge.instruments}
        held[order.id] += order.side.sign * order.quantity
        since = at - guards.mark_age - LATE_MS - BOUNDARY_MS
        after = sum((abs(self._witness.open_at_least(id, units, since, at)) for id, units in held.items()), ZERO)
        if after > guards.position and abs(held[order.id]) > abs(position):
            yield _finding("I10", at, order, f"would make a position of {after}, the limit is {guards.position}")

    def _near_the_mark(self, at: int, order: PlaceOrder, hedge: Hedge) -> Iterator[Finding]:
        """Within the collar of some true mark of the last seconds: the one it was decided on was among them."""
        since = at - hedge.guards.mark_age - LATE_MS - BOUNDARY_MS
        marks = self._witness.marks(order.id, since)
        off = min((abs(order.price - mark) / mark * BPS for mark in marks), default=ZERO)
        if off > hedge.guards.mark_collar:
            yield _finding(
                "I10", at, order, f"is {off:.1f} bp from the true mark, the collar is {hedge.guards.mark_collar}"
            )

    def _count(self, at: int, hedge: Hedge) -> tuple[int, int]:
        sent = self._sent.setdefault(hedge.name, deque())
        sent.append(at)
        while sent[0] <= at - MINUTE_MS + BOUNDARY_MS:
            sent.popleft()
        day, count = self._today.get(hedge.name, (0, 0))
        count = count + 1 if day == at // DAY_MS else 1
        self._today[hedge.name] = at // DAY_MS, count
        return len(sent), count

    # --- I23 ------------------------------------------------------------------------------------------------------

    def _on_grid(self, at: int, order: PlaceOrder) -> Iterator[Finding]:
        """On the exchange's grid; on the one before it, until a refusal or the schedule had us read the rules anew."""
        rules = self._witness.listing(order.id)
        known = self._rules[order.id]
        if known is not rules:
            self._before[order.id], self._rules[order.id], self._changed_at[order.id] = known, rules, at
        lately = at - self._changed_at.get(order.id, at - LEARNED_MS) < LEARNED_MS
        if lately and not list(_off_grid(order, self._before[order.id])):
            return
        for text in _off_grid(order, rules):
            yield _finding("I23", at, order, text)


def _off_grid(order: PlaceOrder, rules: Listing) -> Iterator[str]:
    for name, value, step in (
        ("quantity", order.quantity, rules.lot_size),
        ("price", order.price, rules.tick_size),
    ):
        if type(value) is not Decimal or value <= 0 or not is_multiple(value, step):
            yield f"has a {name} of {value!r}, the grid is {step}"


def _finding(invariant: str, at: int, order: PlaceOrder | CancelOrder, text: str) -> Finding:
    return Finding(invariant=invariant, at=at, sentence=f"{order.client_order_id} {text}")
