"""What the running process answers about its readiness, asked over its own port: also where its disk takes no file."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

_ANSWERS_IN_S = 1.5
_MOST_BYTES = 65_536


def asked(port: int) -> dict[str, Any]:
    """Whether it `answers` on this machine, whether all is well (`ok`), and each check that fails with its sentence."""
    try:
        told = json.loads(_page(f"http://127.0.0.1:{port}/readyz"))
        failing = {str(check): str(text) for check, text in told["failing"].items()}
    except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return {"answers": False, "ok": False, "failing": {}}
    return {"answers": True, "ok": not failing, "failing": failing}


def _page(url: str) -> bytes:
    """A page of this machine, whatever proxy the environment names; also one that comes with an error's status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ANSWERS_IN_S) as answer:
            return bytes(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read(_MOST_BYTES)
