"""Cancel on disconnect: the orders that a WebSocket has created go when it is gone without having said so.

Orders that came over HTTP, or over another WebSocket, stay. With the account's switch on, each new connection of that
account begins with its own switch on.
"""

from __future__ import annotations

from hedger.sim.dialects.deribit.connection import Connection
from hedger.sim.dialects.deribit.rpc import Call, Method, Methods
from hedger.sim.exchange import Exchange

SCOPES = ("connection", "account")


class Protection:
    """Who has switched it on."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._accounts: set[str] = set()
        self.fired = 0

    def methods(self) -> Methods:
        """By name; over a WebSocket only."""
        write, read = ("account", "read_write"), ("account", "read")
        return {
            "private/enable_cancel_on_disconnect": Method(handler=self._enable, scope=write, websocket=True),
            "private/disable_cancel_on_disconnect": Method(handler=self._disable, scope=write, websocket=True),
            "private/get_cancel_on_disconnect": Method(handler=self._get, scope=read, websocket=True),
        }

    def begin(self, connection: Connection) -> None:
        """Somebody has signed in on a connection."""
        if connection.client is not None and connection.client.credential.user in self._accounts:
            connection.cancels = True

    def end(self, connection: Connection) -> None:
        """A connection is gone, and had not logged out."""
        client = connection.client
        if not connection.cancels or client is None:
            return
        self.fired += 1
        working = self._exchange.floor.account(client.credential.user).working
        for order in [working[number] for number in sorted(connection.orders) if number in working]:
            self._exchange.cancel(order.user, order.wallet, order.symbol, order_id=order.order_id)

    def _enable(self, call: Call) -> object:
        return self._switch(call, on=True)

    def _disable(self, call: Call) -> object:
        return self._switch(call, on=False)

    def _switch(self, call: Call, *, on: bool) -> str:
        assert call.connection is not None
        call.connection.cancels = on
        if call.params.choice("scope", SCOPES, "connection") == "account":
            (self._accounts.add if on else self._accounts.discard)(call.user)
        return "ok"

    def _get(self, call: Call) -> object:
        assert call.connection is not None
        scope = call.params.choice("scope", SCOPES, "connection")
        on = call.connection.cancels if scope == "connection" else call.user in self._accounts
        return {"scope": scope, "enabled": on}
