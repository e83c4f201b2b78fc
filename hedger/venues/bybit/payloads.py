"""What Bybit sends, field by field. Numbers and times are text there, and an empty text is no number."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from hedger.venues.wire import Flag, MaybeNumber, Moment, Name, NotNegative, Number, Payload, Positive, TextMoment

SideName = Literal["Buy", "Sell"]
LinkId = Annotated[str, Field(strict=True, max_length=64)]
Count = Annotated[int, Field(strict=True, ge=0)]


def _nought(value: object) -> object:
    """Where an empty text means nothing."""
    return "0" if value == "" else value


MaybeNothing = Annotated[NotNegative, BeforeValidator(_nought)]


class Row(Payload):
    """A row of a list, unread but for its name: what is odd about one contract must not hide the others."""

    model_config = ConfigDict(extra="allow")

    symbol: Name


class CoinRow(Payload):
    """A coin of a wallet, unread but for its name."""

    model_config = ConfigDict(extra="allow")

    coin: Name


class ServerTime(Payload):
    """The result of `GET /v5/market/time`, in nanoseconds."""

    timeNano: Annotated[str, Field(strict=True, pattern=r"^[0-9]{19}$")]


class ApiKey(Payload):
    """The result of `GET /v5/user/query-api`. Addresses are `*` where the key works from any; days are left, and an end
    is meant, only where `deadlineDay` is not negative."""

    readOnly: Literal[0, 1]
    permissions: dict[str, list[str]]
    ips: list[str]
    deadlineDay: Any = None
    expiredAt: Any = None


class AccountInfo(Payload):
    """The result of `GET /v5/account/info`. Status 5 and 6 are unified accounts of version 2."""

    marginMode: Literal["REGULAR_MARGIN", "PORTFOLIO_MARGIN", "ISOLATED_MARGIN"]
    unifiedMarginStatus: Annotated[int, Field(strict=True)]


class Wallet(Payload):
    """The account in `GET /v5/account/wallet-balance`, in dollars. In isolated margin mode its margins are empty."""

    accountType: Literal["UNIFIED"]
    totalMarginBalance: MaybeNumber
    totalMaintenanceMargin: MaybeNumber
    totalInitialMargin: MaybeNumber
    totalAvailableBalance: MaybeNumber
    coin: list[CoinRow]


class Coin(Payload):
    """A coin of the unified wallet. The balance has no unrealised profit in it; what was borrowed is not ours."""

    coin: Name
    walletBalance: Number
    spotBorrow: MaybeNothing = Decimal(0)
    totalPositionMM: MaybeNumber = None


class PositionRow(Payload):
    """One row of `GET /v5/position/list`. A flat one has no side; index 1 and 2 are the sides of hedge mode."""

    symbol: Name
    positionIdx: Annotated[int, Field(strict=True, ge=0, le=2)]
    side: Literal["Buy", "Sell", "", "None"]
    size: NotNegative
    avgPrice: MaybeNothing = Decimal(0)
    markPrice: MaybeNothing = Decimal(0)
    liqPrice: MaybeNumber = None
    leverage: MaybeNumber = None
    unrealisedPnl: MaybeNumber = None


class OrderRecord(Payload):
    """An order in lists and in the stream. Somebody's market order has no price."""

    orderId: Name
    orderLinkId: LinkId
    symbol: Name
    side: SideName
    orderStatus: Name
    orderType: Name
    timeInForce: Name
    price: MaybeNothing
    qty: NotNegative
    cumExecQty: MaybeNothing
    reduceOnly: Flag
    rejectReason: str = ""
    updatedTime: TextMoment


class Ids(Payload):
    """The result of a create and of a cancel: nothing but the two ids."""

    orderId: Name
    orderLinkId: LinkId


class Execution(Payload):
    """One row of `GET /v5/execution/list`, and of the stream. A positive fee was paid by us."""

    symbol: Name
    execId: Name
    execType: Name
    orderId: Name
    orderLinkId: LinkId
    side: SideName
    execQty: Positive
    execPrice: Positive
    execFee: MaybeNumber = None
    feeCurrency: str = ""
    feeCoin: str = ""
    isMaker: Flag
    execTime: TextMoment


class LedgerLine(Payload):
    """A line of the transaction log, unread but for what it is about: nothing, where it is about no contract."""

    symbol: Annotated[str, Field(strict=True)]
    type: Name


class Ledger(Payload):
    """One line of `GET /v5/account/transaction-log`. Funding that was received is positive."""

    id: str = ""
    tradeId: str = ""
    symbol: str
    type: Name
    currency: Name
    funding: MaybeNumber
    transactionTime: TextMoment


class Ticker(Payload):
    """The best prices of `GET /v5/market/tickers`. A side without a price is refused."""

    symbol: Name
    bid1Price: Positive
    bid1Size: NotNegative
    ask1Price: Positive
    ask1Size: NotNegative


class ContractPrices(Payload):
    """Mark and index of a contract."""

    symbol: Name
    markPrice: Positive
    indexPrice: Positive


class Funding(Payload):
    """The funding of a perpetual. The interval, in hours, is not told everywhere."""

    fundingRate: Number
    nextFundingTime: TextMoment
    fundingIntervalHour: MaybeNumber = None


class OptionTicker(Payload):
    """What `GET /v5/market/tickers` says of an option. Its volatility is a ratio a year, its greeks are of one coin."""

    symbol: Name
    markPrice: MaybeNumber
    indexPrice: Positive
    markIv: MaybeNumber
    underlyingPrice: MaybeNumber
    delta: MaybeNumber = None
    gamma: MaybeNumber = None
    vega: MaybeNumber = None
    theta: MaybeNumber = None


class FeeRate(Payload):
    """One row of `GET /v5/account/fee-rate`."""

    symbol: str
    makerFeeRate: Number
    takerFeeRate: Number


class BookFrame(Payload):
    """A streamed `orderbook.1`: prices and sizes of each side, a size of 0 takes a price off."""

    s: Name
    b: list[tuple[Positive, NotNegative]]
    a: list[tuple[Positive, NotNegative]]


class Frame(Payload):
    """What a public stream sends around its data."""

    topic: Name
    type: Literal["snapshot", "delta"]
    ts: Moment
    data: dict[str, Any]


class News(Payload):
    """What the private stream sends around its rows."""

    topic: Name
    data: list[dict[str, Any]]
