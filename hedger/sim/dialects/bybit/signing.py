"""Who asks: API keys, HMAC signatures in headers, the receive window, and what a key may do."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from hedger.sim.dialects.bybit.refusals import ApiError
from hedger.sim.dialects.requests import Request

DEFAULT_WINDOW_MS = 5_000
AHEAD_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """The secret of an API key, whose account it opens, and what it may do: only read, withdraw, from which addresses
    (none named: from any)."""

    secret: str
    user: str
    read_only: bool = False
    withdrawals: bool = False
    addresses: tuple[str, ...] = ()


Keyring = Mapping[str, Credential]


def identify(keys: Keyring, request: Request, *, now: int) -> tuple[str, Credential]:
    """The key of a request and its credential; raises 10003, 10010, 10002 and 10004 as Bybit words them."""
    headers = request.headers
    key, stamp = headers.get("x-bapi-api-key", ""), headers.get("x-bapi-timestamp", "")
    window = headers.get("x-bapi-recv-window", "") or str(DEFAULT_WINDOW_MS)
    if not key or not stamp:
        raise ApiError(10001, "params error: apiKey is missing" if not key else "params error: timestamp is missing")
    credential = keys.get(key)
    if credential is None:
        raise ApiError(10003, "API key is invalid.")
    if credential.addresses and request.address not in credential.addresses:
        raise ApiError(10010, "Unmatched IP, please check your API key's bound IP addresses.")
    check_window(stamp, window, now)
    payload = request.body if request.method == "POST" else request.query
    if not is_signed(credential, f"{stamp}{key}{window}{payload}", headers.get("x-bapi-sign", "")):
        raise ApiError(10004, f"Error sign, please check your signature generation algorithm. origin_string[{payload}]")
    return key, credential


def check_window(stamp: str, window: str, now: int) -> None:
    """Refuse (10002) a timestamp (ms) older than the receive window, or a second ahead of the exchange's `now`."""
    if not stamp.isdigit() or not window.isdigit():
        raise ApiError(10001, "params error: timestamp or recv_window is not a number")
    if not now - int(window) <= int(stamp) < now + AHEAD_MS:
        text = (
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{now}],recv_window[{window}]"
        )
        raise ApiError(10002, text)


def is_signed(credential: Credential, text: str, signature: str) -> bool:
    """Whether `signature` (hexadecimal) is the HMAC-SHA256 of `text`."""
    expected = hmac.new(credential.secret.encode(), text.encode(), sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())
