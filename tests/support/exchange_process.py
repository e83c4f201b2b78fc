"""A program that serves a small exchange, as `hedger exchange` does: for tests of the process itself."""

from __future__ import annotations

import argparse
import asyncio
from decimal import Decimal
from pathlib import Path

from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.listings import default_listings
from hedger.sim.nouns import USDT_WALLETS, Wallet
from hedger.sim.process import Stand, serve_exchanges


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--linger", type=float, default=120.0)
    arguments = parser.parse_args()
    exchange = Exchange(listings=default_listings(("BTC",)), start_at=1_700_000_000_000, users=("main",))
    exchange.deposit("main", Wallet.LINEAR, "USDT", Decimal(50_000))
    for wallet in USDT_WALLETS:
        exchange.set_crowd(wallet, "BTCUSDT", Side.BUY, Decimal("60000.0"), Decimal(3))
        exchange.set_crowd(wallet, "BTCUSDT", Side.SELL, Decimal("60000.1"), Decimal(3))
    stand = Stand(venue="binance", exchange=exchange, users=("main",))
    serving = serve_exchanges([stand], directory=arguments.directory, speed=arguments.speed, linger_s=arguments.linger)
    asyncio.run(serving)


if __name__ == "__main__":
    main()
