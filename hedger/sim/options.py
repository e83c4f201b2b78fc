"""The options desk: what options are worth, what short ones need as margin, and who holds them.

Nobody trades options here. A position is granted to a user, the crowd holds the other side, and it stays until expiry.
The margin rule is simple, and knows what is covered: short calls are covered first by the coins in their holder's spot
wallet and coin wallet, and what is covered needs none. Every other short option needs, per coin, its mark and 7.5 % of
the index (15 % to open more). What options are worth is never collateral. Options are never liquidated: contracts are.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import exp
from typing import Protocol

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionType, VenueGreeks
from hedger.model.spans import YEAR_MS
from hedger.sim.average import Average, Ending, ending_of
from hedger.sim.ledger import Account, Ledger, grid_of
from hedger.sim.nouns import Listing, OptionListing, Refusal, Refused
from hedger.sim.surface import Surface, black76

INITIAL, MAINTENANCE = Decimal("0.15"), Decimal("0.075")
GRID = Decimal("0.00000001")
NOTHING = (ZERO, ZERO)


class DeltaConvention(StrEnum):
    """Which delta of coin-settled options the exchange tells: Black-Scholes, or less the premium in coins."""

    BLACK_SCHOLES = "black_scholes"
    PREMIUM_ADJUSTED = "premium_adjusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionMark:
    """An option now: its `price` for one coin in what it settles in, the inputs of that, and the exchange's greeks.

    `delta` is coins per coin in the view that leaves the option's value out, whatever the exchange tells as its own: an
    inverse option is worth V/F coins and a linear one V, at a constant annualised basis. What of an inverse option the
    settlement average has fixed is coins already.
    """

    price: Decimal
    sigma: Decimal
    forward_price: Decimal
    index_price: Decimal
    delta: float
    greeks: VenueGreeks


class Prices(Protocol):
    """What the desk needs to know of the floor."""

    now: int
    carries: dict[str, float]
    averages: dict[Ending, Average]

    @property
    def ledger(self) -> Ledger:
        """Who owns what."""

    def index_in(self, base: str, quote: str) -> Decimal | None:
        """What a coin is worth in a quote."""

    def dated(self, base: str, quote: str, expiry_at: int) -> tuple[Listing, Decimal] | None:
        """The contract that ends then, and its mark."""


class OptionsDesk:
    """Every option that somebody was granted, by symbol."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self.listings: dict[str, OptionListing] = {}
        self.surfaces: dict[str, Surface] = {}
        self.convention = DeltaConvention.BLACK_SCHOLES

    def surface(self, coin: str) -> Surface:
        """The volatilities of a coin."""
        return self.surfaces.setdefault(coin, Surface())

    # --- values ---------------------------------------------------------------------------------------------

    def mark(self, listing: OptionListing) -> OptionMark:
        """What an option is worth now; raises `Refused(UNKNOWN_SYMBOL)` while its coin has no price."""
        index = self._prices.index_in(listing.base, listing.quote)
        if index is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL, f"{listing.base} has no price yet")
        years, left = max(0.0, (listing.expiry_at - self._prices.now) / YEAR_MS), self._left(listing)
        forward, spot, strike = float(self.forward(listing, index)), float(index), float(listing.strike)
        sigma = self.surface(listing.base).sigma(strike, forward, years)
        valued = black76(forward, strike, years, sigma * left, listing.option_type.sign)
        inverse = listing.payoff is Payoff.INVERSE
        premium = valued.value / forward
        told = valued.delta * left
        if inverse and self.convention is DeltaConvention.PREMIUM_ADJUSTED:
            told -= premium
        return OptionMark(
            price=Decimal(premium if inverse else valued.value).quantize(GRID),
            sigma=Decimal(sigma).quantize(GRID),
            forward_price=Decimal(forward).quantize(GRID),
            index_price=index,
            delta=valued.delta * left + premium * (1 - left) if inverse else valued.delta * left * forward / spot,
            greeks=VenueGreeks(
                delta=told,
                gamma=valued.gamma * left * left,
                vega=valued.vega * left / 100,
                theta=valued.theta / 365,
            ),
        )

    def _left(self, listing: OptionListing) -> float:
        """The share of the settlement average that is still open: what the price may still do to the option."""
        ending = ending_of(listing)
        average = self._prices.averages.get(ending) if ending is not None else None
        return average.left if average is not None else 1.0

    def forward(self, listing: OptionListing, index: Decimal) -> Decimal:
        """The forward to the option's expiry: the settlement average once it has begun, else the mark of the contract
        that ends then, else the index at the coin's carry."""
        ending = ending_of(listing)
        average = self._prices.averages.get(ending) if ending is not None else None
        if average is not None:
            return average.expected(index)
        dated = self._prices.dated(listing.base, listing.quote, listing.expiry_at)
        if dated is not None and dated[1]:
            contract, price = dated
            return price if contract.payoff is Payoff.INVERSE else price / contract.contract_multiplier
        years = (listing.expiry_at - self._prices.now) / YEAR_MS
        return index * Decimal(exp(self._prices.carries.get(listing.base, 0.0) * years))

    # --- holders --------------------------------------------------------------------------------------------

    def grant(self, account: Account, listing: OptionListing, quantity: Decimal, premium: Decimal | None) -> None:
        """Give contracts (negative: sold) against the crowd, for `premium` per coin in what they settle in."""
        self.listings[listing.symbol] = listing
        ledger, grid = self._prices.ledger, grid_of(listing.settle)
        cash = -(quantity * listing.contract_multiplier * (premium or ZERO)).quantize(grid)
        for owner, sign in ((account, ONE), (ledger.crowd, -ONE)):
            owner.options[listing.symbol] += sign * quantity
            if not owner.options[listing.symbol]:
                del owner.options[listing.symbol]
            owner.wallets[listing.settle] += sign * cash
            owner.option_cash[listing.settle] += sign * cash

    def settle(self, listing: OptionListing, price: Decimal) -> list[Account]:
        """Pay what the option is worth at the final price (for a coin) and take it away; whom it concerned."""
        ledger, worth = self._prices.ledger, listing.intrinsic(price) * listing.contract_multiplier
        concerned = []
        for account in ledger.accounts.values():
            quantity = account.options.pop(listing.symbol, ZERO)
            if quantity:
                concerned.append(account)
                cash = (quantity * worth).quantize(grid_of(listing.settle))
                for owner, amount in ((account, cash), (ledger.crowd, -cash)):
                    owner.wallets[listing.settle] += amount
                    owner.option_cash[listing.settle] += amount
                _charge_delivery(ledger, account, listing, quantity, price)
                _take_from_spot(ledger, account, listing, price)
        ledger.crowd.options.pop(listing.symbol, None)
        self.listings.pop(listing.symbol, None)
        return concerned

    # --- margin ---------------------------------------------------------------------------------------------

    def margins(self, account: Account, asset: str) -> tuple[Decimal, Decimal]:
        """(initial, maintenance) of the short options that settle in `asset`."""
        if not account.options:
            return NOTHING
        initial = least = ZERO
        cover: dict[str, Decimal] = {}
        for symbol, quantity in account.options.items():
            listing = self.listings[symbol]
            short = max(ZERO, -quantity * listing.contract_multiplier)
            if listing.option_type is OptionType.CALL:
                coin = listing.base
                left = cover.setdefault(coin, max(ZERO, account.spot[coin] + account.wallets[coin]))
                cover[coin] -= min(short, left)
                short -= min(short, left)
            if short and listing.settle == asset:
                mark = self.mark(listing)
                coins = ONE if listing.payoff is Payoff.INVERSE else mark.index_price
                initial += short * (INITIAL * coins + mark.price)
                least += short * (MAINTENANCE * coins + mark.price)
        return initial.quantize(grid_of(asset)), least.quantize(grid_of(asset))


def _charge_delivery(
    ledger: Ledger, account: Account, listing: OptionListing, quantity: Decimal, price: Decimal
) -> None:
    each = listing.delivery(price) * listing.contract_multiplier
    fee = (abs(quantity) * each).quantize(grid_of(listing.settle))
    account.wallets[listing.settle] -= fee
    ledger.charge(account, listing.settle, fee)


def _take_from_spot(ledger: Ledger, account: Account, listing: OptionListing, price: Decimal) -> None:
    """What the wallet cannot pay is paid in the coins that covered the option, at the final price."""
    coin, settle = listing.base, listing.settle
    short = -account.wallets[settle]
    if short <= 0 or account.spot[coin] <= 0:
        return
    if settle == coin:
        moved = min(short, account.spot[coin])
        account.spot[coin] -= moved
        account.wallets[coin] += moved
        return
    sold = min((short / price).quantize(GRID, "ROUND_CEILING"), account.spot[coin])
    paid = (sold * price).quantize(grid_of(settle))
    for owner, sign in ((account, ONE), (ledger.crowd, -ONE)):
        owner.spot[coin] -= sign * sold
        owner.wallets[settle] += sign * paid
