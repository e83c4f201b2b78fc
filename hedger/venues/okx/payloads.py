"""What OKX sends, field by field: numbers are text, and an empty text is a number that does not apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from hedger.venues.wire import MaybeNumber, Name, NotNegative, Number, Payload, Positive, TextMoment, reader

SideName = Literal["buy", "sell"]
MarginName = Literal["cross", "isolated"]
PositionSide = Literal["net", "long", "short"]
Digits = Annotated[str, Field(strict=True, pattern=r"^[0-9]{1,32}$")]
Text = Annotated[str, Field(strict=True, max_length=128)]


def _flag(value: object) -> object:
    """Flags come as text."""
    return {"true": True, "false": False, "": False}.get(value, value) if isinstance(value, str) else value


TextFlag = Annotated[bool, BeforeValidator(_flag), Field(strict=True)]


class _Envelope(Payload):
    code: Literal["0"]
    data: list[Any]


_read_envelope = reader(_Envelope)


def rows_of(payload: Any) -> list[Any]:
    """The rows of a good answer; ValueError for any other."""
    found: list[Any] = _read_envelope(payload).data
    return found


def rows_as(shape: Any) -> Callable[[Any], Any]:
    """A function that reads every row of a good answer as `shape`."""
    read = reader(list[shape])
    return lambda payload: read(rows_of(payload))


def row_as(shape: Any) -> Callable[[Any], Any]:
    """A function that reads the one row of a good answer as `shape`; ValueError where there is not exactly one."""
    read = reader(shape)

    def understand(payload: Any) -> Any:
        rows = rows_of(payload)
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} rows came where one was asked for")
        return read(rows[0])

    return understand


class NamedRow(Payload):
    """A row that is unread but for its name: what is odd about one must not hide the others."""

    model_config = ConfigDict(extra="allow")

    instId: Name


class CoinRow(Payload):
    """A row of a wallet, unread but for its name."""

    model_config = ConfigDict(extra="allow")

    ccy: Name


class ServerTime(Payload):
    """`GET /public/time`."""

    ts: TextMoment


class InstrumentRow(Payload):
    """One row of `GET /public/instruments`. What is announced has empty fields."""

    instType: Name
    instId: Name
    state: Name
    uly: Text = ""
    instFamily: Text = ""
    baseCcy: Text = ""
    quoteCcy: Text = ""
    settleCcy: Text = ""
    ctType: Text = ""
    ctValCcy: Text = ""
    ctVal: MaybeNumber = None
    ctMult: MaybeNumber = None
    tickSz: MaybeNumber = None
    lotSz: MaybeNumber = None
    minSz: MaybeNumber = None
    maxLmtSz: MaybeNumber = None
    expTime: Text = ""
    optType: Text = ""
    stk: MaybeNumber = None
    ruleType: Text = ""
    groupId: Text = ""


class AccountConfig(Payload):
    """`GET /account/config`. `acctLv`: 1 spot, 2 futures, 3 multi-currency margin, 4 portfolio margin."""

    acctLv: Literal["1", "2", "3", "4"]
    posMode: Literal["net_mode", "long_short_mode"]
    perm: Text
    ip: Annotated[str, Field(strict=True, max_length=2_048)] = ""


class AccountBalance(Payload):
    """`GET /account/balance`. What stands at the top is in USD, and empty in the account modes that have no such."""

    adjEq: MaybeNumber = None
    availEq: MaybeNumber = None
    imr: MaybeNumber = None
    mmr: MaybeNumber = None
    totalEq: Number
    notionalUsdForSwap: MaybeNumber = None
    notionalUsdForFutures: MaybeNumber = None
    details: list[CoinRow]


class CoinBalance(Payload):
    """One coin of the trading account. `cashBal` is without unrealised profit; isolated margin has left it."""

    ccy: Name
    cashBal: Number
    eq: Number
    eqUsd: MaybeNumber = None
    availEq: MaybeNumber = None
    isoEq: MaybeNumber = None
    isoUpl: MaybeNumber = None
    stgyEq: MaybeNumber = None
    upl: MaybeNumber = None
    imr: MaybeNumber = None
    mmr: MaybeNumber = None


class AccountRisk(Payload):
    """`GET /account/account-position-risk`: balances and positions of one moment."""

    balData: list[CoinRow]
    posData: list[NamedRow]


class RiskBalance(Payload):
    """One coin in it."""

    ccy: Name
    eq: Number


class HeldRow(Payload):
    """One position, as both lists tell it, in contracts."""

    instId: Name
    instType: Name
    mgnMode: MarginName
    posSide: PositionSide
    pos: Number


class PositionRow(HeldRow):
    """One row of `GET /account/positions`."""

    ccy: Text = ""
    avgPx: MaybeNumber = None
    markPx: MaybeNumber = None
    idxPx: MaybeNumber = None
    liqPx: MaybeNumber = None
    lever: MaybeNumber = None
    upl: MaybeNumber = None


class LeverageRow(Payload):
    """One row of `GET /account/leverage-info`."""

    instId: Name
    mgnMode: MarginName
    posSide: PositionSide
    lever: Positive


class FeeGroup(Payload):
    """The fees of a group of instruments; a negative rate is paid by us."""

    groupId: Text
    maker: Number
    taker: Number


class FeeRates(Payload):
    """`GET /account/trade-fee`. Before there were groups, `U` was for contracts in USDT."""

    instType: Name
    feeGroup: tuple[FeeGroup, ...] = ()
    maker: MaybeNumber = None
    taker: MaybeNumber = None
    makerU: MaybeNumber = None
    takerU: MaybeNumber = None
    makerUSDC: MaybeNumber = None
    takerUSDC: MaybeNumber = None


class Ticker(Payload):
    """One row of `GET /market/ticker`. A side without a price is refused."""

    instId: Name
    bidPx: Positive
    bidSz: NotNegative
    askPx: Positive
    askSz: NotNegative
    ts: TextMoment


class MarkRow(Payload):
    """One row of `GET /public/mark-price` and of its stream."""

    instId: Name
    markPx: Positive
    ts: TextMoment


class IndexRow(Payload):
    """One row of `GET /market/index-tickers` and of its stream."""

    instId: Name
    idxPx: Positive
    ts: TextMoment


class FundingRow(Payload):
    """One row of `GET /public/funding-rate` and of its stream: positive, longs pay at `fundingTime`."""

    instId: Name
    fundingRate: Number
    fundingTime: TextMoment
    nextFundingTime: TextMoment


class BookFrame(Payload):
    """One row of the stream `bbo-tbt`: price, size, nothing, how many orders."""

    asks: Annotated[list[Annotated[list[str], Field(min_length=2)]], Field(max_length=1)]
    bids: Annotated[list[Annotated[list[str], Field(min_length=2)]], Field(max_length=1)]
    ts: TextMoment


class OrderRecord(Payload):
    """An order, as REST and the stream tell it, in contracts."""

    instId: Name
    ordId: Digits
    clOrdId: Text = ""
    side: SideName
    sz: NotNegative
    accFillSz: NotNegative
    px: MaybeNumber = None
    state: Name
    ordType: Name
    reduceOnly: TextFlag = False
    category: Text = ""
    cancelSource: Text = ""
    uTime: TextMoment


class FillNews(Payload):
    """What the stream of orders says of an execution beside the order."""

    tradeId: Text = ""
    fillSz: MaybeNumber = None
    fillPx: MaybeNumber = None
    fillFee: MaybeNumber = None
    fillFeeCcy: Text = ""
    fillTime: Text = ""
    execType: Text = ""


class Acknowledgement(Payload):
    """The row in the answer to a create or a cancel."""

    clOrdId: Text
    ordId: Digits
    sCode: Literal["0"]


class FillRow(Payload):
    """One row of `GET /trade/fills` and `/trade/fills-history`: a negative fee was paid by us.

    `ordId` is empty for a block trade, and `execType` for what the venue did by itself.
    """

    instId: Name
    tradeId: Text
    ordId: Text
    clOrdId: Text = ""
    billId: Digits
    side: SideName
    fillSz: Positive
    fillPx: Positive
    fee: Number
    feeCcy: Text = ""
    execType: Text = ""
    subType: Text = ""
    ts: TextMoment
    fillTime: TextMoment


class BillRow(Payload):
    """One row of `GET /account/bills` and `/account/bills-archive` about funding, each that of a contract."""

    billId: Digits
    type: Name
    subType: Name
    instId: Name
    ccy: Name
    pnl: MaybeNumber = None
    balChg: MaybeNumber = None
    posBalChg: MaybeNumber = None
    ts: TextMoment


class OptionSummary(Payload):
    """One row of `GET /public/opt-summary`: volatility as a fraction, greeks of one coin by Black-Scholes."""

    instId: Name
    markVol: MaybeNumber = None
    fwdPx: MaybeNumber = None
    deltaBS: MaybeNumber = None
    gammaBS: MaybeNumber = None
    vegaBS: MaybeNumber = None
    thetaBS: MaybeNumber = None


class Countdown(Payload):
    """`POST /trade/cancel-all-after`: when it ends and when it was asked for; 0 is off."""

    triggerTime: Digits
    ts: Digits
    tag: Text = ""


class TransferRow(Payload):
    """`POST /asset/transfer`."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    ccy: Name
    amt: Positive
    source: Annotated[Name, Field(alias="from")]
    to: Name
