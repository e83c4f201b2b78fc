"""Quarter-hours in worlds that deposit, withdraw, rise, fall and storm: hedged, by a maker, and the books agree."""

from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.summary import summarise
from hedger.engine.known.policy import BandRule
from hedger.sim.scenario import ScenarioConfig
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.simulated_daemon import NOON, Play, play

SECONDS = 900
TO_FUNDING = 4 * 3_600_000 - 600_000  # from noon until ten minutes before funding is settled
POLICY = policy_of(
    hedge_of(
        static_quantity=D("0.5"),
        band=band("0.01", rule=BandRule.RELATIVE, floor=D("0.002")),
        guards={"order_notional": D(50_000), "position": D(3)},
    )
)


@pytest.mark.parametrize("seed", range(1, 23))
def test_a_quarter_of_an_hour_ends_hedged_and_agrees_with_the_exchange(seed: int, tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.sleep(SECONDS - 60)
        assert it.world.scenario is not None
        it.world.scenario.stop()
        await it.sleep(60)
        await it.until_hedged(within=600)
        await it.sleep(61)  # a last reading of funding, so that the ledger is complete

    start_at = NOON + TO_FUNDING
    restless = ScenarioConfig()
    it = play(script, POLICY, tmp_path, seed=seed, start_at=start_at, scenario=restless, spot={"BTC": "1.2"}, keep=True)
    summary = summarise(
        state=it.state,
        policy=POLICY,
        journal=it.journal,
        truths={ACCOUNT: it.truth},
        transport="port",
        seconds=SECONDS,
        seed=seed,
    )
    it.journal.close()
    assert summary.sound, f"seed {seed}: {summary.verdict}"
    assert summary.hedged, f"seed {seed}: {summary.verdict}"
    assert summary.fills > 0
    assert summary.funding_usd == sum((record.amount for record in it.truth.funding), D(0)) != 0
    assert summary.fees_usd == sum((trade.fee for trade in it.trades), D(0)) > 0
    assert it.checks.orders == len(it.venue.placed)
    assert len(it.state.orders) < 60, "what has ended is forgotten"
