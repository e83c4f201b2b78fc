"""What the exchange lists as Deribit: coin-settled and USDC futures, spot pairs, options, and Deribit's fees.

    exchange = Exchange(listings=deribit_listings(("BTC", "ETH"), start_at), fee_table=FEES, start_at=start_at, ...)

The exchange's own symbols are those of `hedger.sim.naming`; `deribit.naming.name_of` makes Deribit's of a listing and
`from_unified` a listing of ccxt's symbol. Deribit's linear margin rule (the more coins, the more margin) is told in
steps; the initial margin of the first is 2 %, its maintenance margin 1 %.

Funding has no interest: a perpetual within 0.025 % of its index pays nothing, and beyond that what is over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from hedger.errors import GiveUp
from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionType
from hedger.sim.fees import FeeTier
from hedger.sim.listings import COINS, LARGEST_NOTIONAL, SETTLEMENT_MS, option
from hedger.sim.margin import tiers
from hedger.sim.naming import contract_name, quarters, terms_of
from hedger.sim.nouns import Listing, OptionListing, Tier, Wallet

LINEAR_QUOTE = "USDC"
OPTION_FEE = Decimal("0.0003")
DEAD_BAND = Decimal("0.00025")
DELIVERY_FEE, OPTION_DELIVERY_FEE = Decimal("0.00025"), Decimal("0.00015")  # half of a taker's
FEES: Mapping[Wallet, Sequence[FeeTier]] = MappingProxyType(
    {
        Wallet.SPOT: (FeeTier(volume=ZERO, maker=ZERO, taker=ZERO),),
        Wallet.LINEAR: (FeeTier(volume=ZERO, maker=ZERO, taker=Decimal("0.0005")),),
        Wallet.INVERSE: (FeeTier(volume=ZERO, maker=ZERO, taker=Decimal("0.0005")),),
    }
)
# Per coin: the dollars of one inverse contract, ticks of inverse, linear and spot, and the lot of linear and spot. [V]
GRIDS: Mapping[str, tuple[str, str, str, str, str]] = MappingProxyType(
    {
        "BTC": ("10", "0.5", "0.1", "0.01", "0.0001"),
        "ETH": ("1", "0.05", "0.01", "0.01", "0.001"),
        "SOL": ("1", "0.01", "0.001", "0.01", "0.01"),
        "XRP": ("1", "0.0001", "0.0001", "0.0001", "1"),
    }
)
INVERSE_COINS = ("BTC", "ETH")
STEPS = ((60_000_000, 50, "0.01"), (180_000_000, 20, "0.025"), (600_000_000, 5, "0.1"), (3_000_000_000, 1, "0.5"))


def deribit_listings(coins: Iterable[str], start_at: int, *, quarterlies: int = 1) -> tuple[Listing, ...]:
    """Spot and USDC perpetual of each coin, and of BTC and ETH the inverse perpetual and the next quarterly futures.

    Raises KeyError for a coin that is not in GRIDS. `start_at` in ms since 1970.
    """
    made: list[Listing] = []
    for coin in coins:
        made += [spot(coin), linear(coin)]
        if coin in INVERSE_COINS:
            ends = quarters(start_at, quarterlies) if quarterlies else ()
            made += [inverse(coin), *(inverse(coin, expiry_at=at) for at in ends)]
    return tuple(made)


def spot(coin: str) -> Listing:
    """`BTC_USDC`."""
    lot = Decimal(GRIDS[coin][4])
    return Listing(
        wallet=Wallet.SPOT,
        symbol=f"{coin}{LINEAR_QUOTE}",
        base=coin,
        quote=LINEAR_QUOTE,
        tick_size=Decimal(GRIDS[coin][3]),
        lot_size=lot,
        min_quantity=lot,
        max_quantity=_largest(coin),
        min_notional=ZERO,
    )


def linear(coin: str, *, expiry_at: int | None = None) -> Listing:
    """`BTC_USDC-PERPETUAL`, or dated: an amount of coins, settled in USDC."""
    lot = Decimal(GRIDS[coin][4])
    return Listing(
        wallet=Wallet.LINEAR,
        symbol=contract_name(coin, LINEAR_QUOTE, Payoff.LINEAR, expiry_at),
        base=coin,
        quote=LINEAR_QUOTE,
        tick_size=Decimal(GRIDS[coin][2]),
        lot_size=lot,
        min_quantity=lot,
        max_quantity=_largest(coin),
        min_notional=ZERO,
        tiers=_tiers(ONE),
        interest=ZERO,
        damper=DEAD_BAND,
        delivery_fee=DELIVERY_FEE if expiry_at is not None else ZERO,
        expiry_at=expiry_at,
        settlement_ms=SETTLEMENT_MS if expiry_at is not None else 0,
    )


def inverse(coin: str, *, expiry_at: int | None = None, settlement_ms: int = SETTLEMENT_MS) -> Listing:
    """`BTC-PERPETUAL`, or dated `BTC-26JUN26`: contracts of dollars, settled in the coin."""
    worth = Decimal(GRIDS[coin][0])
    return Listing(
        wallet=Wallet.INVERSE,
        symbol=contract_name(coin, "USD", Payoff.INVERSE, expiry_at),
        base=coin,
        quote="USD",
        tick_size=Decimal(GRIDS[coin][1]),
        lot_size=ONE,
        min_quantity=ONE,
        max_quantity=(LARGEST_NOTIONAL / worth).quantize(ONE),
        min_notional=ZERO,
        tiers=_tiers(COINS[coin].price),
        interest=ZERO,
        damper=DEAD_BAND,
        delivery_fee=DELIVERY_FEE if expiry_at is not None else ZERO,
        payoff=Payoff.INVERSE,
        contract_multiplier=worth,
        expiry_at=expiry_at,
        settlement_ms=settlement_ms if expiry_at is not None else 0,
    )


def coin_option(coin: str, strike: Decimal, option_type: OptionType, *, expiry_at: int) -> OptionListing:
    """`BTC-26JUN26-80000-C`: settled in the coin."""
    made = option(coin, quote="USD", payoff=Payoff.INVERSE, strike=strike, expiry_at=expiry_at, option_type=option_type)
    return replace(made, delivery_fee=OPTION_DELIVERY_FEE)


def from_unified(symbol: str) -> Listing | OptionListing:
    """The instrument of ccxt's symbol: `BTC/USDC`, `BTC/USDC:USDC`, `BTC/USD:BTC`, `BTC/USD:BTC-260626`, and options
    `BTC/USD:BTC-260626-80000-C`; GiveUp for what Deribit does not list."""
    terms = terms_of(symbol)
    inverse_like = (terms.quote, terms.settle) == ("USD", terms.base) and terms.base in INVERSE_COINS
    if terms.base in GRIDS and terms.strike is None and terms.quote == LINEAR_QUOTE:
        return spot(terms.base) if terms.settle is None else linear(terms.base, expiry_at=terms.expiry_at)
    if inverse_like and terms.strike is not None and terms.option_type is not None and terms.expiry_at is not None:
        return coin_option(terms.base, terms.strike, terms.option_type, expiry_at=terms.expiry_at)
    if inverse_like:
        return inverse(terms.base, expiry_at=terms.expiry_at)
    raise GiveUp(f"Deribit does not list {symbol!r}.")


def _tiers(price: Decimal) -> tuple[Tier, ...]:
    """Deribit's steps over a price: in what the contract settles in."""
    return tiers([(str((Decimal(cap) / price).quantize(ONE)), leverage, rate) for cap, leverage, rate in STEPS])


def _largest(coin: str) -> Decimal:
    return (LARGEST_NOTIONAL / COINS[coin].price).quantize(ONE)
