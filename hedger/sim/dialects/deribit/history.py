"""What has been: a user's trades, final orders, settlements and transaction log.

As Deribit does, trades of the last day and orders of the last half-hour are told without `historical`, and with it what
is older than a short delay; `include_old` changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.spans import DAY_MS
from hedger.sim.dialects.deribit.figures import figure
from hedger.sim.dialects.deribit.naming import KINDS, Catalogue, Instrument, amount_of, belongs, name_of
from hedger.sim.dialects.deribit.notes import is_delivery, number_of, order_id_of, prefix_of
from hedger.sim.dialects.deribit.order_payloads import OrderPayloads
from hedger.sim.dialects.deribit.orders import KEPT_MS
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.refusals import RpcError, invalid
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.deribit.statements import Entry, Statements
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Listing, SimOrder, UserTrade

INDEXED_MS = 60_000  # [V] the "short delay" after which a record is history
READ = ("trade", "read")
SORTINGS = ("asc", "desc", "default")
MOST = 1_000
MOST_LOGS = 250
TYPES = ("settlement", "delivery", "bankruptcy")


class HistoryApi:
    """The methods about the past of who has signed in."""

    def __init__(
        self, exchange: Exchange, catalogue: Catalogue, payloads: OrderPayloads, statements: Statements
    ) -> None:
        self._exchange, self._catalogue = exchange, catalogue
        self._payloads, self._statements = payloads, statements

    def methods(self) -> Methods:
        """By name."""
        trades = {
            "private/get_user_trades_by_instrument": self._trades_by_instrument,
            "private/get_user_trades_by_instrument_and_time": self._trades_by_instrument,
            "private/get_user_trades_by_currency": self._trades_by_currency,
            "private/get_user_trades_by_currency_and_time": self._trades_by_currency,
            "private/get_user_trades_by_order": self._trades_by_order,
            "private/get_order_history_by_instrument": self._orders_by_instrument,
            "private/get_order_history_by_currency": self._orders_by_currency,
            "private/get_settlement_history_by_instrument": self._settlements_by_instrument,
            "private/get_settlement_history_by_currency": self._settlements_by_currency,
        }
        # [V] The scope that Deribit demands for the transaction log.
        log = Method(handler=self._log, scope=("account", "read"))
        return {name: Method(handler=handler, scope=READ) for name, handler in trades.items()} | {
            "private/get_transaction_log": log
        }

    # --- trades ---------------------------------------------------------------------------------------------

    def _trades_by_instrument(self, call: Call) -> object:
        wanted = self._catalogue.find_past(call.params.text("instrument_name"))
        return self._told(call, self._trades(call, lambda listing: listing == wanted))

    def _trades_by_currency(self, call: Call) -> object:
        currency = self._catalogue.currency(call.params.text("currency"))
        kind = call.params.choice("kind", KINDS, "any")
        return self._told(call, self._trades(call, lambda listing: belongs(listing, currency, kind)))

    def _trades_by_order(self, call: Call) -> object:
        """All of one order, oldest first; a bare list."""
        asked = call.params.text("order_id")
        order = self._exchange.floor.account(call.user).orders.get(number_of(asked))
        if order is None or order_id_of(self._catalogue.of(order.wallet, order.symbol), order.order_id) != asked:
            raise RpcError(10004, "order_not_found")
        return [self._payloads.trade(trade) for trade in self._payloads.trades_of(order)]

    def _trades(self, call: Call, wanted: Callable[[Listing], bool]) -> list[UserTrade]:
        """Oldest first, within the sequence numbers and times asked for."""
        found: list[UserTrade] = []
        for (wallet, symbol), trades in self._exchange.floor.account(call.user).trades.items():
            if wanted(self._catalogue.of(wallet, symbol)):
                found += [trade for trade in trades if not is_delivery(trade)]
        within = _bounds(call.params)
        recent = _recent(call.params, self._exchange.now, DAY_MS)
        return sorted((t for t in found if within(t) and recent(t.at)), key=lambda t: t.trade_id)

    def _told(self, call: Call, trades: list[UserTrade]) -> Body:
        """The first `count` in the order asked for, newest first by default."""
        count = call.params.count(10, MOST)
        ascending = call.params.choice("sorting", SORTINGS, "default") == "asc"
        ordered = trades if ascending else trades[::-1]
        return {"trades": [self._payloads.trade(t) for t in ordered[:count]], "has_more": len(ordered) > count}

    # --- orders ---------------------------------------------------------------------------------------------

    def _orders_by_instrument(self, call: Call) -> object:
        wanted = self._catalogue.find_past(call.params.text("instrument_name"))
        return self._orders(call, lambda listing: listing == wanted)

    def _orders_by_currency(self, call: Call) -> object:
        currency = self._catalogue.currency(call.params.text("currency"))
        kind = call.params.choice("kind", KINDS, "any")
        return self._orders(call, lambda listing: belongs(listing, currency, kind))

    def _orders(self, call: Call, wanted: Callable[[Listing], bool]) -> list[Body]:
        """Final orders, newest first; those without a fill only if they are asked for."""
        account = self._exchange.floor.account(call.user)
        unfilled, offset = call.params.boolean("include_unfilled"), call.params.integer("offset") or 0
        recent = _recent(call.params, self._exchange.now, KEPT_MS)

        def is_meant(order: SimOrder) -> bool:
            final = order.order_id not in account.working and not is_delivery(order)
            filled = bool(order.filled) or unfilled
            return final and filled and recent(order.updated_at) and wanted(self._listing(order))

        found = [order for order in account.orders.values() if is_meant(order)][::-1]
        return [self._payloads.order(order) for order in found[offset : offset + call.params.count(20, MOST)]]

    def _listing(self, order: SimOrder) -> Listing:
        return self._catalogue.of(order.wallet, order.symbol)

    # --- settlements ----------------------------------------------------------------------------------------

    def _settlements_by_instrument(self, call: Call) -> object:
        name = call.params.text("instrument_name")
        return self._settlements(call, lambda entry: entry.instrument is not None and name_of(entry.instrument) == name)

    def _settlements_by_currency(self, call: Call) -> object:
        currency = self._catalogue.currency(call.params.text("currency"))
        kind = call.params.choice("kind", KINDS, "any")
        return self._settlements(
            call, lambda entry: entry.instrument is not None and belongs(entry.instrument, currency, kind)
        )

    def _settlements(self, call: Call, wanted: Callable[[Entry], bool]) -> Body:
        """Newest first, from `search_start_timestamp` back."""
        latest = call.params.integer("search_start_timestamp")
        kind = call.params.optional("type")
        if kind not in (None, *TYPES):
            raise invalid("type", "value not in range")
        found = [
            entry
            for entry in self._statements.of(call.user)
            if entry.type in TYPES
            and kind in (None, entry.type)
            and wanted(entry)
            and (latest is None or entry.at <= latest)
        ]
        page, continuation = _paged(call.params, found, call.params.count(20, MOST))
        return {
            "settlements": [_settlement(entry) for entry in page],
            "continuation": str(continuation) if continuation is not None else "none",
        }

    # --- the transaction log --------------------------------------------------------------------------------

    def _log(self, call: Call) -> object:
        params = call.params
        currency = self._catalogue.currency(params.text("currency"))
        first, last = params.moment("start_timestamp"), params.moment("end_timestamp")
        query = params.optional("query")
        found = [
            entry
            for entry in self._statements.of(call.user)
            if entry.currency == currency and first <= entry.at <= last and query in (None, entry.type)
        ]
        page, continuation = _paged(params, found, params.count(100, MOST_LOGS))
        return {"logs": [self._logged(entry) for entry in page], "continuation": continuation}

    def _logged(self, entry: Entry) -> Body:
        trade, instrument = entry.trade, entry.instrument
        body: Body = {
            "id": entry.number,
            "user_seq": entry.number,
            "username": entry.user,
            "timestamp": entry.at,
            "currency": entry.currency,
            "type": entry.type,
            "change": figure(entry.change),
            "cashflow": figure(entry.change + (_fee(entry) or ZERO)),
            "balance": figure(entry.balance),
            "equity": figure(entry.balance),
            "commission": figure(_fee(entry) or ZERO),
            "instrument_name": name_of(instrument) if instrument is not None else None,
            "side": _side(entry),
            "price": figure(entry.price) if entry.price is not None else None,
            "position": figure(_amount(instrument, entry.position)) if instrument is not None else None,
            "amount": figure(abs(_amount(instrument, entry.units))) if instrument is not None else None,
            "mark_price": figure(entry.mark_price),
            "index_price": figure(entry.index_price),
            "interest_pl": figure(entry.funding) if entry.funding is not None else None,
            "trade_id": None,
            "order_id": None,
            "info": {},
        }
        if trade is None:
            return body
        listing = self._catalogue.of(trade.wallet, trade.symbol)
        return body | {
            "trade_id": f"{prefix_of(listing)}-{trade.trade_id}",
            "order_id": order_id_of(listing, trade.order_id),
            "user_role": "maker" if trade.maker else "taker",
            "profit_as_cashflow": True,
        }


def _settlement(entry: Entry) -> Body:
    """Profit and funding are in the currency that was settled in."""
    body: Body = {
        "type": entry.type,
        "timestamp": entry.at,
        "instrument_name": name_of(entry.instrument) if entry.instrument is not None else None,
        "position": figure(_amount(entry.instrument, entry.units if entry.type == "settlement" else -entry.units)),
        "mark_price": figure(entry.mark_price),
        "index_price": figure(entry.index_price),
        "profit_loss": figure(entry.change if entry.funding is None else ZERO),
        "session_profit_loss": figure(entry.change),
    }
    return body | ({"funding": figure(entry.funding)} if entry.funding is not None else {})


def _amount(instrument: Instrument | None, units: Decimal) -> Decimal:
    return amount_of(instrument, units) if instrument is not None else units


def _fee(entry: Entry) -> Decimal | None:
    """The fee of a trade, where it was taken from this currency."""
    trade = entry.trade
    return trade.fee if trade is not None and trade.fee_asset == entry.currency else None


def _side(entry: Entry) -> str:
    if entry.trade is not None:
        return entry.trade.side.value
    return "-" if not entry.units else "long" if entry.units > 0 else "short"


def _bounds(params: Params) -> Callable[[UserTrade], bool]:
    """Within `start_seq` … `end_seq`, `start_id` … `end_id` and `start_timestamp` … `end_timestamp`, ends included."""
    firsts = [params.integer("start_seq"), _numbered(params, "start_id")]
    lasts = [params.integer("end_seq"), _numbered(params, "end_id")]
    first_at, last_at = params.integer("start_timestamp"), params.integer("end_timestamp")

    def is_within(trade: UserTrade) -> bool:
        from_on = all(first is None or trade.trade_id >= first for first in firsts)
        up_to = all(last is None or trade.trade_id <= last for last in lasts)
        after = first_at is None or trade.at >= first_at
        return from_on and up_to and after and (last_at is None or trade.at <= last_at)

    return is_within


def _numbered(params: Params, name: str) -> int | None:
    value = params.optional(name)
    return number_of(value) if value is not None else None


def _recent(params: Params, now: int, kept_ms: int) -> Callable[[int], bool]:
    """Whether a record of an instant is told: of late, or `historical`."""
    if params.boolean("historical"):
        return lambda at: now - at >= INDEXED_MS
    return lambda at: now - at <= kept_ms


def _paged(params: Params, entries: Iterable[Entry], count: int) -> tuple[Sequence[Entry], int | None]:
    """A page of rows that are newest first, and the token for the next one."""
    token = params.optional("continuation")
    if token is not None and not token.isdigit():
        raise invalid("continuation", "invalid token")
    rest = [entry for entry in entries if token is None or entry.number <= int(token)]
    return rest[:count], rest[count].number if len(rest) > count else None
