"""How events fold into the books: fills and payments wait for the next believed reading, which closes an interval.

Readings alone say what the account is worth; nothing is booked on a quote. A reading may show a fill or a payment
before we hear of it: until then what it gained stays open, and what nobody explains in time was a transfer if it is
large, and unexplained if it is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hedger.engine.formulas.attribution import Cash, Component, Interval, Standing, attribute
from hedger.engine.held.valuation import hedge_of, standing
from hedger.engine.known.book import Book, Carry, DayRow, Moved, Open, Snapshot
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.model.instrument import Payoff
from hedger.model.message import AccountRead, FundingRead
from hedger.model.numeric import ONE, ZERO
from hedger.model.spans import DAY_MS

EXPLAINED_AFTER_MS = 180_000  # funding is asked for every minute
EXPLAINED_WITHIN_MS = 900_000
FORGET_MS = 3_600_000
KEEP_EVERY_MS = 1_800_000
LEAST_TRANSFER = ONE  # dollars: less is rounding, interest or dust
DUST = Decimal("0.01")
SETTLEMENT_SLACK = Decimal("0.02")  # of the notional: how far a settlement may lie from the index that we saw


def on_believed(before: State, after: State, policy: Policy, event: AccountRead) -> State:
    """The state with the books closed at a reading, if it was believed; the first one opens them."""
    account = event.reading.account
    if after.accounts[account].reading is not event.reading:
        return after
    if before.accounts[account].reading is event.reading:
        return after
    book = after.books.get(account)
    now = standing(after, policy, event.reading, book.carry.last if book is not None else None)
    if now is None:
        return after
    if book is None:
        book = _opened(now, account)
    else:
        book = _closed(after, account, book, now)
    return after._replace(books={**after.books, account: book})


def on_payments(before: State, after: State, policy: Policy, event: FundingRead) -> State:
    """The state with funding that was booked for the first time waiting for the reading that shows it."""
    book = after.books.get(event.account)
    old, known = (s.funding_seen.get(event.account, frozenset()) for s in (before, after))
    if book is None or after.funding_seen is before.funding_seen:
        return after
    new = {p.payment_id: p for p in reversed(event.payments) if p.payment_id in known - old}
    for payment in new.values():
        if payment.exchange_at <= book.carry.began_at:
            continue
        instrument = after.instruments.get(payment.id)
        underlying = instrument.underlying if instrument is not None else payment.id.symbol.partition("/")[0]
        name = hedge_of(after, policy, payment.id, underlying)
        book = spent(book, Cash(hedge=name, component=Component.FUNDING, asset=payment.asset, amount=payment.amount))
        book = _per_unit(book, name, payment.id.symbol, payment.asset, payment.amount)
    return after._replace(books={**after.books, event.account: replace(book, kept_at=after.now)})


def spent(book: Book, entry: Cash) -> Book:
    """The book with cash that the next reading will show; what has no price is only noted."""
    if entry.asset not in book.carry.last.prices:
        row = book.rows.get(entry.hedge)
        if row is None:
            return book
        unpriced = {**row.unpriced, entry.asset: row.unpriced.get(entry.asset, ZERO) + entry.amount}
        return replace(book, rows={**book.rows, entry.hedge: replace(row, unpriced=unpriced)})
    kind = (entry.hedge, entry.component, entry.asset)
    same = [held for held in book.carry.cash if (held.hedge, held.component, held.asset) == kind]
    others = tuple(held for held in book.carry.cash if held not in same)
    total = replace(entry, amount=entry.amount + sum((held.amount for held in same), ZERO))
    return replace(book, carry=replace(book.carry, cash=(*others, total)))


def _per_unit(book: Book, name: str, symbol: str, asset: str, amount: Decimal) -> Book:
    """What the payment was for each unit held, for the hedge that is left alone."""
    row, leg = book.rows.get(name), book.carry.last.leg(symbol)
    if row is None or row.first is None or leg is None or not leg.quantity:
        return book
    each = amount * book.carry.last.prices.get(asset, ZERO) / leg.quantity
    units = {**row.funding_units, symbol: row.funding_units.get(symbol, ZERO) + each}
    return replace(book, rows={**book.rows, name: replace(row, funding_units=units)})


# --- readings --------------------------------------------------------------------------------------------------------


def _opened(now: Standing, account: str) -> Book:
    carry, day = Carry(began_at=now.exchange_at, last=now), now.at // DAY_MS
    rows = {name: _fresh(account, name, day, snapshot(now, name)) for name in _names(now)}
    return Book(carry=carry, day=day, rows=rows, kept_at=now.at)


def _names(now: Standing) -> tuple[str, ...]:
    """The hedges that have something to do with an account, and "" for the rest of it."""
    told = (*now.owners.values(), *now.overlays.values(), *(leg.hedge for leg in now.legs))
    return tuple(dict.fromkeys(("", *told)))


def snapshot(now: Standing, name: str) -> Snapshot:
    """What one hedge holds of an account at a standing; of several coins that it may own here the first counts."""
    coin = next((coin for coin, owner in now.owners.items() if owner == name and coin in now.prices), None)
    legs = tuple(leg for leg in now.legs if leg.hedge == name)
    return Snapshot(
        at=now.at,
        coins=now.equity.get(coin, ZERO) if coin is not None else ZERO,
        price=now.prices[coin] if coin is not None else ZERO,
        legs=legs,
        money={leg.settle: now.prices.get(leg.settle, ZERO) for leg in legs},
        net_value=now.net_value,
    )


def _fresh(account: str, name: str, day: int, opening: Snapshot) -> DayRow:
    first = opening if any(leg.quantity for leg in opening.legs) else None
    return DayRow(account=account, hedge=name, day=day, opening=opening, closing=opening, first=first)


def _closed(state: State, account: str, book: Book, now: Standing) -> Book:
    """The book with the interval from its last standing to this one booked on the day that it ends in."""
    last = book.carry.last
    interval = attribute(last, now, book.carry.traded, book.carry.cash)
    day, due = now.at // DAY_MS, now.at - book.kept_at >= KEEP_EVERY_MS
    if day != book.day:
        names = dict.fromkeys((*book.rows, *_names(now)))
        rows = {name: _fresh(account, name, day, snapshot(last, name)) for name in names}
        book, due = replace(book, day=day, rows=rows, ended=tuple(book.rows.values())), True
    rows = dict(book.rows)
    for name in _names(now):
        if name not in rows:
            rows[name] = _fresh(account, name, day, snapshot(last, name))
    rows = {name: _added(row, interval, now) for name, row in rows.items()}
    carry = replace(book.carry, last=now, traded={}, cash=(), moved=_moved(book.carry.moved, interval, last, now))
    book = _left_open(
        replace(book, carry=carry, rows=rows, kept_at=now.at if due else book.kept_at), interval, last, now
    )
    return replace(book, rows={name: _first(state, row) for name, row in book.rows.items()})


def _added(row: DayRow, interval: Interval, now: Standing) -> DayRow:
    parts = dict(row.parts)
    for (name, component), amount in interval.parts.items():
        if name == row.hedge:
            parts[component.value] = parts.get(component.value, ZERO) + amount
    return replace(
        row,
        parts=parts,
        flows=row.flows + interval.flows.get(row.hedge, ZERO),
        coins_in=row.coins_in + interval.coins_in.get(row.hedge, ZERO),
        coins_value=row.coins_value + interval.coins_value.get(row.hedge, ZERO),
        option_rest=row.option_rest + interval.option_rest.get(row.hedge, ZERO),
        closing=snapshot(now, row.hedge),
    )


def _first(state: State, row: DayRow) -> DayRow:
    """The row with its first standing that has a hedge on: from there the hedge that is left alone is reckoned."""
    if row.first is not None or not any(leg.quantity for leg in row.closing.legs):
        return row
    if any(order.live for order in state.orders.values() if order.hedge == row.hedge):
        return row
    memory = state.hedges.get(row.hedge)
    if memory is not None and memory.outside_since is not None:
        return row  # half a hedge, because an order has a largest size, is not what would have been left alone
    so_far = row.sums._replace(made=row.made - row.open)  # a deposit that is still open was not made by the hedge
    return replace(row, first=row.closing, at_first=so_far)


def _moved(had: Mapping[str, Moved], interval: Interval, last: Standing, now: Standing) -> dict[str, Moved]:
    """What positions gained beyond our fills, until the fills come or it is too old to be ours."""
    moved = {s: m for s, m in had.items() if now.exchange_at - m.exchange_at < FORGET_MS}
    for symbol, quantity in interval.moved.items():
        leg = now.leg(symbol)
        if not quantity or leg is None:
            continue
        was = moved.pop(symbol, Moved(ZERO, ZERO, ZERO, 0))
        total = was.quantity + quantity
        if total:
            marked = was.marked + quantity * leg.worth(leg.mark_price)
            indexed = was.indexed + quantity * leg.worth(leg.index_price)
            moved[symbol] = Moved(total, marked, indexed, now.exchange_at)
    return moved


# --- what is open ----------------------------------------------------------------------------------------------------


def _left_open(book: Book, interval: Interval, last: Standing, now: Standing) -> Book:
    """The book with what the interval leaves unexplained, and with what has been so for too long judged."""
    opened = dict(book.carry.open)
    allowed = _slack(last, now)
    for asset, gap in interval.unexplained.items():
        if gap:
            book = _gapped(book, opened, asset, gap, gap * now.prices[asset], now)
        if asset in opened and asset in allowed:
            opened[asset] = opened[asset]._replace(allowed=opened[asset].allowed + allowed[asset])
    for asset, left in list(opened.items()):
        quiet = now.at - left.changed_at >= EXPLAINED_AFTER_MS
        if quiet or now.at - left.since_at >= EXPLAINED_WITHIN_MS:
            book = _judged(book, now.owners.get(asset, ""), left, coin=asset not in now.money)
            del opened[asset]
    return replace(book, carry=replace(book.carry, open=opened))


def _gapped(book: Book, opened: dict[str, Open], asset: str, gap: Decimal, value: Decimal, now: Standing) -> Book:
    left = opened.get(asset, Open(ZERO, ZERO, now.at, now.at))
    changed_at = now.at if abs(value) >= DUST else left.changed_at
    opened[asset] = left._replace(amount=left.amount + gap, value=left.value + value, changed_at=changed_at)
    return _reckoned(book, now.owners.get(asset, ""), value)


def _reckoned(book: Book, name: str, value: Decimal) -> Book:
    """The book with dollars in the residual of a row that are still open."""
    row = book.rows[name]
    parts = {**row.parts, Component.RESIDUAL.value: row.part(Component.RESIDUAL) + value}
    return replace(book, rows={**book.rows, name: replace(row, parts=parts, open=row.open + value)})


def _judged(book: Book, name: str, left: Open, *, coin: bool) -> Book:
    """What is large came in from outside or went there; what is small nobody can explain."""
    row = book.rows[name]
    row = replace(row, open=row.open - left.value)
    if abs(left.value) < max(LEAST_TRANSFER, left.allowed):
        row = replace(row, unexplained=row.unexplained + left.value)
    else:
        parts = {**row.parts, Component.RESIDUAL.value: row.part(Component.RESIDUAL) - left.value}
        row = replace(row, parts=parts, flows=row.flows + left.value)
        if coin:
            row = replace(row, coins_in=row.coins_in + left.amount, coins_value=row.coins_value + left.value)
    return replace(book, rows={**book.rows, name: row})


def _slack(last: Standing, now: Standing) -> dict[str, Decimal]:
    """By asset, the dollars that settlements of this interval may lie away from the index that we saw."""
    allowed: dict[str, Decimal] = {}
    for leg in now.legs:
        was = last.leg(leg.symbol)
        if was is not None and was.quantity and not leg.quantity and _over(leg.expiry_at, now):
            size = was.quantity * (was.multiplier if was.payoff is Payoff.INVERSE else was.mark_price)
            allowed[leg.settle] = allowed.get(leg.settle, ZERO) + abs(size) * SETTLEMENT_SLACK
    ended = {option.id for option in now.options if not option.quantity and _over(option.expiry_at, now)}
    for option in last.options:
        if option.id in ended:
            size = option.coins * option.index_price
            allowed[option.settle] = allowed.get(option.settle, ZERO) + abs(size) * SETTLEMENT_SLACK
    return allowed


def _over(expiry_at: int | None, now: Standing) -> bool:
    return expiry_at is not None and expiry_at <= now.at
