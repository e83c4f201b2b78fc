"""JSON-RPC over HTTP: a GET whose path is the method, or a POST of the call itself."""

from __future__ import annotations

import json
from decimal import Decimal

from hedger.sim.dialects.deribit.hosts import REST_PATH
from hedger.sim.dialects.deribit.params import Params
from hedger.sim.dialects.deribit.refusals import RpcError, invalid
from hedger.sim.dialects.deribit.rpc import Desk, answered, refused_as
from hedger.sim.dialects.deribit.sign_in import SignIn
from hedger.sim.dialects.requests import Answer, Request, encode


class Rest:
    """Answers requests; business errors come under HTTP 400."""

    def __init__(self, desk: Desk, sign_in: SignIn) -> None:
        self._desk, self._sign_in = desk, sign_in

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if not request.path.startswith(REST_PATH.rstrip("/")) or request.method not in ("GET", "POST"):
            return Answer(status=404, body="<html><h1>404 Not Found</h1></html>", content_type="text/html")
        request_id: object = None
        try:
            name, params, request_id = _read(request)
            client = self._sign_in.of_request(request)
            result = self._desk.serve(name, params, client=client, connection=None, address=request.address)
        except RpcError as error:
            return Answer(status=error.status, body=encode(refused_as(request_id, error, self._desk.now())))
        return Answer(status=200, body=encode(answered(request_id, result, self._desk.now())))


def _read(request: Request) -> tuple[str, Params, object]:
    """(method, parameters, id) of a request."""
    name = request.path[len(REST_PATH) :].strip("/")
    if request.method == "GET":
        return name, Params.of_query(request.query), None
    try:
        frame = json.loads(request.body, parse_float=Decimal)
    except json.JSONDecodeError:
        raise RpcError(-32700, "Parse error") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("params", {}), dict):
        raise invalid("params", "must be an object")
    return str(frame.get("method", name)).strip("/"), Params(frame.get("params", {})), frame.get("id")
