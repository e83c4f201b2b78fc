"""States with a dated contract beside a perpetual, or two dated ones: a coin, one account, prices that are fresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

from hedger.engine.guards.mode import with_mode
from hedger.engine.known.policy import Carry, Policy
from hedger.engine.known.state import Change, Decision, State, initial_state
from hedger.engine.step import step
from hedger.model.account import AccountReading
from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.market import Mark, Quote
from hedger.model.message import AccountRead, Command, Event, OrderAccepted, PlaceOrder, Stamped, TimePassed
from hedger.model.order import ReportStatus
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, fill_of, mark_at, position_at, quote_at, reading_of, report_of

DAY = 86_400_000
HALF_HOUR = 1_800_000


def dated(day: str = "260401") -> InstrumentId:
    return InstrumentId(ACCOUNT, f"BTC/USDT:USDT-{day}")


NEAR, FAR, PERP = dated("260401"), dated("260626"), perpetual()


def future(id: InstrumentId, days: float, **changes: Any) -> Instrument:
    """A dated contract that ends so many days after NOW, at an average of the last half hour."""
    end = NOW + int(days * DAY)
    made = instrument_of(kind=Kind.FUTURE, expiry_at=end, settlement_ms=HALF_HOUR)
    return replace(made, id=id, **changes)


def dated_policy(*ids: InstrumentId, guards: Any = None, execution: Any = None, **carry: Any) -> Policy:
    """One hedge of BTC with these instruments, in order of preference."""
    hedge = hedge_of(instruments=ids, guards=guards, execution=execution, carry=Carry(**carry))
    return policy_of(hedge)


def world(
    policy: Policy,
    instruments: Mapping[InstrumentId, Instrument],
    positions: Mapping[InstrumentId, str],
    *,
    spot: str = "1",
    prices: Mapping[InstrumentId, str] | None = None,
    now: int = NOW,
) -> State:
    """A reconciled state at `now` that holds these positions; a price is a mark over an index of 60,000."""
    marks = {id: price_of(id, (prices or {}).get(id, "60000"), now) for id in instruments}
    state = initial_state(policy, now=now, epoch=1)._replace(
        instruments=dict(instruments),
        quotes={id: (quote, now) for id, (quote, _) in marks.items()},
        marks={id: (mark, now) for id, (_, mark) in marks.items()},
        reconciled=True,
    )
    view = replace(
        state.accounts[ACCOUNT],
        reading=reading(instruments, positions, spot=spot, prices=prices, at=now),
        believed_at=now - 1,
        barrier_at=now - 1_000,
        clean_cycles=5,
        stream_up=True,
    )
    return with_mode(state._replace(accounts={ACCOUNT: view}), policy)


def reading(
    instruments: Mapping[InstrumentId, Instrument],
    positions: Mapping[InstrumentId, str],
    *,
    spot: str = "1",
    prices: Mapping[InstrumentId, str] | None = None,
    at: int = NOW,
) -> AccountReading:
    rows = tuple(
        position_at(
            positions.get(id, "0"),
            id=id,
            mark_price=D((prices or {}).get(id, "60000")),
            expiry_at=rules.expiry_at,
            index_price=D(60_000),
            payoff=rules.payoff,
            contract_multiplier=rules.contract_multiplier,
        )
        for id, rules in instruments.items()
    )
    return reading_of(spot, positions=rows, at=at)


def price_of(id: InstrumentId, price: str, at: int) -> tuple[Quote, Mark]:
    """A book around a price, and a mark of it over an index of 60,000; a perpetual pays 0.01 % every eight hours."""
    quote = replace(quote_at(price, str(D(price) + D("0.1")), at=at), id=id)
    mark = replace(mark_at(price, at=at), id=id, index_price=D(60_000))
    if id != PERP:
        mark = replace(mark, funding_rate=D(0), funding_interval_ms=0, next_funding_at=0)
    return quote, mark


class Desk:
    """A venue that fills every order whole at once, beside the pure step: what it holds is the truth."""

    def __init__(self, policy: Policy, state: State, positions: Mapping[InstrumentId, str], spot: str = "1") -> None:
        self.policy, self.state = policy, state
        self.held = {id: D(positions.get(id, "0")) for id in state.instruments}
        self.spot = D(spot)
        self.prices = {id: str(mark.mark_price) for id, (mark, _) in state.marks.items()}
        self.orders: list[PlaceOrder] = []
        self.decisions: list[Decision] = []
        self.deltas: list[D] = []
        self.changes: list[Change] = []
        self.asked: list[Command] = []
        self.gone: set[InstrumentId] = set()

    @property
    def delta(self) -> D:
        """Spot and positions by the venue's truth, each q·F/S."""
        return self.spot + sum((q * D(self.prices[id]) / 60_000 for id, q in self.held.items()), D(0))

    def run(self, times: int, *, every_ms: int = 5_000) -> None:
        """So many beats, with fresh prices and a reading at each, and every order filled before the next."""
        for _ in range(times):
            at = self.state.now + every_ms
            for id in self.state.instruments:
                if id not in self.gone:
                    quote, mark = price_of(id, self.prices[id], at)
                    self.tell(at, quote)
                    self.tell(at, mark)
            self.tell(at, AccountRead(requested_at=at, reading=self.read(at)))
            self.tell(at + 1, TimePassed())

    def read(self, at: int) -> AccountReading:
        listed = {id: rules for id, rules in self.state.instruments.items() if id not in self.gone}
        held = {id: str(quantity) for id, quantity in self.held.items()}
        return reading(listed, held, spot=str(self.spot), prices=self.prices, at=at)

    def tell(self, at: int, event: Event) -> None:
        result = step(self.state, Stamped(at, event), self.policy)
        self.state = result.state
        self.decisions += result.decisions
        self.changes += result.changes
        self.asked += result.commands
        for command in result.commands:
            if isinstance(command, PlaceOrder):
                self._fill(at, command)

    def _fill(self, at: int, command: PlaceOrder) -> None:
        self.orders.append(command)
        self.held[command.id] += command.side.sign * command.quantity
        self.deltas.append(self.delta)
        made = fill_of(self.state.orders[command.client_order_id], command.quantity, command.client_order_id, at=at)
        self.tell(at, OrderAccepted(client_order_id=command.client_order_id, venue_order_id="v1"))
        self.tell(at, made)
        self.tell(at, report_of(self.state.orders[command.client_order_id], ReportStatus.FILLED, command.quantity, at))
