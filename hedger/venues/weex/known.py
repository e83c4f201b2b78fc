"""Our own orders as this session knows them: the venue's ids, the cancels asked for, and whether they are post-only."""

from __future__ import annotations

import re

POST_ONLY = "POST_ONLY"
MOST_KNOWN = 10_000
_OURS = re.compile(r"h[0-9a-z]{15}")


class Known:
    """What is remembered of our orders, the newest few thousand."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._asked: dict[str, None] = {}
        # Why no order may be created any more in this session: an order of ours stands on the venue as another kind.
        self.distrust: str | None = None

    def name(self, client_order_id: str, venue_order_id: str) -> None:
        """Remember the venue's id of an order of ours."""
        self._ids[client_order_id] = venue_order_id
        _bound(self._ids)

    def id_of(self, client_order_id: str) -> str | None:
        """The venue's id of an order, where it was told."""
        return self._ids.get(client_order_id)

    def ask_cancel(self, client_order_id: str) -> None:
        """Remember that a cancel is asked for here: what ends otherwise was ended by others."""
        self._asked[client_order_id] = None
        _bound(self._asked)

    def is_unasked(self, client_order_id: str | None) -> bool:
        """Whether an order is ours and nobody here asked for its cancel."""
        return is_ours(client_order_id) and client_order_id not in self._asked

    def post_only_fault(self, client_order_id: str | None, time_in_force: str) -> str | None:
        """What is wrong with an order of ours that is not post-only; from then on nothing is created."""
        if not is_ours(client_order_id) or time_in_force.upper().replace("_", "") == "POSTONLY":
            return None
        self.distrust = (
            f"our order {client_order_id} stands there as {time_in_force} and not as {POST_ONLY}, so it may take: "
            "nothing more is created in this session"
        )
        return self.distrust


def is_ours(client_order_id: str | None) -> bool:
    """Whether an id has the form of those that hedgers give."""
    return client_order_id is not None and _OURS.fullmatch(client_order_id) is not None


def _bound(table: dict[str, str] | dict[str, None]) -> None:
    if len(table) > MOST_KNOWN:
        del table[next(iter(table))]
