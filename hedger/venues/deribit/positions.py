"""Positions on Deribit. Rows that do not concern us cannot spoil a reading; rows that do always can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from hedger.model.account import MarginMode, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition, VenueGreeks
from hedger.venues.asking import Understand
from hedger.venues.deribit.names import SETTLEMENT_MS, Terms, coin_in, terms_of
from hedger.venues.deribit.payloads import BookSummary, FutureRow, OptionRow, Row, Summary
from hedger.venues.wire import reader

SLACK_MS = 60_000
# How far a future's size in coins may be from its size at the mark: the two are of one answer.
MOST_APART = Decimal("0.02")
# How far the deltas of the listed options may be from what the account says they come to, as a share of their size:
# the two are of two answers, and prices move between them.
MOST_DELTA_APART = Decimal("0.1")
_read_future: Understand[FutureRow] = reader(FutureRow)
_read_option: Understand[OptionRow] = reader(OptionRow)


class Held(NamedTuple):
    """What a list of positions says that concerns us, by the venue's names; `odd` are the currencies in which something
    settles that does not concern us and is not understood."""

    futures: Mapping[str, FutureRow]
    options: Mapping[str, OptionRow]
    odd: frozenset[str] = frozenset()

    def settles(self, currency: str, *, options_only: bool = False) -> bool:
        """Whether anything is, or may be, held that settles in a currency."""
        rows: list[FutureRow | OptionRow] = [*self.options.values()]
        rows += [] if options_only else [*self.futures.values()]
        held = (named(row.instrument_name).settle for row in rows if row.size)
        return currency in self.odd or currency in held


def named(raw: str) -> Terms:
    """The terms of an instrument that we know; ValueError for a name that is not understood."""
    terms = terms_of(raw)
    if terms is None:
        raise ValueError(f"{raw}, of which there is a position, is no name that we understand")
    return terms


def held_in(rows: Iterable[Row], coins: frozenset[str], settles: frozenset[str]) -> Held:
    """The positions on our coins and those that share a wallet with ours; ValueError for one on a coin of ours that is
    not understood, or is told twice. A pair has no position: what was bought of it is in the balances."""
    futures: dict[str, FutureRow] = {}
    options: dict[str, OptionRow] = {}
    odd: set[str] = set()
    for row in rows:
        raw = row.instrument_name
        ours = coin_in(raw) in coins
        terms = named(raw) if ours and "-" in raw else terms_of(raw)
        if terms is None or not (ours or terms.settle in settles):
            continue
        if ours and (raw in futures or raw in options):
            raise ValueError(f"{raw} is listed twice")
        try:
            if terms.strike is None:
                futures[raw] = future_row(row)
            else:
                options[raw] = option_row(row)
        except ValueError:
            if ours:
                raise
            odd.add(terms.settle)
    return Held(futures, options, frozenset(odd))


def future_row(row: Row) -> FutureRow:
    """A future's row. ValueError where its direction or its size in coins says that its size is another, and for a
    perpetual that is held and tells no funding."""
    read = _read_future(row.model_dump())
    if read.size and read.realized_funding is None and named(read.instrument_name).expiry_at is None:
        raise ValueError(f"{read.instrument_name}: a perpetual without the funding of the session")
    _agree(read.instrument_name, read.size, read.direction)
    # In what `size` counts a linear contract the venue's documentation (its money) and its users (its coins) disagree.
    # What it is worth at the mark, or was at its entry, agrees with its coins as well as the coins themselves do.
    # A price that is not told is none: at nothing any coins are worth what a flat position is.
    worth = [price for price in (ONE, read.mark_price, read.average_price) if price] if _is_linear(read) else [ONE]
    theirs = read.size if _is_linear(read) else coins_of(read)
    if not any(abs(read.size_currency * price - theirs) <= MOST_APART * abs(theirs) for price in worth):
        raise ValueError(f"{read.instrument_name}: a size of {read.size} is not {read.size_currency} coins")
    return read


def check_whole(summary: Summary, held: Held, now: int) -> None:
    """ValueError where the options that are listed of a coin are not those that its summary is of: a part of them, or
    those of another moment. Both deltas are the venue's, by Black-Scholes or less the options' value.

    Nothing is said while one of them is being settled: the venue takes their deltas to zero then.
    """
    rows = [row for row in held.options.values() if row.size and named(row.instrument_name).settle == summary.currency]
    deltas = [row.delta for row in rows if row.delta is not None]
    expiries = [at for row in rows if (at := named(row.instrument_name).expiry_at) is not None]
    if summary.options_delta is None or not rows or len(deltas) < len(rows):
        return
    if min(expiries) - now <= SETTLEMENT_MS + SLACK_MS:
        return
    apart = sum(deltas, ZERO) - summary.options_delta
    worth = summary.options_value
    most = MOST_DELTA_APART * sum((abs(row.size) for row in rows), ZERO)
    if min(abs(apart), abs(apart + worth), abs(apart - worth)) > most:
        raise ValueError(f"the options listed of {summary.currency} do not come to the delta that the account tells")


def check_flat(summary: Summary, held: Held, now: int) -> None:
    """ValueError where a contract of a coin is told flat because the list leaves it out, and the delta of the coin's
    wallet is not that of the rows that are listed: by Black-Scholes, or less the options' value.

    Nothing is said while one of them is being settled: the venue takes their deltas to zero then.
    """
    told: list[FutureRow | OptionRow] = [*held.futures.values(), *held.options.values()]
    rows = [row for row in told if row.size and named(row.instrument_name).settle == summary.currency]
    expiries = [at for row in rows if (at := named(row.instrument_name).expiry_at) is not None]
    if min(expiries, default=now + 2 * SETTLEMENT_MS) - now <= SETTLEMENT_MS + SLACK_MS:
        return
    listed, most = ZERO, MOST_APART
    for row in rows:
        if isinstance(row, FutureRow):
            listed, most = listed + coins_of(row), most + MOST_APART * abs(coins_of(row))
        elif row.delta is not None:
            listed, most = listed + row.delta, most + MOST_DELTA_APART * abs(row.size)
        else:
            return
    apart = listed - summary.delta_total
    if min(abs(apart), abs(apart - summary.options_value)) > most:
        raise ValueError(f"{summary.currency} has a delta that the listed positions do not come to")


def option_row(row: Row) -> OptionRow:
    """An option's row."""
    read = _read_option(row.model_dump())
    _agree(read.instrument_name, read.size, read.direction)
    return read


def _agree(raw: str, size: Decimal, direction: str) -> None:
    """The venue's sizes are signed. Flat is told as a buy, or as zero."""
    if (size > 0 and direction != "buy") or (size < 0 and direction != "sell"):
        raise ValueError(f"{raw}: a position of {size} is told as one to {direction}")


def _is_linear(row: FutureRow) -> bool:
    return named(row.instrument_name).payoff is Payoff.LINEAR


def quantity_of(row: FutureRow) -> Decimal:
    """A future's size as orders count it: coins of a linear contract, dollars of an inverse one."""
    return row.size_currency if _is_linear(row) else row.size


def coins_of(row: FutureRow) -> Decimal:
    """A future's size in coins, at its mark; ValueError where an inverse one that is held has no mark."""
    if _is_linear(row) or not row.size:
        return quantity_of(row)
    if not row.mark_price:
        raise ValueError(f"{row.instrument_name} is held and has no mark price")
    return row.size / row.mark_price


def position_of(row: FutureRow, account: str, leverage: Decimal) -> Position:
    """One net position: everything backs everything, so its margin is crossed."""
    terms, liquidation = named(row.instrument_name), row.estimated_liquidation_price
    return Position(
        id=InstrumentId(account, terms.symbol),
        underlying=terms.underlying,
        quantity=quantity_of(row),
        contract_multiplier=Decimal(1),
        entry_price=row.average_price,
        mark_price=row.mark_price,
        liquidation_price=liquidation if liquidation is not None and liquidation > 0 else None,
        leverage=leverage,
        margin_mode=MarginMode.CROSS,
        payoff=terms.payoff,
        expiry_at=terms.expiry_at,
        index_price=row.index_price,
    )


def flat(raw: str, account: str, leverage: Decimal) -> Position:
    """A contract that does not trade any more and of which the venue tells nothing."""
    terms = named(raw)
    return Position(
        id=InstrumentId(account, terms.symbol),
        underlying=terms.underlying,
        quantity=ZERO,
        contract_multiplier=Decimal(1),
        entry_price=ZERO,
        mark_price=ZERO,
        liquidation_price=None,
        leverage=leverage,
        margin_mode=MarginMode.CROSS,
        payoff=terms.payoff,
        expiry_at=terms.expiry_at,
    )


def option_of(row: OptionRow, summary: BookSummary | None, account: str) -> OptionPosition:
    """One option position: its size is in coins, its mark in what it settles in, for one coin."""
    terms = named(row.instrument_name)
    assert terms.strike is not None
    assert terms.option_type is not None
    assert terms.expiry_at is not None
    sigma = summary.mark_iv if summary is not None else None
    return OptionPosition(
        id=InstrumentId(account, terms.symbol),
        underlying=terms.underlying,
        option_type=terms.option_type,
        strike=terms.strike,
        expiry_at=terms.expiry_at,
        settlement_ms=SETTLEMENT_MS,
        payoff=terms.payoff,
        settle=terms.settle,
        quantity=row.size,
        contract_multiplier=Decimal(1),
        mark_price=row.mark_price,
        mark_sigma=sigma / 100 if sigma else None,
        forward_price=summary.underlying_price if summary is not None else None,
        index_price=row.index_price,
        greeks=_greeks(row),
    )


def _greeks(row: OptionRow) -> VenueGreeks | None:
    """The venue's greeks of one option of one coin: it tells them of the whole position, delta by Black-Scholes."""
    if not row.size:
        return None

    def each(whole: Decimal | None) -> float | None:
        return float(whole / row.size) if whole is not None else None

    return VenueGreeks(delta=each(row.delta), gamma=each(row.gamma), vega=each(row.vega), theta=each(row.theta))
