"""What a hedger needs of a venue, and how far it is known that a venue gives it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Ability(StrEnum):
    """What each profile must say about itself, in the words of the page."""

    SPOT_BALANCES = "coins held"
    POSITIONS = "signed positions, flat proven"
    OPTIONS = "option positions"
    EQUITY_AND_MARGIN = "equity, margin ratio, maintenance margin"
    LIQUIDATION_PRICE = "liquidation price"
    POST_ONLY = "post-only and reject"
    WOULD_CROSS = "an order that would cross"
    REDUCE_ONLY = "reduce-only"
    OUR_ID = "an id of ours, a second use of it"
    FIND = "find by our id"
    CANCEL = "cancel by our id"
    TIME_TO_LIVE = "time-to-live of a create"
    OPEN_ORDERS = "every open order"
    FILLS = "every fill"
    MODES = "one-way mode, margin mode, leverage"
    PRICES = "best prices, mark and index"
    FUNDING_RATE = "funding rate and interval"
    FUNDING_PAYMENTS = "funding payments"
    PAST = "bars and past funding rates"
    FEES = "our fees"
    SWITCH = "dead man's switch"
    TRANSFER = "transfer between its wallets"
    TEST_ENVIRONMENT = "test environment"
    FORCED = "liquidation and auto-deleveraging told"
    KEY_RIGHTS = "rights of the keys"
    STREAMS = "streams"
    LIMITS = "rate limits"


class Proof(StrEnum):
    """How far an ability is known."""

    WIRE = "proven on the wire"  # by a test with the real client, on payloads that were recorded or are documented
    UNVERIFIED = "unverified on the live venue"  # a test with the real client, on payloads of which we are not sure
    ABSENT = "absent"  # the venue or its client has none


class Told(NamedTuple):
    """What a profile says of one ability: `how` it is done or what is done instead, and what is in `doubt`."""

    proof: Proof
    how: str
    doubt: str = ""
