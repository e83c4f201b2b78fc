"""What really was: the exchange's own accounts over the last minutes, split into our own fills and everything else."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from hedger.engine.known.policy import Hedge, Policy
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.sim.checkers import truths
from hedger.sim.exchange import Exchange
from hedger.sim.floor import Floor
from hedger.sim.ledger import COLLATERAL, Account
from hedger.sim.naming import terms_of
from hedger.sim.nouns import BalanceNews, Listing, News, OrderNews, PremiumNews, SimOrder, UserTrade, Wallet
from hedger.sim.translation import parse_symbol, unified_symbol

KEPT_MS = 120_000


class Moment(NamedTuple):
    """A value from `at` on."""

    at: int
    value: Decimal


class Past:
    """The values that something had lately, each until the next."""

    def __init__(self, kept_ms: int = KEPT_MS) -> None:
        self._kept_ms = kept_ms
        self._moments: deque[Moment] = deque()

    def note(self, at: int, value: Decimal) -> None:
        """It is `value` from now on."""
        moments = self._moments
        if moments and moments[-1].value == value:
            return
        moments.append(Moment(at, value))
        while len(moments) > 1 and moments[1].at < at - self._kept_ms:
            moments.popleft()

    def since(self, at: int) -> list[Decimal]:
        """Every value that held at some moment from `at` on."""
        moments = self._moments
        first = max((i for i, moment in enumerate(moments) if moment.at <= at), default=0)
        return [moment.value for i, moment in enumerate(moments) if i >= first]


class Witness:
    """Sees the exchanges themselves. `users` says which user stands behind each account, each name on one exchange
    only; `others` which accounts are on another exchange than `exchange`. All have one time.

    Deltas are in coins. Our own fills count as what they were in coins when they were made, and everything that the
    price, the settlement average or the volatility has made of them since counts as held elsewhere.
    """

    def __init__(
        self,
        exchange: Exchange,
        policy: Policy,
        users: Mapping[str, str],
        others: Mapping[str, Exchange] | None = None,
    ) -> None:
        self.policy, self.users, self.exchange = policy, users, exchange
        self._others = others or {}
        self._kept_ms = max((KEPT_MS, *(hedge.failover.blind_ms + KEPT_MS for hedge in policy.hedges)))
        self._accounts = {user: account for account, user in users.items()}
        self._moving = {hedge.underlying for hedge in policy.hedges if self._moves(hedge)}
        self._elsewhere: dict[tuple[str, str], Past] = {}  # by (account, coin): what is held, our own fills left out
        self._moved: dict[tuple[str, str], Past] = {}  # what price, time and volatility have made of it since
        self._options: dict[tuple[str, str], Past] = {}
        self._marks: dict[tuple[str, str], Past] = {}  # by (account, symbol)
        self._worth: dict[tuple[str, str], Past] = {}  # the same: a unit in coins
        self._ratios: dict[tuple[str, str], Past] = {}  # by (account, what contracts settle in)
        self._own: dict[tuple[str, Wallet, str], tuple[int, Decimal]] = {}
        self._symbols: dict[str, str] = {}
        self.takers: list[UserTrade] = []
        for each in dict.fromkeys(self.exchange_of(account) for account in users):
            each.subscribe(partial(self._hear, each))
        for account in users:
            self._note(account)

    @property
    def now(self) -> int:
        """True time."""
        return self.exchange.now

    def exchange_of(self, account: str) -> Exchange:
        """The exchange that an account is on."""
        return self._others.get(account, self.exchange)

    def floor_of(self, account: str) -> Floor:
        """The floor of that exchange."""
        return self.exchange_of(account).floor

    def book_of(self, account: str) -> Account:
        """What the exchange has of an account."""
        return self.floor_of(account).account(self.users[account])

    def _past(self) -> Past:
        return Past(self._kept_ms)

    def _moves(self, hedge: Hedge) -> bool:
        """Whether the delta of what a hedge holds moves with the price: then every price is noted."""
        dated = any(terms_of(id.symbol).expiry_at is not None for id in hedge.instruments)
        return dated or any(
            truths.has_options(self.floor_of(account), self.book_of(account), hedge.underlying)
            for account in self.users
        )

    # --- listening ------------------------------------------------------------------------------------------------

    def _hear(self, exchange: Exchange, news: News) -> None:
        match news:
            case BalanceNews() if news.user in self._accounts:
                self._note(self._accounts[news.user])
            case OrderNews() if news.trade is not None and news.trade.user in self._accounts:
                if self.is_ours(news.trade.client_order_id) and not news.trade.maker:
                    self.takers.append(news.trade)
            case PremiumNews():
                for account in self.users:
                    if self.exchange_of(account) is exchange:
                        past = self._marks.setdefault((account, news.symbol), self._past())
                        past.note(self.now, news.premium.mark_price)
                        self._note_worth(account, news.symbol)
                        if exchange.floor.board.contracts[news.symbol].base in self._moving:
                            self._note_deltas(account)
            case _:
                pass

    def _note(self, account: str) -> None:
        self._note_deltas(account)
        for asset in self._assets(account):
            self._ratios.setdefault((account, asset), self._past()).note(self.now, self.margin_ratio(account, asset))

    def _note_worth(self, account: str, symbol: str) -> None:
        floor = self.floor_of(account)
        worth = truths.coins_per_unit(floor, floor.board.contracts[symbol])
        self._worth.setdefault((account, symbol), self._past()).note(self.now, worth)

    def _assets(self, account: str) -> list[str]:
        """What the contracts settle in that are hedged with on an account, and USDT."""
        ids = (id for hedge in self.policy.hedges for id in hedge.instruments if id.account == account)
        return list(dict.fromkeys((COLLATERAL, *(self.listing(id).settle for id in ids))))

    def _note_deltas(self, account: str) -> None:
        for hedge in self.policy.hedges:
            key = account, hedge.underlying
            self._elsewhere.setdefault(key, self._past()).note(self.now, self._not_ours(account, hedge))
            if hedge.underlying in self._moving:
                self._moved.setdefault(key, self._past()).note(self.now, self._moved_by(account, hedge.underlying))
                self._options.setdefault(key, self._past()).note(self.now, self._options_delta(*key))

    def _not_ours(self, account: str, hedge: Hedge) -> Decimal:
        """What is owned and held in contracts, our own fills left out: what only a reading can tell."""
        floor, book, coin = self.floor_of(account), self.book_of(account), hedge.underlying
        held = truths.coins_owned(floor, book, coin) if account in hedge.spot_accounts else ZERO
        return held + truths.contracts_held(floor, book, coin) - self._own_of_coin(account, coin)

    def _moved_by(self, account: str, coin: str) -> Decimal:
        """What the basis makes of contracts, and the delta of options: both move by themselves."""
        basis = truths.contracts_basis(self.floor_of(account), self.book_of(account), coin)
        return basis + self._options_delta(account, coin)

    def _fixed(self, account: str, coin: str, at: int) -> Decimal:
        return truths.contracts_fixed(self.floor_of(account), self.book_of(account), coin, at)

    def _fixed_since(self, account: str, coin: str, at: int, since: int) -> Iterator[Decimal]:
        """The least and the most that it is at the marks since a moment: it was reckoned at that of a reading."""
        floor, least, most = self.floor_of(account), ZERO, ZERO
        for listing, units in truths.contracts_dated(floor, self.book_of(account), coin):
            past = self._worth.get((account, listing.symbol))
            worths = [truths.coins_per_unit(floor, listing), *(past.since(since) if past is not None else [])]
            fixed = [units * worth * (truths.left(listing, at) - 1) for worth in worths]
            least, most = least + min(fixed), most + max(fixed)
        yield from (least, most)

    def _options_delta(self, account: str, coin: str) -> Decimal:
        return truths.options_delta(self.floor_of(account), self.book_of(account), coin)

    # --- what is --------------------------------------------------------------------------------------------------

    def is_ours(self, client_order_id: str | None) -> bool:
        """Whether an id bears our tag."""
        identity = parse_order_id(client_order_id or "")
        return identity is not None and identity.bot == self.policy.bot

    def _own_of_coin(self, account: str, coin: str) -> Decimal:
        """The signed sum of our own fills in contracts on a coin, in coins as they were traded."""
        book = self.book_of(account)
        total = ZERO
        for (wallet, symbol), trades in book.trades.items():
            if wallet is not Wallet.SPOT and symbol.startswith(f"{coin}USD"):
                total += self._own_in(account, wallet, symbol, trades)
        return total

    def _own_in(self, account: str, wallet: Wallet, symbol: str, trades: list[UserTrade]) -> Decimal:
        seen, total = self._own.get((account, wallet, symbol), (0, ZERO))
        if len(trades) > seen:
            listing = self._rules(account, wallet, symbol)
            fresh = (trade for trade in trades[seen:] if self.is_ours(trade.client_order_id))
            total += sum((truths.traded_coins(listing, trade) for trade in fresh), ZERO)
            self._own[account, wallet, symbol] = len(trades), total
        return total

    def position(self, id: InstrumentId) -> Decimal:
        """The true signed position, in units; none of a contract that has settled."""
        return self.book_of(id.account).holding(name_of(id)).quantity

    def live(self) -> Iterator[tuple[InstrumentId, SimOrder]]:
        """Our orders on the exchange's books now."""
        for account in self.users:
            for order in self.book_of(account).working.values():
                if order.wallet is not Wallet.SPOT and self.is_ours(order.client_order_id):
                    yield InstrumentId(account, self._symbol(account, order)), order

    def _symbol(self, account: str, order: SimOrder) -> str:
        if order.symbol not in self._symbols:
            self._symbols[order.symbol] = unified_symbol(self._rules(account, order.wallet, order.symbol))
        return self._symbols[order.symbol]

    def listing(self, id: InstrumentId) -> Listing:
        """The exchange's rules of a contract; those that it had, where it has settled."""
        return self._rules(id.account, *parse_symbol(id.symbol))

    def _rules(self, account: str, wallet: Wallet, symbol: str) -> Listing:
        exchange = self.exchange_of(account)
        listing = exchange.listings.get((wallet, symbol))
        return listing if listing is not None else exchange.expiries.settled[wallet, symbol].listing

    def coins(self, id: InstrumentId, units: Decimal) -> Decimal:
        """What so many units of a contract are in coins now."""
        return units * truths.coins_per_unit(self.floor_of(id.account), self.listing(id))

    def coins_at_least(self, id: InstrumentId, units: Decimal, since: int) -> Decimal:
        """The same at the mark since a moment at which it is least: orders are sized by a mark, and live a while."""
        past = self._worth.get((id.account, name_of(id)))
        earlier = past.since(since) if past is not None else []
        return min((self.coins(id, units), *(units * worth for worth in earlier)), key=abs)

    def open_at_least(self, id: InstrumentId, units: Decimal, since: int, at: int) -> Decimal:
        """The same without what a settlement average has fixed of it at a moment."""
        return self.coins_at_least(id, units, since) * truths.left(self.listing(id), at)

    def hedge_of(self, id: InstrumentId) -> Hedge | None:
        """The hedge that trades an instrument."""
        return next((hedge for hedge in self.policy.hedges if id in hedge.instruments), None)

    def accounts_of(self, hedge: Hedge) -> tuple[str, ...]:
        """The accounts that a hedge looks at."""
        return tuple(dict.fromkeys((*hedge.spot_accounts, *(id.account for id in hedge.instruments))))

    def own_of(self, hedge: Hedge) -> Decimal:
        """The signed sum of our own fills in a hedge's coin over its accounts, in coins as they were traded."""
        return sum((self._own_of_coin(account, hedge.underlying) for account in self.accounts_of(hedge)), ZERO)

    def delta(self, hedge: Hedge) -> Decimal:
        """The hedge's true net delta now, in coins."""
        coin = hedge.underlying
        moved = (self._moved_by(a, coin) + self._fixed(a, coin, self.now) for a in self.accounts_of(hedge))
        parts = (*moved, *(self._not_ours(account, hedge) for account in self.accounts_of(hedge)))
        return sum(parts, ZERO) + hedge.static_quantity + self.own_of(hedge)

    def holding(self, hedge: Hedge) -> Decimal:
        """What the hedge truly owns of its coin now, contracts and options aside."""
        floors = ((self.floor_of(account), self.book_of(account)) for account in hedge.spot_accounts)
        return sum((truths.coins_owned(*each, hedge.underlying) for each in floors), hedge.static_quantity)

    def profit(self, hedge: Hedge) -> Decimal:
        """What of that contracts have made that are still held, and that settle in the coin."""
        floors = ((self.floor_of(account), self.book_of(account)) for account in hedge.spot_accounts)
        return sum((truths.coins_made(*each, hedge.underlying) for each in floors), ZERO)

    def options(self, hedge: Hedge) -> tuple[Decimal, Decimal, Decimal]:
        """The delta of the hedge's options now, what they are worth, and the slack of it; all in coins."""
        coin = hedge.underlying
        floors = [(self.floor_of(account), self.book_of(account)) for account in self.accounts_of(hedge)]
        return (
            sum((truths.options_delta(*each, coin) for each in floors), ZERO),
            sum((truths.options_premium(*each, coin) for each in floors), ZERO),
            sum((truths.options_slack(*each, coin) for each in floors), ZERO),
        )

    def options_since(self, hedge: Hedge, since: Mapping[str, int]) -> tuple[Decimal, Decimal]:
        """The least and the most that the delta of the hedge's options was since those moments."""
        least = most = ZERO
        for account in self.accounts_of(hedge):
            past = self._options.get((account, hedge.underlying))
            if past is not None:
                values = past.since(since.get(account, 0))
                least, most = least + min(values), most + max(values)
        return least, most

    def elsewhere(
        self, hedge: Hedge, since: Mapping[str, int], at: int, unseen: Collection[str] = ()
    ) -> tuple[Decimal, Decimal]:
        """The least and the most that the hedge's accounts held since those moments, our own fills left out: a coin
        that moves between two reads may be counted either way, and what moves by itself may be seen with the old.
        What a settlement average has fixed is known by the clock: it is that of `at`, or that of now. What was taken
        from `unseen` accounts is no excuse: they count as they are."""
        least = most = hedge.static_quantity
        for account in self.accounts_of(hedge):
            key = account, hedge.underlying
            if account in unseen:
                now = self._not_ours(account, hedge) + self._moved_by(*key) + self._fixed(*key, self.now)
                least, most = least + now, most + now
                continue
            if hedge.underlying in self._moving:
                self._note_deltas(account)
            begun = since.get(account, 0)
            fixed = [value for moment in (at, self.now) for value in self._fixed_since(*key, moment, begun)]
            for values in (fixed, *(past.since(begun) for past in self._pasts(key))):
                least, most = least + min(values), most + max(values)
        return least, most

    def _pasts(self, key: tuple[str, str]) -> Iterator[Past]:
        yield self._elsewhere[key]
        if key in self._moved:
            yield self._moved[key]

    def marks(self, id: InstrumentId, since: int) -> list[Decimal]:
        """The true mark prices of a contract since a moment."""
        past = self._marks.get((id.account, name_of(id)))
        return past.since(since) if past is not None else []

    def margin_ratio(self, account: str, asset: str = COLLATERAL) -> Decimal:
        """Maintenance margin over equity of a derivatives wallet, truly."""
        wallet = self.floor_of(account).board.wallet(self.book_of(account), asset)
        if wallet.equity <= 0:
            return ZERO if wallet.maintenance_margin <= 0 else Decimal(1)
        return wallet.maintenance_margin / wallet.equity

    def switch_ends_at(self, id: InstrumentId) -> int | None:
        """When the exchange's dead man's switch on a contract ends, None where none runs."""
        return self.exchange_of(id.account).dead_man.deadline(self.users[id.account], name_of(id))

    def ratios(self, id: InstrumentId, since: int) -> Iterable[Decimal]:
        """The margin ratios of the wallet behind a contract that were noted since a moment, and the one now."""
        asset = self.listing(id).settle
        return [*self._ratios[id.account, asset].since(since), self.margin_ratio(id.account, asset)]


def name_of(id: InstrumentId) -> str:
    """The exchange's name of a contract: `BTCUSDT` of `BTC/USDT:USDT`."""
    return parse_symbol(id.symbol)[1]
