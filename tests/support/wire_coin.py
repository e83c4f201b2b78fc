"""What the fake Binance answers about COIN-M: an account that is long 0.05 BTC in its wallet and short 2,000 dollars.

Fields and numbers that are not marked synthetic are of payloads recorded in ccxt 4.5.90 or of Binance's documentation.
"""

from __future__ import annotations

from typing import Any

from tests.support.wire_bodies import AT, echo_countdown, echo_fees, echo_order, order_record

PERP, DATED = "BTCUSD_PERP", "BTCUSD_261225"
DAY = 1798185600000


def coin_symbol(name: str = PERP, size: int = 100, **changes: Any) -> dict[str, Any]:
    """A row of `GET /dapi/v1/exchangeInfo`."""
    base = name.partition("USD_")[0]
    dated = not name.endswith("_PERP")
    return {
        "symbol": name,
        "pair": f"{base}USD",
        "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL",
        "deliveryDate": DAY if dated else 4133404800000,
        "onboardDate": 1596006000000,
        "contractStatus": "TRADING",
        "contractSize": size,
        "marginAsset": base,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": "USD",
        "pricePrecision": 1,
        "quantityPrecision": 0,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "equalQtyPrecision": 4,
        "filters": [
            {"minPrice": "0.1", "maxPrice": "100000", "filterType": "PRICE_FILTER", "tickSize": "0.1"},
            {"stepSize": "1", "filterType": "LOT_SIZE", "maxQty": "100000", "minQty": "1"},
            {"stepSize": "1", "filterType": "MARKET_LOT_SIZE", "maxQty": "100000", "minQty": "1"},
            {"limit": 200, "filterType": "MAX_NUM_ORDERS"},
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    } | changes


def coin_risk(name: str, contracts: str, **changes: Any) -> dict[str, Any]:
    """A row of `GET /dapi/v1/positionRisk`."""
    flat = contracts == "0"
    return {
        "symbol": name,
        "positionAmt": contracts,
        "entryPrice": "0.0" if flat else "50000.0",
        "breakEvenPrice": "0.0",
        "markPrice": "0.00000000" if flat else "40000.00000000",
        # 2,000 dollars short from 50,000 to 40,000: 2000 × (1/40000 − 1/50000) coins.
        "unRealizedProfit": "0.00000000" if flat else "0.01000000",
        "liquidationPrice": "0",
        "leverage": "3",
        "maxQty": "50",
        "marginType": "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "positionSide": "BOTH",
        "notionalValue": "0",
        "updateTime": AT,
    } | changes


def coin_held(name: str, contracts: str) -> dict[str, Any]:
    """A row of the account's own list of positions."""
    return {
        "symbol": name,
        "positionAmt": contracts,
        "initialMargin": "0",
        "maintMargin": "0",
        "unrealizedProfit": "0.00000000",
        "leverage": "3",
        "isolated": False,
        "positionSide": "BOTH",
        "entryPrice": "0.0",
        "maxQty": "50",
        "updateTime": AT,
    }


def coin_asset(coin: str = "BTC", **changes: Any) -> dict[str, Any]:
    """A wallet of `GET /dapi/v1/account`."""
    return {
        "asset": coin,
        "walletBalance": "0.05000000",
        "unrealizedProfit": "0.01000012",
        "marginBalance": "0.06000012",
        "maintMargin": "0.00100000",
        "initialMargin": "0.01700000",
        "positionInitialMargin": "0.01700000",
        "openOrderInitialMargin": "0.00000000",
        "maxWithdrawAmount": "0.04300012",
        "crossWalletBalance": "0.05000000",
        "crossUnPnl": "0.01000012",
        "availableBalance": "0.04300012",
    } | changes


def coin_account(*positions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """`GET /dapi/v1/account`."""
    flat = coin_asset("ETH", walletBalance="0", unrealizedProfit="0", marginBalance="0", maintMargin="0")
    return {
        "assets": [coin_asset(), flat],
        "positions": list(positions) or [coin_held(PERP, "-20"), coin_held(DATED, "0"), coin_held("ETHUSD_PERP", "0")],
        "canDeposit": True,
        "canTrade": True,
        "canWithdraw": True,
        "feeTier": 2,
        "updateTime": 0,
    } | changes


def coin_trade(id: int, **changes: Any) -> dict[str, Any]:
    """A row of `GET /dapi/v1/userTrades`."""
    return {
        "symbol": PERP,
        "id": id,
        "orderId": 28,
        "pair": "BTCUSD",
        "side": "SELL",
        "price": "50000.0",
        "qty": "1",
        "realizedPnl": "0",
        "marginAsset": "BTC",
        "baseQty": "0.00200000",
        "commission": "0.00000020",
        "commissionAsset": "BTC",
        "time": AT + id,
        "positionSide": "BOTH",
        "buyer": False,
        "maker": True,
    } | changes


def coin_order(**changes: Any) -> dict[str, Any]:
    """An order's record."""
    told = {"symbol": PERP, "pair": "BTCUSD", "price": "50000.1", "origQty": "20", "cumBase": "0", "executedQty": "0"}
    return order_record(**(told | changes))


def coin_bodies() -> dict[tuple[str, str], Any]:
    """Answers for every question about COIN-M."""
    premium = {
        "symbol": PERP,
        "pair": "BTCUSD",
        "markPrice": "40000.00000000",
        "estimatedSettlePrice": "39990.00000000",
        "indexPrice": "39991.00000000",
        "lastFundingRate": "0.00071003",
        "interestRate": "0.00010000",
        "nextFundingTime": AT + 6_400_000,
        "time": AT,
    }
    book = {"lastUpdateId": 1027024, "symbol": PERP, "pair": "BTCUSD", "bidPrice": "39999.0", "bidQty": "1015"}
    return {
        ("GET", "/dapi/v1/exchangeInfo"): {
            "symbols": [coin_symbol(), coin_symbol(DATED), coin_symbol("ETHUSD_PERP", 10)]
        },
        ("GET", "/dapi/v1/account"): coin_account(),
        ("GET", "/dapi/v1/positionRisk"): [
            coin_risk(PERP, "-20"),
            coin_risk(DATED, "0"),
            coin_risk("ETHUSD_PERP", "0"),
        ],
        ("GET", "/dapi/v1/positionSide/dual"): {"dualSidePosition": False},
        ("POST", "/dapi/v1/positionSide/dual"): {"code": 200, "msg": "success"},
        ("POST", "/dapi/v1/leverage"): {"leverage": 1, "maxQty": "1000", "symbol": PERP},
        ("POST", "/dapi/v1/marginType"): {"code": 200, "msg": "success"},
        ("GET", "/dapi/v1/openOrders"): [],
        ("GET", "/dapi/v1/order"): coin_order(),
        ("POST", "/dapi/v1/order"): echo_order,
        ("DELETE", "/dapi/v1/order"): coin_order(status="CANCELED"),
        ("POST", "/dapi/v1/countdownCancelAll"): echo_countdown,
        ("GET", "/dapi/v1/userTrades"): [coin_trade(1)],
        ("GET", "/dapi/v1/forceOrders"): [],
        ("GET", "/dapi/v1/income"): [
            {
                "symbol": PERP,
                "incomeType": "FUNDING_FEE",
                "income": "-0.00001000",
                "asset": "BTC",
                "info": "FUNDING_FEE",
                "time": AT + 1,
                "tranId": "9689322392",
                "tradeId": "",
            }
        ],
        ("GET", "/dapi/v1/premiumIndex"): [premium],
        ("GET", "/dapi/v1/fundingInfo"): [],
        ("GET", "/dapi/v1/ticker/bookTicker"): [book | {"askPrice": "40001.0", "askQty": "1012", "time": AT}],
        ("GET", "/dapi/v1/commissionRate"): echo_fees,
        ("POST", "/dapi/v1/listenKey"): {"listenKey": "CK1"},
        ("PUT", "/dapi/v1/listenKey"): {"listenKey": "CK1"},
    }
