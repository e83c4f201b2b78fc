"""What the doctor says of coins, limits and margin on an account that it read over the wire."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D

from hedger.app.doctor import Listed, account_rows
from hedger.app.findings import Finding
from hedger.app.holdings import holding_rows
from hedger.engine.known.policy import Policy
from hedger.settings.schema import Mode
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.wire_venue import BTC, opened


def examined(policy: Policy) -> dict[str, Finding]:
    """The rows on the fake Binance."""

    async def scenario() -> list[Finding]:
        listed = Listed()
        async with opened(ready=False) as desk:
            rows = await account_rows(policy, desk.venue, (BTC,), Mode.SHADOW, 0, listed)
        rules = {instrument.id: instrument for instrument in listed.instruments}
        return [*rows, *holding_rows(policy, listed.readings, rules, listed.prices)]

    return {row.check: row for row in asyncio.run(scenario())}


def test_coins_limit_margin_and_cost_are_judged_on_what_was_read() -> None:
    policy = replace(policy_of(hedge_of(instruments=(BTC,), spot_accounts=("main",))), sends=False)
    (hedge,) = policy.hedges
    rows = examined(policy)
    for name in ("holding", "position limit", "free margin", "first hedge", "first day"):
        assert f"{hedge.name}: {name}" in rows, rows
    assert "BTC on main" in rows[f"{hedge.name}: holding"].found
    least = replace(hedge.guards, position=D("0.001"), daily_cost=D(1), daily_notional=D(1000))
    tight = replace(hedge, static_quantity=D(1000), guards=least)
    found = examined(replace(policy, hedges=(tight,)))
    for name in ("position limit", "free margin", "first hedge", "first day"):
        assert not found[f"{hedge.name}: {name}"].good, name
