"""Who asks: API keys, HMAC signatures over the raw parameters, and the time window of a request."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError, missing

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
AHEAD_MS = 1_000
_KEY_FORM = re.compile(r"[0-9A-Za-z]{64}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """The secret of an API key, whose account it opens, and whether it may withdraw."""

    secret: str
    user: str
    withdrawals: bool = False


Keyring = Mapping[str, Credential]


def identify(keys: Keyring, key: str | None) -> Credential:
    """The credential of an API key; raises -2014 for what cannot be a key and -2015 for an unknown one."""
    if key is None or not _KEY_FORM.fullmatch(key):
        raise ApiError(-2014, "API-key format invalid.", status=401)
    if key not in keys:
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
    return keys[key]


def check_window(params: Params, now: int) -> None:
    """Refuse (-1021) a timestamp that is older than the request's window, or ahead of the exchange's `now`."""
    timestamp = params.integer("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    window = params.decimal("recvWindow")
    if window is not None and window > LONGEST_WINDOW_MS:
        raise ApiError(-1131, "recvWindow must be less than 60000.")
    if timestamp >= now + AHEAD_MS:
        raise ApiError(-1021, f"Timestamp for this request was {AHEAD_MS}ms ahead of the server's time.")
    if now - timestamp > (DEFAULT_WINDOW_MS if window is None else window):
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def check_signature(credential: Credential, query: str, body: str) -> None:
    """Refuse (-1022) a signature that is not the HMAC of the raw query and body without it."""
    signed, signatures = "", []
    for part in (query, body):
        fields = part.split("&") if part else []
        signatures += [f.removeprefix("signature=") for f in fields if f.startswith("signature=")]
        signed += "&".join(f for f in fields if not f.startswith("signature="))
    if not signatures or not signatures[0]:
        raise missing("signature")
    if not is_signed(credential, signed, signatures[0]):
        raise ApiError(-1022, "Signature for this request is not valid.")


def is_signed(credential: Credential, text: str, signature: str) -> bool:
    """Whether `signature` (hexadecimal) is the HMAC-SHA256 of `text`."""
    expected = hmac.new(credential.secret.encode(), text.encode(), sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.lower().encode())
