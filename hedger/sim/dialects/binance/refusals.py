"""Binance's error answers, and what each of the exchange's refusals is called there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.sim.nouns import Refusal, Refused


class ApiError(Exception):
    """An error answer: HTTP `status` and a body of `code` and `msg`, as Binance words it."""

    def __init__(
        self, code: int, text: str, *, status: int = 400, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers

    @property
    def body(self) -> dict[str, object]:
        """The JSON body."""
        return {"code": self.code, "msg": self.text}


Words = Mapping[Refusal, tuple[int, str]]

_SHARED = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (-2013, "Order does not exist."),
}

SPOT: Words = MappingProxyType(
    {
        **_SHARED,
        Refusal.WOULD_CROSS: (-2010, "Order would immediately match and take."),
        Refusal.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
        Refusal.TICK: (-1013, "Filter failure: PRICE_FILTER"),
        Refusal.LOT: (-1013, "Filter failure: LOT_SIZE"),
        Refusal.QUANTITY: (-1013, "Filter failure: LOT_SIZE"),
        Refusal.NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
        Refusal.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    }
)

LINEAR: Words = MappingProxyType(
    {
        **_SHARED,
        Refusal.WOULD_CROSS: (
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected. "
            "The order will not be recorded in the order history",
        ),
        Refusal.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
        Refusal.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
        Refusal.TICK: (-4014, "Price not increased by tick size."),
        Refusal.LOT: (-4023, "Qty not increased by step size."),
        Refusal.QUANTITY: (-4005, "Quantity greater than max quantity."),
        Refusal.NOTIONAL: (-4164, "Order's notional must be no smaller than {} (unless you choose reduce only)."),
        Refusal.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
        Refusal.LEVERAGE: (-2027, "Exceeded the maximum allowable position at current leverage."),
        Refusal.POSITION_SIDE: (-4061, "Order's position side does not match user's setting."),
    }
)

CANCEL: Words = MappingProxyType({Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent.")})
SET_LEVERAGE: Words = MappingProxyType(
    {
        Refusal.LEVERAGE: (-4028, "Leverage {} is not valid"),
        Refusal.INSUFFICIENT_MARGIN: (-2028, "Leverage is smaller than permitted: insufficient margin balance."),
        Refusal.POSITION_OPEN: (
            -4161,
            "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
        ),
    }
)
SET_MARGIN_TYPE: Words = MappingProxyType(
    {
        Refusal.NO_CHANGE: (-4046, "No need to change margin type."),
        Refusal.POSITION_OPEN: (-4048, "Margin type cannot be changed if there exists position."),
    }
)
SET_POSITION_MODE: Words = MappingProxyType(
    {
        Refusal.NO_CHANGE: (-4059, "No need to change position side."),
        Refusal.POSITION_OPEN: (-4068, "Position side cannot be changed if there exists position."),
    }
)


def translate(refused: Refused, *words: Words, detail: object = "") -> ApiError:
    """The error answer for a refusal, in the first vocabulary that has it; `detail` fills a blank."""
    for vocabulary in words:
        if refused.refusal in vocabulary:
            code, text = vocabulary[refused.refusal]
            return ApiError(code, text.format(detail))
    return ApiError(-1000, f"An unknown error occurred while processing the request: {refused}")


def missing(name: str) -> ApiError:
    """A mandatory parameter was not sent."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either_missing(one: str, other: str) -> ApiError:
    """Neither of two parameters was sent."""
    return ApiError(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")
