"""How far it is known that OKX gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

_WIRE, _UNVERIFIED = Proof.WIRE, Proof.UNVERIFIED

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            _UNVERIFIED,
            "`account/balance` of the trading account: cashBal and what is set aside for isolated positions, without "
            "unrealised profit; a coin that is not listed is none where `account-position-risk` has none either and "
            "the listed coins add up to totalEq within a thousandth or 5 USD",
            "that they always add up; the funding account, earn and trading bots are not counted: declare them",
        ),
        Ability.POSITIONS: Told(
            _WIRE,
            "`account/positions` and `account-position-risk` must agree to the contract, by name, mode and side; a "
            "margin or event position on a hedged coin stops the reading",
        ),
        Ability.OPTIONS: Told(
            _UNVERIFIED,
            "positions of kind OPTION, terms from the listing, volatility, forward and Black-Scholes greeks from "
            "`opt-summary`, one request a family",
            "options that settle in USDC; that the average of the index over the last hour settles them",
        ),
        Ability.EQUITY_AND_MARGIN: Told(
            _UNVERIFIED,
            "multi-currency margin: mmr / adjEq of the account in USD (its own mgnRatio is the inverse); futures mode: "
            "mmr and eq of each currency; spot mode and portfolio margin are refused",
            "whether eq of a coin has the value of options in it; isolated positions have no ratio here, only their "
            "liquidation price",
        ),
        Ability.LIQUIDATION_PRICE: Told(_WIRE, "liqPx of the position; an empty text is none, and then it is computed"),
        Ability.POST_ONLY: Told(_WIRE, "ordType post_only, by one `POST trade/order` with our id and no broker's tag"),
        Ability.WOULD_CROSS: Told(
            _UNVERIFIED,
            "accepted, then canceled with cancelSource 31, in the stream and in the order's record",
            "that REST's record has the same code as the stream's",
        ),
        Ability.REDUCE_ONLY: Told(_WIRE, "reduceOnly true in the net mode"),
        Ability.OUR_ID: Told(
            _WIRE,
            "clOrdId, unique among what waits; 51016 and 50071 mean that it exists: it is looked up, never sent anew",
        ),
        Ability.FIND: Told(
            _UNVERIFIED,
            "`trade/order` by clOrdId, and after 51603 the ended orders of a week in `trade/orders-history`",
            "how long an order that was canceled without a fill is known: two hours, it is said",
        ),
        Ability.CANCEL: Told(
            _WIRE, "`trade/cancel-order` by clOrdId: only noted, so its record is read; 51400 says that none waits"
        ),
        Ability.TIME_TO_LIVE: Told(
            _UNVERIFIED,
            "header expTime, by the venue's clock: 50036 refuses what arrives later; 50037 and 51149 prove nothing",
            "that the matching engine heeds it as the gateway does",
        ),
        Ability.OPEN_ORDERS: Told(
            _WIRE, "`trade/orders-pending` in pages of a hundred; orders with a trigger are not among them"
        ),
        Ability.FILLS: Told(
            _WIRE, "`trade/fills`, for what is older than two days `trade/fills-history`, paged by bill to the end"
        ),
        Ability.MODES: Told(
            _UNVERIFIED,
            "net mode and leverage of each contract are set where they differ and read again; each order says "
            "cross or isolated",
            "whether isolated futures are still to be had: its documentation of 2026 names cross alone",
        ),
        Ability.PRICES: Told(_WIRE, "`market/ticker`, `public/mark-price`, `market/index-tickers` of the underlying"),
        Ability.FUNDING_RATE: Told(_WIRE, "`public/funding-rate`; the interval is nextFundingTime less fundingTime"),
        Ability.FUNDING_PAYMENTS: Told(
            _WIRE, "bills of type 8, paged to the end; the sign must be that of the kind (173 paid, 174 received)"
        ),
        Ability.PAST: Told(
            _UNVERIFIED,
            "`index-candles` and `history-index-candles`, `funding-rate-history` (realizedRate), proven without a gap",
            "that the newest closed bar is listed at once",
        ),
        Ability.FEES: Told(
            _WIRE, "`account/trade-fee` of the contract's fee group; its rates are below zero where we pay"
        ),
        Ability.SWITCH: Told(
            _UNVERIFIED,
            "`trade/cancel-all-after`, 10 to 120 whole seconds, one request for the whole account: every order falls, "
            "those by hand and on spot too; two hedgers on one account share it, so that the one that lives keeps the "
            "orders of the one that died",
            "whether it tells its end in seconds or in milliseconds: both are understood",
        ),
        Ability.TRANSFER: Told(
            _UNVERIFIED,
            "`asset/transfer` between funding and trading account, once; a hedged coin is never moved away",
            "no transfer was ever recorded but the documentation's",
        ),
        Ability.TEST_ENVIRONMENT: Told(
            _WIRE,
            "demo trading: keys of its own, header x-simulated-trading on every request to the same host, streams at "
            "wspap.okx.com",
            "the client has www.okx.com and port 443, where the documentation of 2026 names openapi.okx.com and 8443",
        ),
        Ability.FORCED: Told(
            _UNVERIFIED,
            "the category of an order, the subType of a fill (100 to 107, 112, 113, 125 to 128), a trade below 0",
            "that deliveries stand in the list of fills",
        ),
        Ability.KEY_RIGHTS: Told(
            _WIRE,
            "perm and ip of `account/config`: withdrawal is refused; whether addresses bind the keys is told",
            "keys of OKX's European and American sites, which have hosts of their own, are refused here",
        ),
        Ability.STREAMS: Told(
            _WIRE,
            "best prices, marks, indexes and funding on one connection; orders with their fills on another, after a "
            "login stamped with the venue's time",
        ),
        Ability.LIMITS: Told(
            _UNVERIFIED,
            "its limits are for each endpoint and two seconds; we count 20 requests a second for all; 50011 and 50061",
            "how long it wants quiet: it does not say, so a minute",
        ),
    }
)
