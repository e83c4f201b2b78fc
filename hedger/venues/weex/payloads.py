"""What WEEX sends, field by field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from hedger.venues.spot import SpotRow
from hedger.venues.wire import (
    Flag,
    MaybeNumber,
    Name,
    NotNegative,
    Number,
    Payload,
    Positive,
    TextMoment,
)


def _id(value: object) -> object:
    """An order's or a trade's number, which comes as a number or as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() else value


VenueId = Annotated[Name, BeforeValidator(_id)]
ClientId = Annotated[str, Field(strict=True, max_length=128)]
Digits = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=-18, le=18)]
Minutes = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=1, le=1_440)]
SideName = Literal["BUY", "SELL"]
LegName = Literal["LONG", "SHORT"]
ModeName = Literal["COMBINED", "SEPARATED"]
MarginName = Literal["CROSSED", "ISOLATED"]


class ServerTime(Payload):
    """`GET /capi/v3/market/time`."""

    serverTime: TextMoment


class Row(Payload):
    """A row of a list, unread but for what it is about: what is odd about one must not hide the others."""

    model_config = ConfigDict(extra="allow")

    symbol: Name


class AssetRow(Payload):
    """A row of a list of assets, unread."""

    model_config = ConfigDict(extra="allow")

    asset: Name


class SpotAccount(Payload):
    """`GET /api/v3/account/`."""

    balances: list[SpotRow]


class Wallet(Payload):
    """One asset of the contracts wallet: `balance` is without unrealised profit [V]."""

    asset: Name
    balance: Number
    availableBalance: Number
    frozen: NotNegative
    unrealizePnl: Number


class PositionRow(Payload):
    """One leg of a position, in coins, whatever `contractVal` says. `marginSize` is its value at the mark, levered."""

    symbol: Name
    side: LegName
    marginType: MarginName
    separatedMode: ModeName
    leverage: Positive
    size: NotNegative
    openValue: NotNegative
    marginSize: NotNegative
    unrealizePnl: Number
    liquidatePrice: MaybeNumber = None


class SymbolConfig(Payload):
    """One row of `GET /capi/v3/account/symbolConfig`."""

    symbol: Name
    marginType: MarginName
    separatedType: ModeName
    crossLeverage: NotNegative
    isolatedLongLeverage: NotNegative
    isolatedShortLeverage: NotNegative


class AccountConfig(Payload):
    """`GET /capi/v3/account/accountConfig`: of the account, not of the keys."""

    canTrade: Flag


class OrderRecord(Payload):
    """An order of a contract, its quantity in coins. `positionSide` may be BOTH in an older form of it."""

    symbol: Name
    orderId: VenueId
    clientOrderId: ClientId | None = None
    side: SideName
    positionSide: Literal["LONG", "SHORT", "BOTH"]
    type: Name
    status: Name
    timeInForce: Name
    price: NotNegative
    origQty: NotNegative
    executedQty: NotNegative
    reduceOnly: Flag | None = None
    time: TextMoment
    updateTime: TextMoment


class Acknowledged(Payload):
    """The answer to a create: ids only."""

    orderId: VenueId
    clientOrderId: ClientId
    success: Literal[True]


class Withdrawn(Payload):
    """The answer to a cancel."""

    orderId: VenueId
    origClientOrderId: ClientId | None = None
    success: Literal[True]


class FillRow(Payload):
    """One row of `GET /capi/v3/userTrades`; a positive commission was paid. Without `maker` it is not believed."""

    id: VenueId
    orderId: VenueId
    symbol: Name
    commission: Number
    commissionAsset: Name
    maker: Flag
    price: Positive
    qty: Positive
    side: SideName
    time: TextMoment


class Income(Payload):
    """One row of `POST /capi/v3/account/income`: positive was received."""

    billId: VenueId
    asset: Name
    symbol: str | None
    income: Number
    incomeType: Name
    time: TextMoment


class Incomes(Payload):
    """A page of them, the rows unread: those of other kinds and contracts may have no symbol."""

    hasNextPage: Flag
    items: list[Income]


class Fees(Payload):
    """`GET /capi/v3/account/commissionRate`."""

    symbol: Name
    makerCommissionRate: Number
    takerCommissionRate: Number


class Premium(Payload):
    """`GET /capi/v3/market/premiumIndex`: the forecast rate is what the next settlement will pay, `collectCycle` the
    minutes from one to the next."""

    symbol: Name
    markPrice: Positive
    indexPrice: Positive
    forecastFundingRate: Number
    nextFundingTime: TextMoment
    time: TextMoment
    collectCycle: Minutes


class SettledRate(Payload):
    """One row of `GET /capi/v3/market/fundingRate`."""

    symbol: Name
    fundingRate: Number
    fundingTime: TextMoment


class BookTicker(Payload):
    """Best prices; those of spot pairs have no time."""

    symbol: Name
    bidPrice: Positive
    bidQty: NotNegative
    askPrice: Positive
    askQty: NotNegative
    time: TextMoment | None = None


Level = tuple[Positive, NotNegative]


class DepthFrame(Payload):
    """A streamed `depthSnapshot` or `depth`: the first update of one is the last of the frame before it."""

    e: Name
    E: TextMoment
    s: Name
    U: Annotated[int, Field(strict=True, ge=0)]
    u: Annotated[int, Field(strict=True, ge=0)]
    b: tuple[Level, ...] = ()
    a: tuple[Level, ...] = ()


class PairFrame(Payload):
    """A streamed `bookTicker` of a spot pair."""

    E: TextMoment
    s: Name
    b: Positive
    B: NotNegative
    a: Positive
    A: NotNegative


class News(Payload):
    """A streamed list of orders or fills, unread."""

    d: list[dict[str, Any]]


class OrderNews(Payload):
    """One order of a streamed `orders`."""

    id: VenueId
    symbol: Name
    clientOrderId: ClientId | None = None
    orderSide: SideName
    positionSide: LegName
    type: Name
    status: Name
    timeInForce: Name
    price: NotNegative
    size: NotNegative
    cumFillSize: NotNegative
    reduceOnly: Flag | None = None
    createdTime: TextMoment
    updatedTime: TextMoment


class FillNews(Payload):
    """One fill of a streamed `fill`; it tells no price, but what it was worth."""

    id: VenueId
    orderId: VenueId
    symbol: Name
    coin: Name
    orderSide: SideName
    fillSize: Positive
    fillValue: Positive
    fillFee: Number
    liquidateFee: Number
    direction: Literal["MAKER", "TAKER"]
    createdTime: TextMoment
