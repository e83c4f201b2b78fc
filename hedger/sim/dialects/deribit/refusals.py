"""Deribit's error answers, and what each of the exchange's refusals is called there."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from hedger.sim.dialects.requests import Body
from hedger.sim.nouns import Refusal, Refused


class RpcError(Exception):
    """An error answer: its `code`, `message` and `data`, as Deribit words them. Over HTTP it comes under `status`."""

    def __init__(self, code: int, message: str, data: Mapping[str, object] | None = None, *, status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.data = data
        self.status = status

    @property
    def body(self) -> Body:
        """The `error` object."""
        body: Body = {"code": self.code, "message": self.message}
        return body | ({"data": dict(self.data)} if self.data is not None else {})


class Trouble(Enum):
    """What can be the matter with the whole venue, as a code and its message."""

    RETRY = (10040, "retry")
    SETTLEMENT = (10041, "settlement_in_progress")
    QUEUE_FULL = (10047, "matching_engine_queue_full")
    MAINTENANCE = (11051, "system_maintenance")
    UNAVAILABLE = (13028, "temporarily_unavailable")

    @property
    def error(self) -> RpcError:
        """The answer to whoever asks meanwhile."""
        code, message = self.value
        return RpcError(code, message)


EVERYTHING = frozenset({Trouble.MAINTENANCE, Trouble.UNAVAILABLE})  # other troubles keep orders out only

WORDS: Mapping[Refusal, tuple[int, str]] = MappingProxyType(
    {
        Refusal.WOULD_CROSS: (11054, "post_only_reject"),
        Refusal.INSUFFICIENT_BALANCE: (10009, "not_enough_funds"),
        Refusal.INSUFFICIENT_MARGIN: (10009, "not_enough_funds"),
        Refusal.LEVERAGE: (10009, "not_enough_funds"),
        Refusal.UNKNOWN_ORDER: (10004, "order_not_found"),
        Refusal.UNKNOWN_SYMBOL: (13020, "not_found"),
        Refusal.NOTIONAL: (10032, "whole_cost_too_low"),
        # [V] The wording of these two is not documented: the code for rarer rejects stands in.
        Refusal.REDUCE_ONLY: (11030, "other_reject reduce_only"),
        Refusal.POSITION_SIDE: (11030, "other_reject hedge_mode"),
    }
)
GRID = {
    Refusal.TICK: ("price", "must conform to tick size"),
    Refusal.LOT: ("amount", "must be a multiple of contract size"),
    Refusal.QUANTITY: ("amount", "value out of range"),
}


def translate(refused: Refused) -> RpcError:
    """The error answer for a refusal."""
    if refused.refusal in GRID:
        param, reason = GRID[refused.refusal]
        return invalid(param, reason)
    code, message = WORDS.get(refused.refusal, (10001, "error"))
    return RpcError(code, message)


def invalid(param: str, reason: str) -> RpcError:
    """A parameter is wrong."""
    return RpcError(-32602, "Invalid params", {"reason": reason, "param": param})


def missing(param: str) -> RpcError:
    """A mandatory parameter was not sent."""
    return invalid(param, "is required")
