"""OKX's dead man's switch: one countdown, at whose end every order of the account is canceled, those by hand too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.errors import GiveUp
from hedger.venues.asking import Understand
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link
from hedger.venues.okx.codes import REST
from hedger.venues.okx.payloads import Countdown, row_as

LEAST_S, MOST_S = 10, 120
SECOND_MS = 1_000
_IN_MS = 10**12

_read_countdown: Understand[Countdown] = row_as(Countdown)


class Switch:
    """The countdown of one account, whatever its contracts."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def extend(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start the countdown anew; at 0 it is off. Whole seconds, never more than was asked for.

        Returns when the venue has confirmed it, AskAgain otherwise. GiveUp for a time that the venue does not offer.
        """
        link, seconds = self._link, timeout_ms // SECOND_MS
        if link.environment is Environment.SHADOW:
            raise GiveUp(f"account {link.account} is only watched: its countdown is left alone.")
        if timeout_ms and not LEAST_S <= seconds <= MOST_S:
            raise GiveUp(f"okx: a countdown of {timeout_ms} ms is not offered: {LEAST_S} to {MOST_S} s are.")
        method = partial(link.client.private_post_trade_cancel_all_after, {"timeOut": str(seconds)})

        def understand(payload: Any) -> bool:
            told = _read_countdown(payload)
            if told.tag or not _is_confirmed(int(told.triggerTime), int(told.ts), seconds):
                raise ValueError(f"a countdown from {told.ts} to {told.triggerTime} was confirmed instead")
            return True

        await link.asker.need("countdown", method, understand, host=link.hosts[REST], lane=Lane.CONTROL, attempts=1)


def _is_confirmed(ends_at: int, asked_at: int, seconds: int) -> bool:
    """Whether a countdown ends when it must; the venue tells both in seconds, and for all we know in milliseconds."""
    if seconds == 0 or ends_at == 0:
        return seconds == ends_at
    second = SECOND_MS if ends_at >= _IN_MS else 1
    return (ends_at >= _IN_MS) == (asked_at >= _IN_MS) and abs(ends_at - asked_at - seconds * second) <= second
