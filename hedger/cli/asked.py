"""What the running process answers about its readiness, asked over its own port: also where its disk takes no file."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from typing import Any

_ANSWERS_IN_S, LIVES_IN_S = 1.5, 5.0
_MOST_BYTES = 65_536


def asked(port: int) -> dict[str, Any]:
    """Whether it `answers` on this machine, whether all is well (`ok`), and each check that fails with its sentence."""
    try:
        told = json.loads(_page(f"http://127.0.0.1:{port}/readyz"))
        failing = {str(check): str(text) for check, text in told["failing"].items()}
    except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return {"answers": False, "ok": False, "failing": {}}
    return {"answers": True, "ok": not failing, "failing": failing}


def why_not_alive(port: int) -> str | None:
    """Why it does not answer on this machine that it is alive, in a word; None where it does."""
    try:
        with _opened(f"http://127.0.0.1:{port}/livez", LIVES_IN_S):
            return None
    except (OSError, HTTPException) as problem:
        return type(problem).__name__


def _page(url: str) -> bytes:
    """A page of this machine, also one that comes with an error's status."""
    try:
        with _opened(url, _ANSWERS_IN_S) as answer:
            return bytes(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read(_MOST_BYTES)


def _opened(url: str, seconds: float) -> HTTPResponse:
    """Whatever proxy the environment names: it would answer for itself."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: HTTPResponse = opener.open(url, timeout=seconds)
    return answer
