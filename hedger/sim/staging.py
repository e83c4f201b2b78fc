"""What a seed decides about a run besides its faults: the portfolio, the owner's wishes, the pace and the market."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal as D
from random import Random

from hedger.engine.known.policy import (
    Band,
    BandRule,
    Execution,
    Guards,
    Hedge,
    Levels,
    Policy,
    RebalanceTo,
    Target,
    TargetKind,
)
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.runtime.pollers import Polling
from hedger.sim.market import FlowConfig
from hedger.sim.nouns import Listing
from hedger.sim.portfolios import Drawn, Ground, Portfolio, drawn, kind_of
from hedger.sim.scenario import ScenarioConfig
from hedger.sim.several import SEATS, spread
from hedger.sim.world import Funds, World, paper_world

ACCOUNTS = ("first", "second")
USERS = ("main", "other")
VENUE = "one"
HOLDINGS = {"BTC": D(1), "ETH": D(20), "SOL": D(400)}
BANDS = {"BTC": D("0.01"), "ETH": D("0.2"), "SOL": D(4)}
PRICES = {"BTC": D(60_000), "ETH": D(3_000), "SOL": D(150)}
BRISK_S, CALM_S = (300.0, 900.0), (3_600.0, 14_400.0)
MIDNIGHT = 1_767_225_600_000  # 1 January 2026, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things are read, how old they may be, and how often the world moves. `hint_ms` is how often streams
    speak, `drive_ms` how often the exchange is brought up to the time when nobody asks it anything."""

    polling: Polling
    quote_age: int
    account_age: int
    hint_ms: int
    drive_ms: int
    beat_ms: int
    flow_ms: int
    switch_ms: int
    gap_ms: int


BRISK = Pace(
    polling=Polling(account_s=5.0, prices_s=2.0, funding_s=60.0, clock_s=300.0, tick_s=0.25, flush_s=5.0),
    quote_age=3_000,
    account_age=10_000,
    hint_ms=1_000,
    drive_ms=500,
    beat_ms=1_000,
    flow_ms=1_000,
    switch_ms=60_000,
    gap_ms=5_000,
)
# The same program with a slower beat: an hour of it costs a tenth, so that hours are affordable.
CALM = Pace(
    polling=Polling(account_s=30.0, prices_s=20.0, funding_s=1_800.0, clock_s=900.0, tick_s=4.0, flush_s=20.0),
    quote_age=25_000,
    account_age=70_000,
    hint_ms=10_000,
    drive_ms=10_000,
    beat_ms=5_000,
    flow_ms=10_000,
    switch_ms=120_000,
    gap_ms=30_000,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A run before its faults: what is hedged, how, at which pace, in which market, and how long faults strike. `users`
    says who stands behind each account, `venues` on which venue's exchange that is, `owner` whose coins come and go;
    `beside` are faults that strike besides those of the swarm."""

    seed: int
    start_at: int
    span_s: float
    coins: tuple[str, ...]
    users: Mapping[str, str]
    funds: Mapping[str, Funds]
    policy: Policy
    pace: Pace
    flow: FlowConfig
    scenario: ScenarioConfig
    portfolio: Portfolio = Portfolio.PLAIN
    contracts: tuple[Listing, ...] = ()
    venues: Mapping[str, str] = field(default_factory=dict)
    owner: str = USERS[0]
    beside: tuple[str, ...] = ()

    def venue_of(self, account: str) -> str:
        """The venue on whose exchange an account is."""
        return self.venues.get(account, VENUE)

    def worlds(self) -> dict[str, World]:
        """The world of each venue as it is before anything happens: all have one seed, and so one fair price."""
        return {venue: self._world(venue) for venue in dict.fromkeys(map(self.venue_of, self.users))}

    def _world(self, venue: str) -> World:
        here = [user for account, user in self.users.items() if self.venue_of(account) == venue]
        return paper_world(
            self.seed,
            self.start_at,
            coins=self.coins,
            users={user: self.funds[user] for user in here},
            owner=self.owner,
            scenario=self.scenario,
            still=self.owner not in here,
            flow=self.flow,
            beat_ms=self.pace.beat_ms,
            contracts=self.contracts,
            moves=Random(f"{self.seed}/moves") if self.venues else None,
        )


def staging_of(
    seed: int, *, brisk: bool | None = None, books: Collection[Portfolio] | None = None, span_s: float | None = None
) -> Staging:
    """Everything that the seed decides. `brisk` forces the pace of a real run (True) or the slower one (False), `books`
    are the portfolios to draw from, `span_s` is how long faults strike."""
    plain = _plain(seed, brisk)
    kind = kind_of(seed, books)
    if span_s is not None:
        plain = replace(plain, span_s=span_s)
    if kind is Portfolio.PLAIN:
        return plain
    if kind is Portfolio.SEVERAL:
        return _spread(plain)
    hedge = plain.policy.hedges[0]
    coin = hedge.underlying
    ground = Ground(
        holding=HOLDINGS[coin], width=BANDS[coin], price=PRICES[coin], start_at=plain.start_at, span_s=plain.span_s
    )
    return _furnished(plain, kind, drawn(seed, kind, hedge, ground))


def _furnished(plain: Staging, kind: Portfolio, portfolio: Drawn) -> Staging:
    """The staging with another first hedge. The user that trades it has its options and its collateral in coins,
    beside the coins that are in spot wallets."""
    hedge = portfolio.hedge
    user = plain.users[hedge.instruments[0].account]
    funds = plain.funds[user]
    coins = {hedge.underlying: portfolio.collateral} if portfolio.collateral else {}
    changed = replace(funds, coins=coins, options=portfolio.options)
    return replace(
        plain,
        portfolio=kind,
        contracts=portfolio.contracts,
        start_at=portfolio.start_at,
        funds={**plain.funds, user: changed},
        policy=replace(plain.policy, hedges=(hedge, *plain.policy.hedges[1:])),
    )


def _spread(plain: Staging) -> Staging:
    """The staging with each hedge on two accounts of two venues, and the coins with a third or with the first."""
    drawn = spread(Random(f"{plain.seed}/several"), plain.policy.hedges, plain.policy.hedges[0].guards.account_age)
    coins = {coin: HOLDINGS[coin] for coin in plain.coins}
    policy = replace(
        plain.policy,
        hedges=drawn.hedges,
        accounts=drawn.accounts,
        switch_ms=dict.fromkeys(SEATS, plain.pace.switch_ms),
    )
    return replace(
        plain,
        portfolio=Portfolio.SEVERAL,
        users={account: account for account in drawn.accounts},
        venues=drawn.venues,
        owner=drawn.holder,
        beside=drawn.faults,
        funds={
            account: Funds(
                spot={"USDT": D(20_000), **(coins if account == drawn.holder else {})},
                linear=D(400_000) if account in SEATS else D(0),
            )
            for account in drawn.accounts
        },
        policy=policy,
    )


def _plain(seed: int, brisk: bool | None) -> Staging:
    rng = Random(f"{seed}/staging")
    coins = tuple(rng.sample(list(HOLDINGS), rng.choice((1, 1, 2))))
    users = dict(zip(ACCOUNTS, USERS, strict=True)) if rng.random() < 0.4 else {ACCOUNTS[0]: USERS[0]}
    drawn = rng.random() < 0.15
    pace = BRISK if (drawn if brisk is None else brisk) else CALM
    hedges = tuple(_hedge(rng, coin, tuple(users), pace) for coin in coins)
    return Staging(
        seed=seed,
        span_s=rng.uniform(*(CALM_S if pace is CALM else BRISK_S)),
        start_at=MIDNIGHT + rng.randrange(24 * 3_600) * 1_000,
        coins=coins,
        users=users,
        funds=_funds(coins, users),
        policy=Policy(
            bot="sim",
            sends=True,
            hedges=hedges,
            accounts=tuple(users),
            clean_cycles=2,
            settle_ms=3_000,
            delta_jump_bands=D(rng.choice((3, 5, 20))),
            switch_ms=dict.fromkeys(users, pace.switch_ms),
            gap_ms=pace.gap_ms,
        ),
        pace=pace,
        flow=FlowConfig(
            flow_ms=pace.flow_ms,
            move_chance=0.4 if pace is CALM else 0.2,
            takers_per_s=rng.choice((0.3, 1.0)),
            taker_notional=rng.choice((4_000.0, 15_000.0)),
        ),
        scenario=ScenarioConfig(every_s=rng.choice(((30.0, 180.0), (120.0, 900.0)))),
    )


def _funds(coins: tuple[str, ...], users: Mapping[str, str]) -> dict[str, Funds]:
    first = {"USDT": D(20_000), **{coin: HOLDINGS[coin] for coin in coins}}
    funds = {USERS[0]: Funds(spot=first, linear=D(400_000))}
    if len(users) > 1:
        second = {"USDT": D(20_000), **{coin: HOLDINGS[coin] / 2 for coin in coins}}
        funds[USERS[1]] = Funds(spot=second, linear=D(400_000))
    return funds


def _hedge(rng: Random, coin: str, accounts: tuple[str, ...], pace: Pace) -> Hedge:
    """A hedge of one coin: what both accounts hold of it, hedged on one of them."""
    target = rng.choice(
        (
            Target(kind=TargetKind.NEUTRAL, value=D(0)),
            Target(kind=TargetKind.NEUTRAL, value=D(0)),
            Target(kind=TargetKind.RATIO, value=D(rng.choice(("0.5", "1", "1.2")))),
            Target(kind=TargetKind.COINS, value=HOLDINGS[coin] / 5),
            Target(kind=TargetKind.QUOTE, value=D(rng.choice((-5_000, 10_000)))),
        )
    )
    return Hedge(
        name=coin.lower(),
        underlying=coin,
        static_quantity=rng.choice((D(0), HOLDINGS[coin] / 4)),
        spot_accounts=accounts,
        instruments=(InstrumentId(rng.choice(accounts), f"{coin}/USDT:USDT"),),
        target=target,
        band=_band(rng, coin),
        execution=_execution(rng, coin),
        guards=_guards(rng, coin, pace),
        reduce_step=D("0.25"),
        unhedged_after_ms=300_000,
    )


def _band(rng: Random, coin: str) -> Band:
    rule = rng.choice((BandRule.COINS, BandRule.RELATIVE, BandRule.QUOTE))
    width = BANDS[coin] * D(rng.choice((1, 3)))
    upper = {BandRule.COINS: width, BandRule.QUOTE: width * PRICES[coin], BandRule.RELATIVE: width / HOLDINGS[coin]}[
        rule
    ]
    return Band(
        rule=rule,
        upper=upper,
        lower=upper * D(rng.choice(("1", "0.5"))),
        floor=BANDS[coin] / 2,
        rebalance_to=rng.choice(list(RebalanceTo)),
    )


def _execution(rng: Random, coin: str) -> Execution:
    return Execution(
        reprice_ms=3_000,
        reprice_ticks=2,
        linger_ms=15_000,
        offset_ticks=rng.choice((0, 0, 1)),
        deadline_ms=rng.choice((30_000, 120_000)),
        max_attempts=5,
        attempts_cooldown_ms=30_000,
        cooldown_ms=2_000,
        slice_quantity=rng.choice((None, HOLDINGS[coin] / 4)),
        ttl_ms=2_000,
    )


def _guards(rng: Random, coin: str, pace: Pace) -> Guards:
    return Guards(
        quote_age=pace.quote_age,
        mark_age=pace.quote_age,
        account_age=pace.account_age,
        mark_collar=D(50),
        index_collar=D(100),
        spread=D(20),
        depth=D(1_000),
        basis=D(200),
        adverse_funding=D(50),
        orders_per_minute=rng.choice((12, 20)),
        orders_per_day=3_000,
        order_notional=PRICES[coin] * HOLDINGS[coin],
        daily_notional=D(500_000_000),
        daily_cost=D(500_000_000),
        position=HOLDINGS[coin] * 6,
        price_drift=D(500),
        cancels_per_hour=240,
        futile_hedges=5,
        leverage=2,
        margin_mode=MarginMode.CROSS,
        margin_ratio=Levels(warn=D("0.4"), stop=D("0.5"), reduce=D("0.7"), clear=D("0.3")),
        liquidation_distance=Levels(warn=D("0.25"), stop=D("0.15"), reduce=D("0.08"), clear=D("0.35")),
    )
