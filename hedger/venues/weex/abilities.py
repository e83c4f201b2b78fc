"""How far it is known that WEEX gives what a hedger needs. Its documentation differs from page to page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hedger.venues.abilities import Ability, Proof, Told

_W, _U, _A = Proof.WIRE, Proof.UNVERIFIED, Proof.ABSENT

ABILITIES: Mapping[Ability, Told] = MappingProxyType(
    {
        Ability.SPOT_BALANCES: Told(
            _U,
            "free and locked coins of the spot wallet; a coin that is not listed is none when two lists in a row do "
            "without it, and half a minute later where it was held",
            "whether coins of which there is none are listed; the funding account is not read",
        ),
        Ability.POSITIONS: Told(
            _U,
            "legs in coins (not in contractVal, as ccxt has it), netted; what is not listed is flat where a question "
            "about it alone says so too and the wallet has no profit that the list leaves unexplained",
            "that two lists of one venue fail apart",
        ),
        Ability.OPTIONS: Told(_A, "it has no options by API: options of another account are hedged here all the same"),
        Ability.EQUITY_AND_MARGIN: Told(
            _U,
            "equity is the wallet's balance and its unrealised profit; maintenance margin is put at a tenth of what "
            "positions are worth",
            "the venue tells neither maintenance margin nor its tiers, and does not say that the balance is without "
            "unrealised profit",
        ),
        Ability.LIQUIDATION_PRICE: Told(_W, "of each position; 0 is none"),
        Ability.POST_ONLY: Told(
            _U,
            "timeInForce POST_ONLY by the raw endpoint, for ccxt sends postOnly as GTC, which takes; an order of ours "
            "whose record says another time in force is not believed, and ends all creates of the session",
            "one form of the documentation names POST_ONLY and another does not; a taker fill halts",
        ),
        Ability.WOULD_CROSS: Told(
            _U,
            "its record ends in the half second in which it came, with nothing filled and no cancel asked for; a "
            "refusal whose code nobody knows is unknown and looked up",
            "which of the two the venue does, and whether a record's last time is that of its end; streamed orders "
            "have a cancelReason, whose words are not documented",
        ),
        Ability.REDUCE_ONLY: Told(
            _U,
            "by the leg: each order names LONG or SHORT, and one against the held leg closes of it and cannot open. "
            "Which leg is told by the last reading of the account; where that is older than a minute or than a "
            "trade, where both legs are held, where an order could open the second or has ended less than two seconds "
            "before, or where it would pass through zero, the order is not sent and says why",
            "an order that would pass through zero is refused whole, and not split",
        ),
        Ability.OUR_ID: Told(
            _U,
            "newClientOrderId, without the client's prefix; any refusal whose meaning is not documented, as that of a "
            "second use, is unknown and looked up",
            "what the venue says to a second use of an id",
        ),
        Ability.FIND: Told(
            _U,
            "by the venue's id where it acknowledged the order; else in the open orders and then the history of a "
            "week, page by page, for contracts are not found by our id",
            "by how much the history lags",
        ),
        Ability.CANCEL: Told(_W, "by our id; the answer is a note that it was asked for, and its record ends it"),
        Ability.TIME_TO_LIVE: Told(
            _A,
            "none: a request is believed for 30 seconds after its timestamp, so an order of unknown fate counts as on "
            "its way for so long",
        ),
        Ability.OPEN_ORDERS: Told(
            _W,
            "every order of every contract, page by page, several pages twice; conditional orders are not read",
        ),
        Ability.FILLS: Told(
            _W,
            "by windows of a week, halved while one is full; who was maker must be told, or the list is not believed",
        ),
        Ability.MODES: Told(
            _U,
            "combined positions, margin mode and leverage, set where they differ and read again; separate positions or "
            "both legs at once count as not one-way",
            "whether an account may hold both legs at all cannot be set by API: orders here never open the second",
        ),
        Ability.PRICES: Told(_W, "best prices and the mark with its index by REST; books are streamed"),
        Ability.FUNDING_RATE: Told(_W, "the forecast of the next settlement, with its interval in minutes"),
        Ability.FUNDING_PAYMENTS: Told(_W, "the account's income, by windows of a week, halved while there is more"),
        Ability.PAST: Told(_W, "bars of the index, and past rates"),
        Ability.FEES: Told(_W, "our own rates, of each contract"),
        Ability.SWITCH: Told(
            _A, "none: the watchdog cancels when the process dies, and nobody does when the machine or its line does"
        ),
        Ability.TRANSFER: Told(_A, "none by API: move money between spot and contracts on the venue"),
        Ability.TEST_ENVIRONMENT: Told(
            _A, "none that can cancel or look up an order: try it in mode shadow, then with small guards"
        ),
        Ability.FORCED: Told(
            _U, "by the type of an order, and the liquidation fee of a streamed fill", "none was ever recorded"
        ),
        Ability.KEY_RIGHTS: Told(
            _A,
            "the venue tells whether the account may trade, and nothing of the keys: make keys without other rights, "
            "bound to your addresses (its API has no withdrawal)",
        ),
        Ability.STREAMS: Told(
            _U,
            "books from fifteen levels with every change accounted for, spot prices, our orders and fills; positions "
            "and marks are polled",
            "that the venue tells a level that leaves the fifteen",
        ),
        Ability.LIMITS: Told(
            _U,
            "500 weight in 10 s, kept by budgets of requests; polls of one contract every two seconds use a third",
            "no header tells the weight used: with five contracts or more read the account every five seconds",
        ),
    }
)
