"""Binance's own REST and WebSocket protocol, spot and USDⓈ-M, spoken in front of one simulated exchange."""
