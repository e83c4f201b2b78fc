"""Executions in the books: ours, and those of the venue's own hand; what others traded came in from outside."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.formulas.attribution import Cash, Component, Leg, Traded
from hedger.engine.held.money import settle_of
from hedger.engine.held.valuation import hedge_of
from hedger.engine.known.book import Book, Moved, Open
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.news.books import spent
from hedger.engine.news.executions import key_of
from hedger.engine.news.markout import near
from hedger.engine.news.order_flow import order_of
from hedger.model.numeric import ZERO
from hedger.model.order import Fill, FillCause

SLACK_MS = 1_000
MOST_FORCED = 64


class Priced(NamedTuple):
    """A fill in what its contract settles in: `decided`, `middle` and `paid` are the worth of a unit at the mid when it
    was decided, at the mid when it filled and at its price, `indexed` at the index when it was decided."""

    signed: Decimal
    decided: Decimal
    indexed: Decimal
    middle: Decimal
    paid: Decimal


def on_execution(before: State, after: State, policy: Policy, fill: Fill) -> State:
    """The state with an execution booked that `before` had not booked yet, if it is ours or the venue's."""
    account = fill.id.account
    book = after.books.get(account)
    if book is None or fill.exchange_at <= book.carry.began_at:
        return after
    order, was, key = order_of(after, fill), order_of(before, fill), key_of(fill)
    if order is not None:
        if was is not None and order.booked == was.booked:
            return after
    elif fill.cause is FillCause.ORDER or key in book.carry.forced or _is_old(book, fill):
        return after
    leg = _leg_of(after, policy, book, fill)
    if leg is None:
        return after
    if order is None:
        forced = (*book.carry.forced, key)[-MOST_FORCED:]
        book = replace(book, carry=replace(book.carry, forced=forced))
    priced = _priced(after, leg, fill, order.decision_mid if order is not None else None)
    book = _booked(book, leg, fill, priced)
    book = spent(book, Cash(hedge=leg.hedge, component=Component.FEES, asset=fill.fee_asset, amount=-fill.fee))
    return after._replace(books={**after.books, account: replace(book, kept_at=after.now)})


def _is_old(book: Book, fill: Fill) -> bool:
    """Whether an execution of the venue's is from before the last reading, and no movement of it waits for it."""
    moved = book.carry.moved.get(fill.id.symbol)
    fits = moved is not None and moved.quantity * fill.side.sign > 0
    return fill.exchange_at <= book.carry.last.exchange_at and not fits


def _leg_of(state: State, policy: Policy, book: Book, fill: Fill) -> Leg | None:
    """The terms of what was traded, by the last standing or by the venue's rules; None where neither knows it."""
    leg, rules, held = book.carry.last.leg(fill.id.symbol), state.instruments.get(fill.id), state.marks.get(fill.id)
    if leg is not None or rules is None:
        return leg
    mark, index = (held[0].mark_price, held[0].index_price) if held is not None else (fill.price, fill.price)
    return Leg(
        symbol=fill.id.symbol,
        hedge=hedge_of(state, policy, fill.id, rules.underlying),
        settle=settle_of(fill.id),
        payoff=rules.payoff,
        quantity=ZERO,
        multiplier=rules.contract_multiplier,
        mark_price=mark,
        index_price=index,
        expiry_at=rules.expiry_at,
    )


def _priced(state: State, leg: Leg, fill: Fill, decision_mid: Decimal | None) -> Priced:
    """Where no mid is known that is near the fill, its price stands for it: then `delay` has all that waiting cost."""
    quote, mark = near(state.quotes.get(fill.id), fill), near(state.marks.get(fill.id), fill)
    middle = quote.mid_price if quote is not None else fill.price
    if fill.cause is FillCause.SETTLEMENT:
        middle = fill.price
    decided = decision_mid if decision_mid is not None else middle
    basis = middle - mark.index_price if mark is not None else leg.mark_price - leg.index_price
    index = decided - basis if decided > basis else decided
    worths = (leg.worth(price) for price in (decided, index, middle, fill.price))
    return Priced(fill.side.sign * fill.quantity, *worths)


def _booked(book: Book, leg: Leg, fill: Fill, priced: Priced) -> Book:
    """The book with a fill: as far as a reading has shown it, it is booked there; the rest waits for the next."""
    carry = book.carry
    moved, shown = carry.moved.get(leg.symbol), ZERO
    if moved is not None and moved.quantity * priced.signed > 0 and fill.exchange_at <= moved.exchange_at + SLACK_MS:
        shown = min(abs(priced.signed), abs(moved.quantity)) * fill.side.sign
        book = _shown(book, leg, priced._replace(signed=shown), moved)
    left = priced.signed - shown
    if not left:
        return book
    traded = book.carry.traded
    was = traded.get(leg.symbol, Traded())
    more = Traded(
        quantity=was.quantity + left,
        opened=was.opened + left * priced.decided,
        indexed=was.indexed + left * priced.indexed,
        delay=was.delay + left * (priced.decided - priced.middle),
        edge=was.edge + left * (priced.middle - priced.paid),
    )
    return replace(book, carry=replace(book.carry, traded={**traded, leg.symbol: more}))


def _shown(book: Book, leg: Leg, priced: Priced, moved: Moved) -> Book:
    """A fill that the last readings have shown already: what it brought until then was open, and is explained now."""
    share, price = priced.signed, book.carry.last.prices.get(leg.settle)
    at_mark, at_index = moved.marked / moved.quantity, moved.indexed / moved.quantity
    left = moved.quantity - share
    rest = Moved(left, left * at_mark, left * at_index, moved.exchange_at)
    others = {symbol: m for symbol, m in book.carry.moved.items() if symbol != leg.symbol}
    book = replace(book, carry=replace(book.carry, moved={**others, leg.symbol: rest} if left else others))
    if price is None:
        return book
    index, total = share * (at_index - priced.indexed), share * (at_mark - priced.decided)
    parts = {
        Component.FUTURES_INDEX: index,
        Component.FUTURES_BASIS: total - index,
        Component.DELAY: share * (priced.decided - priced.middle),
        Component.EXECUTION_EDGE: share * (priced.middle - priced.paid),
    }
    for component, amount in parts.items():
        book = _to(book, leg.hedge, component, amount * price)
    amount = sum(parts.values(), ZERO)
    return _explained(book, leg.settle, amount, amount * price)


def _to(book: Book, name: str, component: Component, value: Decimal) -> Book:
    row = book.rows.get(name) or book.rows[""]
    parts = {**row.parts, component.value: row.part(component) + value}
    return replace(book, rows={**book.rows, row.hedge: replace(row, parts=parts)})


def _explained(book: Book, asset: str, amount: Decimal, value: Decimal) -> Book:
    """The book without what was open; what had been judged already is taken back as the opposite, and judged again."""
    last = book.carry.last
    book = _to(book, last.owners.get(asset, ""), Component.RESIDUAL, -value)
    row = book.rows.get(last.owners.get(asset, "")) or book.rows[""]
    book = replace(book, rows={**book.rows, row.hedge: replace(row, open=row.open - value)})
    was = book.carry.open.get(asset, Open(ZERO, ZERO, last.at, last.at))
    left = was._replace(amount=was.amount - amount, value=was.value - value)
    return replace(book, carry=replace(book.carry, open={**book.carry.open, asset: left}))
