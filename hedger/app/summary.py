"""What a paper run came to, judged against the exchange's own truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal

from pydantic import TypeAdapter

from hedger.engine.decision.facts import gather
from hedger.engine.formulas.overlay import NO_OPTIONS
from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import AccountView, Exposure, State
from hedger.engine.wanted.aim import aim
from hedger.model.account import FundingPayment, Position
from hedger.model.identity import parse_order_id
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Fill
from hedger.ops.words import halt_words, way_out
from hedger.runtime.journal import Journal
from hedger.sim.dialects.known import DIALECTS
from hedger.sim.nouns import Truth, UserTrade, Wallet
from hedger.sim.translation import parse_symbol

PLACES = 12
_FILL, _FUNDING = TypeAdapter(Fill), TypeAdapter(FundingPayment)


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSummary:
    """One hedge at the end, by the exchange's truth: deltas and band in coins; costs in quote, + is income."""

    hedged: bool
    net_delta: Decimal
    target: Decimal
    band: tuple[Decimal, Decimal]
    max_abs_delta: Decimal
    max_abs_deviation: Decimal
    seconds_outside_band: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole run. `fees_usd` is what was paid (+), `funding_usd` what was received (+) or paid (−).

    Of several hedges, `net_delta`, `band`, `max_abs_delta` and `max_abs_deviation` (of the delta from its target) are
    those of the one nearest to its band's edge. `truth_matches` is true when `differences` is empty. `venues` says
    where each account is.
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
    max_abs_deviation: Decimal
    seconds_outside_band: Decimal
    orders_sent: int
    truth_matches: bool
    differences: tuple[str, ...]
    transport: str
    seconds: float
    seed: int
    halted: str | None
    way_out: str | None = None
    hedges: Mapping[str, HedgeSummary] = field(default_factory=dict)
    venues: Mapping[str, str] = field(default_factory=dict)

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
        faults += [f"it halted: {halt_words(self.halted)}"] if self.halted is not None else []
        faults += [f"journal and exchange differ: {'; '.join(self.differences[:3])}"] if self.differences else []
        return "; ".join(faults)

    def to_json(self) -> str:
        """One line of JSON; Decimals become numbers."""
        return json.dumps(asdict(self), default=float)


def summarise(
    *,
    state: State,
    policy: Policy,
    journal: Journal,
    truths: Mapping[str, Truth],
    transport: str,
    seconds: float,
    seed: int,
    venues: Mapping[str, str] | None = None,
) -> Summary:
    """Judge the end of a run. `truths` are the exchanges', of each account, `venues` where it is; `seconds` is the
    simulated length."""
    hedges = {hedge.name: _hedge(state, hedge, truths) for hedge in policy.hedges}
    worst = max(hedges.values(), key=lambda h: abs(h.net_delta - h.target) / (h.band[1] - h.band[0]))
    ledgers = [state.ledgers[hedge.name] for hedge in policy.hedges]
    differences = tuple(_differences(state, journal, truths, venues or {}))
    takers = sum(not trade.maker for truth in truths.values() for trade in truth.trades if _is_ours(trade))
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
        max_abs_deviation=worst.max_abs_deviation,
        seconds_outside_band=sum((hedge.seconds_outside_band for hedge in hedges.values()), ZERO),
        orders_sent=len(journal.latest("order")),
        truth_matches=not differences,
        differences=differences,
        transport=transport,
        seconds=seconds,
        seed=seed,
        halted=state.halted,
        way_out=way_out(state),
        hedges=hedges,
        venues=venues or {},
    )


def _hedge(state: State, hedge: Hedge, truths: Mapping[str, Truth]) -> HedgeSummary:
    """The delta from the exchange's truth, the target and band from the owner's policy at the last known price."""
    seen = next((id for id in hedge.instruments if id in state.marks and id in state.instruments), None)
    price = state.instruments[seen].coin_price(state.marks[seen][0].index_price) if seen is not None else Decimal(1)
    held = _held(state, hedge, truths)
    target, edges, flaw = aim(state, hedge, held, price)
    across = gather(state, hedge) if hedge.cross is not None else None
    if across is not None:  # deltas in coins that move alike, which only the engine knows
        held, target, edges, flaw = across.exposure, across.target, across.edges, across.flaw
    memory = state.hedges[hedge.name]
    outside_ms = memory.outside_ms + (state.now - memory.outside_since if memory.outside_since is not None else 0)
    return HedgeSummary(
        hedged=seen is not None and flaw is None and edges.holds(held.delta - target),
        net_delta=held.delta,
        target=target,
        band=(target - edges.lower, target + edges.upper),
        max_abs_delta=memory.max_abs_delta,
        max_abs_deviation=memory.max_abs_deviation,
        seconds_outside_band=Decimal(outside_ms) / 1000,
    )


def _held(state: State, hedge: Hedge, truths: Mapping[str, Truth]) -> Exposure:
    """The exposure by the exchange's own mathematics: coin equity, contracts of every payoff, the delta of options."""
    believed = exposure(state, hedge)
    accounts, coin = state.accounts_of_hedge[hedge.name], hedge.underlying
    spot = sum((_owned(truths[account], coin) for account in hedge.spot_accounts), ZERO)
    moving = sum((truths[account].deltas.get(coin, ZERO) - _owned(truths[account], coin) for account in accounts), ZERO)
    if options_held := any(truths[account].options for account in accounts):
        moving = round(moving, PLACES)  # greeks have more digits than anybody reads
    options, futures = NO_OPTIONS, moving
    if believed is not None and options_held:
        futures = believed.futures
        options = believed.options._replace(delta=moving - futures)
    delta = spot + hedge.static_quantity + moving
    profit = sum((truths[account].unrealized.get(coin, ZERO) for account in hedge.spot_accounts), ZERO)
    return Exposure(
        spot=spot,
        static=hedge.static_quantity,
        futures=futures,
        low=delta,
        high=delta,
        options=options,
        profit=profit,
    )


def _owned(truth: Truth, coin: str) -> Decimal:
    """The coins of an account: in the spot wallet, and the equity of the wallet that is kept in them."""
    wallets = truth.wallets.get(coin, ZERO) + truth.unrealized.get(coin, ZERO)
    return truth.spot.get(coin, ZERO) + wallets


# --- where the journal and the exchange disagree, in words ----------------------------------------------------------


def _is_ours(trade: UserTrade) -> bool:
    """Whether an order of ours made the trade: a person's orders, liquidations and deleveragings are not ours."""
    return parse_order_id(trade.client_order_id) is not None


def _differences(state: State, journal: Journal, truths: Mapping[str, Truth], venues: Mapping[str, str]) -> list[str]:
    told = _trade_differences(state, journal, truths, venues) + _funding_differences(journal, truths)
    for account, truth in truths.items():
        told += [f"order {o.client_order_id} of {account} still works on the exchange" for o in truth.open_orders]
        told += _position_differences(state.accounts[account], account, truth, venues)
        if truth.duplicate_client_ids:
            told.append(f"{truth.duplicate_client_ids} client order ids of {account} were used twice")
    return told


def _trade_differences(
    state: State, journal: Journal, truths: Mapping[str, Truth], venues: Mapping[str, str]
) -> list[str]:
    """Trades and fills are the same by account, symbol and trade id: the exchange's, which the venue's tells."""
    booked = (_FILL.validate_json(body) for _, _, body in journal.rows("fill"))
    fills = {(fill.id.account, _symbol(fill.id), _trade_id(fill, venues)): fill for fill in booked}
    traded = ((account, trade) for account, truth in truths.items() for trade in truth.trades if _is_ours(trade))
    trades = {(account, t.symbol, str(t.trade_id)): t for account, t in traded if t.wallet is not Wallet.SPOT}
    told = [f"trade {key} is not in the journal" for key in sorted(trades.keys() - fills.keys())]
    told += [f"fill {key} is not on the exchange" for key in sorted(fills.keys() - trades.keys())]
    for key in sorted(fills.keys() & trades.keys()):
        fill, trade = fills[key], trades[key]
        known = state.instruments.get(fill.id)
        size = ONE if known is None else _size(fill.id, known, venues)
        ours = (fill.side, fill.quantity * size, fill.price, fill.fee, fill.maker)
        if ours != (trade.side, trade.quantity, trade.price, trade.fee, trade.maker):
            told.append(f"fill {key} is not what the exchange traded")
    return told


def _size(id: InstrumentId, terms: Instrument | Position, venues: Mapping[str, str]) -> Decimal:
    """How many of the exchange's own contracts one unit is: Deribit counts the dollars of an inverse one one by one."""
    dialect = DIALECTS.get(venues.get(id.account, ""))
    if dialect is None or terms.payoff is not Payoff.INVERSE:
        return ONE
    return terms.contract_multiplier / dialect.terms(id.symbol).contract_multiplier


def _trade_id(fill: Fill, venues: Mapping[str, str]) -> str:
    dialect = DIALECTS.get(venues.get(fill.id.account, ""))
    number = None if dialect is None else dialect.trade_number(fill.trade_id)
    return fill.trade_id if number is None else str(number)


def _funding_differences(journal: Journal, truths: Mapping[str, Truth]) -> list[str]:
    payments = [_FUNDING.validate_json(body) for body in journal.latest("funding").values()]
    told = []
    for account, truth in truths.items():
        ours = [(_symbol(payment.id), payment.amount) for payment in payments if payment.id.account == account]
        theirs = [(record.symbol, record.amount) for record in truth.funding]
        if sorted(ours) != sorted(theirs):
            told.append(f"funding of {account}: {_summed(ours)} booked, {_summed(theirs)} on the exchange")
    return told


def _summed(payments: Sequence[tuple[str, Decimal]]) -> str:
    return f"{sum((amount for _, amount in payments), ZERO)} in {len(payments)} payments"


def _position_differences(view: AccountView, account: str, truth: Truth, venues: Mapping[str, str]) -> list[str]:
    """Every contract of the exchange against what is believed of it; nothing is believed of an account never read."""
    if view.reading is None:
        return []
    options = {_symbol(option.id): option.quantity for option in view.reading.options}
    held = options | {
        _symbol(p.id): (p.quantity + view.fills_since.get(p.id, ZERO)) * _size(p.id, p, venues)
        for p in view.reading.positions
    }
    return [
        f"position {account}:{symbol}: {held.get(symbol, ZERO)} believed, {quantity} on the exchange"
        for symbol, quantity in (truth.positions | truth.options).items()
        if held.get(symbol, ZERO) != quantity
    ]


def _symbol(id: InstrumentId) -> str:
    """The exchange's own name of an instrument."""
    return parse_symbol(id.symbol)[1]
