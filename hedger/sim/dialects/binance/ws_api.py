"""Spot's WebSocket API, as far as user data needs it: subscriptions that are signed like requests."""

from __future__ import annotations

import json
from collections.abc import Callable

from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError, missing
from hedger.sim.dialects.binance.signing import Keyring, check_window, identify, is_signed
from hedger.sim.dialects.binance.user_stream import UserStreams
from hedger.sim.dialects.binance.weights import Meter
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.requests import Body


class WsApiSession:
    """One client of ws-api.binance.com. `now` gives the exchange's time, ms."""

    def __init__(
        self,
        *,
        users: UserStreams,
        reader: Reader,
        keys: Keyring,
        meter: Meter,
        now: Callable[[], int],
        address: str = "127.0.0.1",
    ) -> None:
        self._users = users
        self._reader = reader
        self._keys = keys
        self._meter = meter
        self._now = now
        self._address = address
        self._subscribed = 0

    def answer(self, text: str) -> Body:
        """The reply to a request frame."""
        try:
            frame = json.loads(text)
        except json.JSONDecodeError:
            return self._refused(None, ApiError(-1000, "Invalid JSON."))
        if not isinstance(frame, dict) or not isinstance(frame.get("params", {}), dict):
            return self._refused(None, ApiError(-1000, "A request must be an object with an object of params."))
        params = Params({name: str(value) for name, value in frame.get("params", {}).items()})
        try:
            self._meter.charge(self._now(), self._address, 2)
            result = self._result(str(frame.get("method")), params)
        except ApiError as error:
            return self._refused(frame.get("id"), error)
        return {"id": frame.get("id"), "status": 200, "result": result, "rateLimits": self._limits()}

    def close(self) -> None:
        """The client has gone."""
        self._users.leave(self._reader)

    def _result(self, method: str, params: Params) -> object:
        match method:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._now()}
            case "userDataStream.subscribe.signature":
                return {"subscriptionId": self._subscribe(params)}
            case "userDataStream.unsubscribe":
                self._users.leave(self._reader)
                return {}
            case _:
                raise ApiError(-1020, f"Method '{method}' is not supported.")

    def _subscribe(self, params: Params) -> int:
        credential = identify(self._keys, params.values.get("apiKey"))
        check_window(params, self._now())
        signature = params.values.get("signature")
        if not signature:
            raise missing("signature")
        signed = "&".join(f"{k}={v}" for k, v in sorted(params.values.items()) if k != "signature")
        if not is_signed(credential, signed, signature):
            raise ApiError(-1022, "Signature for this request is not valid.")
        self._users.join_spot(credential.user, self._reader)
        self._subscribed += 1
        return self._subscribed - 1

    def _refused(self, request_id: object, error: ApiError) -> Body:
        return {"id": request_id, "status": error.status, "error": error.body, "rateLimits": self._limits()}

    def _limits(self) -> list[Body]:
        return [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": self._meter.per_minute,
                "count": self._meter.used(self._now(), self._address),
            }
        ]
