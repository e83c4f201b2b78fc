"""The settings of the paper exchange: its chance, its speed, what it lists, and what is held when it begins."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hedger.model.instrument import Payoff
from hedger.model.option import OptionType
from hedger.settings.relative import InstantText, PriceText
from hedger.settings.table import Table
from hedger.settings.values import (
    AccountName,
    Asset,
    Notional,
    Number,
    QuantityOrZero,
    Share,
    Span,
    Switch,
    Text,
    Whole,
)


def _default_spot() -> dict[Asset, QuantityOrZero]:
    return {"BTC": Decimal("1.2"), "ETH": Decimal(20)}


class PaperOptionSettings(Table):
    """An option that an account holds from the start: nobody trades it, its greeks are counted and hedged."""

    account: AccountName | None = Field(
        default=None, description="The account that holds it; without it, the first one of the file."
    )
    asset: Asset = Field(description="The coin that it is on.")
    option: OptionType = Field(description="A put or a call.")
    strike: PriceText = Field(description='The strike, in USDT, or as a percentage of the starting price: "105%".')
    expiry: InstantText = Field(
        description='When it ends: "2026-06-26T08:00Z", or how long after the start, "30 days", and then at the next '
        "08:00 UTC."
    )
    quantity: Number = Field(description="On how many coins it is: more than 0 is bought, less is sold.")
    settle: Payoff = Field(
        default=Payoff.LINEAR,
        description="Whether it is settled in its quote (linear) or in the coin (inverse, as on deribit).",
    )


class PaperAccountSettings(Table):
    """What one account holds at the start, where that is not what `[paper]` gives it."""

    collateral: QuantityOrZero | None = Field(
        default=None, description="Its derivatives wallet, in USDT; without it, `paper.collateral`."
    )
    coin_collateral: dict[Asset, QuantityOrZero] | None = Field(
        default=None,
        description="How many of each coin it has as margin; without it, `paper.coin_collateral` for the first account "
        "and none for another.",
    )
    spot: dict[Asset, QuantityOrZero] | None = Field(
        default=None,
        description="How many of each coin it holds in its spot wallet; without it, `paper.spot` for the first account "
        "and none for another.",
    )


class PaperSettings(Table):
    """The exchange that `hedger paper` trades against, one for each venue; BTC, ETH, SOL and XRP are listed there."""

    seed: Whole = Field(default=1, ge=0, le=2**32 - 1, description="The seed of all chance: one seed, one run.")
    speed: Number = Field(default=Decimal(1), gt=0, le=10_000, description="Paper seconds in a real second.")
    duration_s: Number | None = Field(
        default=None, gt=0, le=10**9, description="How long a run lasts, in paper seconds; without it, until stopped."
    )
    collateral: Notional = Field(
        default=Decimal(150_000),
        description="The derivatives wallet of each account at the start, in USDT; one on deribit has none.",
    )
    coin_collateral: dict[Asset, QuantityOrZero] = Field(
        default_factory=dict,
        description="How many of each coin the first account has as margin for contracts that settle in it.",
    )
    spot: dict[Asset, QuantityOrZero] = Field(
        default_factory=_default_spot,
        description="How many of each coin the first account holds in its spot wallet at the start; on deribit, which "
        "has no such wallet, as margin.",
    )
    accounts: dict[AccountName, PaperAccountSettings] = Field(
        default_factory=dict, description="What single accounts hold at the start, by their names."
    )
    contracts: tuple[Text, ...] = Field(
        default=(),
        description="Contracts that are listed beside the usual perpetuals, on the venues that hedge with them: "
        '"BTC/USD:BTC" settles in coins, "BTC/USDT:USDT-260102" ends on 2 January 2026 at 08:00 UTC; a paper world '
        "begins on 1 January at 07:40.",
    )
    options: tuple[PaperOptionSettings, ...] = Field(
        default=(), description="The options that accounts hold from the start."
    )
    volatility: Number = Field(
        default=Decimal("0.5"),
        gt=0,
        le=5,
        description="The implied volatility a year of an option at the money, at the start: 0.5 is 50 %.",
    )
    deposits: Switch = Field(default=True, description="Whether coins come into and leave the spot wallet at random.")
    deposit_least_s: Span = Field(
        default=Decimal(30), description="The least time between two of these changes, in paper seconds."
    )
    deposit_most_s: Span = Field(
        default=Decimal(180), description="The most time between two of these changes, in paper seconds."
    )
    deposit_ratio: Share = Field(
        default=Decimal("0.15"),
        ge=Decimal("0.01"),
        description="The largest change, as a share of the coins at the start.",
    )
    latency_least_ms: Whole = Field(
        default=3, ge=0, le=60_000, description="The least time that a request takes one way, in milliseconds."
    )
    latency_most_ms: Whole = Field(
        default=20, ge=0, le=60_000, description="The most time that a request takes one way, in milliseconds."
    )
