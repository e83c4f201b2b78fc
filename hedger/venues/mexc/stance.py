"""What an order of ours depends on here besides itself: the position, the position mode, and how it is margined.

MEXC's orders name what they do to a position: 1 opens a long one, 2 closes a short one, 3 opens a short one, 4 closes a
long one. What closes can never open, so an order against the position that was read last closes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from hedger.model.account import MarginMode
from hedger.model.numeric import ZERO, plain
from hedger.model.order import Fill, Side
from hedger.venues.mexc.listing import Known
from hedger.venues.mexc.payloads import OrderRecord
from hedger.venues.outcome import Withheld

OPEN_LONG, CLOSE_SHORT, OPEN_SHORT, CLOSE_LONG = 1, 2, 3, 4
OPEN_TYPES = {MarginMode.ISOLATED: 1, MarginMode.CROSS: 2}
MARGIN_MODES = {number: mode for mode, number in OPEN_TYPES.items()}
LONG, SHORT = 1, 2
POST_ONLY = 2
# Filled, canceled, invalid.
_ENDED = (3, 4, 5)
_OURS = re.compile(r"h[0-9a-z]{15}")
# A trade that is older than a reading by so much is in it [V].
SETTLED_MS = 3_000


class Stance:
    """What was read last of one account; orders are decided by it, and the venue refuses what does not fit.

    `wanted` is the margin mode that our orders say: the venue has no such setting. Trades of which it is not sure that
    the reading has them count for an order's side as they would be worst.
    """

    def __init__(self) -> None:
        self.wanted = MarginMode.CROSS
        self.leverage: dict[str, Decimal] = {}
        self._one_way: bool | None = None
        self._net: dict[str, Decimal] = {}
        self._trades: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self._read_at = 0
        # Why no order may be created any more in this session: one of ours stands on the venue as another kind.
        self._distrust: str | None = None

    def read(self, *, one_way: bool, net: Mapping[str, Decimal], read_at: int) -> None:
        """Take over a reading that was proven, all of it: the contracts held, with their sign; it began at `read_at`
        (venue's time)."""
        self._one_way, self._net, self._read_at = one_way, dict(net), read_at
        self._trades = {key: trade for key, trade in self._trades.items() if self._may_be_newer(trade[0])}

    def traded(self, fill: Fill, known: Known) -> None:
        """Take over a trade of which the reading may know nothing yet."""
        if self._may_be_newer(fill.exchange_at):
            self._trades[known.raw, fill.trade_id] = fill.exchange_at, fill.side.sign * known.contracts(fill.quantity)

    def hear(self, record: OrderRecord) -> None:
        """Look whether an order of ours is post-only on the venue too; ValueError where it works and is not."""
        if record.orderType == POST_ONLY or _OURS.fullmatch(record.externalOid or "") is None:
            return
        self._distrust = (
            f"our order {record.externalOid} stands there as type {record.orderType} and not as post-only, so it may "
            "take: nothing more is created in this session"
        )
        if record.state not in _ENDED:
            raise ValueError(self._distrust)

    def _may_be_newer(self, at: int) -> bool:
        return at >= self._read_at - SETTLED_MS

    def side(self, raw: str, side: Side, vol: Decimal, *, reduce_only: bool) -> int:
        """What an order of `vol` contracts is to do. Raises Withheld for one that could open an opposite position, or
        that would close one and open another: no order of this venue is documented to do both."""
        if self._distrust is not None:
            raise Withheld(self._distrust)
        if self._one_way is None:
            raise Withheld("the position has not been read yet")
        if not self._one_way:
            raise Withheld("the account holds long and short apart: an order could open an opposite position")
        closing, opening = (CLOSE_SHORT, OPEN_LONG) if side is Side.BUY else (CLOSE_LONG, OPEN_SHORT)
        opposed = self._opposed(raw, side)
        if reduce_only or 0 < vol <= opposed:
            return closing
        if opposed > 0:
            told = f"{plain(vol)} contracts against a position of {plain(opposed)}"
            raise Withheld(f"{told} would take it across zero in one order: it must be closed first")
        return opening

    def _opposed(self, raw: str, side: Side) -> Decimal:
        """How many contracts an order of this side may meet that are held against it, at most."""
        moves = [quantity for (name, _), (_, quantity) in self._trades.items() if name == raw]
        held = self._net.get(raw, ZERO)
        against = [quantity * -side.sign for quantity in moves if quantity * side.sign < 0]
        return held * -side.sign + sum(against, ZERO)
