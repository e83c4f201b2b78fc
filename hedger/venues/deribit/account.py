"""What we hold on Deribit, read all or nothing: every coin once, and flat only where the venue says zero.

A currency is a wallet of its own. Its equity is cash, the unrealised profit of futures since the last settlement, and
the value of options; cash is `balance` and what the session has realised, told apart until 08:00 UTC. Cash is taken as
the rest, equity less profit less options, so that whatever the venue counts where, it counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, Margin, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import OrderReport
from hedger.venues.asking import Understand, together
from hedger.venues.deribit.codes import NO_SUCH_INSTRUMENT, REST
from hedger.venues.deribit.names import settle_of
from hedger.venues.deribit.parse import report_of
from hedger.venues.deribit.payloads import BookSummary, FutureRow, OrderRecord, Row, Summaries, Summary, result_of
from hedger.venues.deribit.positions import (
    Held,
    check_flat,
    check_whole,
    coins_of,
    flat,
    future_row,
    held_in,
    named,
    option_of,
    position_of,
)
from hedger.venues.deribit.setup import Leverage
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.suspicion import Suspicion
from hedger.venues.wire import reader

T = TypeVar("T")
# The wallet of contracts that are margined in money.
MONEY = "USDC"
# What is money and no coin whose delta anybody hedges; what futures of ours settle in is added.
MONIES = frozenset({MONEY, "USDT", "EURR", "USDE", "USYC", "BUIDL"})
ROUNDING = Decimal("1e-6")

_read_summaries: Understand[Summaries] = result_of(Summaries)
_read_summary: Understand[Summary] = reader(Summary)
_read_rows: Understand[list[Row]] = result_of(list[Row])
_read_row: Understand[Row] = result_of(Row)
_read_order: Understand[OrderRecord] = reader(OrderRecord)
_read_book: Understand[BookSummary] = reader(BookSummary)


class AccountReader:
    """Reads one account. `wallets` are the currencies that the venue keeps."""

    def __init__(
        self, link: Link, listing: Listing, suspicion: Suspicion, leverage: Leverage, wallets: frozenset[str]
    ) -> None:
        self._link = link
        self._listing = listing
        self._suspicion = suspicion
        self._leverage = leverage
        self._wallets = wallets
        self._raws = {listing.raw[id]: id for id in listing.contracts}
        self._settles = frozenset(listing.instruments[id].settle for id in listing.contracts)

    async def read(self) -> AccountReading:
        """One complete reading; ValueError where two parts disagree.

        `exchange_at` is the venue's time when the first request left: no part of the reading can be older.
        """
        asked_at, client = self._link.venue_now(), self._link.client
        # One list of every currency: `any` is among the values of that parameter [V]; another would be refused aloud.
        summaries, rows, orders = await together(
            self._need("account summaries", client.private_get_get_account_summaries, {}, _read_summaries),
            self._need("positions", client.private_get_get_positions, {"currency": "any"}, _read_rows),
            self._need("open orders", client.private_get_get_open_orders, {"kind": "future"}, _read_rows),
        )
        held = held_in(rows, self._listing.coins, self._settles)
        rest, marks = await together(self._rest(held), self._marks(held))
        wallets = self._understood(summaries)
        _agree(wallets, held, (self._listing.coins | self._settles) & wallets.keys())
        for coin in self._listing.coins & wallets.keys():
            check_whole(wallets[coin], held, asked_at)
        for coin in {settle_of(id.symbol) for id, _ in rest} & self._listing.coins & wallets.keys():
            check_flat(wallets[coin], held, asked_at)
        return AccountReading(
            account=self._link.account,
            spot=self._coins(wallets),
            collateral={name: _cash(row) for name, row in wallets.items() if name in self._monies},
            positions=(*self._positions(held), *(self._flat(id, row) for id, row in rest)),
            margin=self._margin(wallets[MONEY], held),
            open_orders=self._orders(orders),
            one_way=True,
            exchange_at=asked_at,
            options=self._options(held, marks),
            unrealized={name: row.futures_session_upl for name, row in wallets.items()},
            accrued=_accrued(wallets, [*held.futures.values(), *(row for _, row in rest if row is not None)]),
            coin_margins={c: self._margin(wallets[c], held) for c in sorted(self._listing.coins & wallets.keys())},
        )

    async def _need(self, what: str, method: Any, params: dict[str, Any], understand: Understand[T]) -> T:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[REST])

    # --- wallets ----------------------------------------------------------------------------------------------------

    @property
    def _monies(self) -> frozenset[str]:
        return (MONIES | self._settles) - self._listing.coins

    def _understood(self, told: Summaries) -> dict[str, Summary]:
        """Each currency's summary. One that concerns us must be there and understood, another that is odd is left out;
        a coin of ours that the venue keeps no wallet of cannot be held there."""
        ours = (self._listing.coins & self._wallets) | self._settles | {MONEY}
        found: dict[str, Summary] = {}
        for row in told.summaries:
            if row.currency in found and row.currency in ours:
                raise ValueError(f"{row.currency} is summed up twice")
            try:
                read = _read_summary(row.model_dump())
                _cash(read)
            except (ValueError, ArithmeticError) as problem:
                if row.currency in ours:
                    raise ValueError(f"the summary of {row.currency} is not believed: {_why(problem)}") from None
            else:
                found[row.currency] = read
        if missing := sorted(ours - found.keys()):
            raise ValueError(f"the account does not list {missing[0]}, and what is not listed is not zero")
        return found

    def _coins(self, wallets: Mapping[str, Summary]) -> dict[str, Decimal]:
        """Each coin's cash, zeros included."""
        none = dict.fromkeys(sorted(self._listing.coins), ZERO)
        return none | {name: _cash(row) for name, row in wallets.items() if name not in self._monies}

    def _margin(self, row: Summary, held: Held) -> Margin:
        """A wallet's margin as the venue reckons it; what is free is that at the leverage which was configured, for the
        venue itself would lend fifty times as much."""
        backed = sum((self._backing(future) for future in self._in(held, row.currency)), ZERO)
        return Margin(
            equity=row.margin_balance,
            maintenance_margin=row.maintenance_margin,
            initial_margin=row.initial_margin,
            available=min(row.available_funds, row.margin_balance - backed),
        )

    def _in(self, held: Held, currency: str) -> Iterable[FutureRow]:
        return (row for raw, row in held.futures.items() if named(raw).settle == currency)

    def _backing(self, row: FutureRow) -> Decimal:
        """What backs a position at its leverage, in what it settles in."""
        terms = named(row.instrument_name)
        worth = abs(coins_of(row)) * (1 if terms.payoff is Payoff.INVERSE else row.mark_price)
        return worth / self._leverage.of(InstrumentId(self._link.account, terms.symbol))

    # --- positions --------------------------------------------------------------------------------------------------

    async def _rest(self, held: Held) -> list[tuple[InstrumentId, FutureRow | None]]:
        """The configured contracts that the list of positions leaves out, each asked for by its name."""
        missing = [(raw, id) for raw, id in self._raws.items() if raw not in held.futures]
        rows = await together(*(self._zero(raw, id) for raw, id in missing))
        return [(id, row) for (_, id), row in zip(missing, rows, strict=True)]

    async def _zero(self, raw: str, id: InstrumentId) -> FutureRow | None:
        """Its explicit zero. What does not trade any more need not have one."""
        link = self._link
        row = await link.asker.ask(
            "position",
            lambda: link.client.private_get_get_position({"instrument_name": raw}),
            _read_row,
            host=link.hosts[REST],
            absent=NO_SUCH_INSTRUMENT,
        )
        if row is None:
            if not await self._suspicion.is_gone(id):
                raise AskAgain(f"deribit: position: the venue lists {raw} and does not know it.")
            return None
        read = future_row(row)
        if read.instrument_name != raw:
            raise ValueError(f"{read.instrument_name} came as an answer about {raw}")
        if read.size:
            raise ValueError(f"the venue's list of positions leaves out {raw}, of which there is one")
        return read

    def _flat(self, id: InstrumentId, row: FutureRow | None) -> Position:
        account, leverage = self._link.account, self._leverage.of(id)
        if row is None:
            return flat(self._listing.raw[id], account, leverage)
        return position_of(row, account, leverage)

    def _positions(self, held: Held) -> list[Position]:
        """A row of each configured contract in the list, and of any other that is held on a coin of ours."""
        found = []
        for raw, row in held.futures.items():
            terms = named(raw)
            if raw in self._raws or (row.size and terms.underlying in self._listing.coins):
                id = InstrumentId(self._link.account, terms.symbol)
                found.append(position_of(row, self._link.account, self._leverage.of(id)))
        return found

    async def _marks(self, held: Held) -> dict[str, BookSummary]:
        """The volatilities and forwards of the options held, in one request for each currency that they settle in."""
        wanted = {raw: named(raw) for raw, row in held.options.items() if row.size}
        ours = {raw for raw, terms in wanted.items() if terms.underlying in self._listing.coins}
        settles = sorted({wanted[raw].settle for raw in ours})
        parts = await together(*(self._books(currency, ours) for currency in settles))
        return {raw: row for part in parts for raw, row in part.items()}

    async def _books(self, currency: str, wanted: set[str]) -> dict[str, BookSummary]:
        def understand(payload: Any) -> dict[str, BookSummary]:
            rows = [row for row in _read_rows(payload) if row.instrument_name in wanted]
            return {row.instrument_name: _read_book(row.model_dump()) for row in rows}

        method = self._link.client.public_get_get_book_summary_by_currency
        return await self._need("marks of options", method, {"currency": currency, "kind": "option"}, understand)

    def _options(self, held: Held, marks: Mapping[str, BookSummary]) -> tuple[OptionPosition, ...]:
        """The options held on our coins. What the venue does not say of one is left unsaid, not left out."""
        return tuple(
            option_of(row, marks.get(raw), self._link.account)
            for raw, row in held.options.items()
            if row.size and named(raw).underlying in self._listing.coins
        )

    # --- orders -----------------------------------------------------------------------------------------------------

    def _orders(self, rows: Iterable[Row]) -> tuple[OrderReport, ...]:
        """The limit orders on our contracts. An order that waits for a trigger is on no book yet."""
        reports = []
        for row in rows:
            id = self._raws.get(row.instrument_name)
            if id is None or row.model_dump().get("order_type") != "limit":
                continue
            reports.append(report_of(_read_order(row.model_dump()), id))
            self._link.seen.note(reports[-1])
        return tuple(reports)


def _cash(row: Summary) -> Decimal:
    """What is neither the profit of futures nor the value of options. ValueError where it is further from the balance
    than the session can have moved it: then the equity is not that of this currency alone."""
    cash = row.equity - row.options_value - row.futures_session_upl
    moved = abs(row.futures_session_rpl) + abs(row.options_session_rpl) + abs(row.options_session_upl)
    if abs(cash - row.balance) > moved + ROUNDING * max(Decimal(1), abs(row.balance)):
        raise ValueError(f"the equity of {row.currency} and its balance do not fit together")
    return cash


def _accrued(wallets: Iterable[str], rows: Iterable[FutureRow]) -> dict[str, Decimal]:
    """By wallet, what perpetuals were paid in this session: it is in the cash already, and a payment at 08:00 UTC."""
    found = dict.fromkeys(wallets, ZERO)
    for row in rows:
        settle = named(row.instrument_name).settle
        if row.realized_funding and settle in found:
            found[settle] += row.realized_funding
    return found


def _why(problem: Exception) -> str:
    """The words of ours; those of a validation would show what was read."""
    return "a number is missing or odd" if isinstance(problem, ValidationError) else str(problem)


def _agree(wallets: Mapping[str, Summary], held: Held, settles: Collection[str]) -> None:
    """ValueError where a wallet that matters to us has delta or options' value, and the list of positions has nothing
    that settles there: an empty list would be believed otherwise."""
    for currency in settles:
        row = wallets[currency]
        if row.options_value and not held.settles(currency, options_only=True):
            raise ValueError(f"{currency} has options' value, and no option that settles in it is listed")
        if row.delta_total and not held.settles(currency):
            raise ValueError(f"{currency} has a delta, and no position that settles in it is listed")
