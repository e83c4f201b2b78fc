"""What Binance sends, field by field."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hedger.venues.wire import Flag, Identifier, Moment, Name, NotNegative, Number, Payload, Positive

SideName = Literal["BUY", "SELL"]


class ServerTime(Payload):
    """`GET /fapi/v1/time`."""

    serverTime: Moment


class SpotRow(Payload):
    """A row of a wallet, unread but for its name: what is odd about one asset must not hide the others."""

    model_config = ConfigDict(extra="allow")

    asset: Name


class SpotBalance(Payload):
    """One asset of the spot wallet."""

    asset: Name
    free: NotNegative
    locked: NotNegative


class SpotAccount(Payload):
    """`GET /api/v3/account`: the venue lists every asset, so an empty list is no answer."""

    balances: Annotated[list[SpotRow], Field(min_length=1)]


class FuturesAsset(Payload):
    """One asset of the derivatives wallet."""

    asset: Name
    walletBalance: Number
    unrealizedProfit: Number = Decimal(0)


class OwnMargin(FuturesAsset):
    """A wallet that backs only what settles in its asset, in that asset: one of COIN-M, and in single-asset mode one of
    USDⓈ-M."""

    marginBalance: Number
    maintMargin: NotNegative
    initialMargin: NotNegative
    availableBalance: Number


class RiskRow(Payload):
    """A row of a list of positions, unread but for its name, as in the spot wallet."""

    model_config = ConfigDict(extra="allow")

    symbol: Name


class FuturesPosition(Payload):
    """One position in the account's own list, which leaves out what is flat."""

    symbol: Name
    positionSide: Literal["BOTH", "LONG", "SHORT"]
    positionAmt: Number


class FuturesAccount(Payload):
    """`GET /fapi/v3/account`."""

    totalMarginBalance: Number
    totalMaintMargin: NotNegative
    totalInitialMargin: NotNegative
    availableBalance: Number
    assets: Annotated[list[SpotRow], Field(min_length=1)]
    positions: list[RiskRow]


class CoinAccount(Payload):
    """`GET /dapi/v1/account`: a wallet for each coin, and every contract, held or not."""

    canTrade: Flag
    assets: Annotated[list[SpotRow], Field(min_length=1)]
    positions: list[RiskRow]


class PositionRisk(FuturesPosition):
    """One row of `GET /fapi/v3/positionRisk` or `/dapi/v1/positionRisk`. A liquidation price of 0 means that there is
    none."""

    entryPrice: NotNegative
    markPrice: NotNegative
    liquidationPrice: Number


class CoinRisk(PositionRisk):
    """One row of `GET /dapi/v1/positionRisk`: the profit is in the coin, at the mark price of the row."""

    unRealizedProfit: Number


class DualSide(Payload):
    """`GET /dapi/v1/positionSide/dual`."""

    dualSidePosition: Flag


class OrderRecord(Payload):
    """An order as the futures REST API tells it. Somebody's order that closes a whole position has no quantity."""

    orderId: Identifier
    clientOrderId: Annotated[str, Field(strict=True, max_length=64)]
    symbol: Name
    side: SideName
    status: Name
    type: Name
    timeInForce: Name
    price: NotNegative
    origQty: NotNegative
    executedQty: NotNegative
    reduceOnly: Flag
    updateTime: Moment


class PositionMode(Payload):
    """`GET /fapi/v1/accountConfig`, a sixth of the weight of the question for the position mode alone."""

    dualSidePosition: Flag
    canTrade: Flag
    multiAssetsMargin: Flag | None = None


class SymbolConfig(Payload):
    """One row of `GET /fapi/v1/symbolConfig`."""

    symbol: Name
    marginType: Literal["CROSSED", "ISOLATED"]
    leverage: Positive


class Trade(Payload):
    """One row of `GET /fapi/v1/userTrades`. A positive commission was paid by us."""

    id: Identifier
    orderId: Identifier
    symbol: Name
    side: SideName
    qty: Positive
    price: Positive
    commission: Number
    commissionAsset: Name
    maker: Flag
    time: Moment


class ForcedOrder(Payload):
    """One row of `GET /fapi/v1/forceOrders`: an order of the venue's own that closed a position of ours."""

    orderId: Identifier
    clientOrderId: Annotated[str, Field(strict=True, max_length=64)] = ""
    symbol: Name


class Countdown(Payload):
    """`POST /fapi/v1/countdownCancelAll`, in milliseconds."""

    symbol: Name
    countdownTime: NotNegative


class Income(Payload):
    """One row of `GET /fapi/v1/income`."""

    symbol: str
    incomeType: Name
    income: Number
    asset: Name
    time: Moment
    tranId: Annotated[int, Field(ge=0)]


class BookTicker(Payload):
    """The best prices of a spot book: it carries no time. A side without a price is refused."""

    symbol: Name
    bidPrice: Positive
    bidQty: NotNegative
    askPrice: Positive
    askQty: NotNegative


class FuturesBookTicker(BookTicker):
    """The best prices of a futures book."""

    time: Moment


class Premium(Payload):
    """`GET /fapi/v1/premiumIndex`."""

    symbol: Name
    markPrice: Positive
    indexPrice: Positive
    lastFundingRate: Number
    nextFundingTime: Moment
    time: Moment


class DatedPremium(Payload):
    """`GET /fapi/v1/premiumIndex` of a dated contract: its funding rate is an empty text, and next at 0."""

    symbol: Name
    markPrice: Positive
    indexPrice: Positive
    time: Moment


class FundingInfo(Payload):
    """One row of `GET /fapi/v1/fundingInfo`, which lists the contracts with an interval of their own."""

    symbol: Name
    fundingIntervalHours: Annotated[int, Field(strict=True, ge=1, le=24)]


class CommissionRate(Payload):
    """`GET /fapi/v1/commissionRate`."""

    symbol: Name
    makerCommissionRate: Number
    takerCommissionRate: Number


class ApiRestrictions(Payload):
    """`GET /sapi/v1/account/apiRestrictions`."""

    enableWithdrawals: Flag
    enableFutures: Flag
    enableReading: Flag
    ipRestrict: bool = False
    enableVanillaOptions: bool = False
    permitsUniversalTransfer: bool = False
    enablePortfolioMarginTrading: bool = False


class AccountInfo(Payload):
    """`GET /sapi/v1/account/info`: what the account has open, whatever its keys may do."""

    isOptionsEnabled: Flag | None = None
    isPortfolioMarginRetailEnabled: Flag | None = None


class Transferred(Payload):
    """`POST /sapi/v1/asset/transfer`."""

    tranId: Identifier


class BookFrame(Payload):
    """A streamed `bookTicker`; spot's has no time."""

    s: Name
    b: Positive
    B: NotNegative
    a: Positive
    A: NotNegative
    E: Moment | None = None


class MarkFrame(Payload):
    """A streamed `markPriceUpdate`."""

    s: Name
    p: Positive
    i: Positive
    r: Number
    T: Moment
    E: Moment


class DatedMarkFrame(Payload):
    """A streamed `markPriceUpdate` of a dated contract."""

    s: Name
    p: Positive
    i: Positive
    E: Moment


class OrderFrameBody(Payload):
    """The order in an `ORDER_TRADE_UPDATE`: S side, q quantity, z filled, x what happened, X status, l last fill."""

    s: Name
    c: str
    S: SideName
    q: NotNegative
    p: NotNegative
    z: NotNegative
    x: Name
    X: Name
    i: Identifier
    R: Flag
    T: Moment
    l: NotNegative  # noqa: E741
    L: NotNegative
    t: int
    m: Flag
    n: Number = Decimal(0)
    N: str | None = None


class OrderFrame(Payload):
    """A streamed `ORDER_TRADE_UPDATE`."""

    E: Moment
    o: OrderFrameBody
