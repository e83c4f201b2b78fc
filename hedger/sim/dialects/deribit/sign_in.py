"""Signing in: `public/auth` over either transport, tokens, and the account of a connection."""

from __future__ import annotations

from random import Random

from hedger.sim.dialects.deribit.connection import Client
from hedger.sim.dialects.deribit.keys import (
    TOKEN_S,
    Credential,
    Keyring,
    Tokens,
    check_client_signature,
    check_header,
    check_secret,
)
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.protection import Protection
from hedger.sim.dialects.deribit.refusals import RpcError
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.dialects.requests import Body, Request
from hedger.sim.exchange import Exchange

GRANTS = ("client_credentials", "client_signature", "refresh_token")


class SignIn:
    """Knows the keys, and whom a token opens for."""

    def __init__(self, exchange: Exchange, keys: Keyring, protection: Protection, random: Random) -> None:
        self._exchange, self._keys, self._protection = exchange, keys, protection
        self._tokens = Tokens(random)

    def methods(self) -> Methods:
        """By name."""
        return {"public/auth": Method(handler=self._auth)}

    def of_request(self, request: Request) -> Client | None:
        """Who sends an HTTP request; None without an Authorization header. Raises 13004 and 13009."""
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer":
            return self.of_token(token)
        client_id, credential = check_header(self._keys, header, request, self._exchange.now)
        return Client(client_id=client_id, credential=credential)

    def of_token(self, token: str) -> Client:
        """Who an access token was given to; raises 13009."""
        client_id = self._tokens.opens_for(token)
        return Client(client_id=client_id, credential=self._keys[client_id])

    def _auth(self, call: Call) -> object:
        client = self._identify(call.params)
        if call.connection is not None:
            call.connection.client = client
            self._protection.begin(call.connection)
        access, refresh = self._tokens.give(client.client_id, self._exchange.now)
        body: Body = {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": TOKEN_S,
            "scope": _scope(client, call.params.optional("scope")),
            "token_type": "bearer",
            "enabled_features": [],
        }
        state = call.params.optional("state")
        return body | ({"state": state} if state is not None else {})

    def _identify(self, params: Params) -> Client:
        grant = params.choice("grant_type", GRANTS)
        narrowed = params.optional("scope")
        if grant == "refresh_token":
            client_id = self._tokens.refreshed(_needed(params, "refresh_token"))
            return Client(client_id=client_id, credential=self._keys[client_id], narrowed=narrowed)
        client_id = _needed(params, "client_id")
        return Client(client_id=client_id, credential=self._checked(grant, client_id, params), narrowed=narrowed)

    def _checked(self, grant: str, client_id: str, params: Params) -> Credential:
        if grant == "client_credentials":
            return check_secret(self._keys, client_id, _needed(params, "client_secret"))
        timestamp = params.integer("timestamp")
        if timestamp is None:
            raise RpcError(13010, "value_required", {"param": "timestamp"})
        return check_client_signature(
            self._keys,
            client_id,
            timestamp,
            params.optional("nonce") or "",
            params.optional("data") or "",
            _needed(params, "signature"),
            self._exchange.now,
        )


def _needed(params: Params, name: str) -> str:
    value = params.optional(name)
    if not value:
        raise RpcError(13010, "value_required", {"param": name})
    return value


def _scope(client: Client, asked: str | None) -> str:
    """What was granted: the key's own scope, less what was not asked for."""
    words = []
    for word in client.credential.full_scope.split():
        area, _, level = word.partition(":")
        words.append(word if client.may(area, level) or level == "none" else f"{area}:read")
    session = [word for word in (asked or "").split() if word.startswith("session:")]
    return " ".join([*words, *(session or ["connection"]), "mainaccount", f"name:{client.credential.name}"])
