"""BingX's dead man's switch: one countdown, at whose end every order on USDT-M contracts is canceled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hedger.errors import GiveUp
from hedger.venues.asking import Understand
from hedger.venues.bingx.answers import answered
from hedger.venues.bingx.codes import API
from hedger.venues.bingx.listing import is_inverse
from hedger.venues.bingx.payloads import Countdown
from hedger.venues.lanes import Lane
from hedger.venues.link import Environment, Link

SHORTEST_S, LONGEST_S = 10, 120
SLACK_MS = 5_000
_SECONDS_UNTIL = 10_000_000_000  # a larger number is one of milliseconds
_read_countdown: Understand[Countdown] = answered(Countdown)


class Switch:
    """The countdown of one account. It takes every order on USDT-M with it, whoever placed it, and none of COIN-M."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def extend(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Start the countdown anew, in one request; at 0 it is off. Returns when the venue has confirmed it.

        Raises GiveUp where a COIN-M contract is among `symbols`, which nothing would guard, and for a span that the
        venue does not have; AskAgain otherwise.
        """
        link = self._link
        if link.environment is Environment.SHADOW:
            raise GiveUp(f"account {link.account} is only watched: its countdown is left alone.")
        bare = next((symbol for symbol in symbols if is_inverse(symbol)), None)
        if bare is not None:
            raise GiveUp(
                f"BingX has no dead man's switch for COIN-M, so {bare} would be left unguarded: trade it on an account "
                "of its own, without dead_mans_switch_s."
            )
        seconds = timeout_ms // 1000
        if timeout_ms and not SHORTEST_S <= seconds <= LONGEST_S:
            raise GiveUp(f"BingX counts down from {SHORTEST_S} to {LONGEST_S} s, not from {timeout_ms / 1000:.0f} s.")
        asked_at = link.venue_now()
        params = {"type": "ACTIVATE" if seconds else "CLOSE", "timeOut": seconds}
        await link.asker.need(
            "countdown",
            partial(link.client.swap_v2_private_post_trade_cancelallafter, params),
            lambda payload: self._confirmed(payload, seconds, asked_at),
            host=link.hosts[API],
            lane=Lane.CONTROL,
            attempts=1,
        )

    def _confirmed(self, payload: Any, seconds: int, asked_at: int) -> Countdown:
        """The confirmation; ValueError where it is of another countdown than the one that was asked for."""
        told = _read_countdown(payload)
        if told.status != ("ACTIVATED" if seconds else "CLOSED"):
            raise ValueError(f"the countdown is {told.status}")
        if seconds:
            ends_at = int(told.triggerTime) * (1 if told.triggerTime >= _SECONDS_UNTIL else 1000)
            now = self._link.venue_now()
            if not asked_at - SLACK_MS <= ends_at - seconds * 1000 <= now + SLACK_MS:
                raise ValueError("the countdown that was confirmed ends at another moment")
        return told
