"""The REST API: a request passes limits, key and signature, then its endpoint's handler answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hedger.sim.dialects.bybit.limits import Limits
from hedger.sim.dialects.bybit.params import Params
from hedger.sim.dialects.bybit.refusals import CONTRACTS, ApiError, translate
from hedger.sim.dialects.bybit.signing import Credential, Keyring, identify
from hedger.sim.dialects.requests import Answer, Request, encode
from hedger.sim.nouns import Refused

NOBODY = Credential(secret="", user="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in. `credential` is that of an anonymous nobody for public endpoints."""

    params: Params
    credential: Credential
    key: str = ""

    @property
    def user(self) -> str:
        """Whose account is meant."""
        return self.credential.user


Handler = Callable[[Call], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint: who answers with its `result`, how many requests a second an account has (0: it is public), and
    what a good answer says."""

    handler: Handler
    per_second: int = 0
    message: str = "OK"


Routes = Mapping[tuple[str, str], Route]


def public(handler: Handler) -> Route:
    """An endpoint that anybody may ask."""
    return Route(handler=handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The endpoints. `now` gives the exchange's time, ms."""

    routes: Routes
    limits: Limits
    keys: Keyring
    now: Callable[[], int]

    def answer(self, request: Request) -> Answer:
        """Answer one request; what the exchange refuses becomes Bybit's error answer."""
        headers: dict[str, str] = {}
        try:
            self.limits.knock(self.now(), request.address)
            route = self.routes.get((request.method, request.path))
            if route is None:
                raise ApiError(10017, f"Route not found: {request.method} {request.path}", status=404)  # [V]
            result = self._serve(route, request, headers)
        except Refused as refused:
            return self._refuse(translate(refused, CONTRACTS), headers)
        except ApiError as error:
            return self._refuse(error, headers)
        return self._say(0, route.message, result, headers)

    def _serve(self, route: Route, request: Request, headers: dict[str, str]) -> Mapping[str, object]:
        if not route.per_second:
            return route.handler(Call(params=Params.parse(request.method, request.query, ""), credential=NOBODY))
        key, credential = identify(self.keys, request, now=self.now())
        if credential.read_only and request.method == "POST":
            raise ApiError(10005, "Permission denied, please check your API key permissions.")
        params = Params.parse(request.method, request.query, request.body)
        within, told = self.limits.charge(self.now(), credential.user, _bucket(request.path, params), route.per_second)
        headers.update(told)
        if not within:
            raise ApiError(10006, "Too many visits. Exceeded the API Rate Limit.")
        return route.handler(Call(params=params, credential=credential, key=key))

    def _refuse(self, error: ApiError, headers: Mapping[str, str]) -> Answer:
        if error.status == 403:
            return Answer(status=403, body=error.text, headers=headers, content_type="text/plain")
        return self._say(error.code, error.text, error.result, headers, error.status)

    def _say(
        self, code: int, text: str, result: Mapping[str, object], headers: Mapping[str, str], status: int = 200
    ) -> Answer:
        body = envelope(code, text, result, self.now())
        return Answer(status=status, body=encode(body), headers={"Timenow": str(self.now()), **headers})


def envelope(code: int, text: str, result: Mapping[str, object], now: int) -> dict[str, object]:
    """What every REST answer of Bybit is wrapped in."""
    return {"retCode": code, "retMsg": text, "result": dict(result), "retExtInfo": {}, "time": now}


def _bucket(path: str, params: Params) -> str:
    """Each endpoint counts by itself, and by category where it has one."""
    return f"{path} {params.values.get('category', '')}"
