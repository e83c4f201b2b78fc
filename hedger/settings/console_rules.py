"""Who may reach the console: an address that others can reach needs a word on who reads there, and tokens are long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from hedger.settings.schema import ConsoleSettings, Settings
from hedger.settings.sentences import Problem

SHORTEST_TOKEN = 32
_SENDABLE = re.compile(r"[!-~]+")


def problems_of_console(settings: Settings) -> Iterator[Problem]:
    """What is wrong with `[console]`, and with its port beside that of the metrics."""
    console, metrics = settings.console, settings.metrics
    for key in ("token", "read_token"):
        if (problem := _problem_of_token(console, key)) is not None:
            yield Problem(("console", key), problem)
    if not console.enabled:
        return
    open_to_all, told = console.anyone_reads, console.read_token is not None
    if open_to_all and told:
        yield Problem(("console", "anyone_reads"), "is true, and read_token is set: take one of the two away")
    if not is_loopback(console.host) and not open_to_all and not told:
        text = f"is {console.host}, which other machines can reach: set HEDGER_CONSOLE__READ_TOKEN, or console."
        yield Problem(("console", "host"), f"{text}anyone_reads = true if whoever reaches it may read")
    if metrics.enabled and console.port == metrics.port:
        yield Problem(("console", "port"), "is metrics.port too: the console has a port of its own")


def reads_freely(console: ConsoleSettings) -> bool:
    """Whether the console may be read without a token."""
    return console.anyone_reads or (console.read_token is None and is_loopback(console.host))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name says so only where it is localhost."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _problem_of_token(console: ConsoleSettings, key: str) -> str | None:
    secret = getattr(console, key)
    if secret is None:
        return None
    text = secret.get_secret_value()
    if len(text) < SHORTEST_TOKEN:
        return f"is too short: give it {SHORTEST_TOKEN} characters of chance or more"
    if not _SENDABLE.fullmatch(text):
        return "has a space or a character that no header can carry: use letters, digits and signs of ASCII"
    if key == "read_token" and console.token is not None and text == console.token.get_secret_value():
        return "is the same as token: whoever may read could act"
    return None
