"""Facts into the state: what each event changes, what must be asked because of it, and which hedges it concerns."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import assert_never

from hedger.engine.decision.flatten import on_acknowledged, on_flatten, on_pause, on_unpause
from hedger.engine.guards.anew import reconcile_anew
from hedger.engine.guards.gate import (
    breakers_resumed,
    on_clock,
    on_quieted,
    on_switch_extended,
    on_switch_failed,
)
from hedger.engine.held.freshness import FUTURE_MS
from hedger.engine.held.history import on_candles, on_funding_rates, on_history_unread, on_options_held
from hedger.engine.held.money import rate
from hedger.engine.held.rules import on_instruments_loaded, on_refusal
from hedger.engine.known.ledger import book_funding
from hedger.engine.known.orders import News
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.revision import revised
from hedger.engine.known.state import State
from hedger.engine.news.booked_fills import on_execution
from hedger.engine.news.books import on_believed, on_payments
from hedger.engine.news.changes import explain, funding_told, own_fill_came
from hedger.engine.news.executions import a_person_says_so
from hedger.engine.news.markout import settle_markouts
from hedger.engine.news.order_flow import as_sent, on_accepted, on_fill, on_news, on_rejected, on_report
from hedger.engine.news.reconcile import (
    ask_around,
    on_cancel_answered,
    on_fills_listed,
    on_not_found,
    on_reading,
    successor,
    superseded,
)
from hedger.engine.news.sane import flaw_of
from hedger.engine.wanted.other_coins import measured
from hedger.model.account import FundingPayment
from hedger.model.market import Mark, Quote
from hedger.model.message import (
    AccountRead,
    CancelAnswered,
    CandlesRead,
    ClockMeasured,
    Command,
    Event,
    Fact,
    FillsRead,
    FindOrder,
    FundingRatesRead,
    FundingRead,
    InstrumentsLoaded,
    JournalChanged,
    Operation,
    OperatorAsked,
    OrderAccepted,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderWrittenOff,
    PolicyChanged,
    ReadFailed,
    StreamChanged,
    SwitchExtended,
    SwitchFailed,
    TimePassed,
    VenueQuieted,
)
from hedger.model.order import Fill, OrderReport

FUNDING_REMEMBERED = 1_000
LEAP, LEAP_MS = Decimal("0.15"), 60_000


def fold(state: State, now: int, policy: Policy, event: Event) -> tuple[State, list[Command]]:
    """The state with an event's facts in it, and what must be asked because of it."""
    if state.superseded:
        return state._replace(now=now), []
    if (later := successor(state, policy, event)) is not None:
        return superseded(state._replace(now=now), later), []
    hedged = {coin for hedge in policy.hedges for coin in hedge.coins} if isinstance(event, AccountRead) else None
    if (flaw := flaw_of(event, hedged)) is not None:
        return _refused(state._replace(now=now), event, flaw), []
    match event:
        case Quote():
            if _is_refused(state, now, state.quotes.get(event.id), event):
                return state._replace(now=now), []
            return state._replace(now=now, quotes={**state.quotes, event.id: (event, now)}), []
        case Mark():
            if _is_refused(state, now, state.marks.get(event.id), event):
                return state._replace(now=now), []
            return state._replace(now=now, marks={**state.marks, event.id: (event, now)}), []
        case _:
            return _fold_fact(state._replace(now=now), policy, event)


def _refused(state: State, event: Event, flaw: str) -> State:
    """The state after news that cannot be true: nothing of it counts, and its account says what was wrong."""
    match event:
        case AccountRead():
            account, failed = event.reading.account, 1
        case FundingRead() | InstrumentsLoaded():
            account, failed = event.account, 0
        case Quote() | Mark() | Fill() | OrderReport() | FillsRead():
            account, failed = event.id.account, 0
        case _:
            return state
    view = state.accounts[account]
    mistrusted = view.mistrusted or isinstance(event, AccountRead)
    view = replace(view, failures=view.failures + failed, last_failure=f"refused: {flaw}", mistrusted=mistrusted)
    return state._replace(accounts={**state.accounts, account: view})


def _is_refused(state: State, now: int, held: tuple[Quote | Mark, int] | None, price: Quote | Mark) -> bool:
    """Whether a price is not used: it is older than the one that is held, or a leap from it that nothing confirms."""
    return _is_old_news(state, now, held, price) or _is_leap(now, held, price)


def _is_leap(now: int, held: tuple[Quote | Mark, int] | None, price: Quote | Mark) -> bool:
    """Whether a price lies further from the held one than a market moves at once: a unit that changed, a flash print.

    It is not used while the held one is young; that grows stale first, and nothing is created. Then it is believed.
    """
    if held is None or now - held[1] > LEAP_MS:
        return False
    last = held[0]
    if isinstance(price, Quote) and isinstance(last, Quote):
        return _leaps(last.mid_price, price.mid_price)
    if isinstance(price, Mark) and isinstance(last, Mark):
        return _leaps(last.mark_price, price.mark_price) or _leaps(last.index_price, price.index_price)
    return False


def _leaps(before: Decimal, after: Decimal) -> bool:
    return abs(after - before) > LEAP * before


def _is_old_news(state: State, now: int, held: tuple[Quote | Mark, int] | None, price: Quote | Mark) -> bool:
    """Whether the venue gave a price before the one that is held, so that a frozen stream cannot hide a fresh read.

    A held price from the venue's future is a mistake that hides nothing.
    """
    if held is None or price.exchange_at >= held[0].exchange_at:
        return False
    return held[0].exchange_at <= now + state.accounts[price.id.account].offset_ms + FUTURE_MS


def touched(state: State, event: Event) -> tuple[str, ...]:
    """The hedges that an event may concern."""
    match event:
        case Quote() | Mark():
            return state.hedges_of_instrument.get(event.id, ())
        case AccountRead():
            return state.hedges_of_account[event.reading.account]
        case OrderReport() | Fill() | FillsRead():
            return state.hedges_of_instrument.get(event.id, ())
        case (
            OrderAccepted()
            | OrderRejected()
            | OrderOutcomeUnknown()
            | OrderNotFound()
            | CancelAnswered()
            | OrderWrittenOff()
        ):
            order = state.orders.get(event.client_order_id)
            return (order.hedge,) if order is not None else ()
        case CandlesRead() | FundingRatesRead():  # long lists, which no decision need be kept with: the next beat looks
            return ()
        case _:
            return tuple(state.hedges)


def _fold_fact(state: State, policy: Policy, event: Fact) -> tuple[State, list[Command]]:
    match event:
        case TimePassed():
            return ask_around(settle_markouts(state), policy)
        case OrderReport():
            return on_report(state, policy, event), []
        case Fill():
            return _on_fills(state, policy, (event,)), []
        case OrderAccepted():
            return on_accepted(state, policy, event), []
        case OrderRejected():
            order = state.orders.get(event.client_order_id)
            return on_refusal(on_rejected(state, policy, event), order.id if order else None, event), []
        case OrderOutcomeUnknown():
            return on_news(state, policy, event.client_order_id, News.LOST), []
        case OrderNotFound():
            return on_not_found(state, policy, event), []
        case CancelAnswered():
            state = on_cancel_answered(state, policy, event)
            order = state.orders.get(event.client_order_id)
            asks = order is not None and order.live
            return state, [FindOrder(id=order.id, client_order_id=order.client_order_id)] if order and asks else []
        case AccountRead():
            return on_believed(state, on_options_held(on_reading(state, policy, event), policy), policy, event), []
        case FillsRead():
            state = _on_fills(state, policy, event.fills)
            return on_fills_listed(explain(state, policy, event), policy, event), []
        case FundingRead():
            booked = funding_told(_on_funding(state, policy, event), state, event)
            return on_payments(state, booked, policy, event), []
        case CandlesRead():
            return measured(on_candles(state, policy.volatility, event), policy), []
        case FundingRatesRead():
            return on_funding_rates(state, event), []
        case SwitchExtended():
            return on_switch_extended(state, policy, event), []
        case SwitchFailed():
            return on_switch_failed(state, event.account), []
        case VenueQuieted():
            return on_quieted(state, event), []
        case OrderWrittenOff():
            return on_news(state, policy, event.client_order_id, News.WRITTEN_OFF), []
        case PolicyChanged():
            return revised(state, event), []
        case _:
            return _fold_circumstance(state, policy, event), []


def _on_fills(state: State, policy: Policy, fills: tuple[Fill, ...]) -> State:
    """The state after executions, ours and others', each counted once."""
    for fill in fills:
        after = on_fill(state, policy, fill)
        sent = as_sent(after, fill)
        state = on_execution(state, own_fill_came(state, after, policy, sent), policy, sent)
    return state


def _fold_circumstance(
    state: State,
    policy: Policy,
    event: InstrumentsLoaded | ReadFailed | StreamChanged | ClockMeasured | JournalChanged | OperatorAsked,
) -> State:
    """The state after something that happened around the account: connections, clocks, the journal, a person."""
    match event:
        case InstrumentsLoaded():
            return on_instruments_loaded(state, event)
        case ReadFailed(what="candles" | "funding_rates"):
            return on_history_unread(state, event)
        case ReadFailed():
            view = state.accounts[event.account]
            view = replace(view, failures=view.failures + 1, last_failure=f"{event.what}: {event.reason}")
            return state._replace(accounts={**state.accounts, event.account: view})
        case StreamChanged(private=False):  # prices: what is held and what rests is told as before
            view = replace(state.accounts[event.account], stream_up=event.up)
            return state._replace(accounts={**state.accounts, event.account: view})
        case StreamChanged():
            view = state.accounts[event.account]
            view = replace(view, stream_up=event.up, barrier_at=max(view.barrier_at, state.now))
            return state._replace(accounts={**state.accounts, event.account: view})
        case ClockMeasured():
            return on_clock(state, policy, event)
        case JournalChanged():
            return state._replace(journal_fault=None if event.healthy else event.text)
        case OperatorAsked():
            return _on_operator(state, event)
        case _:
            assert_never(event)


def _on_operator(state: State, event: OperatorAsked) -> State:
    match event.operation:
        case Operation.PAUSE:
            return on_pause(state, event.reason)
        case Operation.UNPAUSE:
            return on_unpause(state)
        case Operation.FLATTEN:
            return on_flatten(state, event)
        case Operation.ACKNOWLEDGE:
            return on_acknowledged(state, event)
        case Operation.RESUME:
            if state.halted is not None:  # what was believed is from before whatever halted it
                state = reconcile_anew(state, tuple(state.accounts), f"the halt was lifted: {event.reason}")
            views = {name: a_person_says_so(view, state.now) for name, view in state.accounts.items()}
            state = state._replace(accounts=views)
            hedges = {name: replace(memory, futile=0, effect_due=None) for name, memory in state.hedges.items()}
            return breakers_resumed(state._replace(halted=None, hedges=hedges))
        case Operation.DRAIN:
            return state._replace(draining=state.draining or event.reason)
        case Operation.HALT:
            return state._replace(halted=state.halted or event.reason)
        case _:
            assert_never(event.operation)


def _on_funding(state: State, policy: Policy, event: FundingRead) -> State:
    """Book each payment once, by its id, in the ledger of the hedge that trades the instrument."""
    seen = set(state.funding_seen.get(event.account, frozenset()))
    known, ledgers = len(seen), dict(state.ledgers)
    for payment in event.payments:
        names = state.hedges_of_instrument.get(payment.id, ())
        if payment.payment_id not in seen and names:
            hedge = next(h for h in policy.hedges if h.name == names[0])
            value = _asset_price(state, hedge, payment)
            if value is None:  # no price of the coin was seen yet: the next list has the payment too
                continue
            ledgers[hedge.name] = book_funding(ledgers[hedge.name], payment, value)
        seen.add(payment.payment_id)  # also within one list a payment may stand twice
    if len(seen) == known:
        return state
    if len(seen) > FUNDING_REMEMBERED:  # the list is complete for a day or more, and no later one reaches further back
        seen = {payment.payment_id for payment in event.payments}
    return state._replace(ledgers=ledgers, funding_seen={**state.funding_seen, event.account: frozenset(seen)})


def _asset_price(state: State, hedge: Hedge, payment: FundingPayment) -> Decimal | None:
    """The price of a payment's asset in the money of the hedge's ledger; of a coin, at the index, None before it is
    seen."""
    instrument, mark = state.instruments.get(payment.id), state.marks.get(payment.id)
    if instrument is None or payment.asset != instrument.underlying:
        return rate(state, hedge, payment.asset)
    return instrument.coin_price(mark[0].index_price) * rate(state, hedge, instrument.quote) if mark else None
