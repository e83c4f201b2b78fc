"""What a venue is to us: its truths as data, and how the parts of an open account are made.

Each venue has a package of its own with a module `profile` whose `PROFILE` is one of these; nothing else in the program
knows a venue's quirks. `account.py` makes a `ports.Venue` of any of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.order import Fill
from hedger.runtime.lifeline import LiveOrder
from hedger.venues.abilities import Ability, Told
from hedger.venues.desk import OrderWire
from hedger.venues.hints import HintQueue
from hedger.venues.lanes import Budget, Lane
from hedger.venues.link import Environment, Link
from hedger.venues.listing import Listing
from hedger.venues.modes import Change
from hedger.venues.speech import Code, Codes, Hear
from hedger.venues.streams import Frames

VENUES = ("binance", "bybit", "bingx", "weex", "mexc", "okx", "deribit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a venue lives: the host of each of its REST APIs by a name of the profile's, and its streams' hosts."""

    rest: Mapping[str, str]
    streams: frozenset[str]

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that a session may reach."""
        return self.streams | frozenset(self.rest.values())


class KeyRights(NamedTuple):
    """What a pair of keys may do, as the venue says; None is what it does not say.

    `bound`: the keys work from given addresses only. `unseen`: what the account may hold and they may not read, in
    words; empty where they read all. `expire_at`: when the venue ends them (ms); None where they last, or it says
    nothing of it.
    """

    may_read: bool | None
    may_trade: bool | None
    may_withdraw: bool | None
    bound: bool | None
    unseen: str = ""
    expire_at: int | None = None


class SourceOfAccount(Protocol):
    """Reads what an account holds."""

    async def read(self) -> AccountReading:
        """One complete reading. ValueError where its parts do not fit together: it is then tried again."""


class SourceOfPrices(Protocol):
    """Reads the market as it is."""

    async def prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """The best prices of `ids`, and the marks of those that are contracts."""


class SourceOfHistory(Protocol):
    """Reads what happened to the account, paged to its end."""

    async def fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Every fill since `since_at`, oldest first."""

    async def funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Every funding payment of the configured perpetuals since `since_at`, oldest first."""


class SourceOfPast(Protocol):
    """Reads what the market was."""

    async def candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """The last `count` closed bars of the index, oldest first."""

    async def funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """What the last `count` settlements of a perpetual paid, oldest first."""


class DeadMansSwitch(Protocol):
    """Has the venue cancel our orders unless it hears of us."""

    async def extend(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """See `ports.Venue.extend_switch`."""


class Doubts(Protocol):
    """Looks beside everything else whether a contract still trades."""

    async def stop(self) -> None:
        """Look no more."""


Differences = Callable[[Sequence[InstrumentId], int, MarginMode], Awaitable[list[Change]]]
Reload = Callable[[Sequence[str]], Awaitable[tuple[Instrument, ...]]]
# Moves `quantity` of an asset to the wallet that backs contracts, or (`False`) away from it.
Transfer = Callable[[str, Decimal, bool], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What exists once an account is open.

    `reload` reads rules anew as `ports.Venue.read_instruments`. `switch` and `transfer` are None where the venue has
    none. `stop` are what must end before the connections do.
    """

    listing: Listing
    reader: SourceOfAccount
    prices: SourceOfPrices
    history: SourceOfHistory
    past: SourceOfPast
    wire: OrderWire
    frames: Frames
    differences: Differences
    reload: Reload
    switch: DeadMansSwitch | None
    transfer: Transfer | None
    stop: Sequence[Doubts] = ()


class EmergencyWire(Protocol):
    """What the watchdog's own connection asks, with a bare client and nothing loaded.

    Answers are the client's raw ones; whatever is raised is an answer too.
    """

    def name(self, client: Any, symbol: str) -> str:
        """The venue's own name of a contract, made of ours, for there is no listing to ask."""

    def time(self, client: Any) -> Awaitable[Any]:
        """Ask for the venue's time."""

    def time_of(self, answer: Any) -> int | None:
        """The venue's time in milliseconds in such an answer."""

    def cancel(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Cancel an order by our id."""

    def find(self, client: Any, order: LiveOrder) -> Awaitable[Any]:
        """Ask for the record of an order by our id."""

    def is_over(self, answer: Any, order: LiveOrder) -> bool:
        """Whether an answer is the record of exactly this order, and says that it has ended."""

    def is_absent(self, answer: Any, code: Code | None) -> bool:
        """Whether the answer to `find` says that the venue knows no such order."""


def _nothing(_client: Any, _environment: Environment) -> None:
    """Nothing needs to be said to the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One venue.

    `name` is its name here and in ccxt, `title` among people. `testnet` is None where it has no test environment.
    `options` are ccxt's, `prepare` tells a client of its environment. `budgets` are what each lane may use,
    `weight_limits` what an address may use in a minute by the name of the API, and `weight_of` reads the weight used
    from an answer's headers (None: count requests ourselves); an API in `weight_pools` counts as part of another's.
    `is_private` tells a signed request by its address.
    `keeps_leverage`: it has none to set, so that what is configured is only remembered here, and nothing is sent.
    `clock` asks for the venue's time; `check_key` is asked for the keys' rights in the environments of `tells_rights`.
    `switch_reach` says in words what the dead man's switch takes where that is more than the contracts named to it.
    """

    name: str
    title: str
    live: Places
    testnet: Places | None
    options: Mapping[str, Any]
    codes: Codes
    hear: Hear
    budgets: Mapping[Lane, Budget]
    weight_limits: Mapping[str, int]
    is_private: Callable[[str], bool]
    clock: Callable[[Link, Lane], Awaitable[int]]
    check_key: Callable[[Link], Awaitable[KeyRights]]
    assemble: Callable[[Link, Sequence[str], HintQueue], Awaitable[Parts]]
    emergency: EmergencyWire
    abilities: Mapping[Ability, Told]
    tells_rights: Collection[Environment] = frozenset({Environment.LIVE, Environment.SHADOW})
    weight_of: Callable[[Mapping[str, str]], int | None] | None = None
    weight_pools: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Any, Environment], None] = _nothing
    needs_passphrase: bool = False
    keeps_leverage: bool = False
    switch_reach: str = ""

    def places(self, environment: Environment) -> Places:
        """Where it lives in an environment; KeyError where it has no such one."""
        if environment is not Environment.TESTNET:
            return self.live
        if self.testnet is None:
            raise KeyError(f"{self.title} has no test environment")
        return self.testnet


def profile_of(name: str) -> Profile:
    """The profile of a venue of VENUES, imported when it is asked for: nobody pays for a venue that is not used."""
    found = importlib.import_module(f"hedger.venues.{name}.profile").PROFILE
    assert isinstance(found, Profile), name
    return found
