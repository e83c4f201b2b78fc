"""The simulated exchange's own words: contracts, orders, trades, accounts and the news that it publishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.model.order import Side


class Wallet(StrEnum):
    """Each user has a spot wallet and a USDⓈ-M derivatives wallet."""

    SPOT = "spot"
    LINEAR = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One maintenance margin tier: up to `notional_cap`, `maintenance_rate` × notional − `cum`."""

    notional_floor: Decimal
    notional_cap: Decimal
    leverage_cap: int
    maintenance_rate: Decimal
    cum: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listed pair or contract.

    `symbol` is the exchange's own (`BTCUSDT`); spot and perpetual may share it, so a listing is known by
    (wallet, symbol).
    """

    wallet: Wallet
    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    tiers: tuple[Tier, ...] = ()
    funding_interval_ms: int = 8 * 3_600_000


class OrderKind(StrEnum):
    """How an order may trade."""

    LIMIT = "limit"
    POST_ONLY = "post_only"
    MARKET = "market"


class OrderState(StrEnum):
    """The life of a simulated order."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


@dataclass(slots=True, kw_only=True)
class SimOrder:
    """A user's order as the exchange knows it (mutable: the exchange's truth)."""

    user: str
    wallet: Wallet
    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    created_at: int
    updated_at: int
    state: OrderState = OrderState.NEW
    filled: Decimal = Decimal(0)
    quote_filled: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTrade:
    """One execution of a user's order. `fee` > 0 is paid by the user."""

    trade_id: int
    user: str
    wallet: Wallet
    symbol: str
    order_id: int
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realized_pnl: Decimal
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPrices:
    """The best bid and ask of a book; None on a side that is empty."""

    bid: Decimal | None
    bid_quantity: Decimal
    ask: Decimal | None
    ask_quantity: Decimal
    update_id: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Premium:
    """A perpetual's mark, index, the funding rate that would settle now, and when it next settles."""

    mark_price: Decimal
    index_price: Decimal
    funding_rate: Decimal
    next_funding_at: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPosition:
    """A user's one-way position. `quantity` is signed. `liquidation_price` is None if there is none."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealized_pnl: Decimal
    leverage: int
    isolated: bool
    initial_margin: Decimal
    maintenance_margin: Decimal
    liquidation_price: Decimal | None
    adl_quantile: int
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAccount:
    """A user's USDⓈ-M account in total, in USDT. Equity = wallet + unrealized."""

    wallet_balance: Decimal
    unrealized_pnl: Decimal
    equity: Decimal
    initial_margin: Decimal
    open_order_margin: Decimal
    maintenance_margin: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRecord:
    """One funding payment: positive `amount` was received by the user."""

    payment_id: int
    symbol: str
    amount: Decimal
    asset: str
    rate: Decimal
    at: int


class Refusal(StrEnum):
    """Why the exchange refuses a request; dialects translate each into their own codes."""

    WOULD_CROSS = "would_cross"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    REDUCE_ONLY = "reduce_only"
    TICK = "tick"
    LOT = "lot"
    QUANTITY = "quantity"
    NOTIONAL = "notional"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_SYMBOL = "unknown_symbol"
    LEVERAGE = "leverage"
    POSITION_OPEN = "position_open"
    POSITION_SIDE = "position_side"
    NO_CHANGE = "no_change"


class Refused(Exception):
    """The exchange refuses a request, for a reason from the closed list."""

    def __init__(self, refusal: Refusal, text: str = "") -> None:
        super().__init__(text or refusal.value)
        self.refusal = refusal


# --- news, published to subscribers in the order in which it happens ----------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNews:
    """A user's order changed; `trade` is set when the change is an execution. `order` is a copy."""

    order: SimOrder
    trade: UserTrade | None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookNews:
    """The best prices of a book changed."""

    wallet: Wallet
    symbol: str
    best: BestPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class PremiumNews:
    """A perpetual's mark, index or funding estimate was recomputed (about once a second)."""

    symbol: str
    premium: Premium


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceNews:
    """A user's balances or positions changed, and why (trade, deposit, funding, liquidation, adl …)."""

    user: str
    wallet: Wallet
    reason: str
    at: int


News = OrderNews | BookNews | PremiumNews | BalanceNews


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really is: for tests and the paper summary, never for the daemon."""

    now: int
    spot: dict[str, Decimal]
    positions: dict[str, Decimal]
    open_orders: list[SimOrder]
    trades: list[UserTrade]
    funding: list[FundingRecord]
    fees: dict[str, Decimal] = field(default_factory=dict)
    liquidations: int = 0
    deleveragings: int = 0
    creates_accepted: int = 0
    creates_refused: int = 0
    duplicate_client_ids: int = 0
