"""MEXC: spot balances and linear perpetuals."""
