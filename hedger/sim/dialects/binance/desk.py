"""One REST API: a request passes limits, key and signature, then its endpoint's handler answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from hedger.sim.dialects.binance.params import Params
from hedger.sim.dialects.binance.refusals import ApiError, Words, translate
from hedger.sim.dialects.binance.signing import Credential, Keyring, check_signature, check_window, identify
from hedger.sim.dialects.binance.weights import Meter
from hedger.sim.dialects.requests import Answer, Request, encode
from hedger.sim.nouns import Refused


class Access(Enum):
    """What an endpoint demands of its caller."""

    PUBLIC = "public"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in. `credential` is that of an anonymous nobody for public endpoints."""

    params: Params
    credential: Credential

    @property
    def user(self) -> str:
        """Whose account is meant."""
        return self.credential.user


Handler = Callable[[Call], object]
Weight = int | Callable[[Params], int]
NOBODY = Credential(secret="", user="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An endpoint: who answers, what it weighs, who may ask, and whether it creates an order."""

    handler: Handler
    weight: Weight = 1
    access: Access = Access.SIGNED
    creates: bool = False
    meter: Meter | None = None
    weight_header: str = "X-MBX-USED-WEIGHT-1M"


Routes = Mapping[tuple[str, str], Route]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The endpoints of one host. `now` gives the exchange's time, ms."""

    routes: Routes
    meter: Meter
    keys: Keyring
    words: Words
    now: Callable[[], int]
    absent: Callable[[Request], Answer]

    def answer(self, request: Request) -> Answer:
        """Answer one request; what the exchange refuses becomes Binance's error answer."""
        route = self.routes.get((request.method, request.path))
        if route is None:
            return self.absent(request)
        headers: dict[str, str] = {}
        try:
            result = self._serve(route, request, headers)
        except Refused as refused:
            return self._refuse(translate(refused, self.words), route, request, headers)
        except ApiError as error:
            return self._refuse(error, route, request, headers)
        return Answer(status=200, body=encode(result), headers=self._headers(route, request, headers))

    def _serve(self, route: Route, request: Request, headers: dict[str, str]) -> object:
        now, meter = self.now(), route.meter or self.meter
        params = Params.parse(request.query, request.body)
        weight = route.weight if isinstance(route.weight, int) else route.weight(params)
        meter.charge(now, request.address, weight)
        credential = self._admit(route.access, request, params, now)
        if route.creates:
            try:
                meter.count_order(now, credential.user)
            finally:
                headers.update(meter.order_counts(now, credential.user))
        return route.handler(Call(params=params, credential=credential))

    def _admit(self, access: Access, request: Request, params: Params, now: int) -> Credential:
        if access is Access.PUBLIC:
            return NOBODY
        credential = identify(self.keys, request.headers.get("x-mbx-apikey"))
        if access is Access.SIGNED:
            check_window(params, now)
            check_signature(credential, request.query, request.body)
        return credential

    def _refuse(self, error: ApiError, route: Route, request: Request, headers: dict[str, str]) -> Answer:
        all_headers = self._headers(route, request, {**headers, **error.headers})
        return Answer(status=error.status, body=encode(error.body), headers=all_headers)

    def _headers(self, route: Route, request: Request, headers: dict[str, str]) -> dict[str, str]:
        used = (route.meter or self.meter).used(self.now(), request.address)
        return {route.weight_header: str(used), **headers}
