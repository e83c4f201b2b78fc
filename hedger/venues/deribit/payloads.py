"""Deribit's answers, as far as we need them: anything missing, of another kind, or out of range is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hedger.venues.wire import Flag, Moment, Name, NotNegative, Number, Payload, Positive, reader


def result_of(shape: Any) -> Callable[[Any], Any]:
    """A function that reads the `result` of a JSON-RPC answer as `shape`; ValueError where there is none."""
    read = reader(shape)

    def understand(payload: Any) -> Any:
        if not isinstance(payload, dict) or "result" not in payload:
            raise ValueError("the answer has no result")
        return read(payload["result"])

    return understand


def _shortest(value: object) -> object:
    """A number of a stream, which the client has decoded already, as the shortest text that stands for it: up to
    fifteen digits those that were sent. The venue sends no more of what is read here."""
    if isinstance(value, list):
        return [_shortest(part) for part in value]
    if isinstance(value, dict):
        return {name: _shortest(part) for name, part in value.items()}
    return repr(value) if isinstance(value, float) else value


def as_text(data: Any) -> Any:
    """What a frame says, with its fractions as text again, as those of answers are."""
    return _shortest(data)


class Row(BaseModel):
    """A row of a list that may concern us or not: only then is the rest of it read."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    instrument_name: Name


class Step(Payload):
    """From a price on, prices are on another grid."""

    above_price: NotNegative
    tick_size: Positive


class Listed(Payload):
    """One row of `public/get_instruments`."""

    instrument_name: Name
    kind: Name
    base_currency: Name
    counter_currency: Name
    settlement_currency: Name | None = None
    price_index: Name | None = None
    is_active: Flag
    state: str | None = None
    contract_size: Positive
    min_trade_amount: Positive
    tick_size: Positive
    tick_size_steps: tuple[Step, ...] = ()
    maker_commission: Number
    taker_commission: Number
    expiration_timestamp: int | None = None
    settlement_period: str | None = None


class Fee(Payload):
    """What an account pays on one kind of instrument: a row of `fees` in an extended account summary.

    `scope` is a currency, or an index where the venue tells fees by that. A relative one is a share of the listing's.
    """

    scope: Name
    kind: Name
    type: Literal["relative", "fixed"]
    maker: Number
    taker: Number


def fee_of(row: Any) -> dict[str, Any]:
    """A row of either form that the venue has had, as `Fee` has it; ValueError for another."""
    match row:
        case {"currency": scope, "instrument_type": kind, "fee_type": type, "maker_fee": maker, "taker_fee": taker}:
            pass
        case {"index_name": scope, "kind": kind, "value": {"default": {"type": type, "maker": maker, "taker": taker}}}:
            pass
        case _:
            raise ValueError("a fee of another form")
    return {"scope": scope, "kind": kind, "type": type, "maker": maker, "taker": taker}


def fee_rows(told: Any) -> list[Any]:
    """The fees of a summary as rows. The venue tells them by index and then by kind; it has told them as a list."""
    if not isinstance(told, dict):
        return told if isinstance(told, list) else []
    by_index = ((index, kinds) for index, kinds in told.items() if isinstance(kinds, dict))
    return [
        {"index_name": index, "kind": kind, "value": value}
        for index, kinds in by_index
        for kind, value in kinds.items()
    ]


class Fees(Payload):
    """An extended account summary, of which the fees: there are none where nothing differs from the listing."""

    currency: Name
    fees: Any = ()


class Grant(Payload):
    """The answer to `public/auth`: what the keys may do. The token in it is not read."""

    scope: Annotated[str, Field(strict=True, min_length=1)]


class CurrencyRow(Payload):
    """One row of `public/get_currencies`."""

    currency: Name


class SummaryRow(BaseModel):
    """One row of the account summaries, before it is known whether it concerns us."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    currency: Name


class Summaries(Payload):
    """The answer to `private/get_account_summaries`."""

    summaries: Annotated[tuple[SummaryRow, ...], Field(min_length=1)]


class Summary(Payload):
    """One currency of an account. With cross collateral the margins are those of all currencies, told in this one."""

    currency: Name
    balance: Number
    equity: Number
    margin_balance: Number
    initial_margin: NotNegative
    maintenance_margin: NotNegative
    available_funds: Number
    futures_session_upl: Number
    futures_session_rpl: Number = Decimal(0)
    options_session_upl: Number = Decimal(0)
    options_session_rpl: Number = Decimal(0)
    options_value: Number
    options_delta: Number | None = None
    delta_total: Number


class FutureRow(Payload):
    """A position in a future. `size` is signed: dollars of an inverse contract; of a linear one its coins, or what they
    are worth. `size_currency` is in coins always.

    `realized_funding` is that of the session until now, a part of its realised profit, in what the contract settles in:
    every perpetual that is held has it. The venue's example of a flat one has none.
    """

    instrument_name: Name
    size: Number
    size_currency: Number
    direction: Literal["buy", "sell", "zero"]
    average_price: NotNegative
    mark_price: NotNegative
    index_price: Positive
    estimated_liquidation_price: Number | None = None
    realized_funding: Number | None = None


class OptionRow(Payload):
    """A position in an option. `size` is signed, in coins; greeks are those of the whole position."""

    instrument_name: Name
    size: Number
    direction: Literal["buy", "sell", "zero"]
    mark_price: NotNegative | None = None
    index_price: Positive
    delta: Number | None = None
    gamma: Number | None = None
    vega: Number | None = None
    theta: Number | None = None


class BookSummary(Payload):
    """One option of `public/get_book_summary_by_currency`. `mark_iv` is in per cent a year."""

    instrument_name: Name
    underlying_price: Positive | None = None
    mark_iv: NotNegative | None = None


class OrderRecord(Payload):
    """An order. Without a label of its own it has an empty one, or none."""

    order_id: Name
    instrument_name: Name
    label: str = ""
    direction: Literal["buy", "sell"]
    order_state: Name
    order_type: Name
    price: Number
    amount: Positive
    filled_amount: NotNegative
    post_only: Flag
    reject_post_only: Flag | None = None
    reduce_only: Flag
    last_update_timestamp: Moment
    cancel_reason: str | None = None


class Placed(Payload):
    """The answer to `private/buy` and `private/sell`."""

    order: OrderRecord


class Trade(Payload):
    """One execution of ours. `liquidation` names the sides that were liquidated: M, T or MT."""

    trade_id: Name
    order_id: Name
    instrument_name: Name
    label: str = ""
    direction: Literal["buy", "sell"]
    amount: Positive
    price: Positive
    fee: Number
    fee_currency: Name
    liquidity: Literal["M", "T"]
    timestamp: Moment
    liquidation: Literal["M", "T", "MT"] | None = None


class Trades(Payload):
    """A page of executions."""

    trades: tuple[Trade, ...]
    has_more: Flag


class Settlement(Payload):
    """One row of the settlement history. `funding` is what a perpetual paid in the session, in what it settles in."""

    type: Name
    timestamp: Moment
    instrument_name: Name
    funding: Number | None = None


class Settlements(Payload):
    """A page of settlements; `continuation` is the way to the next, `none` after the last."""

    settlements: tuple[Settlement, ...]
    continuation: str | None = None


class Ticker(Payload):
    """`public/ticker`. `funding_8h` is what the last eight hours of a perpetual came to."""

    instrument_name: Name
    timestamp: Moment
    best_bid_price: Positive
    best_bid_amount: NotNegative
    best_ask_price: Positive
    best_ask_amount: NotNegative
    mark_price: Positive
    index_price: Positive
    funding_8h: Number | None = None


class MarkFrame(Payload):
    """The ticker as streamed, of which mark, index and funding are used."""

    instrument_name: Name
    timestamp: Moment
    mark_price: Positive
    index_price: Positive
    funding_8h: Number | None = None


class QuoteFrame(Payload):
    """The best prices as streamed."""

    instrument_name: Name
    timestamp: Moment
    best_bid_price: Positive
    best_bid_amount: NotNegative
    best_ask_price: Positive
    best_ask_amount: NotNegative
