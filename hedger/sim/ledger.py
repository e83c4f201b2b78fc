"""Who owns what: accounts, positions and the house; each trade is booked on both sides, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side
from hedger.sim.fees import Volume
from hedger.sim.nouns import FundingRecord, Listing, SimOrder, UserTrade, Wallet

GRID = Decimal("0.00000001")
COIN_GRID = Decimal("1E-12")  # finer than any venue's, so that rounding is not what a test finds
COLLATERAL = "USDT"
DEFAULT_LEVERAGE = 20
Listings = Mapping[tuple[Wallet, str], Listing]


@dataclass(slots=True, kw_only=True)
class Holding:
    """A one-way position: signed `quantity` in units, what it was worth at entry (`cost`), its own margin if isolated.

    What a linear quantity is worth is q·P, in quote. What an inverse one is worth is −N/P, in coins: it has no value by
    itself, but its profit N/entry − N/exit is what that rises by. So one arithmetic serves both.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated_margin: Decimal = ZERO
    updated_at: int = 0
    inverse: bool = False
    multiplier: Decimal = ONE

    @property
    def entry_price(self) -> Decimal:
        """The average entry price (harmonic for an inverse contract), 0 when flat."""
        if not self.quantity:
            return ZERO
        if self.inverse:
            return (-self.quantity * self.multiplier / self.cost).quantize(GRID)
        return (self.cost / self.quantity).quantize(GRID)

    def worth(self, signed: Decimal, price: Decimal) -> Decimal:
        """What a signed quantity is worth at a price, in what it settles in; its change is its profit."""
        if not self.inverse:
            return signed * price
        return (-signed * self.multiplier / price).quantize(COIN_GRID) if signed else ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit at `mark`, in what it settles in."""
        return self.worth(self.quantity, mark) - self.cost

    def trade(self, signed: Decimal, price: Decimal) -> Decimal:
        """Add a trade (signed quantity); the realized profit, in what it settles in, of what it closed."""
        if self.quantity * signed >= 0:
            self.quantity += signed
            self.cost += self.worth(signed, price)
            return ZERO
        if abs(signed) >= abs(self.quantity):
            closed, part = self.quantity, self.cost
        else:
            closed = -signed
            part = (self.cost * closed / self.quantity).quantize(COIN_GRID if self.inverse else GRID)
        value = self.worth(closed, price)
        opened = self.worth(signed, price) + value
        self.quantity += signed
        self.cost = self.cost - part + opened
        return value - part


@dataclass(slots=True, kw_only=True)
class Account:
    """All that the exchange knows of one user. `wallets` has the balance of each asset that contracts settle in."""

    name: str
    spot: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    wallets: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    holdings: dict[str, Holding] = field(default_factory=dict)
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    hedge_mode: bool = False
    orders: dict[int, SimOrder] = field(default_factory=dict)
    working: dict[int, SimOrder] = field(default_factory=dict)
    options: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    client_ids: dict[tuple[Wallet, str, str], int] = field(default_factory=dict)
    used_ids: set[tuple[Wallet, str]] = field(default_factory=set)
    trades: dict[tuple[Wallet, str], list[UserTrade]] = field(default_factory=dict)
    funding: list[FundingRecord] = field(default_factory=list)
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    option_cash: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    volumes: dict[Wallet, Volume] = field(default_factory=lambda: {wallet: Volume() for wallet in Wallet})
    liquidations: int = 0
    deleveragings: int = 0
    creates_accepted: int = 0
    creates_refused: int = 0
    duplicate_client_ids: int = 0

    @property
    def wallet_balance(self) -> Decimal:
        """The balance of the wallet in USDT."""
        return self.wallets[COLLATERAL]

    @wallet_balance.setter
    def wallet_balance(self, balance: Decimal) -> None:
        self.wallets[COLLATERAL] = balance

    def holding(self, symbol: str) -> Holding:
        """The position in a contract, made flat at first sight."""
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
    when positions are valued at one mark: USDT and every coin that contracts settle in. Options lie on both sides too:
    what users hold the crowd has sold, and premiums and settlements pass between their wallets.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    crowd: Account = field(default_factory=lambda: Account(name="(crowd)"))
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    insurances: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    deposited: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def account(self, owner: str | None) -> Account:
        """The account of an owner in the book; None is the crowd. Raises KeyError for an unknown user."""
        return self.crowd if owner is None else self.accounts[owner]

    @property
    def insurance(self) -> Decimal:
        """What the insurance fund holds in USDT."""
        return self.insurances[COLLATERAL]

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
        in_quote = listing.in_quote(quantity, price)
        if account is not self.crowd:
            account.volumes[listing.wallet].add(at, in_quote)
        if listing.wallet is Wallet.SPOT:
            return self._book_spot(account, listing, side, quantity, in_quote, rate)
        holding, settle = account.holding(listing.symbol), listing.settle
        if not holding.quantity:
            holding.inverse = listing.payoff is Payoff.INVERSE
            holding.multiplier = listing.contract_multiplier
        before = holding.quantity
        realized = holding.trade(side.sign * quantity, price)
        holding.updated_at = at
        notional = listing.notional(quantity, price)
        if listing.symbol in account.isolated:
            _move_isolated(holding, before, notional / quantity, account.leverage_of(listing.symbol))
        fee = (notional * rate).quantize(grid_of(settle))
        account.wallets[settle] += realized - fee
        self.charge(account, settle, fee)
        return Booked(fee=fee, fee_asset=settle, realized_pnl=realized)

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

    def cover(self, account: Account, asset: str, equity: Decimal) -> None:
        """The insurance fund makes good an equity below zero (the fund may itself go below: the house's loss)."""
        if equity < 0:
            self.insurances[asset] += equity
            account.wallets[asset] -= equity


def grid_of(asset: str) -> Decimal:
    """How finely amounts of an asset are booked."""
    return GRID if asset == COLLATERAL else COIN_GRID


def _move_isolated(holding: Holding, before: Decimal, price: Decimal, leverage: int) -> None:
    """Growing an isolated position assigns it initial margin; shrinking it releases its share. `price` is what one unit
    is worth in what it settles in."""
    after = holding.quantity
    if before * after > 0 and abs(after) <= abs(before):
        holding.isolated_margin = (holding.isolated_margin * after / before).quantize(GRID)
        return
    if before * after <= 0:
        holding.isolated_margin, before = ZERO, ZERO
    holding.isolated_margin += (abs(after - before) * price / leverage).quantize(GRID)
