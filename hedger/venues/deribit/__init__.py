"""Deribit: coins, inverse and USDC futures, and options that are read."""
