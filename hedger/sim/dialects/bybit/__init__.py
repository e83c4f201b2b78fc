"""Bybit's own v5 REST and WebSocket protocol, spoken in front of one simulated exchange."""
