"""One run in one order: every happening numbered, digested, and heard by the checkers at once; only the end is kept."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from hashlib import blake2b
from typing import TextIO, assert_never

from hedger.engine.known.orders import Order
from hedger.engine.known.state import Decision
from hedger.model.account import AccountReading
from hedger.model.message import AccountRead, CancelOrder, Command, FillsRead, FundingRead, PlaceOrder
from hedger.model.numeric import plain
from hedger.sim.happenings import Accepted, Committed, Died, Happening, Sent, Started, Stepped, Struck

KEPT = 80


class Trace:
    """Tells each happening to its listeners in the order in which it happened, and folds it into one digest.

    The digest is over plain words: two runs with the same digest did the same, to the last digit. Memory is bounded:
    of the happenings themselves only the last `kept` are held, for the story of a violation.
    """

    def __init__(self, *, kept: int = KEPT, file: TextIO | None = None) -> None:
        self.listeners: list[Callable[[Happening], None]] = []
        self.counts: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self._last: deque[tuple[int, Happening]] = deque(maxlen=kept)
        self._digest = blake2b(digest_size=16)
        self._told = 0
        self._file = file

    def tell(self, happening: Happening) -> None:
        """Something happened."""
        self._told += 1
        self._last.append((self._told, happening))
        line = words(happening)
        self._digest.update(line.encode())
        if self._file is not None:
            self._file.write(f"{self._told} {line}\n")
        self._count(happening)
        for listener in self.listeners:
            listener(happening)

    @property
    def digest(self) -> str:
        """The digest of everything so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def told(self) -> int:
        """How many happenings there were."""
        return self._told

    def story(self, most: int = 25) -> list[str]:
        """The last happenings in words, market data left out."""
        lines = [f"{number} {words(h)}" for number, h in self._last if _worth_telling(h)]
        return lines[-most:]

    def _count(self, happening: Happening) -> None:
        match happening:
            case Struck():
                self.hits[happening.code] += 1
            case Sent():
                self.counts[f"sent {happening.what}"] += 1
            case _:
                self.counts[type(happening).__name__.lower()] += 1


def _worth_telling(happening: Happening) -> bool:
    return not isinstance(happening, Stepped) or bool(happening.result.commands or happening.result.decisions)


def words(happening: Happening) -> str:
    """A happening in plain words, the same in every process: no object's address, no order of a set."""
    match happening:
        case Stepped():
            return _stepped(happening)
        case Committed():
            return f"{happening.at} committed {' '.join(f'{kind}={key}' for kind, key in happening.rows)}"
        case Sent():
            order = "" if happening.order is None else _command(happening.order)
            return f"{happening.at} sent {happening.account} {happening.what} {order}"
        case Accepted():
            return f"{happening.at} accepted {happening.account} {_command(happening.order)}"
        case Struck():
            return f"{happening.at} struck {happening.account} {happening.code} {happening.detail}"
        case Started():
            return f"{happening.at} started epoch {happening.epoch}"
        case Died():
            how = "killed" if happening.killed else "by itself"
            return f"{happening.at} died epoch {happening.epoch} {how} {happening.text}"
        case _:
            assert_never(happening)


def _stepped(happening: Stepped) -> str:
    stamped, result = happening.stamped, happening.result
    state, event = result.state, stamped.event
    head = f"{happening.at} stepped e{state.epoch} {stamped.at} {state.mode.value} "
    commands = "".join(f" > {_command(command)}" for command in result.commands)
    decisions = "".join(f" | {_decision(decision)}" for decision in result.decisions)
    return f"{head}{_event(event)}{commands}{decisions}{_changed(happening)}"


def _event(event: object) -> str:
    match event:
        case AccountRead():
            return f"AccountRead {event.requested_at} {_reading(event.reading)}"
        case FillsRead():
            return f"FillsRead {event.id} {event.requested_at} {[fill.trade_id for fill in event.fills]}"
        case FundingRead():
            return f"FundingRead {event.account} {event.requested_at} {[p.payment_id for p in event.payments]}"
        case _:
            return repr(event)


def _reading(reading: AccountReading) -> str:
    spot = " ".join(f"{asset}={plain(q)}" for asset, q in sorted(reading.spot.items()) if q)
    held = " ".join(f"{p.id.symbol}={plain(p.quantity)}" for p in reading.positions)
    orders = " ".join(f"{o.client_order_id}:{plain(o.filled)}:{o.status.value}" for o in reading.open_orders)
    return f"{reading.account} {reading.exchange_at} [{spot}] [{held}] [{orders}] {reading.margin.equity}"


def _command(command: Command) -> str:
    match command:
        case PlaceOrder():
            tail = " reduce_only" if command.reduce_only else ""
            what = f"{command.side.value} {plain(command.quantity)} at {plain(command.price)}{tail}"
            return f"place {command.client_order_id} {command.id} {what}"
        case CancelOrder():
            return f"cancel {command.client_order_id} {command.id}"
        case _:
            return repr(command)


def _decision(decision: Decision) -> str:
    return f"{decision.hedge} {decision.action.value}/{decision.reason.value} {decision.detail}"


def _changed(happening: Stepped) -> str:
    before, after = happening.before.orders, happening.result.state.orders
    if before is after:
        return ""
    changed = (o for key, o in after.items() if before.get(key) is not o)
    return "".join(f" # {_order(order)}" for order in changed)


def _order(order: Order) -> str:
    return f"{order.client_order_id} {order.status.value} {plain(order.filled)}/{plain(order.quantity)}"
