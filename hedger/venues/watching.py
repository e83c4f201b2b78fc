"""Who may watch a venue at work: told after the fact, able to change nothing."""

from __future__ import annotations

from typing import Protocol

from hedger.model.message import OrderOutcomeUnknown


class VenueObserver(Protocol):
    """What a venue reports besides its answers, for metrics and logs. No text holds a secret."""

    def weight_used(self, account: str, host: str, used: int, limit: int) -> None:
        """The venue counted `used` of `limit` request weight in its current minute."""

    def lanes_closed(self, account: str, until_at: int, text: str) -> None:
        """The venue told us to be quiet until `until_at` (our clock, milliseconds since 1970, UTC)."""

    def order_abandoned(self, account: str, outcome: OrderOutcomeUnknown) -> None:
        """Whoever waited for a create was canceled; the request went on and its answer is lost to them."""

    def frame_ignored(self, account: str, text: str) -> None:
        """A streamed frame could not be understood and was not used."""


class Unwatched:
    """Nobody watches."""

    def weight_used(self, account: str, host: str, used: int, limit: int) -> None:
        """Nothing."""

    def lanes_closed(self, account: str, until_at: int, text: str) -> None:
        """Nothing."""

    def order_abandoned(self, account: str, outcome: OrderOutcomeUnknown) -> None:
        """Nothing."""

    def frame_ignored(self, account: str, text: str) -> None:
        """Nothing."""
