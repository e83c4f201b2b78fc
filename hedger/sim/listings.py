"""What the simulated exchange lists by default: pairs and perpetuals of larger coins, as Binance has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from hedger.sim.margin import tiers
from hedger.sim.nouns import Listing, Tier, Wallet

MAJOR_TIERS = tiers(
    [
        ("300000", 125, "0.004"),
        ("800000", 100, "0.005"),
        ("3000000", 75, "0.0065"),
        ("12000000", 50, "0.01"),
        ("70000000", 25, "0.02"),
        ("100000000", 20, "0.025"),
        ("230000000", 10, "0.05"),
        ("480000000", 5, "0.1"),
        ("600000000", 4, "0.125"),
        ("800000000", 3, "0.15"),
        ("1200000000", 2, "0.25"),
        ("1800000000", 1, "0.5"),
    ]
)
OTHER_TIERS = tiers(
    [
        ("10000", 75, "0.01"),
        ("50000", 50, "0.015"),
        ("250000", 25, "0.02"),
        ("1000000", 10, "0.05"),
        ("2000000", 5, "0.1"),
        ("5000000", 2, "0.25"),
        ("10000000", 1, "0.5"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin's grids and its usual price (USDT), spot and perpetual."""

    price: Decimal
    spot_tick: Decimal
    spot_lot: Decimal
    linear_tick: Decimal
    linear_lot: Decimal
    linear_min_notional: Decimal
    tiers: tuple[Tier, ...]


def _coin(price: str, spot: tuple[str, str], linear: tuple[str, str, str], tiers: tuple[Tier, ...]) -> Coin:
    return Coin(
        price=Decimal(price),
        spot_tick=Decimal(spot[0]),
        spot_lot=Decimal(spot[1]),
        linear_tick=Decimal(linear[0]),
        linear_lot=Decimal(linear[1]),
        linear_min_notional=Decimal(linear[2]),
        tiers=tiers,
    )


COINS: Mapping[str, Coin] = MappingProxyType(
    {
        "BTC": _coin("60000", ("0.01", "0.00001"), ("0.1", "0.001", "100"), MAJOR_TIERS),
        "ETH": _coin("3000", ("0.01", "0.0001"), ("0.01", "0.001", "20"), MAJOR_TIERS),
        "SOL": _coin("150", ("0.01", "0.001"), ("0.01", "0.01", "5"), OTHER_TIERS),
        "XRP": _coin("0.6", ("0.0001", "0.1"), ("0.0001", "0.1", "5"), OTHER_TIERS),
    }
)
LARGEST_NOTIONAL = Decimal(60_000_000)  # USDT in one order


def default_listings(coins: Iterable[str] = ("BTC",)) -> tuple[Listing, ...]:
    """The spot pair and the perpetual of each coin, against USDT; raises KeyError for a coin not in COINS."""
    return tuple(listing for coin in coins for listing in (_spot(coin), _linear(coin)))


def _spot(base: str) -> Listing:
    coin = COINS[base]
    return Listing(
        wallet=Wallet.SPOT,
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=coin.spot_tick,
        lot_size=coin.spot_lot,
        min_quantity=coin.spot_lot,
        max_quantity=_largest(coin),
        min_notional=Decimal(5),
    )


def _linear(base: str) -> Listing:
    coin = COINS[base]
    return Listing(
        wallet=Wallet.LINEAR,
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick_size=coin.linear_tick,
        lot_size=coin.linear_lot,
        min_quantity=coin.linear_lot,
        max_quantity=_largest(coin),
        min_notional=coin.linear_min_notional,
        tiers=coin.tiers,
    )


def _largest(coin: Coin) -> Decimal:
    return (LARGEST_NOTIONAL / coin.price).quantize(Decimal(1))
