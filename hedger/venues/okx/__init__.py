"""OKX: spot balances, linear and inverse swaps and dated futures, and options that are read."""
