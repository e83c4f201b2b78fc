"""WEEX: spot balances and linear perpetuals in USDT."""
