"""Who owns what: accounts, positions and the house; each trade is booked on both sides, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.fees import Volume
from hedger.sim.nouns import FundingRecord, Listing, SimOrder, UserTrade, Wallet

GRID = Decimal("0.00000001")
COLLATERAL = "USDT"
DEFAULT_LEVERAGE = 20
Listings = Mapping[tuple[Wallet, str], Listing]


@dataclass(slots=True, kw_only=True)
class Holding:
    """A one-way position: signed `quantity`, `cost` = quantity × entry price, its own margin if isolated."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_margin: Decimal = ZERO
    updated_at: int = 0

    @property
    def entry_price(self) -> Decimal:
        """The average entry price, 0 when flat."""
        return (self.cost / self.quantity).quantize(GRID) if self.quantity else ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit at `mark`, in USDT."""
        return self.quantity * mark - self.cost

    def trade(self, signed: Decimal, price: Decimal) -> Decimal:
        """Add a trade (signed quantity); the realized profit in USDT of what it closed."""
        if self.quantity * signed >= 0:
            self.quantity += signed
            self.cost += signed * price
            return ZERO
        if abs(signed) >= abs(self.quantity):
            closed, part = self.quantity, self.cost
        else:
            closed = -signed
            part = (self.cost * closed / self.quantity).quantize(GRID)
        opened = signed + closed
        self.quantity += signed
        self.cost = self.cost - part + opened * price
        return closed * price - part


@dataclass(slots=True, kw_only=True)
class Account:
    """All that the exchange knows of one user."""

    name: str
    spot: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    wallet_balance: Decimal = ZERO
    holdings: dict[str, Holding] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    hedge_mode: bool = False
    orders: dict[int, SimOrder] = field(default_factory=dict)
    working: dict[int, SimOrder] = field(default_factory=dict)
    client_ids: dict[tuple[Wallet, str, str], int] = field(default_factory=dict)
    used_ids: set[tuple[Wallet, str]] = field(default_factory=set)
    trades: dict[tuple[Wallet, str], list[UserTrade]] = field(default_factory=dict)
    funding: list[FundingRecord] = field(default_factory=list)
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    volumes: dict[Wallet, Volume] = field(default_factory=lambda: {wallet: Volume() for wallet in Wallet})
    liquidations: int = 0
    deleveragings: int = 0
    creates_accepted: int = 0
    creates_refused: int = 0
    duplicate_client_ids: int = 0

    def holding(self, symbol: str) -> Holding:
        """The position in a perpetual, made flat at first sight."""
        return self.holdings.setdefault(symbol, Holding())

    def leverage_of(self, symbol: str) -> int:
        """The leverage set for a symbol."""
        return self.leverage.get(symbol, DEFAULT_LEVERAGE)

    def orders_in(self, wallet: Wallet, symbol: str) -> list[SimOrder]:
        """Working orders of one listing, oldest first."""
        return [o for o in self.working.values() if o.symbol == symbol and o.wallet is wallet]

    def free(self, asset: str, listings: Listings) -> Decimal:
        """What of a spot asset no working order locks."""
        return self.spot[asset] - self.locked(listings).get(asset, ZERO)

    def locked(self, listings: Listings) -> dict[str, Decimal]:
        """Per asset, what working spot orders lock."""
        locked: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in self.working.values():
            if order.wallet is Wallet.SPOT:
                listing = listings[Wallet.SPOT, order.symbol]
                remaining = order.quantity - order.filled
                if order.side is Side.BUY:
                    locked[listing.quote] += remaining * order.price
                else:
                    locked[listing.base] += remaining
        return locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What a trade did to one account."""

    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal


@dataclass(slots=True, kw_only=True)
class Ledger:
    """All accounts, the crowd's among them, and what the house has taken.

    Conservation: for each asset, the sum over accounts, house fees and insurance equals what was deposited,
    when positions are valued at one mark.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    crowd: Account = field(default_factory=lambda: Account(name="(crowd)"))
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    insurance: Decimal = ZERO
    deposited: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def account(self, owner: str | None) -> Account:
        """The account of an owner in the book; None is the crowd. Raises KeyError for an unknown user."""
        return self.crowd if owner is None else self.accounts[owner]

    def everyone(self) -> list[Account]:
        """Users, then the crowd."""
        return [*self.accounts.values(), self.crowd]

    def book(
        self,
        account: Account,
        listing: Listing,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        rate: Decimal,
        at: int,
    ) -> Booked:
        """Book one side of a trade, with a fee of `rate` times the notional (spot: of what is received)."""
        notional = quantity * price
        if account is not self.crowd:
            account.volumes[listing.wallet].add(at, notional)
        if listing.wallet is Wallet.SPOT:
            return self._book_spot(account, listing, side, quantity, notional, rate)
        holding = account.holding(listing.symbol)
        before = holding.quantity
        realized = holding.trade(side.sign * quantity, price)
        holding.updated_at = at
        if listing.symbol in account.isolated:
            _move_isolated(holding, before, price, account.leverage_of(listing.symbol))
        fee = (notional * rate).quantize(GRID)
        account.wallet_balance += realized - fee
        self.charge(account, COLLATERAL, fee)
        return Booked(fee=fee, fee_asset=COLLATERAL, realized_pnl=realized)

    def _book_spot(
        self,
        account: Account,
        listing: Listing,
        side: Side,
        quantity: Decimal,
        notional: Decimal,
        rate: Decimal,
    ) -> Booked:
        sign = side.sign
        account.spot[listing.base] += sign * quantity
        account.spot[listing.quote] -= sign * notional
        asset, received = (listing.base, quantity) if side is Side.BUY else (listing.quote, notional)
        fee = (received * rate).quantize(GRID)
        account.spot[asset] -= fee
        self.charge(account, asset, fee)
        return Booked(fee=fee, fee_asset=asset, realized_pnl=ZERO)

    def charge(self, account: Account, asset: str, fee: Decimal) -> None:
        """Count a fee that was taken from an account."""
        if fee:
            account.fees[asset] += fee
            self.fees[asset] += fee

    def cover(self, account: Account, equity: Decimal) -> None:
        """The insurance fund makes good an equity below zero (the fund may itself go below: the house's loss)."""
        if equity < 0:
            self.insurance += equity
            account.wallet_balance -= equity


def _move_isolated(holding: Holding, before: Decimal, price: Decimal, leverage: int) -> None:
    """Growing an isolated position assigns it initial margin; shrinking it releases its share."""
    after = holding.quantity
    if before * after > 0 and abs(after) <= abs(before):
        holding.isolated_margin = (holding.isolated_margin * after / before).quantize(GRID)
        return
    if before * after <= 0:
        holding.isolated_margin, before = ZERO, ZERO
    holding.isolated_margin += (abs(after - before) * price / leverage).quantize(GRID)
