"""What Prometheus would have scraped of a hedger: the real meters of a daemon on virtual time, as OpenMetrics lines.

It hedges on two venues a covered call, dated futures that roll and a coin without a future; funding is paid, an
operator pauses it and lets it go on, it ends and starts again, it is halted, and in the end it is taken down.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hedger.app.daemon import Daemon, Parts, polling_of
from hedger.app.exchange import START_AT, build_world
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.message import Operation, Stamped, TimePassed
from hedger.ops.configuration import Configured
from hedger.ops.metrics import Metrics
from hedger.ops.surroundings import Serving
from hedger.runtime.journal import Journal
from hedger.runtime.ports import Clock, Venue
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual

SCRAPE_S = 10
BEGIN_MS = START_AT + 18 * 60_000  # 07:58 UTC: two minutes before funding is paid and the near contract is left
TARGET = 'instance="hedger:9108",job="hedger"'
_FIRING = f'alertstate="firing",{TARGET}'
ALERTS = (
    f'ALERTS{{alertname="HedgerHalted",{_FIRING},severity="critical"}} 1',
    f'ALERTS{{alertname="HedgerUnhedged",{_FIRING},severity="critical",hedge="BTC"}} 1',
    f'ALERTS{{alertname="HedgerAccountStopped",{_FIRING},severity="warning",account="main"}} 1',
    f'ALERTS{{alertname="HedgerWatchdog",{_FIRING},severity="info"}} 1',
)
CONFIG = """
mode = "paper"

[accounts.main]
venue = "binance"

[accounts.futures]
venue = "bybit"
dead_mans_switch_s = 0

[hedges.BTC]
instruments = ["futures:BTC/USDT:USDT", "main:BTC/USDT:USDT"]
spot_accounts = ["main"]
band = { residual = 0.005 }
guards = { position = 6 }

[hedges.BTC.target]
kind = "neutral"
accept_gamma = true

[hedges.BTC.failover]
allowed = true

[hedges.ETH]
instruments = ["main:ETH/USDT:USDT-260102", "main:ETH/USDT:USDT-260327"]
spot_accounts = ["main"]
band = { rule = "coins", width = 0.5 }
guards = { position = 60 }

[hedges.ETH.carry]
roll_before_days = 1

[hedges.SOL]
instruments = ["main:XRP/USDT:USDT"]
spot_accounts = ["main"]
band = { rule = "relative", width = 0.04, floor = 3 }
guards = { position = 2_500 }

[hedges.SOL.cross]
spot = "main:SOL/USDT"

[polling]
tick_ms = 500

[money.USDT]
depeg_bps = 200

[paper]
contracts = ["ETH/USDT:USDT-260102", "ETH/USDT:USDT-260327"]
spot = { BTC = 1.2, ETH = 20, SOL = 800 }
collateral = 400_000

[[paper.options]]
asset = "BTC"
option = "call"
strike = "101%"
expiry = "1 day"
quantity = -1
"""

Script = Callable[[Daemon, Clock], Awaitable[None]]


@dataclass
class Scraped:
    """Samples by the family that they belong to, in the order in which they were taken."""

    families: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    first_s: int = 0
    last_s: int = 0

    def take(self, metrics: Metrics, at_s: int, started_s: int) -> None:
        """Everything that the registry shows now; both starts are one process here, which Prometheus must not see."""
        self.first_s, self.last_s = self.first_s or at_s, at_s
        for family in metrics.registry.collect():
            rows = self.families[family.name]
            for sample in family.samples:
                own = "".join(f',{label}="{value}"' for label, value in sample.labels.items())
                value = started_s if sample.name == "process_start_time_seconds" else sample.value
                rows.append(f"{sample.name}{{{TARGET}{own}}} {value} {at_s}")
        self.tell(f"up{{{TARGET}}} 1", at_s)

    def tell(self, sample: str, at_s: int) -> None:
        """One sample that Prometheus makes itself."""
        self.families[sample.partition("{")[0]].append(f"{sample} {at_s}")

    @property
    def text(self) -> str:
        """All of it, for `promtool tsdb create-blocks-from openmetrics`."""
        lines = (line for rows in self.families.values() for line in rows)
        return "\n".join([*lines, "# EOF", ""])


class Scraper:
    """The observer of one start: feeds the meters and scrapes them every ten seconds of the program's clock."""

    def __init__(self, policy: Policy, into: Scraped, started_at: int) -> None:
        self.metrics = Metrics(policy, version="0.1.0")
        self.metrics.configuration.show(Configured(path="fleet.toml", digest="40c1d65d71ed18f9", loaded_at=started_at))
        self.metrics.console(Serving(fault=None, revived=0))
        self._accounts, self._into, self._at = policy.accounts, into, 0
        self._started_at = started_at

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        self.metrics.observe(before, stamped, result, seconds)
        due = stamped.at // 1000 // SCRAPE_S
        if isinstance(stamped.event, TimePassed) and due > self._at:
            self._at = due
            for account in self._accounts:
                self.metrics.rate_weight_used(account, 0.12)
            self._into.take(self.metrics, due * SCRAPE_S, self._started_at // 1000)
            if result.state.halted is not None:
                for alert in ALERTS:
                    self._into.tell(alert, due * SCRAPE_S)

    def queued(self, events: int) -> None:
        self.metrics.queued(events)

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        self.metrics.timed(stage, account, seconds, outcome)


async def first_act(daemon: Daemon, clock: Clock) -> None:
    """It hedges over a funding and a roll; an operator pauses it for a while."""
    await clock.sleep(50)
    daemon.loop.ask(Operation.PAUSE, "a look at the books")
    await clock.sleep(30)
    daemon.loop.ask(Operation.UNPAUSE, "all is well")
    await clock.sleep(200)


async def second_act(daemon: Daemon, clock: Clock) -> None:
    """It goes on, is halted, and a person lifts that."""
    await clock.sleep(40)
    daemon.loop.ask(Operation.HALT, "a drill")
    await clock.sleep(20)
    daemon.loop.ask(Operation.RESUME, "the drill is over")
    await clock.sleep(30)


def scraped(directory: Path) -> Scraped:
    """Play both acts; `directory` holds the configuration and the state."""
    path = directory / "fleet.toml"
    path.write_text(CONFIG, encoding="utf-8")
    (directory / "state").mkdir()
    into = Scraped()
    run_virtual(_play(load_settings(path, {}, {}), directory / "state", into), BEGIN_MS)
    return into


async def _play(settings: Settings, directory: Path, into: Scraped) -> None:
    clock = VirtualClock()
    world = build_world(settings, BEGIN_MS, None)
    driving = [asyncio.create_task(drive(exchange, clock)) for exchange in world.exchanges.values()]
    for script in (first_act, second_act):
        link = SteadyLink(clock, 1)
        venues: dict[str, Venue] = {
            name: SimVenue(world.exchange_of(name), clock, link, account=name, user=name) for name in settings.accounts
        }
        await _act(script, settings, venues, clock, directory, into)
        into.tell(f"up{{{TARGET}}} 0", into.last_s + SCRAPE_S)
        await clock.sleep(2 * SCRAPE_S)
    for task in driving:
        task.cancel()
    await asyncio.gather(*driving, return_exceptions=True)


async def _act(
    script: Script, settings: Settings, venues: dict[str, Venue], clock: Clock, directory: Path, into: Scraped
) -> None:
    policy = to_policy(settings)
    with closing(Journal.open(directory, durable=False)) as journal:
        scraper = Scraper(policy, into, clock.now_ms())
        scraper.metrics.look_at(journal)
        parts = Parts(
            policy=policy,
            venues=venues,
            clock=clock,
            journal=journal,
            polling=polling_of(settings),
            observer=scraper,
            start_record={},
        )
        await Daemon(parts).run(lambda daemon: script(daemon, clock))
