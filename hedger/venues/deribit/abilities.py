"""How far it is known that Deribit gives what a hedger needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            Proof.WIRE,
            "each currency's summary: equity less the unrealised profit of futures less the value of options is its "
            "cash, counted once; a coin that the venue keeps no wallet of is proven so by its list of currencies",
        ),
        Ability.POSITIONS: Told(
            Proof.WIRE,
            "one list of all, signed: dollars of inverse contracts, which must agree with their size in coins, and the "
            "size in coins of linear ones, be their other one in money or in coins; a contract that the list leaves "
            "out is asked for by name and must say zero, and the rows that are listed must come to the delta of its "
            "wallet",
        ),
        Ability.OPTIONS: Told(
            Proof.UNVERIFIED,
            "of the same list, coins with the venue's greeks; terms are read from the name; volatilities and forwards "
            "come in one request for each currency, never one an option; together they must come to the delta that the "
            "account tells; no option is traded",
            "whether each row tells mark_iv: without it the volatility is implied by the mark",
        ),
        Ability.EQUITY_AND_MARGIN: Told(
            Proof.WIRE,
            "of each wallet: margin balance, maintenance and initial margin, USDC as the money's; with cross "
            "collateral the venue tells the sum of all in each currency. Free margin is that at our leverage",
        ),
        Ability.LIQUIDATION_PRICE: Told(
            Proof.WIRE,
            "estimated_liquidation_price; zero is none, and then equity and maintenance margin say how far it is",
        ),
        Ability.POST_ONLY: Told(Proof.WIRE, "post_only with reject_post_only, without which the venue would reprice"),
        Ability.WOULD_CROSS: Told(Proof.WIRE, "11054 at once, under HTTP 400"),
        Ability.REDUCE_ONLY: Told(Proof.WIRE, "reduce_only, proven by the echo"),
        Ability.OUR_ID: Told(
            Proof.WIRE,
            "the label, which the venue takes any number of times: an id is sent once, on a session that never sends a "
            "request again (its orders are GET requests), and two orders of one label are an alarm",
        ),
        Ability.FIND: Told(
            Proof.WIRE,
            "state by label for open orders and those of the last half-hour, then the order history, as far back as "
            "the numbers in our labels say that it can be",
        ),
        Ability.CANCEL: Told(Proof.WIRE, "cancel by label, which answers with a count: one, or none that was open"),
        Ability.TIME_TO_LIVE: Told(
            Proof.WIRE,
            "valid_until in the venue's time; 13888 timed_out proves nothing, because it is said of slowness too, and "
            "has its clock measured anew",
        ),
        Ability.OPEN_ORDERS: Told(
            Proof.WIRE,
            "one list of all currencies, which the venue does not page; orders that wait for a trigger are left out",
        ),
        Ability.FILLS: Told(
            Proof.WIRE,
            "by instrument and time, oldest first, while has_more; of the last day, and what is older of the history",
            "its documentation calls the direction of an execution of ours the taker's; it is taken for ours",
        ),
        Ability.MODES: Told(
            Proof.WIRE,
            "positions are net and margin is crossed, always; there is no leverage to set: what was configured is kept "
            "here, in every mode, and bounds the free margin of a reading, so that it limits new orders as a set one "
            "would",
        ),
        Ability.PRICES: Told(Proof.WIRE, "one ticker tells best prices, mark and index"),
        Ability.FUNDING_RATE: Told(
            Proof.UNVERIFIED,
            "paid all the time; funding_8h, what the last eight hours came to, is told as the rate of an interval that "
            "ends at 00:00, 08:00 and 16:00 UTC",
            "the moment's own rate may differ: it is zero most of the time",
        ),
        Ability.FUNDING_PAYMENTS: Told(
            Proof.UNVERIFIED,
            "`funding` of the settlement history, booked once a day at 08:00 UTC, paged by continuation",
            "its sign (positive is taken for received), and whether a position that was closed before the settlement "
            "has a row; until it is settled it is in the cash that is read, and the positions' realized_funding tells "
            "how much of it, so that the books count it when it is settled and not twice",
        ),
        Ability.PAST: Told(
            Proof.UNVERIFIED,
            "bars of the family's perpetual, because the venue has none of an index; four and eight hours are put "
            "together; interest_8h at each eighth hour",
            "bars of trades bounce between bid and ask, which an index does not",
        ),
        Ability.FEES: Told(
            Proof.UNVERIFIED,
            "those of the listing, changed by the account's own fixed or relative ones",
            "a relative fee is taken for a share of the listing's; forms that we do not know are left aside",
        ),
        Ability.SWITCH: Told(
            Proof.ABSENT,
            "cancel-on-disconnect covers orders of the WebSocket connection that sent them, and ours are sent by REST, "
            "whatever its scope; no timer exists. What guards: the create's valid_until, the watchdog with a "
            "connection of its own, cancels at every start and stop",
        ),
        Ability.TRANSFER: Told(Proof.ABSENT, "coins and contracts share one wallet: there is nothing to transfer"),
        Ability.TEST_ENVIRONMENT: Told(Proof.WIRE, "test.deribit.com, with keys of its own"),
        Ability.FORCED: Told(
            Proof.UNVERIFIED,
            "a trade's `liquidation` names the side that was liquidated; ours is told as one, the other side's is not",
            "the venue has an insurance fund and socialised losses; an auto-deleveraged trade has no mark of its own",
        ),
        Ability.KEY_RIGHTS: Told(
            Proof.WIRE,
            "the scope of a sign-in by signature: wallet or custody with read_write is refused, and account with "
            "read_write, which may make keys that withdraw",
            "whether keys are bound to addresses is not told there",
        ),
        Ability.STREAMS: Told(
            Proof.WIRE,
            "quotes, tickers, our orders and our trades on one signed-in connection, up only when every channel was "
            "granted; fractions are decoded by the client and told as the shortest text",
        ),
        Ability.LIMITS: Told(
            Proof.UNVERIFIED,
            "credits: 20 requests a second, and 5 orders and cancels, and no more in one moment than there are; "
            "counted by us because no header tells them. At most 25 connections of the 32 that an address may have: a "
            "second account needs an address of its own",
            "limits of an account's tier may be higher, those of a market maker others",
        ),
    }
)
