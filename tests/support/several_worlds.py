"""States of one hedge on two accounts, with the coin in a vault of its own: prices are fresh, readings believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

from hedger.engine.guards.mode import with_mode
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Failover, Hedge, Policy, Shares
from hedger.engine.known.state import AccountView, State, initial_state
from hedger.engine.step import Result, step
from hedger.model.account import AccountReading, Margin
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.message import AccountRead, PlaceOrder, Stamped, TimePassed
from tests.support.engine_policies import hedge_of, instrument_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, mark_at, position_at, quote_at, reading_of

VAULT, ONE, TWO, THREE = "vault", "one", "two", "three"
AT_ONE, AT_TWO, AT_THREE = (perpetual(account=name) for name in (ONE, TWO, THREE))
BLIND_MS = 300_000
STANDS_IN = Failover(allowed=True, blind_ms=BLIND_MS)


def shared(*weights: str, hysteresis: str = "0.05") -> Shares:
    return Shares(weights=tuple(D(w) for w in weights), hysteresis=D(hysteresis))


def several(*ids: InstrumentId, failover: Failover = STANDS_IN, **changes: Any) -> Policy:
    """One hedge of BTC with these instruments (two without any), and its coin in the vault."""
    used = ids or (AT_ONE, AT_TWO)
    hedge = hedge_of(instruments=used, spot_accounts=(VAULT,), failover=failover, **changes)
    return policy_of(hedge, accounts=(VAULT, *dict.fromkeys(id.account for id in used)))


def reading_at(
    account: str, spot: str | D = "0", position: str | D = "0", *, at: int = NOW, **more: Any
) -> AccountReading:
    rows = () if account == VAULT else (position_at(position, id=perpetual(account=account)),)
    read = reading_of("0", at=at, account=account, positions=rows, **more)
    return replace(read, spot={"BTC": D(spot)}) if account == VAULT else read


def margin_of(ratio: str = "0.002", available: str = "9000000") -> Margin:
    equity = D(150_000)
    return Margin(equity=equity, maintenance_margin=equity * D(ratio), initial_margin=D(0), available=D(available))


def at_hand(
    policy: Policy,
    positions: Mapping[InstrumentId, str] | None = None,
    *,
    spot: str | D = "1",
    orders: Sequence[Order] = (),
    rules: Mapping[InstrumentId, Instrument] | None = None,
) -> State:
    """A reconciled state at NOW with these positions, and `orders` in it."""
    (hedge,) = policy.hedges
    held = positions or {}
    state = initial_state(policy, now=NOW, epoch=1)
    views = {name: _view(state.accounts[name], _read(name, hedge, held, spot)) for name in policy.accounts}
    state = state._replace(
        instruments={id: (rules or {}).get(id, instrument_of(id=id)) for id in hedge.instruments},
        quotes={id: (quote_at(id=id), NOW) for id in hedge.instruments},
        marks={id: (mark_at(id=id), NOW) for id in hedge.instruments},
        orders={order.client_order_id: order for order in orders},
        next_sequence=len(orders) + 1,
        accounts=views,
        reconciled=True,
    )
    return with_mode(state, policy)


def _read(name: str, hedge: Hedge, held: Mapping[InstrumentId, str], spot: str | D) -> AccountReading:
    return reading_at(name, spot, next((held[id] for id in held if id.account == name), "0"))


def _view(view: AccountView, reading: AccountReading) -> AccountView:
    return replace(view, reading=reading, believed_at=NOW - 1, barrier_at=NOW - 1_000, clean_cycles=5, stream_up=True)


def unseen(state: State, account: str, *, for_ms: int = 60_000, prices: bool = False, **changes: Any) -> State:
    """The state in which an account was last read so long ago, and nothing but its `prices` was heard since."""
    view = state.accounts[account]
    assert view.reading is not None
    reading = replace(view.reading, exchange_at=NOW - for_ms)
    view = replace(view, reading=reading, believed_at=NOW - for_ms, barrier_at=NOW - for_ms + 1, **changes)
    ids = [] if prices else [id for id in state.quotes if id.account == account]
    old = NOW - for_ms
    quotes = {**state.quotes, **{id: (quote_at(id=id, at=old), old) for id in ids}}
    marks = {**state.marks, **{id: (mark_at(id=id, at=old), old) for id in ids}}
    return state._replace(accounts={**state.accounts, account: view}, quotes=quotes, marks=marks)


def beat(state: State, policy: Policy, at: int = NOW) -> Result:
    return step(state, Stamped(at, TimePassed()), policy)


def reads(state: State, policy: Policy, reading: AccountReading, at: int) -> Result:
    return step(state, Stamped(at, AccountRead(requested_at=at, reading=reading)), policy)


def sent(result: Result) -> PlaceOrder | None:
    """The create that a step came to, if any."""
    return next((command for command in result.commands if isinstance(command, PlaceOrder)), None)
