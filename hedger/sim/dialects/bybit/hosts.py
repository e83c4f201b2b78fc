"""Bybit's host names, and the addresses of its WebSockets."""

REST = "api.bybit.com"
STREAM = "stream.bybit.com"
HOSTS = (REST, STREAM)
PUBLIC_PATHS = {f"/v5/public/{category}": category for category in ("spot", "linear", "inverse", "option")}
PRIVATE_PATH = "/v5/private"
