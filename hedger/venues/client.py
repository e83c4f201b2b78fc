"""A ccxt client that is safe to trust with an order, and the proof of it at start-up."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from hedger.errors import Bug
from hedger.runtime.ports import Clock
from hedger.venues.light import load_exchange_class
from hedger.venues.network import EVIDENCE, egress_of
from hedger.venues.speech import once_each

MAX_TIMEOUT_MS = 30_000
MAX_RECV_WINDOW_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The keys of an account; `passphrase` is a third one that some venues have. Its text shows none."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)


Answered = Callable[[str, int, Mapping[str, str], str], None]


def build_client(
    name: str,
    *,
    credentials: Credentials,
    session: aiohttp.ClientSession,
    clock: Clock,
    answer_s: float,
    options: Mapping[str, Any],
    answered: Answered,
) -> Any:
    """A ccxt.pro client on our session and our clock. `answered` hears (url, status, headers, body) of every answer."""
    # ccxt writes keys and signatures into its debug log, whatever the level of the program's own.
    logging.getLogger("ccxt").setLevel(logging.WARNING)
    client = load_exchange_class(name)(
        {
            "apiKey": credentials.api_key,
            "secret": credentials.secret,
            "password": credentials.passphrase,
            "session": session,
            "ssl_context": _context_of(session),
            "enableRateLimit": False,
            "number": str,
            "timeout": int(answer_s * 1000),
            "options": {"maxRetriesOnFailure": 0, **options},
        }
    )
    client.milliseconds = clock.now_ms
    client.parse_json = parse_json
    client.enableLastHttpResponse = False
    client.enableLastJsonResponse = False
    client.timeout_on_exit = 0
    _listen_to_answers(client, answered)
    return client


def parse_json(text: str) -> Any:
    """JSON whose fractions stay the text that was sent; None for what is not JSON, as ccxt has it.

    An object that names a key twice is not JSON here: which of the two is meant, nobody knows.
    """
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_float=str, parse_constant=str, object_pairs_hook=once_each)
    except ValueError:
        return None


def _listen_to_answers(client: Any, answered: Answered) -> None:
    """Keep status and body where the caller of this request finds them, and nowhere else."""
    original = client.on_rest_response

    def hook(code: int, reason: str, url: str, method: str, headers: dict[str, str], body: str, *rest: Any) -> str:
        evidence = EVIDENCE.get()
        lower = {key.lower(): value for key, value in headers.items()}
        if evidence is not None:
            evidence.status, evidence.body, evidence.headers = code, body, lower
        answered(url, code, lower, body)
        return str(original(code, reason, url, method, headers, body, *rest))

    client.on_rest_response = hook


def _context_of(session: aiohttp.ClientSession) -> ssl.SSLContext | None:
    context = getattr(session.connector, "_ssl", None)
    return context if isinstance(context, ssl.SSLContext) else None


def assert_safe(client: Any, clock: Clock) -> None:
    """Refuse a client that could send twice, wait without end, round, tell the wrong time, or trust anyone.

    Raises Bug with every condition that does not hold.
    """
    faults = [text for text, holds in _conditions(client, clock) if not holds]
    if faults:
        raise Bug(f"the exchange client is not safe to use: {'; '.join(faults)}.")


def _conditions(client: Any, clock: Clock) -> list[tuple[str, bool]]:
    session, context = client.session, _context_of(client.session)
    return [
        ("the session is not ours", bool(egress_of(session)) and not client.own_session),
        ("nobody knows how to keep the session from re-sending", knows_resending(type(session))),
        ("the session re-sends requests", getattr(session, "_retry_connection", True) is False),
        ("ccxt re-sends requests", _largest(client.options, "maxRetriesOnFailure") == 0),
        ("ccxt's own throttle is on", client.enableRateLimit is False),
        ("numbers are not text", client.number is str),
        ("fractions in JSON become floats", client.parse_json('{"x":0.1}') == {"x": "0.1"}),
        ("calls are not bounded in time", 0 < client.timeout <= MAX_TIMEOUT_MS),
        ("the receive window is too long", 0 < client.options.get("recvWindow", 0) <= MAX_RECV_WINDOW_MS),
        ("the clock is not ours", abs(client.milliseconds() - clock.now_ms()) <= 1_000 * clock.speed),
        ("certificates are not verified", context is not None and context.verify_mode is ssl.CERT_REQUIRED),
        ("host names are not verified", context is not None and context.check_hostname),
        ("a proxy is set", not any(getattr(client, name, None) for name in _PROXIES) and not session.trust_env),
        ("verbose logging is on", client.verbose is False),
        ("it would reach other hosts", _used_hosts(client) <= egress_of(session)),
    ]


def knows_resending(kind: type) -> bool:
    """Whether the code that sends a session's requests asks the attribute by which we forbid it to send them again.

    It is not a public one: where an upgrade renames it, setting it would change nothing.
    """
    code = getattr(getattr(kind, "_request", None), "__code__", None)
    return code is not None and "_retry_connection" in code.co_names


_PROXIES = (
    "proxy", "httpProxy", "httpsProxy", "socksProxy", "wsProxy", "wssProxy", "wsSocksProxy", "aiohttp_proxy",
    "proxyUrl", "aiohttp_trust_env",
)  # fmt: skip


def _largest(options: Mapping[str, Any], name: str) -> int:
    """The largest value of an option, at the top or in a method's own table."""
    inner = [table[name] for table in options.values() if isinstance(table, Mapping) and name in table]
    return max([int(options.get(name, 0)), *map(int, inner)])


def _used_hosts(client: Any) -> set[str]:
    """The hosts of the endpoints that the profile says it uses."""
    api = client.urls["api"]
    addresses = [api[name] if "/" not in name else _deep(api, name) for name in client.options["usedEndpoints"]]
    return {urlsplit(client.implode_hostname(address)).hostname or "" for address in addresses}


def _deep(tree: Mapping[str, Any], path: str) -> Any:
    value: Any = tree
    for part in path.split("/"):
        value = value[part]
    return value
