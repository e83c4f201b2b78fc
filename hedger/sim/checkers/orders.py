"""I2, I11, I12, I14: no order without a keeper, fills only grow, an end is an end, and a kill ends everything."""

from __future__ import annotations

from collections.abc import Iterator

from hedger.engine.known.orders import FINAL, Order
from hedger.engine.known.state import State
from hedger.model.message import Operation, OperatorAsked
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Accepted, Died, Happening, Started, Stepped, Struck

UNMANAGED_MS = 60_000
TRANSIT_MS = 5_000
SWITCH_SLACK_MS = 5_000
KILLED_MS = 5_000
AFTER_FAULTS_MS = 60_000
LOOK_EVERY_MS = 1_000


class OrdersChecker:
    """Compares what the newest process believes of its orders with what rests on the exchange."""

    hears: tuple[type, ...] = (Stepped, Accepted, Struck, Started, Died)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._struck_at = 0
        self._looked_at = 0
        self._unmanaged_since: dict[str, int] = {}
        self._ended: dict[str, int] = {}  # orders that were called final, and when, in true time
        self._died_at: int | None = None
        self._alive: set[int] = set()
        self._saving: set[str] = set()  # reduce-only margin reductions, which may leave without the switch
        self._killed_at: int | None = None
        self._told: set[tuple[str, str]] = set()

    def look(self, happening: Happening) -> Iterator[Finding]:
        """What one happening shows to be wrong."""
        match happening:
            case Stepped():
                yield from self._stepped(happening)
            case Accepted():
                name = happening.order.client_order_id
                if name in self._ended:
                    text = f"{name} was called final and was taken by the exchange afterwards"
                    yield Finding(invariant="I12", at=happening.at, sentence=text)
            case Struck():
                self._struck_at = happening.at
                yield from self.dead(happening.at)
            case Started():
                yield from self.dead(happening.at)
                self._alive.add(happening.epoch)
                self._died_at = self._killed_at = None
                self._unmanaged_since.clear()
            case Died():
                self._alive.discard(happening.epoch)
                if not self._alive and self._died_at is None:
                    self._died_at = happening.at
            case _:
                pass

    def dead(self, at: int) -> Iterator[Finding]:
        """After a death, nothing of ours outlives the switch on accounts that have one, but what may leave without it
        to save margin. Also called by the runner."""
        if self._died_at is None:
            return
        for id, order in self._witness.live():
            span = self._witness.policy.switch_ms.get(id.account)
            if span is None or order.client_order_id in self._saving:
                continue
            if at > self._died_at + span + SWITCH_SLACK_MS:
                text = f"{order.client_order_id} rests {at - self._died_at} ms after the process died"
                yield from self._once("I2", order.client_order_id, at, text)

    def _stepped(self, happening: Stepped) -> Iterator[Finding]:
        before, after = happening.before, happening.result.state
        event = happening.stamped.event
        if isinstance(event, OperatorAsked) and event.operation is Operation.HALT and self._killed_at is None:
            self._killed_at = happening.at
        if after.halted is None:
            self._killed_at = None
        if before.orders is not after.orders:
            for name, order in after.orders.items():
                old = before.orders.get(name)
                if old is None and order.margin_reduction and order.reduce_only:
                    self._saving.add(name)
                if old is not order:
                    yield from self._changed(happening.at, old, order)
        if happening.at - self._looked_at >= LOOK_EVERY_MS:
            self._looked_at = happening.at
            yield from self._compare(happening.at, after)

    # --- one order ------------------------------------------------------------------------------------------------

    def _changed(self, at: int, old: Order | None, order: Order) -> Iterator[Finding]:
        name = order.client_order_id
        if order.status in FINAL:
            self._ended.setdefault(name, at)
        else:
            self._ended.pop(name, None)
        if not 0 <= order.filled <= order.quantity:
            text = f"{name} has filled {order.filled} of {order.quantity}"
            yield Finding(invariant="I11", at=at, sentence=text)
        if old is not None and order.filled < old.filled:
            text = f"{name} had filled {old.filled}, and now {order.filled}"
            yield Finding(invariant="I11", at=at, sentence=text)

    # --- all of them ----------------------------------------------------------------------------------------------

    def _compare(self, at: int, state: State) -> Iterator[Finding]:
        live = {order.client_order_id for _, order in self._witness.live()}
        for name in live:
            ended_at = self._ended.get(name)
            if ended_at is not None and at > ended_at + TRANSIT_MS:
                text = f"{name} was called final {at - ended_at} ms ago and rests on the exchange"
                yield from self._once("I12", name, at, text)
        yield from self._managed(at, state, live)
        yield from self._killed(at, live)
        if len(self._ended) > 2_000:
            self._ended = {name: when for name, when in self._ended.items() if when > at - 8 * 3_600_000}

    def _managed(self, at: int, state: State, live: set[str]) -> Iterator[Finding]:
        quiet_since = self._struck_at
        for name in live:
            order = state.orders.get(name)
            if order is not None and order.live:
                self._unmanaged_since.pop(name, None)
                continue
            since = max(self._unmanaged_since.setdefault(name, at), quiet_since)
            if at - since > UNMANAGED_MS:
                text = f"{name} rests on the exchange and nobody has managed it for {at - since} ms"
                yield from self._once("I2", name, at, text)
        for name in [name for name in self._unmanaged_since if name not in live]:
            del self._unmanaged_since[name]

    def _killed(self, at: int, live: set[str]) -> Iterator[Finding]:
        if self._killed_at is None or not live:
            return
        faulty = self._struck_at > self._killed_at - AFTER_FAULTS_MS
        due_at = self._struck_at + AFTER_FAULTS_MS + KILLED_MS if faulty else self._killed_at + KILLED_MS
        if at > max(due_at, self._killed_at + KILLED_MS):
            text = f"{sorted(live)} rest {at - self._killed_at} ms after the kill"
            yield from self._once("I14", min(live), at, text)

    def _once(self, invariant: str, name: str, at: int, text: str) -> Iterator[Finding]:
        if (invariant, name) not in self._told:
            self._told.add((invariant, name))
            yield Finding(invariant=invariant, at=at, sentence=text)
