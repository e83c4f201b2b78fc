"""JSON-RPC whatever carries it: a call passes trouble, sign-in, credits and scope, then its method answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hedger.sim.dialects.deribit.connection import Client, Connection
from hedger.sim.dialects.deribit.credits import Credits, pool_of
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.refusals import EVERYTHING, RpcError, Trouble, translate
from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import Refused

ALWAYS = frozenset({"public/status", "public/get_time", "public/test", "public/hello"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was let in. `connection` is the WebSocket that it came over, None over HTTP."""

    params: Params
    client: Client | None
    connection: Connection | None

    @property
    def user(self) -> str:
        """Whose account is meant, of a private method."""
        assert self.client is not None, "private methods are for who has signed in"
        return self.client.credential.user


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Who answers, and what is demanded: a scope (area, level) of private methods, a WebSocket of some. `engine` marks
    what goes to the matching engine."""

    handler: Callable[[Call], object]
    scope: tuple[str, str] | None = None
    engine: bool = False
    websocket: bool = False


Methods = Mapping[str, Method]


@dataclass(slots=True, kw_only=True)
class Desk:
    """All methods behind one door. `now` gives the exchange's time (ms), `trouble` what is the matter."""

    methods: Methods
    now: Callable[[], int]
    credits: Credits = field(default_factory=Credits)
    trouble: Trouble | None = None

    def serve(
        self, name: str, params: Params, *, client: Client | None, connection: Connection | None, address: str
    ) -> object:
        """The result of a call; raises `RpcError`."""
        method = self.methods.get(name)
        if method is None:
            raise RpcError(-32601, "Method not found")
        if self.trouble is not None and name not in ALWAYS and (method.engine or self.trouble in EVERYTHING):
            raise self.trouble.error
        if name.startswith("private/") and client is None:
            raise RpcError(10000, "authorization_required")
        who = client.credential.user if client is not None else address
        self.credits.charge(who, pool_of(name, method.engine), self.now())
        if method.scope is not None and client is not None and not client.may(*method.scope):
            raise RpcError(13021, "forbidden")
        if method.websocket and connection is None:
            raise RpcError(10030, "must_be_websocket_request")
        try:
            return method.handler(Call(params=params, client=client, connection=connection))
        except Refused as refused:
            raise translate(refused) from refused


def answered(request_id: object, result: object, now: int) -> Body:
    """The answer to a call that went well."""
    return _enveloped(request_id, {"result": result}, now)


def refused_as(request_id: object, error: RpcError, now: int) -> Body:
    """The answer to one that did not."""
    return _enveloped(request_id, {"error": error.body}, now)


def _enveloped(request_id: object, content: Body, now: int) -> Body:
    head: Body = {"jsonrpc": "2.0"} | ({"id": request_id} if request_id is not None else {})
    return head | content | {"usIn": now * 1_000, "usOut": now * 1_000, "usDiff": 0, "testnet": False}
