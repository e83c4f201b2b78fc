"""Several accounts, each a user of its own on the exchange: nothing is counted twice, and nothing is mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path

from pydantic import TypeAdapter

from hedger.app.daemon import Daemon, Parts
from hedger.app.exchange import START_AT, PaperWorld, build_world
from hedger.app.paper import run_at_port
from hedger.app.summary import summarise
from hedger.engine.decision.facts import gather
from hedger.engine.known.policy import Policy
from hedger.model.order import Fill, Side
from hedger.runtime.journal import Journal
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from hedger.sim.nouns import OrderKind, Truth, Wallet
from hedger.sim.port import SimVenue, SteadyLink, drive
from hedger.sim.virtual_time import VirtualClock, run_virtual
from tests.support.simulated_daemon import POLLING, Watcher
from tests.support.simulated_venue import LensVenue

FILL: TypeAdapter[Fill] = TypeAdapter(Fill)
ACCOUNTS = """
mode = "paper"
accounts = { vault = { venue = "binance" }, desk = { venue = "binance" } }
"""
BAND = 'band = { rule = "relative", width = 0.01, floor = 0.002 }\nguards = { position = 50, order_notional = 300_000 }'
ON_THE_DESK = f'{ACCOUNTS}\n[hedges.BTC]\ninstruments = ["desk:BTC/USDT:USDT"]\n{BAND}\n'
APART = f"""{ACCOUNTS}
[hedges.BTC]
instruments = ["vault:BTC/USDT:USDT"]
{BAND}
[hedges.ETH]
instruments = ["desk:ETH/USDT:USDT"]
{BAND.replace("0.002", "0.02")}
"""
ON_BOTH = f"""{ACCOUNTS}
[hedges.BTC]
instruments = ["vault:BTC/USDT:USDT", "desk:BTC/USDT:USDT"]
{BAND}
[paper]
deposits = false
spot = {{ BTC = 1 }}
"""


def configured(directory: Path, text: str) -> Settings:
    path = directory / "paper.toml"
    path.write_text(text)
    return load_settings(path, {}, {})


@dataclass
class Scene:
    """A daemon on the paper exchange of its settings, with a lens in front of each account."""

    paper: PaperWorld
    venues: dict[str, LensVenue]
    clock: VirtualClock
    policy: Policy
    daemon: Daemon
    crowded: list[str] = field(default_factory=list)

    def truth(self, account: str) -> Truth:
        return self.paper.exchange.truth(account)

    def positions(self) -> dict[str, D]:
        return {name: self.truth(name).positions["BTCUSDT"] for name in self.venues}

    def resting(self) -> list[str]:
        return [o.client_order_id for name in self.venues for o in self.truth(name).open_orders]

    def deposit(self, quantity: str) -> None:
        self.paper.exchange.deposit("vault", Wallet.SPOT, "BTC", D(quantity))

    def sell_at_market(self, account: str, quantity: str) -> None:
        """As a person does, past the daemon."""
        self.paper.exchange.place(
            account,
            Wallet.LINEAR,
            "BTCUSDT",
            side=Side.SELL,
            kind=OrderKind.MARKET,
            quantity=D(quantity),
            price=None,
            reduce_only=False,
            client_order_id="by-hand",
        )

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = self.clock.now_ms() + 300_000
        while not holds():
            assert self.clock.now_ms() < deadline, f"not {what}: {self.positions()}, {self.daemon.state.halted}"
            await self.clock.sleep(0.05)

    async def until_hedged(self) -> None:
        """By readings of both accounts that were asked for from now on, with nothing at work."""
        since = self.clock.now_ms()
        await self.until(lambda: self._read_since(since) and self._inside() and not self.resting(), "hedged")

    def _read_since(self, at: int) -> bool:
        return all(view.believed_at > at and view.settled for view in self.daemon.state.accounts.values())

    def _inside(self) -> bool:
        (hedge,) = self.policy.hedges
        facts = gather(self.daemon.state, hedge)
        return facts is not None and facts.inside


def play(settings: Settings, directory: Path, script: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Run a daemon until its script ends and it has drained; no order may leave while another rests."""

    async def run() -> Scene:
        clock, paper, policy = VirtualClock(), build_world(settings, START_AT, None), to_policy(settings)
        link = SteadyLink(clock, 1)
        venues = {
            name: LensVenue(SimVenue(paper.exchange, clock, link, account=name, user=name)) for name in policy.accounts
        }
        with closing(Journal.open(directory)) as journal:
            parts = Parts(
                policy=policy,
                venues=venues,
                clock=clock,
                journal=journal,
                polling=POLLING,
                observer=Watcher(),
                start_record={},
            )
            scene = Scene(paper, venues, clock, policy, Daemon(parts))
            for venue in venues.values():
                venue.leaving = lambda _: scene.crowded.extend(scene.resting())
            driving = asyncio.create_task(drive(paper.exchange, clock))
            await scene.daemon.run(lambda _: script(scene))
            driving.cancel()
        return scene

    return run_virtual(run(), START_AT)


def fills_in(directory: Path) -> Iterator[Fill]:
    with closing(Journal.open(directory, read_only=True)) as journal:
        yield from [FILL.validate_json(body) for _, _, body in journal.rows("fill")]


def test_spot_on_one_account_is_hedged_on_another(tmp_path: Path) -> None:
    settings = configured(tmp_path, ON_THE_DESK)
    summary = run_at_port(settings, seconds=1_800, replay=None, directory=tmp_path / "state", json=True)
    assert summary.good, summary.verdict
    assert summary.funding_usd != 0
    fills = list(fills_in(tmp_path / "state"))
    assert {fill.id.account for fill in fills} == {"desk"}
    hedged = sum((fill.side.sign * fill.quantity for fill in fills), D(0))
    assert D("-1.8") < hedged < D("-0.4"), "about the 1.2 BTC of the first account's spot wallet, once"


def test_two_hedges_each_trade_on_their_own_account(tmp_path: Path) -> None:
    settings = configured(tmp_path, APART)
    summary = run_at_port(settings, seconds=1_800, replay=None, directory=tmp_path / "state", json=True)
    assert summary.good, summary.verdict
    assert all(hedge.hedged for hedge in summary.hedges.values())
    assert {str(fill.id) for fill in fills_in(tmp_path / "state")} == {"vault:BTC/USDT:USDT", "desk:ETH/USDT:USDT"}


def test_positions_of_both_accounts_count_and_the_first_fresh_instrument_is_used(tmp_path: Path) -> None:
    async def script(it: Scene) -> None:
        it.sell_at_market("desk", "0.3")
        await it.until_hedged()
        assert it.positions() == {"vault": D("-0.7"), "desk": D("-0.3")}
        it.venues["vault"].quote = lambda quote: None
        await it.clock.sleep(5)
        it.deposit("0.2")
        await it.until_hedged()
        assert it.positions() == {"vault": D("-0.7"), "desk": D("-0.5")}
        it.venues["vault"].clear()
        await it.clock.sleep(5)
        it.deposit("0.1")
        await it.until_hedged()
        assert it.positions() == {"vault": D("-0.8"), "desk": D("-0.5")}

    assert play(configured(tmp_path, ON_BOTH), tmp_path, script).crowded == []


def test_an_order_whose_instrument_goes_stale_is_not_doubled_on_the_other(tmp_path: Path) -> None:
    async def script(it: Scene) -> None:
        first = it.venues["vault"]
        await it.until_hedged()
        for _ in range(6):
            it.deposit("0.1")
            await it.until(lambda: bool(it.truth("vault").open_orders), "an order on the first account")
            first.quote = lambda quote: None
            await it.until_hedged()
            first.clear()
            await it.clock.sleep(5)
        assert sum(it.positions().values()) == D("-1.6")
        assert it.positions()["desk"] < 0, "some of it was left for the other instrument"

    assert play(configured(tmp_path, ON_BOTH), tmp_path, script).crowded == []


def test_what_is_booked_for_the_wrong_account_is_a_difference(tmp_path: Path) -> None:
    settings = configured(tmp_path, ON_BOTH)
    it = play(settings, tmp_path, Scene.until_hedged)
    right = {name: it.truth(name) for name in it.venues}
    wrong = dict(zip(right, reversed(right.values()), strict=True))
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        verdicts = [
            summarise(
                state=it.daemon.state,
                policy=to_policy(settings),
                journal=journal,
                truths=truths,
                transport="port",
                seconds=1,
                seed=1,
            )
            for truths in (right, wrong)
        ]
    assert verdicts[0].good, verdicts[0].verdict
    told = " ".join(verdicts[1].differences)
    assert all(word in told for word in ("is not in the journal", "is not on the exchange", "position vault:BTCUSDT"))
