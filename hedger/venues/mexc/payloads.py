"""What MEXC sends, field by field. Quantities of contracts are in contracts, as the venue counts."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from hedger.venues.mexc.answers import MaybeClientId, Small, VenueId
from hedger.venues.spot import SpotRow
from hedger.venues.wire import Flag, MaybeNumber, Name, NotNegative, Number, Payload, Positive, TextMoment

MaybeFlag = Annotated[Flag | None, Field()]
Side = Annotated[Small, Field(ge=1, le=4)]
Rate = Annotated[NotNegative, Field(lt=1)]
# A price, what waits there, and often how many orders that is.
Level = Annotated[list[Number], Field(min_length=2, max_length=3)]


class SpotAccount(Payload):
    """`GET /api/v3/account`. Its `canTrade` and `canWithdraw` are the account's, not the keys'."""

    balances: list[SpotRow]


class KeyInfo(Payload):
    """`GET /api/v3/apiKeyInfo`: rights as words between commas, such as CONTRACT_DEAL_READ."""

    permissions: Annotated[str, Field(strict=True)]
    ipWhiteList: str | None = None
    status: str | None = None


class CurrencyRow(Payload):
    """A row of the futures wallet, unread."""

    model_config = ConfigDict(extra="allow")

    currency: Name


class Asset(Payload):
    """One asset of the futures wallet. `equity` has unrealised profit in it; `cashBalance` is what may leave."""

    currency: Name
    positionMargin: NotNegative
    frozenBalance: NotNegative
    availableBalance: Number
    equity: Number
    unrealized: Number


class Tier(Payload):
    """One level of risk: up to `maxVol` contracts, or up to that value in quote."""

    maxVol: Positive
    mmr: Rate


class Contract(Payload):
    """One row of `GET /api/v1/contract/detail`."""

    symbol: Name
    baseCoin: Name
    quoteCoin: Name
    settleCoin: Name
    contractSize: Positive
    priceUnit: Positive
    volUnit: Positive
    minVol: Positive
    maxVol: Positive
    makerFeeRate: Number
    takerFeeRate: Number
    state: Small
    type: Small = 1
    apiAllowed: MaybeFlag = None
    positionOpenType: Small = 3
    maintenanceMarginRate: Rate
    riskBaseVol: NotNegative
    riskIncrVol: NotNegative
    riskIncrMmr: NotNegative
    riskLevelLimit: Small
    riskLongShortSwitch: Small = 0
    riskLimitType: str = "BY_VOLUME"
    riskLimitCustom: list[Tier] | None = None


class SpotPair(Payload):
    """One row of `GET /api/v3/exchangeInfo`."""

    symbol: Name
    status: Small
    baseAsset: Name
    quoteAsset: Name
    baseAssetPrecision: Annotated[Small, Field(le=18)]
    quoteAssetPrecision: Annotated[Small, Field(le=18)]
    baseSizePrecision: NotNegative
    isSpotTradingAllowed: Flag


class SpotListing(Payload):
    """The answer around it."""

    symbols: list[SpotPair]


class PositionRow(Payload):
    """One row of `open_positions`: its type tells the sign."""

    symbol: Name
    positionId: VenueId
    positionType: Annotated[Small, Field(ge=1, le=2)]
    openType: Annotated[Small, Field(ge=1, le=2)]
    state: Small
    holdVol: NotNegative
    holdAvgPrice: NotNegative
    liquidatePrice: MaybeNumber = None
    im: NotNegative
    oim: NotNegative = Field(default=0, validate_default=True)
    leverage: Positive


class LeverageRow(Payload):
    """One row of `position/leverage`: what is set for one direction of a contract."""

    positionType: Annotated[Small, Field(ge=1, le=2)]
    openType: Annotated[Small, Field(ge=1, le=2)]
    leverage: Positive


class OrderRecord(Payload):
    """An order."""

    orderId: VenueId
    symbol: Name
    price: NotNegative
    vol: Positive
    side: Side
    category: Small
    orderType: Small
    dealVol: NotNegative
    state: Small
    errorCode: Small = 0
    externalOid: MaybeClientId = None
    reduceOnly: MaybeFlag = None
    createTime: TextMoment
    updateTime: TextMoment


class Acknowledged(Payload):
    """The answer to a create names the order, and says nothing of it back."""

    orderId: VenueId
    ts: TextMoment | None = None


class Canceled(Payload):
    """The answer to a cancel, which has a code of its own inside."""

    errorCode: Small
    errorMsg: str | None = None
    symbol: str | None = None
    externalOid: str | None = None


class Deal(Payload):
    """One execution. A positive fee was paid by us."""

    id: VenueId
    symbol: Name
    orderId: VenueId
    side: Side
    vol: Positive
    price: Positive
    fee: Number
    feeCurrency: Name
    timestamp: TextMoment
    category: Small = 1
    taker: MaybeFlag = None
    isTaker: MaybeFlag = None
    externalOid: MaybeClientId = None


class FundingRecord(Payload):
    """One row of `funding_records`: positive was received."""

    id: VenueId
    symbol: Name
    funding: Number
    settleTime: TextMoment


class Fees(Payload):
    """`account/tiered_fee_rate/v2` of one contract: our own rates, discounts in them."""

    symbol: str | None = None
    realMakerFee: Number
    realTakerFee: Number


class Ticker(Payload):
    """`contract/ticker` of one contract, and the frame `push.ticker`."""

    symbol: Name
    fairPrice: Positive
    indexPrice: Positive
    timestamp: TextMoment


class Funding(Payload):
    """`contract/funding_rate/{symbol}`."""

    symbol: Name
    fundingRate: Number
    collectCycle: Annotated[Small, Field(ge=1, le=24)]
    nextSettleTime: TextMoment


class Depth(Payload):
    """`contract/depth/{symbol}`; rows of three, of which the last counts orders."""

    bids: list[Level]
    asks: list[Level]
    timestamp: TextMoment


class Book(Payload):
    """The two sides of a book."""

    bids: list[Level]
    asks: list[Level]


class StreamedDepth(Payload):
    """`push.depth.full`: the best levels, all of them each time."""

    data: Book
    ts: TextMoment


class SpotDepth(Payload):
    """`GET /api/v3/depth`."""

    bids: list[Level]
    asks: list[Level]
    timestamp: TextMoment | None = None


class Bars(Payload):
    """`kline/index_price/{symbol}`: a list for each column; times in seconds."""

    time: list[Annotated[int, Field(strict=True, ge=1_500_000_000, le=4_000_000_000)]]
    open: list[Positive]
    high: list[Positive]
    low: list[Positive]
    close: list[Positive]


class SettledRate(Payload):
    """One row of `contract/funding_rate/history`."""

    symbol: Name
    fundingRate: Number
    settleTime: TextMoment


class Transferred(Payload):
    """`POST /api/v3/capital/transfer`."""

    tranId: Name
