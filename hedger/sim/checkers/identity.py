"""I3, I4, I22: written before it is sent, sent once, as it was decided, by the newest process only; strangers' orders
are left alone."""

from __future__ import annotations

from collections.abc import Iterator

from hedger.model.identity import parse_order_id
from hedger.model.message import AccountRead, CancelOrder, PlaceOrder
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Accepted, Committed, Died, Happening, Sent, Started, Stepped


class IdentityChecker:
    """Follows every client order id from its row on disk to the exchange's books."""

    hears: tuple[type, ...] = (Stepped, Committed, Sent, Accepted, Started, Died)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._written: set[str] = set()
        self._decided: dict[str, PlaceOrder] = {}
        self._sent: set[str] = set()
        self._taken: set[str] = set()
        self._epochs: dict[str, int] = {}  # by account, of the newest order that the exchange took
        self._alive: set[int] = set()
        self._superseded: set[int] = set()

    def look(self, happening: Happening) -> Iterator[Finding]:
        """What one happening shows to be wrong."""
        match happening:
            case Stepped():
                self._remember(happening)
            case Committed():
                self._written.update(key for kind, key in happening.rows if kind == "order")
            case Sent():
                yield from self._left(happening)
            case Accepted():
                yield from self._accepted(happening)
            case Started():
                self._alive.add(happening.epoch)
            case Died():
                self._alive.discard(happening.epoch)
            case _:
                pass

    def _remember(self, happening: Stepped) -> None:
        for command in happening.result.commands:
            if isinstance(command, PlaceOrder):
                self._decided[command.client_order_id] = command
        event = happening.stamped.event
        if isinstance(event, AccountRead):
            epoch = happening.before.epoch
            for report in event.reading.open_orders:
                identity = parse_order_id(report.client_order_id or "")
                if identity is not None and identity.bot == self._witness.policy.bot and identity.epoch > epoch:
                    self._superseded.add(epoch)

    # --- what leaves ----------------------------------------------------------------------------------------------

    def _left(self, happening: Sent) -> Iterator[Finding]:
        order = happening.order
        if isinstance(order, CancelOrder) and not self._witness.is_ours(order.client_order_id):
            text = f"a cancel of {order.client_order_id} left, which is not ours"
            yield Finding(invariant="A03", at=happening.at, sentence=text)
        if isinstance(order, PlaceOrder):
            name = order.client_order_id
            if name in self._sent:
                yield Finding(invariant="I4", at=happening.at, sentence=f"{name} was sent a second time")
            if name not in self._written:
                text = f"{name} was sent before its row was committed"
                yield Finding(invariant="I3", at=happening.at, sentence=text)
            if self._decided.pop(name, None) != order:
                text = f"{name} was sent otherwise than it was decided, or never decided"
                yield Finding(invariant="I4", at=happening.at, sentence=text)
            self._sent.add(name)
            yield from self._superseded_sends(happening.at, name)

    def _superseded_sends(self, at: int, name: str) -> Iterator[Finding]:
        identity = parse_order_id(name)
        if identity is not None and identity.epoch in self._superseded:
            text = f"{name} was sent by a start that has seen an order of a newer one"
            yield Finding(invariant="I22", at=at, sentence=text)

    # --- what is taken --------------------------------------------------------------------------------------------

    def _accepted(self, happening: Accepted) -> Iterator[Finding]:
        name = happening.order.client_order_id
        if name in self._taken:
            yield Finding(invariant="I4", at=happening.at, sentence=f"the exchange took {name} a second time")
        if name not in self._written:
            text = f"the exchange took {name}, whose intent was never written down"
            yield Finding(invariant="I2", at=happening.at, sentence=text)
        self._taken.add(name)
        identity = parse_order_id(name)
        if identity is None:
            return
        newest = self._epochs.get(happening.account, 0)
        if identity.epoch < newest and identity.epoch not in self._alive:
            text = f"{name} of a start that has ended was taken after orders of epoch {newest}"
            yield Finding(invariant="I22", at=happening.at, sentence=text)
        self._epochs[happening.account] = max(newest, identity.epoch)
