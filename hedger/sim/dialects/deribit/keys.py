"""Who asks: API keys and what they may do, signed requests, and the tokens that a sign-in gives."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from hedger.sim.dialects.deribit.refusals import RpcError
from hedger.sim.dialects.requests import Request

VALID_MS = 60_000  # how long after its timestamp a signed request is taken
TOKEN_S = 31_536_000
TRADING = "account:read_write trade:read_write wallet:none"
AREAS = ("account", "block_trade", "custody", "trade", "wallet")
_HEADER = re.compile(r"deri-hmac-sha256 id=([^,]+),ts=(\d+),sig=([0-9a-f]+),nonce=([^,]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """The secret of an API key, whose account it opens, and its scope: words such as `trade:read_write`.

    An area that `scope` does not name (of account, block_trade, custody, trade, wallet) is `none`.
    """

    secret: str
    user: str
    scope: str = TRADING
    name: str = "paper"

    def may(self, area: str, level: str) -> bool:
        """Whether the key reaches `level` (`read` or `read_write`) in an area."""
        return self.level(area) in ("read_write", level)

    def level(self, area: str) -> str:
        """`none`, `read` or `read_write`."""
        found = [word.partition(":")[2] for word in self.scope.split() if word.startswith(f"{area}:")]
        return found[-1] if found else "none"

    @property
    def full_scope(self) -> str:
        """Every area with its level, as Deribit tells it of a key."""
        return " ".join(f"{area}:{self.level(area)}" for area in AREAS)


Keyring = Mapping[str, Credential]


def check_header(keys: Keyring, header: str, request: Request, now: int) -> tuple[str, Credential]:
    """The client id and credential behind an `Authorization: deri-hmac-sha256 …` header.

    Raises 13004 for an unknown id or a signature that is not that of the request, and 13009 for an old one.
    """
    match = _HEADER.fullmatch(header.strip())
    if match is None:
        raise RpcError(13009, "unauthorized", {"reason": "invalid_authorization_header"})
    client_id, timestamp, signature, nonce = match.groups()
    uri = request.path + (f"?{request.query}" if request.query else "")
    text = f"{timestamp}\n{nonce}\n{request.method}\n{uri}\n{request.body}\n"
    credential = _known(keys, client_id)
    _check(credential, text, signature)
    _check_time(int(timestamp), now)
    return client_id, credential


def check_client_signature(
    keys: Keyring, client_id: str, timestamp: int, nonce: str, data: str, signature: str, now: int
) -> Credential:
    """The credential behind `public/auth` with a client signature; raises as `check_header` does."""
    credential = _known(keys, client_id)
    _check(credential, f"{timestamp}\n{nonce}\n{data}", signature)
    _check_time(timestamp, now)
    return credential


def check_secret(keys: Keyring, client_id: str, secret: str) -> Credential:
    """The credential behind `public/auth` with client credentials; raises 13004."""
    credential = _known(keys, client_id)
    if not hmac.compare_digest(credential.secret.encode(), secret.encode()):
        raise RpcError(13004, "invalid_credentials")
    return credential


def _known(keys: Keyring, client_id: str) -> Credential:
    if client_id not in keys:
        raise RpcError(13004, "invalid_credentials")
    return keys[client_id]


def _check(credential: Credential, text: str, signature: str) -> None:
    expected = hmac.new(credential.secret.encode(), text.encode(), sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise RpcError(13004, "invalid_credentials")


def _check_time(timestamp: int, now: int) -> None:
    if abs(now - timestamp) > VALID_MS:
        raise RpcError(13009, "unauthorized", {"reason": "timestamp_out_of_range"})


@dataclass(slots=True)
class Tokens:
    """Access and refresh tokens that were given out, and which client each opens for."""

    random: Random
    _access: dict[str, str] = field(default_factory=dict)
    _refresh: dict[str, str] = field(default_factory=dict)

    def give(self, client_id: str, now: int) -> tuple[str, str]:
        """A new (access, refresh) pair."""
        access, refresh = (f"{now + TOKEN_S * 1000}.1{self.random.getrandbits(192):048x}" for _ in range(2))
        self._access[access], self._refresh[refresh] = client_id, client_id
        return access, refresh

    def opens_for(self, access: str) -> str:
        """The client id of an access token; raises 13009."""
        if access not in self._access:
            raise RpcError(13009, "unauthorized", {"reason": "invalid_token"})
        return self._access[access]

    def refreshed(self, refresh: str) -> str:
        """The client id of a refresh token, which is used up by that; raises 13009."""
        client_id = self._refresh.pop(refresh, None)
        if client_id is None:
            raise RpcError(13009, "unauthorized", {"reason": "invalid_token"})
        return client_id
