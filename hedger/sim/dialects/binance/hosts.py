"""Binance's host names."""

SPOT_REST = "api.binance.com"
LINEAR_REST = "fapi.binance.com"
SPOT_STREAM = "stream.binance.com"
LINEAR_STREAM = "fstream.binance.com"
SPOT_WS_API = "ws-api.binance.com"
HOSTS = (SPOT_REST, LINEAR_REST, SPOT_STREAM, LINEAR_STREAM, SPOT_WS_API)
