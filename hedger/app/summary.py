"""What a paper run came to, judged against the exchange's own truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from hedger.engine.band import widths
from hedger.engine.orders import Order
from hedger.engine.policy import Hedge, Policy
from hedger.engine.state import State
from hedger.engine.target import target_delta
from hedger.model.account import FundingPayment
from hedger.model.numeric import ZERO
from hedger.model.order import Fill
from hedger.runtime.journal import Journal
from hedger.sim.nouns import Truth, Wallet

_FILL, _FUNDING, _ORDER = TypeAdapter(Fill), TypeAdapter(FundingPayment), TypeAdapter(Order)


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSummary:
    """One hedge at the end, by the exchange's truth: deltas and band in coins; costs in quote, + is income."""

    hedged: bool
    net_delta: Decimal
    target: Decimal
    band: tuple[Decimal, Decimal]
    max_abs_delta: Decimal
    seconds_outside_band: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole run. `fees_usd` is what was paid (+), `funding_usd` what was received (+) or paid (−).

    Of several hedges, `net_delta`, `band` and `max_abs_delta` are those of the one nearest to its band's edge.
    `truth_matches` is true when `differences` is empty.
    """

    hedged: bool
    net_delta: Decimal
    band: tuple[Decimal, Decimal]
    fills: int
    maker_fills: int
    taker_fills: int
    fees_usd: Decimal
    funding_usd: Decimal
    slippage_usd: Decimal
    edge_usd: Decimal
    max_abs_delta: Decimal
    seconds_outside_band: Decimal
    orders_sent: int
    truth_matches: bool
    differences: tuple[str, ...]
    transport: str
    seconds: float
    seed: int
    halted: str | None
    hedges: Mapping[str, HedgeSummary] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing happened that must never happen, hedged or not."""
        return self.truth_matches and self.taker_fills == 0 and self.halted is None

    @property
    def good(self) -> bool:
        """Whether the run did what a hedger is for."""
        return self.sound and self.hedged

    @property
    def verdict(self) -> str:
        """What is wrong with the run, in one sentence; empty if nothing is."""
        faults = [] if self.hedged else [f"the net delta {self.net_delta} is outside its band"]
        faults += [f"{self.taker_fills} fills were a taker's"] if self.taker_fills else []
        faults += [f"it halted: {self.halted}"] if self.halted is not None else []
        faults += [f"journal and exchange differ: {'; '.join(self.differences[:3])}"] if self.differences else []
        return "; ".join(faults)

    def to_json(self) -> str:
        """One line of JSON; Decimals become numbers."""
        return json.dumps(asdict(self), default=float)


def summarise(
    *, state: State, policy: Policy, journal: Journal, truth: Truth, transport: str, seconds: float, seed: int
) -> Summary:
    """Judge the end of a run. `truth` is the exchange's, `seconds` the simulated length."""
    hedges = {hedge.name: _hedge(state, hedge, truth) for hedge in policy.hedges}
    worst = max(hedges.values(), key=lambda h: abs(h.net_delta - h.target) / (h.band[1] - h.band[0]))
    ledgers = [state.ledgers[hedge.name] for hedge in policy.hedges]
    differences = tuple(_differences(state, journal, truth))
    takers = sum(not trade.maker for trade in truth.trades)
    return Summary(
        hedged=all(hedge.hedged for hedge in hedges.values()),
        net_delta=worst.net_delta,
        band=worst.band,
        fills=sum(ledger.fills for ledger in ledgers),
        maker_fills=sum(ledger.maker_fills for ledger in ledgers),
        taker_fills=max(takers, sum(ledger.taker_fills for ledger in ledgers)),
        fees_usd=-sum((ledger.fees for ledger in ledgers), ZERO),
        funding_usd=sum((ledger.funding for ledger in ledgers), ZERO),
        slippage_usd=sum((ledger.slippage for ledger in ledgers), ZERO),
        edge_usd=sum((ledger.edge for ledger in ledgers), ZERO),
        max_abs_delta=worst.max_abs_delta,
        seconds_outside_band=sum((hedge.seconds_outside_band for hedge in hedges.values()), ZERO),
        orders_sent=len(journal.latest("order")),
        truth_matches=not differences,
        differences=differences,
        transport=transport,
        seconds=seconds,
        seed=seed,
        halted=state.halted,
        hedges=hedges,
    )


def _hedge(state: State, hedge: Hedge, truth: Truth) -> HedgeSummary:
    """The delta from the exchange's truth, the target and band from the owner's policy at the last known price."""
    holding = truth.spot.get(hedge.underlying, ZERO) + hedge.static_quantity
    symbols = {id.symbol.split(":")[0].replace("/", ""): id for id in hedge.instruments}
    futures = sum(
        (
            truth.positions.get(symbol, ZERO) * state.instruments[id].contract_multiplier
            for symbol, id in symbols.items()
            if id in state.instruments
        ),
        ZERO,
    )
    mark = state.marks.get(hedge.instruments[0])
    price = mark[0].index_price if mark else Decimal(1)
    target, edges = target_delta(hedge.target, holding, price), widths(hedge.band, holding, price)
    memory = state.hedges[hedge.name]
    outside_ms = memory.outside_ms + (state.now - memory.outside_since if memory.outside_since is not None else 0)
    return HedgeSummary(
        hedged=mark is not None and edges.holds(holding + futures - target),
        net_delta=holding + futures,
        target=target,
        band=(target - edges.lower, target + edges.upper),
        max_abs_delta=memory.max_abs_deviation,
        seconds_outside_band=Decimal(outside_ms) / 1000,
    )


def _differences(state: State, journal: Journal, truth: Truth) -> list[str]:
    """Where the journal and the exchange disagree, in words."""
    fills = {_key(f): f for f in (_FILL.validate_json(body) for _, _, body in journal.rows("fill"))}
    trades = {(t.symbol, str(t.trade_id)): t for t in truth.trades if t.wallet is Wallet.LINEAR}
    told = [f"trade {key} is not in the journal" for key in trades.keys() - fills.keys()]
    told += [f"fill {key} is not on the exchange" for key in fills.keys() - trades.keys()]
    for key in fills.keys() & trades.keys():
        fill, trade = fills[key], trades[key]
        ours = (fill.side, fill.quantity, fill.price, fill.fee, fill.maker)
        if ours != (trade.side, trade.quantity, trade.price, trade.fee, trade.maker):
            told.append(f"fill {key} is not what the exchange traded")
    told += [f"order {order.client_order_id} still works on the exchange" for order in truth.open_orders]
    told += _funding_differences(journal, truth)
    told += _position_differences(state, truth)
    if truth.duplicate_client_ids:
        told.append(f"{truth.duplicate_client_ids} client order ids were used twice")
    return told


def _key(fill: Fill) -> tuple[str, str]:
    return fill.id.symbol.split(":")[0].replace("/", ""), fill.trade_id


def _funding_differences(journal: Journal, truth: Truth) -> list[str]:
    booked = [_FUNDING.validate_json(body) for body in journal.latest("funding").values()]
    ours, theirs = sum((p.amount for p in booked), ZERO), sum((r.amount for r in truth.funding), ZERO)
    if len(booked) == len(truth.funding) and ours == theirs:
        return []
    return [f"funding: {ours} in {len(booked)} payments booked, {theirs} in {len(truth.funding)} on the exchange"]


def _position_differences(state: State, truth: Truth) -> list[str]:
    told = []
    for view in state.accounts.values():
        for position in view.reading.positions if view.reading is not None else ():
            symbol = position.id.symbol.split(":")[0].replace("/", "")
            ours = position.quantity + view.fills_since.get(position.id, ZERO)
            if ours != truth.positions.get(symbol, ZERO):
                told.append(f"position {symbol}: {ours} believed, {truth.positions.get(symbol, ZERO)} on the exchange")
    return told


def read_truth(body: Mapping[str, Any]) -> Truth:
    """The exchange's truth from its JSON, as the admin interface of the exchange's process tells it."""
    return TypeAdapter(Truth).validate_python(body)
