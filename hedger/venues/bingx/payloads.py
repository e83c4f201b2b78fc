"""What BingX sends, field by field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from hedger.venues.bingx.answers import (
    ClientId,
    MaybeFlag,
    MaybeHours,
    Role,
    SideName,
    TextFlag,
    VenueId,
    ZonedMoment,
    one_id,
)
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


class ServerTime(Payload):
    """`GET /openApi/swap/v2/server/time`."""

    serverTime: TextMoment


class Row(Payload):
    """A row of a list, unread but for what it is about: what is odd about one must not hide the others."""

    model_config = ConfigDict(extra="allow")

    symbol: Name


class AssetRow(Payload):
    """A row of a list of assets, unread. The list of the USDT-M wallet may have a row without a name."""

    model_config = ConfigDict(extra="allow")

    asset: str | None = None


class SpotBalances(Payload):
    """`GET /openApi/spot/v1/account/balance`."""

    balances: list[SpotRow]


class Wallet(Payload):
    """One asset of a contracts wallet, in that asset. `equity` is `balance` and unrealised profit."""

    asset: Name
    balance: Number
    equity: Number
    unrealizedProfit: Number
    availableMargin: Number
    usedMargin: NotNegative
    freezedMargin: NotNegative


class PositionRow(Payload):
    """One position, in coins of a linear contract and in contracts of an inverse one. Its side tells the sign."""

    symbol: Name
    positionSide: Literal["LONG", "SHORT", "BOTH"]
    isolated: Flag
    positionAmt: Number
    avgPrice: NotNegative
    markPrice: NotNegative
    liquidationPrice: MaybeNumber = None
    leverage: Positive
    initialMargin: NotNegative
    unrealizedProfit: MaybeNumber = None
    riskRate: MaybeNumber = None


class Tier(Payload):
    """One row of `GET /openApi/swap/v1/maintMarginRatio`, which begins at `minPositionVal` in quote."""

    symbol: Name
    minPositionVal: NotNegative
    maxPositionVal: Positive
    maintMarginRatio: Annotated[Positive, Field(lt=1)]
    maintAmount: NotNegative


class OrderRecord(Payload):
    """An order. That of a linear contract has its quantity in `origQty`, that of an inverse one in `quantity`."""

    symbol: Name
    orderId: VenueId
    side: SideName
    type: Name
    status: Name
    price: NotNegative
    origQty: MaybeNumber = None
    quantity: MaybeNumber = None
    executedQty: NotNegative
    time: TextMoment
    updateTime: TextMoment
    clientOrderId: ClientId = ""
    clientOrderID: ClientId = ""
    reduceOnly: MaybeFlag = None

    @property
    def client_id(self) -> str:
        """Our id, by whichever name it is told; ValueError where the two differ."""
        return one_id(self.clientOrderId, self.clientOrderID)


class Orders(Payload):
    """`GET .../trade/openOrders`."""

    orders: list[Row]


class OneOrder(Payload):
    """`GET .../trade/order` and `.../orderDetail`."""

    order: OrderRecord


class Acknowledged(Payload):
    """The order in the answer to a create. What stands there must be what we asked for; not all need stand there."""

    symbol: Name
    orderId: VenueId
    side: SideName
    type: Name
    positionSide: Name | None = None
    clientOrderId: ClientId = ""
    clientOrderID: ClientId = ""
    price: MaybeNumber = None
    quantity: MaybeNumber = None
    timeInForce: str | None = None
    reduceOnly: MaybeFlag = None
    status: str | None = None
    executedQty: MaybeNumber = None

    @property
    def client_id(self) -> str:
        """Our id, by whichever name it is told."""
        return one_id(self.clientOrderId, self.clientOrderID)


class PositionMode(Payload):
    """`GET /openApi/swap/v1/positionSide/dual`."""

    dualSidePosition: TextFlag


class AssetMode(Payload):
    """`GET /openApi/swap/v1/trade/assetMode`."""

    assetMode: Name


class MarginType(Payload):
    """`GET .../trade/marginType`; the linear one does not name its symbol."""

    marginType: Name
    symbol: Name | None = None


class Leverage(Payload):
    """`GET .../trade/leverage`; the linear one does not name its symbol."""

    longLeverage: Positive
    shortLeverage: Positive
    symbol: Name | None = None


class Fees(Payload):
    """Our rates, of a whole book."""

    makerCommissionRate: Number
    takerCommissionRate: Number


class LinearFees(Payload):
    """`GET /openApi/swap/v2/user/commissionRate`."""

    commission: Fees


class LinearFill(Payload):
    """One row of `GET /openApi/swap/v2/trade/fillHistory`. A negative commission was paid by us."""

    symbol: Name
    tradeId: VenueId
    orderId: VenueId
    side: SideName
    qty: Positive
    price: Positive
    commission: Number
    commissionAsset: Name
    role: Role
    filledTime: ZonedMoment


class LinearFills(Payload):
    """The same, whose list the documentation names in two ways; `total` counts its rows."""

    fill_history_orders: list[LinearFill] | None = None
    fill_orders: list[LinearFill] | None = None
    total: Any = None

    @property
    def rows(self) -> list[LinearFill]:
        """The list; ValueError without one, unless the count beside it says that there is nothing in it."""
        found = self.fill_history_orders if self.fill_history_orders is not None else self.fill_orders
        if found is None and self.total not in (0, "0"):
            raise ValueError("no list of fills")
        return found or []


class InverseFill(Payload):
    """One row of `GET /openApi/cswap/v1/trade/allFillOrders`: `volume` in contracts."""

    symbol: Name
    tradeId: VenueId
    orderId: VenueId
    side: SideName
    volume: Positive
    tradePrice: Positive
    commission: Number
    currency: Name
    maker: Flag
    tradeTime: TextMoment


class ForcedOrder(Payload):
    """One row of `GET .../trade/forceOrders`: an order of the venue's own that closed a position of ours."""

    orderId: VenueId
    symbol: Name


class ForcedOrders(Payload):
    """The linear list of them; the inverse one stands alone."""

    orders: list[ForcedOrder]


class Income(Payload):
    """One row of `GET /openApi/swap/v2/user/income`: positive was received."""

    symbol: str
    incomeType: Name
    income: Number
    asset: Name
    time: TextMoment
    tranId: Annotated[str, Field(strict=True, min_length=1, max_length=128)]


class Countdown(Payload):
    """`POST /openApi/swap/v2/trade/cancelAllAfter`: seconds, or milliseconds, since 1970."""

    triggerTime: NotNegative
    status: Name


class Transferred(Payload):
    """`POST /openApi/api/asset/v1/transfer`."""

    transferId: VenueId


class Premium(Payload):
    """`GET .../premiumIndex`: neither its time nor the interval is told by every one."""

    symbol: Name
    markPrice: Positive
    indexPrice: Positive
    lastFundingRate: Number
    nextFundingTime: TextMoment
    fundingIntervalHours: MaybeHours = None


class SettledRate(Payload):
    """One row of `GET /openApi/swap/v2/quote/fundingRate`."""

    symbol: Name
    fundingRate: Number
    fundingTime: TextMoment


Level = tuple[Positive, NotNegative]


class Depth(Payload):
    """A book: `T` of contracts, `ts` of spot pairs. The bids and asks of the venue come in either order."""

    bids: Annotated[list[Level], Field(min_length=1)]
    asks: Annotated[list[Level], Field(min_length=1)]
    T: TextMoment | None = None
    ts: TextMoment | None = None


class BookFrame(Payload):
    """A streamed `bookTicker`."""

    s: Name
    b: Positive
    B: NotNegative
    a: Positive
    A: NotNegative
    E: TextMoment | None = None


class CoinLevel(Payload):
    """A price of a COIN-M book, and how many contracts stand there."""

    p: Positive
    v: NotNegative


class CoinFrame(Payload):
    """A streamed `depth` of a COIN-M contract."""

    symbol: Name
    bids: Annotated[list[CoinLevel], Field(min_length=1)]
    asks: Annotated[list[CoinLevel], Field(min_length=1)]
    timestamp: TextMoment


class OrderFrameBody(Payload):
    """The order in an `ORDER_TRADE_UPDATE`: S side, q quantity, z filled, x what happened, X status, l last fill."""

    s: Name
    c: ClientId = ""
    i: VenueId
    S: SideName
    o: Name
    q: NotNegative
    p: NotNegative
    z: NotNegative
    x: Name
    X: Name
    n: MaybeNumber = None
    N: str | None = None
    T: int = 0
    ps: Name
    l: MaybeNumber = None  # noqa: E741
    L: MaybeNumber = None
    t: VenueId | int | None = None
    m: Flag | None = None
    R: MaybeFlag = None
    ro: MaybeFlag = None


class OrderFrame(Payload):
    """A streamed `ORDER_TRADE_UPDATE`."""

    E: TextMoment
    o: OrderFrameBody
