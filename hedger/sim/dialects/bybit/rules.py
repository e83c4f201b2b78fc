"""The rules of what is listed: rows of instruments-info and of the risk limits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.sim.dialects.bybit.digits import on_grid, plain, scale
from hedger.sim.dialects.bybit.names import name_of, option_name_of
from hedger.sim.dialects.bybit.order_entry import PRICE_LIMIT
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import Listing, OptionListing

LAUNCHED = "1585526400000"
OPTION_TICK, OPTION_LOT, MOST_OPTIONS = Decimal(5), Decimal("0.01"), Decimal(500)
MARKET_SHARE = Decimal("0.2")  # of the largest limit order: the largest market order
LARGEST_TICKS = 19_999_998


def spot_rules(listing: Listing) -> Body:
    """A pair."""
    return {
        "symbol": name_of(listing),
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(listing.lot_size),
            "quotePrecision": "0.0000001",
            "minOrderQty": plain(listing.min_quantity),
            "maxOrderQty": plain(listing.max_quantity),
            "minOrderAmt": plain(listing.min_notional),
            "maxOrderAmt": "60000000",
            "maxLimitOrderQty": plain(listing.max_quantity),
            "maxMarketOrderQty": plain(listing.max_quantity * MARKET_SHARE),
            "postOnlyMaxLimitOrderSize": plain(listing.max_quantity),
        },
        "priceFilter": {"tickSize": plain(listing.tick_size)},
        "riskParameters": {"priceLimitRatioX": plain(PRICE_LIMIT), "priceLimitRatioY": plain(PRICE_LIMIT)},
        "symbolType": "",
    }


def contract_rules(listing: Listing, status: str) -> Body:
    """A perpetual or dated contract. A post-only order may be as large as any other."""
    tick, lot, dated = listing.tick_size, listing.lot_size, listing.expiry_at is not None
    family = "Inverse" if listing.payoff is Payoff.INVERSE else "Linear"
    most = on_grid(listing.max_quantity, lot)
    inverse = listing.payoff is Payoff.INVERSE
    return {
        "symbol": name_of(listing),
        "contractType": f"{family}{'Futures' if dated else 'Perpetual'}",
        "status": status,
        "baseCoin": listing.base,
        "quoteCoin": listing.quote,
        "launchTime": LAUNCHED,
        "deliveryTime": str(listing.expiry_at or 0),
        "deliveryFeeRate": plain(listing.delivery_fee) if dated else "",
        "priceScale": str(scale(tick)),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": f"{listing.tiers[0].leverage_cap}.00" if listing.tiers else "1.00",
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": on_grid(tick, tick),
            "maxPrice": on_grid(tick * LARGEST_TICKS, tick),
            "tickSize": on_grid(tick, tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": most,
            "minOrderQty": on_grid(listing.min_quantity, lot),
            "qtyStep": on_grid(lot, lot),
            "postOnlyMaxOrderQty": most,
            "maxMktOrderQty": on_grid(listing.max_quantity * MARKET_SHARE, lot),
            "minNotionalValue": "" if inverse else plain(listing.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 0 if dated else listing.funding_interval_ms // 60_000,
        "settleCoin": listing.settle,
        "copyTrading": "none",
        "upperFundingRate": "" if dated else "0.003",
        "lowerFundingRate": "" if dated else "-0.003",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": plain(PRICE_LIMIT), "priceLimitRatioY": plain(PRICE_LIMIT)},
        "displayName": "",
        "symbolType": "",
    }


def option_rules(option: OptionListing) -> Body:
    """An option. Those in USDC are quoted in USD, those in USDT in that."""
    return {
        "symbol": option_name_of(option),
        "status": "Trading",
        "baseCoin": option.base,
        "quoteCoin": "USD" if option.settle == "USDC" else option.settle,
        "settleCoin": option.settle,
        "optionsType": option.option_type.value.capitalize(),
        "launchTime": LAUNCHED,
        "deliveryTime": str(option.expiry_at),
        "deliveryFeeRate": plain(option.delivery_fee),
        "priceFilter": {"minPrice": plain(OPTION_TICK), "maxPrice": "10000000", "tickSize": plain(OPTION_TICK)},
        "lotSizeFilter": {
            "maxOrderQty": plain(MOST_OPTIONS),
            "minOrderQty": plain(OPTION_LOT),
            "qtyStep": plain(OPTION_LOT),
        },
        "displayName": "",
    }


def risk_limits(listing: Listing) -> Sequence[Body]:
    """The tiers of a contract; margins are fractions [V], values in what it settles in."""
    return [
        {
            "id": place,
            "symbol": name_of(listing),
            "riskLimitValue": plain(tier.notional_cap),
            "maintenanceMargin": plain(tier.maintenance_rate),
            "initialMargin": plain((Decimal(1) / tier.leverage_cap).quantize(Decimal("0.000001"))),
            "isLowestRisk": 1 if place == 1 else 0,
            "maxLeverage": f"{tier.leverage_cap}.00",
            "mmDeduction": plain(tier.cum),
        }
        for place, tier in enumerate(listing.tiers, start=1)
    ]
