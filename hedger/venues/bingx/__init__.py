"""BingX: spot balances, perpetuals in USDT and in coins."""
