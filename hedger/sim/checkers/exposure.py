"""I1, I8, I15: no combination of fills carries a book past its target, what must reduce reduces, margin comes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Decision, Mode, Reason, State
from hedger.model.identity import parse_order_id
from hedger.model.message import PlaceOrder
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.targets import Held, wanted
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Accepted, Died, Happening, Sent, Started, Stepped, Struck

READ_LAG_MS = 35_000  # a venue may answer with what it knew so long ago, and a person may trade meanwhile
MARK_MS = 30_000  # the mark by which an order was sized may be so old
STRANGERS = frozenset({"A03", "O05"})  # whoever trades an account that nobody sees may make any position there


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What was known when an order was decided: from when on each account's reading may be, in true time, and which
    accounts were out of sight. The hedge was `flattened` by a person then, and the order `flattens` it."""

    order: PlaceOrder
    hedge: Hedge
    decision: Decision
    since: dict[str, int]
    unseen: tuple[str, ...]
    at: int
    reduces_margin: bool
    flattens: bool
    flattened: bool


class ExposureChecker:
    """Judges each order when it is decided, when it leaves and when the exchange takes it."""

    hears: tuple[type, ...] = (Stepped, Sent, Accepted, Started, Died, Struck)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._decided: dict[str, Decided] = {}
        self._alive: set[int] = set()
        self._overlapped = False
        self._strangers_at = 0

    def look(self, happening: Happening) -> Iterator[Finding]:
        """I1 and I8 at each accepted order, I15 at each that leaves."""
        match happening:
            case Stepped():
                if happening.result.commands:
                    self._remember(happening)
            case Sent():
                if isinstance(happening.order, PlaceOrder):
                    yield from self._margin_floor(happening.at, happening.order)
            case Accepted():
                yield from self._accepted(happening)
            case Started():
                self._alive.add(happening.epoch)
                self._overlapped = self._overlapped or len(self._alive) > 1
            case Died():
                self._alive.discard(happening.epoch)
            case Struck():
                if happening.code in STRANGERS:
                    self._strangers_at = happening.at
            case _:
                pass

    def _remember(self, happening: Stepped) -> None:
        state, at = happening.result.state, self._witness.now
        for command in happening.result.commands:
            hedge = self._witness.hedge_of(command.id) if isinstance(command, PlaceOrder) else None
            if isinstance(command, PlaceOrder) and hedge is not None:
                # A reading's age by the daemon's own clock is its age in true time, whatever that clock says.
                since = {
                    name: at - (state.now - state.accounts[name].believed_at) - READ_LAG_MS
                    for name in self._witness.accounts_of(hedge)
                }
                decision = next(d for d in happening.result.decisions if d.decision_id == command.decision_id)
                reserved = state.orders.get(command.client_order_id)
                self._decided[command.client_order_id] = Decided(
                    order=command,
                    hedge=hedge,
                    decision=decision,
                    since=since,
                    unseen=_unseen(state, hedge, command.id.account),
                    at=at,
                    reduces_margin=reserved is not None and reserved.margin_reduction,
                    flattens=reserved is not None and reserved.flatten,
                    flattened=hedge.name in state.flattening,
                )
        self._forget(at)

    def _forget(self, at: int) -> None:
        if len(self._decided) > 500:
            live = {order.client_order_id for _, order in self._witness.live()}
            kept = {k: d for k, d in self._decided.items() if k in live or d.at > at - 3_600_000}
            self._decided = kept

    # --- I1 and I8 ------------------------------------------------------------------------------------------------

    def _accepted(self, happening: Accepted) -> Iterator[Finding]:
        order = happening.order
        decided = self._decided.get(order.client_order_id)
        if decided is None or self._overlapped:
            return
        pending = [(order.id, order.quantity * order.side.sign)]
        for id, live in self._witness.live():
            same = live.client_order_id != order.client_order_id and live.side is order.side
            if same and self._witness.hedge_of(id) is decided.hedge:
                pending.append((id, (live.quantity - live.filled) * live.side.sign))
                other = self._decided.get(live.client_order_id)
                decided = replace(other, order=order) if other is not None and other.at > decided.at else decided
        if decided.flattened and not (order.reduce_only and decided.flattens):
            text = f"{order.client_order_id} was taken after {decided.hedge.name} was flattened, and may do more"
            yield Finding(invariant="I8", at=happening.at, sentence=text)
        if decided.reduces_margin or decided.flattened or decided.decision.mode is Mode.REDUCE_ONLY:
            units = sum((units for id, units in pending if id == order.id), ZERO)
            yield from self._reduces(happening.at, order, units, decided)
        if not decided.reduces_margin and not decided.flattened:
            since = decided.at - MARK_MS
            coins = sum((self._witness.coins_at_least(id, units, since) for id, units in pending), ZERO)
            yield from self._within_target(happening.at, order, coins, decided)

    def _within_target(self, at: int, order: PlaceOrder, total: Decimal, decided: Decided) -> Iterator[Finding]:
        """If everything of ours on this side fills, the book ends past its target by one lot at most; a slice of a
        roll, which another follows, may end anywhere in the band."""
        hedge, sign = decided.hedge, order.side.sign
        own, slack = self._witness.own_of(hedge), self._witness.options(hedge)[2]
        traded = self._strangers_at > min(decided.since.values())
        unseen = () if traded else decided.unseen
        past = min(
            (held + own + total - target) * sign
            for held in self._witness.elsewhere(hedge, decided.since, decided.at, unseen)
            for target in self._targets(hedge, held, decided)
        )
        lot, decision = self._witness.coins(order.id, self._witness.listing(order.id).lot_size), decided.decision
        band = decision.upper if order.side is Side.BUY else decision.lower
        most = lot + band if decision.reason is Reason.ROLL and band is not None else lot
        if past > most + slack:
            text = f"{order.client_order_id} was taken: if all of ours fill, {hedge.name} ends {past} past its target"
            yield Finding(invariant="I1", at=at, sentence=text)

    def _targets(self, hedge: Hedge, held: Decimal, decided: Decided) -> list[Decimal]:
        """Where the owner wanted the delta when it was decided: from the coins and the price of the decision, and the
        true delta of the options, at its least and at its most since the reading."""
        decision = decided.decision
        price = decision.mark.index_price if decision.mark is not None else ONE
        holding = decision.exposure.holding if decision.exposure is not None else held
        profit = decision.exposure.profit if decision.exposure is not None else ZERO
        premium = self._witness.options(hedge)[1]
        options = dict.fromkeys(self._witness.options_since(hedge, decided.since))
        return [wanted(hedge, Held(holding, delta, premium, profit), price, decision.at) for delta in options]

    def _reduces(self, at: int, order: PlaceOrder, total: Decimal, decided: Decided) -> Iterator[Finding]:
        """The most that this side's orders do is to close the position."""
        position = self._witness.position(order.id)
        if position * total > 0 or abs(total) > abs(position):
            identity = parse_order_id(order.client_order_id)
            epoch = identity.epoch if identity else 0
            text = f"{order.client_order_id} (epoch {epoch}) must only reduce {position}, and orders of {total} work"
            if not order.reduce_only:
                yield Finding(invariant="I8", at=at, sentence=text)

    # --- I15 ------------------------------------------------------------------------------------------------------

    def _margin_floor(self, at: int, order: PlaceOrder) -> Iterator[Finding]:
        """Nothing that adds risk leaves while the margin was short all the time in which it could be read."""
        hedge = self._witness.hedge_of(order.id)
        if hedge is None or not adds_risk(self._witness.position(order.id), order):
            return
        since = at - hedge.guards.account_age - READ_LAG_MS
        least = min(self._witness.ratios(order.id, since))
        if least >= hedge.guards.margin_ratio.stop:
            text = f"{order.client_order_id} adds risk at a margin ratio of {least:.3f}"
            yield Finding(invariant="I15", at=at, sentence=text)


def _unseen(state: State, hedge: Hedge, own: str) -> tuple[str, ...]:
    """The accounts besides the traded one that had not been read for longer than they may: whatever their venue took
    from them since, the order has to be right."""
    others = {id.account for id in hedge.instruments} - {own}
    limit = hedge.guards.account_age
    return tuple(sorted(name for name in others if state.now - state.accounts[name].believed_at > limit))


def adds_risk(position: Decimal, order: PlaceOrder) -> bool:
    """Whether a fill could do anything but make the position smaller."""
    return position * order.side.sign >= 0 or order.quantity > abs(position)
