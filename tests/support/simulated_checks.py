"""What must hold at every order that leaves, judged by the exchange's truth and not by the daemon's bookkeeping."""

from __future__ import annotations

from hedger.engine.held.exposure import coins_of
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, Mode, State
from hedger.engine.step import Result
from hedger.model.identity import parse_order_id
from hedger.model.message import PlaceOrder, Stamped
from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.runtime.journal import Journal
from hedger.sim.nouns import Wallet
from hedger.sim.translation import parse_symbol
from hedger.sim.world import World


class Checks:
    """Looks at each step of a run; an order that breaks a rule fails the test there and then.

    `on` is turned off by a script that lets the venue lie about positions, where over-hedging is what it asks for.
    """

    def __init__(self, world: World, journal: Journal, policy: Policy, user: str) -> None:
        self.on = True
        self.orders = 0
        self._world, self._journal, self._policy, self._user = world, journal, policy, user
        self._ids: set[str] = set()

    def look(self, before: State, stamped: Stamped, result: Result) -> None:
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self.orders += 1
                decision = next(d for d in result.decisions if d.decision_id == command.decision_id)
                self._check_form(before, result.state, command)
                if self.on:
                    self._check_single(before, command)
                    self._check_no_overshoot(result.state, command, decision)

    def sent(self, command: PlaceOrder) -> None:
        """The order is about to leave: its row was committed before."""
        assert list(self._journal.rows("order", command.client_order_id)), "on disk before it is sent"

    def _check_form(self, before: State, after: State, command: PlaceOrder) -> None:
        identity = parse_order_id(command.client_order_id)
        assert identity is not None
        assert identity.epoch == after.epoch
        assert command.client_order_id not in self._ids, "an id is used once"
        self._ids.add(command.client_order_id)
        assert after.mode in (Mode.HEDGING, Mode.REDUCE_ONLY), f"a create in mode {after.mode}"
        instrument = after.instruments[command.id]
        assert command.quantity > 0
        assert command.quantity % instrument.lot_size == 0
        assert command.price % instrument.tick_size == 0
        assert after.orders[command.client_order_id].status is OrderStatus.SENT, "reserved before it is sent"

    def _check_single(self, before: State, command: PlaceOrder) -> None:
        """Nothing of ours may still fill but what we know to be lost."""
        unknown = {o.client_order_id for o in before.orders.values() if o.status is OrderStatus.UNKNOWN}
        working = self._own(command) - unknown
        assert not working, f"{command.client_order_id} leaves while {working} works"

    def _own(self, command: PlaceOrder) -> set[str]:
        symbol = command.id.symbol.split(":")[0].replace("/", "")
        orders = self._world.exchange.open_orders(self._user, Wallet.LINEAR, symbol)
        mine = {o.client_order_id for o in orders}
        return {name for name in mine if (i := parse_order_id(name)) is not None and i.bot == self._policy.bot}

    def _check_no_overshoot(self, after: State, command: PlaceOrder, decision: Decision) -> None:
        """No subset of what may still fill carries the true position past the target by more than one lot; a slice of a
        roll stays in the band.

        The holding is what the daemon believed (a deposit may be in flight), the position is the exchange's.
        """
        if after.orders[command.client_order_id].margin_reduction:
            return
        if after.orders[command.client_order_id].flatten:
            self._check_flattens(command)
            return
        assert decision.exposure is not None
        assert decision.target is not None
        truth = self._world.exchange.truth(self._user)
        hedge = next(hedge for hedge in self._policy.hedges if hedge.name == decision.hedge)
        ids = {parse_symbol(id.symbol)[1]: id for id in hedge.instruments}
        pending = coins_of(after, after.instruments[command.id], command.side.sign * command.quantity)
        for order in truth.open_orders:
            identity = parse_order_id(order.client_order_id)
            ours = identity is not None and identity.bot == self._policy.bot and order.side is command.side
            if ours and order.symbol in ids and order.client_order_id != command.client_order_id:
                left = order.side.sign * (order.quantity - order.filled)
                pending += coins_of(after, after.instruments[ids[order.symbol]], left)
        there = ((name, after.instruments[id]) for name, id in ids.items() if id in after.instruments)
        known = ((rules, truth.positions.get(name, ZERO)) for name, rules in there)
        held = sum((coins_of(after, rules, quantity) for rules, quantity in known), ZERO)
        end = decision.exposure.holding + held + pending - decision.target
        lot = coins_of(after, after.instruments[command.id], after.instruments[command.id].lot_size)
        if after.orders[command.client_order_id].roll:
            assert decision.upper is not None
            assert decision.lower is not None
            lot += decision.upper if command.side is Side.BUY else decision.lower
        past = end * command.side.sign
        assert past <= lot, f"{command} could end {past} past its target {decision.target}"

    def _check_flattens(self, command: PlaceOrder) -> None:
        """With everything of ours on its side that the venue has, an order that flattens closes the true position at
        most."""
        truth = self._world.exchange.truth(self._user)
        symbol = parse_symbol(command.id.symbol)[1]
        position = truth.positions.get(symbol, ZERO)
        ours = (o for o in truth.open_orders if o.symbol == symbol and o.side is command.side)
        resting = sum((o.quantity - o.filled for o in ours if o.client_order_id != command.client_order_id), ZERO)
        assert command.reduce_only
        assert position * command.side.sign < 0, f"{command} adds to {position}"
        assert command.quantity + resting <= abs(position), f"{command} beside {resting} turns {position} round"
