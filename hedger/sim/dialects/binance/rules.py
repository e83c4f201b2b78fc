"""The exchangeInfo of both APIs: what is listed and by which rules it trades."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.dialects.binance.notices import Notices
from hedger.sim.dialects.binance.weights import Meter
from hedger.sim.nouns import Listing

MOST_OPEN_ORDERS = 200
FURTHEST_PERCENT_SPOT = ("0.2", "5")
HIGHEST_PRICE_SPOT = Decimal("1000000.00000000")
HIGHEST_PRICE_LINEAR = Decimal(4_529_764)
FURTHEST_PERCENT_LINEAR = ("0.9500", "1.0500")
NEVER = 4_133_404_800_000  # the delivery date of a perpetual
ONBOARDED_AT = 1_569_398_400_000


def price_places(listing: Listing) -> int:
    """The most decimals that a price on USDⓈ-M may have."""
    return max(2, places(listing.tick_size))


def spot_rules(listings: Iterable[Listing], meter: Meter, now: int) -> dict[str, object]:
    """The body of GET /api/v3/exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, meter.per_minute),
            _limit("ORDERS", "SECOND", 10, 100),
            _limit("ORDERS", "DAY", 1, 200_000),
            _limit("RAW_REQUESTS", "MINUTE", 5, 61_000),
        ],
        "exchangeFilters": [],
        "symbols": [_spot_symbol(listing) for listing in listings],
    }


def linear_rules(listings: Iterable[Listing], meter: Meter, now: int, notices: Notices) -> dict[str, object]:
    """The body of GET /fapi/v1/exchangeInfo."""
    listed = [(listing, notices.status(listing.symbol)) for listing in listings]
    return {
        "timezone": "UTC",
        "serverTime": now,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, meter.per_minute),
            _limit("ORDERS", "MINUTE", 1, 1_200),
            _limit("ORDERS", "SECOND", 10, 300),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_linear_symbol(listing, status) for listing, status in listed if status],
    }


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _spot_symbol(listing: Listing) -> dict[str, object]:
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": False,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _spot_filters(listing),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_TAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER"],
    }


def _spot_filters(listing: Listing) -> list[dict[str, object]]:
    down, up = FURTHEST_PERCENT_SPOT
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(listing.tick_size),
            "maxPrice": fixed(HIGHEST_PRICE_SPOT),
            "tickSize": fixed(listing.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fixed(listing.min_quantity),
            "maxQty": fixed(listing.max_quantity),
            "stepSize": fixed(listing.lot_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": fixed(listing.max_quantity),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed(listing.min_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_OPEN_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def _linear_symbol(listing: Listing, status: str) -> dict[str, object]:
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER,
        "onboardDate": ONBOARDED_AT,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": price_places(listing),
        "quantityPrecision": places(listing.lot_size),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": _linear_filters(listing),
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "GTX"],
        "permissionSets": ["GRID", "COPY"],
    }


def _linear_filters(listing: Listing) -> list[dict[str, object]]:
    down, up = FURTHEST_PERCENT_LINEAR
    price, lot = price_places(listing), places(listing.lot_size)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(listing.tick_size, price),
            "maxPrice": fixed(HIGHEST_PRICE_LINEAR, 0),
            "tickSize": fixed(listing.tick_size, price),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fixed(listing.min_quantity, lot),
            "maxQty": fixed(listing.max_quantity, 0),
            "stepSize": fixed(listing.lot_size, lot),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": fixed(listing.min_quantity, lot),
            "maxQty": fixed(listing.max_quantity, 0),
            "stepSize": fixed(listing.lot_size, lot),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": MOST_OPEN_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": fixed(listing.min_notional, 0)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": up,
            "multiplierDown": down,
            "multiplierDecimal": "4",
        },
    ]
