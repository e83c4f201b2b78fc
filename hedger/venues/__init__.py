"""The exchanges, reached through ccxt: one profile for each venue's truths."""
