"""The API's description in OpenAPI 3.1 and its page in the docs, both written from the table of routes."""

from __future__ import annotations

import json
from typing import Any

from hedger.ops.console.access import HEADER, Scope
from hedger.ops.console.routes import ROUTES, Parameter, Route
from hedger.ops.console.schemas import COMPONENTS, ERROR

_WHO = {Scope.PAGE: "anybody", Scope.READ: "who may read", Scope.ACT: "who may act"}
_HEADER = {
    "name": HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["1"]},
    "description": "which no form of another site can send",
}


def description(version: str = "0") -> dict[str, Any]:
    """The whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hedger",
            "version": version,
            "description": "Watches and stops one hedger. Amounts are plain decimal strings; moments that are numbers "
            "are ms since 1970 (UTC).",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "see `hedger console`"}},
        },
    }


def api_page() -> str:
    """docs/api.md."""
    rows = "\n".join(f"| `{route.method} {route.path}` | {_WHO[route.scope]} | {route.summary} |" for route in ROUTES)
    return _PAGE.replace("ROWS", rows).replace("DETAILS", "\n".join(_section(route) for route in ROUTES))


def _operation(route: Route) -> dict[str, Any]:
    token: list[dict[str, list[str]]] = [{"token": []}]
    security = {Scope.PAGE: [{}, *token], Scope.READ: [{}, *token], Scope.ACT: token}[route.scope]
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "security": security,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            **{str(status): _response(route, schema) for status, schema in route.answers.items()},
            "default": {"description": "Not done, and why.", "content": {"application/json": {"schema": ERROR}}},
        },
    }
    if route.told:
        operation["description"] = route.told
    if route.body is not None:
        operation["parameters"].append(_HEADER)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": route.body}}}
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query" if parameter.in_query else "path",
        "required": not parameter.in_query,
        "schema": parameter.schema,
        "description": parameter.meaning,
        "example": parameter.example,
    }


def _response(route: Route, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": route.summary, "content": {route.media: {"schema": schema}}}


def _section(route: Route) -> str:
    lines = [f"### `{route.method} {route.path}`", "", route.summary, *([route.told] if route.told else []), ""]
    for parameter in route.parameters:
        lines.append(f"- `{parameter.name}`: {parameter.meaning}, as `{parameter.example}`")
    if route.body is not None:
        needed = route.body.get("required", [])
        for name, schema in route.body["properties"].items():
            meaning = schema.get("description", "")
            lines.append(f"- `{name}`{'' if name in needed else ' (optional)'}: {meaning}")
    told = " or ".join(f"{status} `{_shape(schema)}`" for status, schema in route.answers.items())
    return "\n".join([*lines, *([""] if lines[-1] else []), f"Answers {told}.", ""])


def _shape(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_shape(one) for one in schema["anyOf"])
    if "properties" in schema:
        return json.dumps({name: _shape(one) for name, one in schema["properties"].items()}).replace('"', "")
    if schema.get("type") == "array":
        return f"[{_shape(schema['items'])}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{{name: {_shape(schema['additionalProperties'])}}}"
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


_PAGE = """# API

Written by `hedger.ops.console.openapi`; a test keeps this page current. `GET /api/openapi.json` is the same for
machines, with every schema.

The console and its API are served by the running hedger on `127.0.0.1:9109` ([`[console]`](configuration.md#console)).
`hedger console` prints the address, and where the token is.

```
curl http://127.0.0.1:9109/api/alarms
curl http://127.0.0.1:9109/api/pause -H "Authorization: Bearer $TOKEN" -H "X-Hedger: 1" \\
     -H "Content-Type: application/json" -d '{"reason": "a look at it"}'
```

- **Reading** needs no token on a loopback address, unless `read_token` is set; elsewhere it needs `read_token` (or the
  token to act), unless `anyone_reads` is.
- **Acting** always needs `Authorization: Bearer` with the token, the header `X-Hedger: 1` and a JSON body of at most
  2 kB.
- Every connection carries one request. Requests by a host name or from an origin that is not ours are turned away
  (403): `console.names` lists those that are.
- Whatever is not done is answered with its status and `{"error": "a sentence"}`. Ten wrong tokens in a row let further
  wrong ones wait for a minute (429); the right one always opens.
- An act is answered with 202 and the path of its outcome: the hedger takes it up on its next beat, journals it, and
  says there what became of it. A kill is in force when it is answered.

| route | for | |
|---|---|---|
ROWS

DETAILS"""
