"""The simulated exchange's own words: contracts, orders, trades, accounts and the news that it publishes."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionType
from hedger.model.order import Side


class Wallet(StrEnum):
    """Each user has a spot wallet, a derivatives wallet in USDT, and one for each coin that contracts settle in.

    A listing's wallet says where it is traded: contracts that settle in USDT are LINEAR, those in coins INVERSE.
    """

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


USDT_WALLETS = (Wallet.SPOT, Wallet.LINEAR)  # where a coin is traded against USDT, under one symbol
INTEREST, DAMPER = Decimal("0.0001"), Decimal("0.0005")  # of eight hours of funding, on most venues


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One maintenance margin tier: up to `notional_cap`, `maintenance_rate` × notional − `cum`.

    Notionals and `cum` are in what the contract settles in: USDT, or coins.
    """

    notional_floor: Decimal
    notional_cap: Decimal
    leverage_cap: int
    maintenance_rate: Decimal
    cum: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listed pair or contract.

    `symbol` is the exchange's own (`BTCUSDT`, `BTCUSD_PERP`, `BTCUSDT_261225`); spot and perpetual may share it, so a
    listing is known by (wallet, symbol). No two contracts share a symbol.
    One unit of a linear contract is `contract_multiplier` coins and its price is for the unit; one unit of an inverse
    contract is worth `contract_multiplier` quote and its price is for a coin. A contract with an `expiry_at` (ms since
    1970) is settled then, at the average of the index over the `settlement_ms` before, and pays no funding;
    `delivery_fee` is what of its worth that costs. Eight hours of a perpetual pay P + clamp(`interest` − P, ±`damper`).
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
    payoff: Payoff = Payoff.LINEAR
    contract_multiplier: Decimal = ONE
    expiry_at: int | None = None
    settlement_ms: int = 0
    interest: Decimal = INTEREST
    damper: Decimal = DAMPER
    delivery_fee: Decimal = ZERO

    @property
    def settle(self) -> str:
        """The asset of its margin, profit, funding and fees: the coin of an inverse contract, else the quote."""
        return self.base if self.payoff is Payoff.INVERSE else self.quote

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What `quantity` is worth at a price (> 0), with its sign, in what the contract settles in: q·P, or N/P."""
        if self.payoff is Payoff.INVERSE:
            return quantity * self.contract_multiplier / price
        return quantity * price

    def in_quote(self, quantity: Decimal, price: Decimal) -> Decimal:
        """The same in quote: q·P, or N."""
        return quantity * (self.contract_multiplier if self.payoff is Payoff.INVERSE else price)

    def units(self, notional: Decimal, price: Decimal) -> Decimal:
        """How many units are worth `notional`, which is in what the contract settles in; not rounded to lots."""
        return notional * price / self.contract_multiplier if self.payoff is Payoff.INVERSE else notional / price

    def coins(self, quantity: Decimal, price: Decimal) -> Decimal:
        """How many coins `quantity` is at a price of the contract, with its sign."""
        if self.payoff is Payoff.INVERSE:
            return quantity * self.contract_multiplier / price
        return quantity * self.contract_multiplier


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionListing:
    """One European option: nobody trades it, users are granted positions in it.

    Quantities are in contracts of `contract_multiplier` coins. A linear option pays in its quote, an inverse one in the
    coin; it is settled at the average of the index over the `settlement_ms` before `expiry_at`, which costs both sides
    `delivery_fee` of the coins that it is for, and nothing where it ends worthless.
    """

    symbol: str
    base: str
    quote: str
    payoff: Payoff
    option_type: OptionType
    strike: Decimal
    expiry_at: int
    settlement_ms: int
    contract_multiplier: Decimal = ONE
    delivery_fee: Decimal = ZERO

    @property
    def settle(self) -> str:
        """The asset that it pays in."""
        return self.base if self.payoff is Payoff.INVERSE else self.quote

    @property
    def wallet(self) -> Wallet:
        """The wallet that it pays into."""
        return Wallet.INVERSE if self.payoff is Payoff.INVERSE else Wallet.LINEAR

    def intrinsic(self, price: Decimal) -> Decimal:
        """What the right to one coin is worth at a final price (> 0), in what it settles in."""
        gain = max(ZERO, self.option_type.sign * (price - self.strike))
        return gain / price if self.payoff is Payoff.INVERSE else gain

    def delivery(self, price: Decimal) -> Decimal:
        """What the delivery of one coin costs at a final price: never more than an eighth of what it is worth."""
        whole = self.delivery_fee * (ONE if self.payoff is Payoff.INVERSE else price)
        return min(whole, self.intrinsic(price) / 8)


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
    """A contract's mark, index, the funding rate that would settle now, and when it next settles.

    For a dated contract the rate is 0 and what it waits for is its expiry.
    """

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
    index_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAccount:
    """A user's derivatives wallet in one asset, USDT or a coin, in total and in it. Equity = wallet + unrealized.

    What options are worth is in neither; what short options need is in the margins.
    """

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
    """A contract's mark, index or funding estimate was recomputed (about once a second)."""

    symbol: str
    premium: Premium
    wallet: Wallet = Wallet.LINEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceNews:
    """A user's balances or positions changed, and why (trade, deposit, funding, liquidation, adl, settlement …)."""

    user: str
    wallet: Wallet
    reason: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingNews:
    """A contract was listed, or was settled at `settled_at_price` and is listed no more."""

    wallet: Wallet
    symbol: str
    settled_at_price: Decimal | None
    at: int


News = OrderNews | BookNews | PremiumNews | BalanceNews | ListingNews


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really is: for tests and the paper summary, never for the daemon.

    `positions` are in units. `wallets` are the balances of the derivatives wallets by asset and `unrealized` the profit
    of the contracts that settle in each. `options` are contracts held and `option_values` what they are worth, in what
    they settle in, and `option_cash` what was received (+) or paid for them, by asset. `deltas` are coins of each
    underlying by the exchange's own mathematics: spot, coin equity, contracts (q·F/S of a dated linear one, N/P of an
    inverse one) and the Black-Scholes delta of options, whose value is left out. `nav_usd` is everything at the present
    marks, options included.
    """

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
    wallets: dict[str, Decimal] = field(default_factory=dict)
    unrealized: dict[str, Decimal] = field(default_factory=dict)
    options: dict[str, Decimal] = field(default_factory=dict)
    option_values: dict[str, Decimal] = field(default_factory=dict)
    option_cash: dict[str, Decimal] = field(default_factory=dict)
    deltas: dict[str, Decimal] = field(default_factory=dict)
    nav_usd: Decimal = ZERO
