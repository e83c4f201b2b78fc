"""What trading costs: maker and taker rates by the volume of thirty days, as in Binance's table."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from hedger.model.numeric import ZERO
from hedger.sim.nouns import Wallet

THIRTY_DAYS_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTier:
    """From `volume` (USDT in thirty days) on, these rates apply."""

    volume: Decimal
    maker: Decimal
    taker: Decimal


def _table(*rows: tuple[int, str, str]) -> tuple[FeeTier, ...]:
    return tuple(FeeTier(volume=Decimal(v), maker=Decimal(m), taker=Decimal(t)) for v, m, t in rows)


BINANCE_LIKE: Mapping[Wallet, Sequence[FeeTier]] = MappingProxyType(
    {
        Wallet.SPOT: _table(
            (0, "0.001", "0.001"),
            (1_000_000, "0.0009", "0.001"),
            (5_000_000, "0.0008", "0.001"),
            (20_000_000, "0.0004", "0.0006"),
            (100_000_000, "0.0004", "0.00052"),
        ),
        Wallet.LINEAR: _table(
            (0, "0.0002", "0.0005"),
            (15_000_000, "0.00016", "0.0004"),
            (50_000_000, "0.00014", "0.00035"),
            (100_000_000, "0.00012", "0.00032"),
            (600_000_000, "0.0001", "0.0003"),
        ),
        Wallet.INVERSE: _table(
            (0, "0.0002", "0.0005"),
            (15_000_000, "0.00016", "0.0004"),
            (100_000_000, "0.0001", "0.0003"),
        ),
    }
)


@dataclass(slots=True)
class Volume:
    """A user's traded notional (USDT or USD) in one wallet over the last thirty days."""

    total: Decimal = ZERO
    _trades: deque[tuple[int, Decimal]] = field(default_factory=deque)

    def add(self, at: int, notional: Decimal) -> None:
        """Count a trade."""
        self._trades.append((at, notional))
        self.total += notional

    def at(self, now: int) -> Decimal:
        """The volume in USDT, older trades forgotten."""
        while self._trades and self._trades[0][0] <= now - THIRTY_DAYS_MS:
            self.total -= self._trades.popleft()[1]
        return self.total


def rates(table: Sequence[FeeTier], volume: Decimal) -> tuple[Decimal, Decimal]:
    """(maker, taker) at a volume."""
    tier = max((t for t in table if t.volume <= volume), key=lambda t: t.volume)
    return tier.maker, tier.taker
