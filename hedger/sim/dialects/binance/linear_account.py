"""USDⓈ-M's response bodies for the account: balances, positions, margin tiers and configuration."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.binance.digits import fixed, places
from hedger.sim.nouns import LinearAccount, Listing, SimPosition

Body = dict[str, object]


def account(total: LinearAccount, positions: Iterable[SimPosition], now: int) -> Body:
    """GET v3/account; `positions` are those that are open."""
    sums = {
        "totalInitialMargin": fixed(total.initial_margin + total.open_order_margin),
        "totalMaintMargin": fixed(total.maintenance_margin),
        "totalWalletBalance": fixed(total.wallet_balance),
        "totalUnrealizedProfit": fixed(total.unrealized_pnl),
        "totalMarginBalance": fixed(total.equity),
        "totalPositionInitialMargin": fixed(total.initial_margin),
        "totalOpenOrderInitialMargin": fixed(total.open_order_margin),
        "totalCrossWalletBalance": fixed(total.wallet_balance),
        "totalCrossUnPnl": fixed(total.unrealized_pnl),
        "availableBalance": fixed(total.available),
        "maxWithdrawAmount": fixed(_withdrawable(total)),
    }
    return {**sums, "assets": [_asset(total, now)], "positions": [_short_position(p) for p in positions]}


def balance(total: LinearAccount, now: int) -> list[Body]:
    """GET v2/balance and v3/balance."""
    return [
        {
            "accountAlias": "SgsR",
            "asset": "USDT",
            "balance": fixed(total.wallet_balance),
            "crossWalletBalance": fixed(total.wallet_balance),
            "crossUnPnl": fixed(total.unrealized_pnl),
            "availableBalance": fixed(total.available),
            "maxWithdrawAmount": fixed(_withdrawable(total)),
            "marginAvailable": True,
            "updateTime": now,
        }
    ]


def position_v3(position: SimPosition, listing: Listing) -> Body:
    """GET v3/positionRisk."""
    margin = position.initial_margin if position.isolated else ZERO
    wallet = margin - position.unrealized_pnl if position.isolated else ZERO
    return {
        **_risk(position, listing),
        "isolatedMargin": fixed(margin),
        "notional": fixed(position.quantity * position.mark_price),
        "marginAsset": listing.quote,
        "isolatedWallet": fixed(wallet),
        "initialMargin": fixed(position.initial_margin),
        "maintMargin": fixed(position.maintenance_margin),
        "positionInitialMargin": fixed(position.initial_margin),
        "openOrderInitialMargin": fixed(ZERO),
        "adl": position.adl_quantile,
        "bidNotional": fixed(ZERO),
        "askNotional": fixed(ZERO),
        "updateTime": position.updated_at,
    }


def position_v2(position: SimPosition, listing: Listing) -> Body:
    """GET v2/positionRisk: a row for every symbol, with its leverage and margin type."""
    margin = position.initial_margin if position.isolated else ZERO
    return {
        **_risk(position, listing),
        "leverage": str(position.leverage),
        "maxNotionalValue": most_notional(listing, position.leverage),
        "marginType": "isolated" if position.isolated else "cross",
        "isolatedMargin": fixed(margin),
        "isAutoAddMargin": "false",
        "notional": fixed(position.quantity * position.mark_price),
        "isolatedWallet": fixed(margin - position.unrealized_pnl if position.isolated else ZERO),
        "updateTime": position.updated_at,
        "isolated": position.isolated,
        "adlQuantile": position.adl_quantile,
    }


def brackets(listing: Listing) -> Body:
    """GET leverageBracket: the one body whose numbers are JSON numbers."""
    rows = [
        {
            "bracket": number,
            "initialLeverage": tier.leverage_cap,
            "notionalCap": int(tier.notional_cap),
            "notionalFloor": int(tier.notional_floor),
            "maintMarginRatio": float(tier.maintenance_rate),
            "cum": float(tier.cum),
        }
        for number, tier in enumerate(listing.tiers, start=1)
    ]
    return {"symbol": listing.symbol, "notionalCoef": 1.0, "brackets": rows}


def symbol_config(position: SimPosition, listing: Listing) -> Body:
    """GET symbolConfig."""
    return {
        "symbol": position.symbol,
        "marginType": "ISOLATED" if position.isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": position.leverage,
        "maxNotionalValue": most_notional(listing, position.leverage),
    }


def account_config(*, hedge_mode: bool, withdrawals: bool) -> Body:
    """GET accountConfig."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": withdrawals,
        "dualSidePosition": hedge_mode,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def most_notional(listing: Listing, leverage: int) -> str:
    """The largest position (USDT) that a leverage allows."""
    return str(max(int(t.notional_cap) for t in listing.tiers if t.leverage_cap >= leverage))


def _risk(position: SimPosition, listing: Listing) -> Body:
    """What both versions of positionRisk share."""
    entry = fixed(position.entry_price) if position.quantity else "0.0"
    return {
        "symbol": position.symbol,
        "positionSide": "BOTH",
        "positionAmt": fixed(position.quantity, places(listing.lot_size)),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": fixed(position.mark_price),
        "unRealizedProfit": fixed(position.unrealized_pnl),
        "liquidationPrice": "0" if position.liquidation_price is None else fixed(position.liquidation_price),
    }


def _short_position(position: SimPosition) -> Body:
    return {
        "symbol": position.symbol,
        "positionSide": "BOTH",
        "positionAmt": fixed(position.quantity),
        "unrealizedProfit": fixed(position.unrealized_pnl),
        "isolatedMargin": fixed(position.initial_margin if position.isolated else ZERO),
        "notional": fixed(position.quantity * position.mark_price),
        "isolatedWallet": fixed(position.initial_margin if position.isolated else ZERO),
        "initialMargin": fixed(position.initial_margin),
        "maintMargin": fixed(position.maintenance_margin),
        "updateTime": position.updated_at,
    }


def _asset(total: LinearAccount, now: int) -> Body:
    return {
        "asset": "USDT",
        "walletBalance": fixed(total.wallet_balance),
        "unrealizedProfit": fixed(total.unrealized_pnl),
        "marginBalance": fixed(total.equity),
        "maintMargin": fixed(total.maintenance_margin),
        "initialMargin": fixed(total.initial_margin + total.open_order_margin),
        "positionInitialMargin": fixed(total.initial_margin),
        "openOrderInitialMargin": fixed(total.open_order_margin),
        "crossWalletBalance": fixed(total.wallet_balance),
        "crossUnPnl": fixed(total.unrealized_pnl),
        "availableBalance": fixed(total.available),
        "maxWithdrawAmount": fixed(_withdrawable(total)),
        "updateTime": now,
    }


def _withdrawable(total: LinearAccount) -> Decimal:
    return max(ZERO, min(total.available, total.wallet_balance))
