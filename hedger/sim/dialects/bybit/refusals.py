"""Bybit's error answers, and what each of the exchange's refusals is called there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.sim.nouns import Refusal, Refused


class ApiError(Exception):
    """An error answer: a `code` and its text under HTTP 200, as Bybit words it, or another HTTP `status`."""

    def __init__(self, code: int, text: str, *, status: int = 200, result: Mapping[str, object] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.result = dict(result or {})


Words = Mapping[Refusal, tuple[int, str]]

# The words of 10001 are not verified [V]: Bybit has many for one code.
CONTRACTS: Words = MappingProxyType(
    {
        Refusal.UNKNOWN_SYMBOL: (10001, "params error: symbol invalid"),
        Refusal.UNKNOWN_ORDER: (110001, "order not exists or too late to cancel"),
        Refusal.INSUFFICIENT_MARGIN: (110007, "ab not enough for new order"),
        Refusal.LEVERAGE: (
            110090,
            "Order placement failed as your position may exceed the max limit. "
            "Please adjust your leverage to a lower value to increase the max. position limit",
        ),
        Refusal.REDUCE_ONLY: (110017, "Reduce-only rule not satisfied"),
        Refusal.TICK: (10001, "Price invalid"),
        Refusal.LOT: (10001, "Qty invalid"),
        Refusal.QUANTITY: (10001, "The number of contracts exceeds limit allowed: {}"),
        Refusal.NOTIONAL: (110094, "Order does not meet minimum order value {}"),
        Refusal.DUPLICATE_CLIENT_ID: (110072, "OrderLinkedID is duplicate"),
        Refusal.POSITION_SIDE: (10001, "position idx not match position mode"),
    }
)

SPOT: Words = MappingProxyType(
    {
        Refusal.UNKNOWN_SYMBOL: (170121, "Invalid symbol."),
        Refusal.UNKNOWN_ORDER: (170213, "Order does not exist."),
        Refusal.WOULD_CROSS: (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
        Refusal.INSUFFICIENT_BALANCE: (170131, "Insufficient balance."),
        Refusal.TICK: (170134, "Order price has too many decimals."),
        Refusal.LOT: (170137, "Order quantity has too many decimals."),
        Refusal.QUANTITY: (170136, "Order quantity exceeded limit: {}"),
        Refusal.NOTIONAL: (170140, "Order value exceeded lower limit."),
        Refusal.DUPLICATE_CLIENT_ID: (170141, "Duplicate clientOrderId."),
    }
)


def translate(refused: Refused, words: Words, detail: object = "") -> ApiError:
    """The error answer for a refusal; `detail` fills a blank."""
    if refused.refusal in words:
        code, text = words[refused.refusal]
        return ApiError(code, text.format(detail))
    return ApiError(10000, f"Server error: {refused}")
