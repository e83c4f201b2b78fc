"""How far it is known that Bybit gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

_WIRE, _UNVERIFIED, _ABSENT = Proof.WIRE, Proof.UNVERIFIED, Proof.ABSENT

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            _UNVERIFIED,
            "`GET /v5/account/wallet-balance` with our coins named, and without: walletBalance less spotBorrow, once; "
            "a coin that was named and is not told is no zero",
            "that a coin that is named is told though it is nothing, for without a name only what is held is told",
        ),
        Ability.POSITIONS: Told(
            _WIRE,
            "`GET /v5/position/list` by settle coin and of inverse contracts, paged; each contract of ours also by its "
            "name, where a flat one is told as well, and both must agree; contracts that do not trade, yet or no more, "
            "are known by lists of their own",
        ),
        Ability.OPTIONS: Told(
            _UNVERIFIED,
            "`position/list` of options, terms of `instruments-info`, marks and greeks of `tickers`; one contract is "
            "one coin",
            "that delivery is at an average of the last half hour, and that one contract is one coin of every coin",
        ),
        Ability.EQUITY_AND_MARGIN: Told(
            _WIRE,
            "`wallet-balance`: totalMarginBalance, totalMaintenanceMargin, totalInitialMargin, totalAvailableBalance, "
            "in dollars, of the whole account; for inverse contracts the same in their coin. In isolated margin mode "
            "the venue tells none: that mode is refused",
            "how far an inverse position is from liquidation where the venue names no price: collateral in money is "
            "then reckoned as if it were coins; the margin ratio is the venue's own",
        ),
        Ability.LIQUIDATION_PRICE: Told(
            _WIRE,
            "liqPrice of `position/list`, an estimate in cross margin; empty is none, and then it is computed",
        ),
        Ability.POST_ONLY: Told(
            _WIRE,
            "timeInForce PostOnly on a raw `order/create`; the answer has ids only",
            "a price beyond the venue's price limits is moved to the nearest that it allows, unless the account is set "
            "otherwise: away from the other side of the book, and the record has the price that counts",
        ),
        Ability.WOULD_CROSS: Told(
            _WIRE,
            "accepted, then Cancelled with rejectReason EC_PostOnlyWillTakeLiquidity: in the stream and the record",
        ),
        Ability.REDUCE_ONLY: Told(_WIRE, "reduceOnly on one-way positions (positionIdx 0)"),
        Ability.OUR_ID: Told(_WIRE, "orderLinkId; 110072 means that it exists: it is looked up, never sent anew"),
        Ability.FIND: Told(
            _UNVERIFIED,
            "`order/realtime` and then `order/history` by orderLinkId; absent is what neither has",
            "how long after its acknowledgement an order may be in neither; the history goes back seven days, and a "
            "single one for what ended without a fill",
        ),
        Ability.CANCEL: Told(
            _WIRE, "`order/cancel` by orderLinkId, which is only noted; the record says that it ended"
        ),
        Ability.TIME_TO_LIVE: Told(
            _UNVERIFIED,
            "the receive window in the create's own header, signed with it; every other request keeps the usual one",
            "that the venue judges the window when it accepts the request, and how long it may then take to match it",
        ),
        Ability.OPEN_ORDERS: Told(_WIRE, "`order/realtime` by settle coin, paged"),
        Ability.FILLS: Told(_WIRE, "`execution/list`, a week at a time, each to its last page"),
        Ability.MODES: Told(
            _WIRE,
            "set-margin-mode (of the whole account), switch-mode and set-leverage for both sides, where they differ, "
            "and read again; isolated and portfolio margin are refused",
        ),
        Ability.PRICES: Told(_WIRE, "`GET /v5/market/tickers`: best prices, mark and index in one answer"),
        Ability.FUNDING_RATE: Told(_WIRE, "`tickers`; the interval also of `instruments-info`"),
        Ability.FUNDING_PAYMENTS: Told(
            _WIRE,
            "`account/transaction-log` SETTLEMENT, a week at a time and paged; the profit settled in USDC is not in",
        ),
        Ability.PAST: Told(
            _WIRE, "`index-price-kline` (spot: `kline`) and `funding/history`, each proven to have no gap"
        ),
        Ability.FEES: Told(_WIRE, "`account/fee-rate` of each category, one question each"),
        Ability.SWITCH: Told(
            _ABSENT,
            "the venue's disconnection protection is no countdown that can be extended: it needs a private stream that "
            "asks for it, and an account manager who turns it on. Orders end by their time-to-live on the way, by the "
            "reconciliation, and by the watchdog's emergency exit; on a machine that is lost they stay",
        ),
        Ability.TRANSFER: Told(_ABSENT, "one wallet backs coins and contracts alike: there is nothing to transfer"),
        Ability.TEST_ENVIRONMENT: Told(
            _UNVERIFIED, "api-testnet and stream-testnet, with keys of their own", "how near to the live venue it is"
        ),
        Ability.FORCED: Told(
            _UNVERIFIED,
            "execType BustTrade is a liquidation, AdlTrade a deleveraging, Delivery and Settle a settlement; a kind "
            "that nobody knows makes the reading fail",
            "that contracts on coins have no other kinds: those on stocks have splits and dividends since July 2026, "
            "which are not understood",
        ),
        Ability.KEY_RIGHTS: Told(
            _WIRE,
            "`user/query-api`: withdrawal is refused, and a key that only reads; addresses that bind it are told, and "
            "else when it ends, of which an alarm tells a week before",
        ),
        Ability.STREAMS: Told(
            _WIRE, "orderbook.1 and tickers of each category, and our orders and executions, a connection each"
        ),
        Ability.LIMITS: Told(
            _WIRE,
            "requests are counted by us: 600 in five seconds an address; nine creates and nine cancels in a second, of "
            "which the venue takes ten; 10006 and 403",
        ),
    }
)
