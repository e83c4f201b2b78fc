"""What counts as money: the dollar, the coins that are kept at its price, and how an owner watches that they are."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hedger.settings.table import Table
from hedger.settings.values import BasisPoints, Number, Span, Text

DOLLAR = "USD"
STABLECOINS = frozenset(
    {"BUSD", "DAI", "FDUSD", "PYUSD", "RLUSD", "TUSD", "USD1", "USDC", "USDD", "USDE", "USDP", "USDT"}
)
MONEY = STABLECOINS | {DOLLAR, "EUR"}


class MoneySettings(Table):
    """One kind of money that contracts are priced or settled in, and how far its price may be from its peg."""

    peg: Number = Field(
        default=Decimal(1), gt=0, le=1000, description="What one unit should be worth, in dollars; EUR must say it."
    )
    depeg_bps: BasisPoints = Field(
        default=Decimal(200),
        description="Further from its peg than this, in basis points, nothing that adds risk is created in it.",
    )
    source: Text | None = Field(
        default=None,
        description='The spot pair that tells its price, `account:BASE/QUOTE`: "main:USDC/USDT" tells it of both. '
        "The other side of the pair counts at its own peg. Without a source a depeg cannot be seen.",
    )
    age_s: Span = Field(
        default=Decimal(60), description="A price of the source that is older than this counts as not seen, in seconds."
    )
