"""Canary keys: everything that a run writes at DEBUG is listened to, and searched for any piece of them in any form."""

from __future__ import annotations

import base64
import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import quote, quote_plus

import structlog

from hedger.ops.logs import configure_logging
from tests.support.wire_server import KEY, SECRET

PIECE = 8
# The fake venue's own lines; it is not the hedger.
_FAKE = ("aiohttp.server", "aiohttp.web", "aiohttp.access", "aiohttp.websocket")


@cache
def pieces(*secrets: str) -> tuple[str, ...]:
    """Every eight characters of the keys, as they are and as base64 (at each alignment), hex and URLs have them."""
    found = set()
    for secret in secrets or (KEY, SECRET):
        raw = secret.encode()
        forms = {secret, raw.hex(), raw.hex().upper(), quote(secret, safe=""), quote_plus(secret)}
        for shift in range(3):
            text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
            inner = text[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
        for form in forms:
            found |= {form[start : start + PIECE] for start in range(len(form) - PIECE + 1)}
    return tuple(sorted(found))


def leaks(text: str, *secrets: str) -> list[str]:
    """The pieces of the keys (those of the fake Binance, if no others are given) that are in a text."""
    return [piece for piece in pieces(*secrets) if piece in text]


class Ears(logging.Handler):
    """Hears every line before redaction, traceback included. ccxt's own lines hold keys, so they have to be redacted or
    kept out, and are looked for only where the program writes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.partition(".")[0] != "ccxt" and not record.name.startswith(_FAKE):
            self.lines.append(self.format(record))


class Heard:
    """What a run wrote: `written` by the program's own handler, `said` by every logger before it was redacted."""

    def __init__(self, *secrets: str) -> None:
        self.stream = io.StringIO()
        self.ears = Ears()
        self._secrets = secrets

    @property
    def leaks(self) -> list[str]:
        """The pieces of the keys in any of it."""
        return leaks(self.stream.getvalue(), *self._secrets) + leaks("\n".join(self.ears.lines), *self._secrets)


@contextmanager
def listening(*secrets: str) -> Iterator[Heard]:
    """Log as the program does at DEBUG, with ccxt's logger turned up as well, and hear everything."""
    root, loggers = logging.getLogger(), [logging.getLogger(name) for name in ("ccxt", "asyncio", "urllib3")]
    before = root.handlers[:], root.level, [logger.level for logger in loggers]
    hooks = sys.excepthook, threading.excepthook
    heard = Heard(*secrets)
    configure_logging("DEBUG", "json", secrets or [KEY, SECRET], stream=heard.stream)
    root.addHandler(heard.ears)
    try:
        yield heard
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        for logger, level in zip(loggers, before[2], strict=True):
            logger.setLevel(level)
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(False)
        structlog.reset_defaults()


def turn_up() -> None:
    """Let every library say what it has to say, whatever the program had set."""
    for name in ("ccxt", "ccxt.base.exchange", "aiohttp", "aiohttp.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
