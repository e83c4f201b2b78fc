"""The hedger keeps a portfolio's delta where its owner wants it, with post-only orders on futures."""
