"""What the exchange itself saw while processes died and came back: the judge of them, which reads no journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hedger.engine.known.policy import Policy
from hedger.model.identity import parse_order_id
from hedger.sim.nouns import BalanceNews, News, OrderNews, OrderState, SimOrder, Wallet
from hedger.sim.world import World

SEEN_MS = 15_000  # a holding that was true within this time may have been decided on


@dataclass(slots=True, kw_only=True)
class Witness:
    """Hears the exchange's news from the first to the last life. `faults` is what must not have happened.

    `flips` is off where a script asks for an order that gives up protection, as a margin reduction does.
    """

    world: World
    policy: Policy
    user: str
    flips: bool = True
    faults: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    _holdings: list[tuple[int, dict[str, Decimal]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._note_holding()
        self.world.exchange.subscribe(self._hear)

    def _hear(self, news: News) -> None:
        if isinstance(news, BalanceNews) and news.user == self.user:
            self._note_holding()
        elif isinstance(news, OrderNews) and news.order.user == self.user:
            self._see(news)

    def _note_holding(self) -> None:
        spot = dict(self.world.exchange.truth(self.user).spot)
        self._holdings.append((self.world.exchange.now, spot))

    def _see(self, news: OrderNews) -> None:
        order = news.order
        if not self.is_ours(order):
            return
        if news.trade is not None and not news.trade.maker:
            self.faults.append(f"{order.client_order_id} took")
        if news.trade is None and order.state is OrderState.NEW:
            self._judge_accept(order)

    def is_ours(self, order: SimOrder) -> bool:
        """Whether an order carries our tag."""
        identity = parse_order_id(order.client_order_id)
        return order.wallet is Wallet.LINEAR and identity is not None and identity.bot == self.policy.bot

    def _judge_accept(self, order: SimOrder) -> None:
        name = order.client_order_id
        if name in self.accepted:
            self.faults.append(f"{name} was accepted twice")
        epochs = [_epoch(earlier) for earlier in self.accepted]
        if epochs and _epoch(name) < epochs[-1]:
            self.faults.append(f"{name} was accepted after {self.accepted[-1]} of a later start")
        self.accepted.append(name)
        if self.flips:
            self._judge_flip(order)

    def _judge_flip(self, order: SimOrder) -> None:
        """No set of fills may carry the book past its target by more than a lot, whichever holding of the last
        seconds was decided on."""
        truth = self.world.exchange.truth(self.user)
        coin = order.symbol.removesuffix("USDT")
        lot = self.world.exchange.listings[Wallet.LINEAR, order.symbol].lot_size
        static = sum((h.static_quantity for h in self.policy.hedges if h.underlying == coin), Decimal(0))
        same = [o for o in truth.open_orders if self.is_ours(o) and (o.symbol, o.side) == (order.symbol, order.side)]
        pending = {o.client_order_id: o.quantity - o.filled for o in [order, *same]}
        end = static + truth.positions[order.symbol] + order.side.sign * sum(pending.values(), Decimal(0))
        past = [(end + held.get(coin, Decimal(0))) * order.side.sign for held in self._recent()]
        if min(past) > lot:
            self.faults.append(f"{order.client_order_id} could carry {coin} {min(past)} past its target: {pending}")

    def _recent(self) -> list[dict[str, Decimal]]:
        """Every holding that was true at some time within the last seconds."""
        since = self.world.exchange.now - SEEN_MS
        before = [held for at, held in self._holdings if at <= since][-1:]
        return before + [held for at, held in self._holdings if at > since]


def _epoch(client_order_id: str) -> int:
    identity = parse_order_id(client_order_id)
    assert identity is not None
    return identity.epoch
