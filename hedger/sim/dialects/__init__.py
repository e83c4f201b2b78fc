"""Servers that speak a real venue's protocol in front of the simulated exchange."""
