"""Bybit's unified trading account."""
