"""What really was: the exchange's own accounts over the last minutes, split into our own fills and everything else."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.policy import Hedge, Policy
from hedger.model.identity import parse_order_id
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.sim.dead_man import DeadManSwitch
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, Listing, News, OrderNews, PremiumNews, SimOrder, UserTrade, Wallet
from hedger.sim.translation import parse_symbol

KEPT_MS = 120_000


class Moment(NamedTuple):
    """A value from `at` on."""

    at: int
    value: Decimal


class Past:
    """The values that something had lately, each until the next."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()

    def note(self, at: int, value: Decimal) -> None:
        """It is `value` from now on."""
        moments = self._moments
        if moments and moments[-1].value == value:
            return
        moments.append(Moment(at, value))
        while len(moments) > 1 and moments[1].at < at - KEPT_MS:
            moments.popleft()

    def since(self, at: int) -> list[Decimal]:
        """Every value that held at some moment from `at` on."""
        moments = self._moments
        first = max((i for i, moment in enumerate(moments) if moment.at <= at), default=0)
        return [moment.value for i, moment in enumerate(moments) if i >= first]


class Witness:
    """Sees the exchange itself. `users` says which user of the exchange stands behind each account."""

    def __init__(
        self, exchange: Exchange, policy: Policy, users: Mapping[str, str], switch: DeadManSwitch | None = None
    ) -> None:
        self.policy, self.users, self.exchange = policy, users, exchange
        self._switch = switch
        self._accounts = {user: account for account, user in users.items()}
        self._elsewhere: dict[tuple[str, str], Past] = {}  # by (account, coin): what is held, our own fills left out
        self._marks: dict[str, Past] = {}
        self._ratios: dict[str, Past] = {}
        self._own: dict[tuple[str, str], tuple[int, Decimal]] = {}
        self.takers: list[UserTrade] = []
        exchange.subscribe(self._hear)
        for account in users:
            self._note(account)

    @property
    def now(self) -> int:
        """True time."""
        return self.exchange.now

    # --- listening ------------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        match news:
            case BalanceNews() if news.user in self._accounts:
                self._note(self._accounts[news.user])
            case OrderNews() if news.trade is not None and news.trade.user in self._accounts:
                if self.is_ours(news.trade.client_order_id) and not news.trade.maker:
                    self.takers.append(news.trade)
            case PremiumNews():
                self._marks.setdefault(news.symbol, Past()).note(self.now, news.premium.mark_price)
            case _:
                pass

    def _note(self, account: str) -> None:
        for hedge in self.policy.hedges:
            past = self._elsewhere.setdefault((account, hedge.underlying), Past())
            past.note(self.now, self._not_ours(account, hedge))
        self._ratios.setdefault(account, Past()).note(self.now, self.margin_ratio(account))

    def _not_ours(self, account: str, hedge: Hedge) -> Decimal:
        user, symbol = self.users[account], f"{hedge.underlying}USDT"
        book = self.exchange.floor.account(user)
        spot = book.spot.get(hedge.underlying, ZERO) if account in hedge.spot_accounts else ZERO
        return spot + book.holding(symbol).quantity - self.own(account, symbol)

    # --- what is --------------------------------------------------------------------------------------------------

    def is_ours(self, client_order_id: str | None) -> bool:
        """Whether an id bears our tag."""
        identity = parse_order_id(client_order_id or "")
        return identity is not None and identity.bot == self.policy.bot

    def own(self, account: str, symbol: str) -> Decimal:
        """The signed sum of our own fills on a contract (`BTCUSDT`), in units."""
        seen, total = self._own.get((account, symbol), (0, ZERO))
        trades = self.exchange.floor.account(self.users[account]).trades.get((Wallet.LINEAR, symbol), [])
        if len(trades) > seen:
            fresh = trades[seen:]
            total += sum((t.side.sign * t.quantity for t in fresh if self.is_ours(t.client_order_id)), ZERO)
            self._own[account, symbol] = len(trades), total
        return total

    def position(self, id: InstrumentId) -> Decimal:
        """The true signed position, in units."""
        return self.exchange.floor.account(self.users[id.account]).holding(name_of(id)).quantity

    def live(self) -> Iterator[tuple[InstrumentId, SimOrder]]:
        """Our orders on the exchange's books now."""
        for account, user in self.users.items():
            for order in self.exchange.floor.account(user).working.values():
                if order.wallet is Wallet.LINEAR and self.is_ours(order.client_order_id):
                    yield InstrumentId(account, f"{order.symbol[:-4]}/USDT:USDT"), order

    def listing(self, id: InstrumentId) -> Listing:
        """The exchange's rules of a contract."""
        return self.exchange.listings[Wallet.LINEAR, name_of(id)]

    def hedge_of(self, id: InstrumentId) -> Hedge | None:
        """The hedge that trades an instrument."""
        return next((hedge for hedge in self.policy.hedges if id in hedge.instruments), None)

    def accounts_of(self, hedge: Hedge) -> tuple[str, ...]:
        """The accounts that a hedge looks at."""
        return tuple(dict.fromkeys((*hedge.spot_accounts, *(id.account for id in hedge.instruments))))

    def own_of(self, hedge: Hedge) -> Decimal:
        """The signed sum of our own fills in a hedge's coin over its accounts."""
        return sum((self.own(account, f"{hedge.underlying}USDT") for account in self.accounts_of(hedge)), ZERO)

    def delta(self, hedge: Hedge) -> Decimal:
        """The hedge's true net delta now, in coins."""
        held = sum((self._not_ours(account, hedge) for account in self.accounts_of(hedge)), ZERO)
        return held + hedge.static_quantity + self.own_of(hedge)

    def holding(self, hedge: Hedge) -> Decimal:
        """What the hedge truly holds of its coin now, futures aside."""
        books = (self.exchange.floor.account(self.users[account]) for account in hedge.spot_accounts)
        return sum((book.spot.get(hedge.underlying, ZERO) for book in books), ZERO) + hedge.static_quantity

    def elsewhere(self, hedge: Hedge, since: Mapping[str, int]) -> tuple[Decimal, Decimal]:
        """The least and the most that the hedge's accounts held since those moments, our own fills left out: a coin
        that moves between two reads may be counted either way."""
        least = most = hedge.static_quantity
        for account in self.accounts_of(hedge):
            values = self._elsewhere[account, hedge.underlying].since(since.get(account, 0))
            least, most = least + min(values), most + max(values)
        return least, most

    def marks(self, id: InstrumentId, since: int) -> list[Decimal]:
        """The true mark prices of a contract since a moment."""
        past = self._marks.get(name_of(id))
        return past.since(since) if past is not None else []

    def margin_ratio(self, account: str) -> Decimal:
        """Maintenance margin over equity of a derivatives account, truly."""
        linear = self.exchange.linear_account(self.users[account])
        if linear.equity <= 0:
            return ZERO if linear.maintenance_margin <= 0 else Decimal(1)
        return linear.maintenance_margin / linear.equity

    def switch_ends_at(self, id: InstrumentId) -> int | None:
        """When the exchange's dead man's switch on a contract ends, None where none runs."""
        return self._switch.deadline(self.users[id.account], name_of(id)) if self._switch is not None else None

    def ratios(self, account: str, since: int) -> Iterable[Decimal]:
        """The margin ratios that were noted since a moment, and the one now."""
        return [*self._ratios[account].since(since), self.margin_ratio(account)]


def name_of(id: InstrumentId) -> str:
    """The exchange's name of a contract: `BTCUSDT` of `BTC/USDT:USDT`."""
    return parse_symbol(id.symbol)[1]
