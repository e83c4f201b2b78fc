"""Bugs of a hedge on several accounts: hedged twice, trusted too long, spread wrongly, and creates that come late."""

from __future__ import annotations

from tests.planted.plant import Bug

FRESHNESS = "hedger/engine/freshness.py"
FAILOVER = ("tests/unit/test_engine_failover.py",)
BOOKS = ("tests/property/test_engine_several.py",)
SHARES = ("tests/unit/test_engine_shares.py",)
LATE = ("tests/simulation/test_late_and_taken_off.py",)

BUGS: tuple[Bug, ...] = (
    Bug(
        name="a position out of sight cannot have gone",
        rule="law 4, failover",
        path="hedger/engine/exposure.py",
        old="            for coins in _at_stake(state, hedge, reading):\n",
        new="            for coins in list[Decimal]():\n",
        tests=BOOKS,
    ),
    Bug(
        name="an order whose cancel is lost out of sight is forgotten",
        rule="law 4, failover",
        path="hedger/engine/exposure.py",
        old="        if order.hedge == hedge.name and order.live:\n",
        new="        if order.hedge == hedge.name and order.live and order.status is not OrderStatus.PENDING_CANCEL:\n",
        tests=BOOKS,
    ),
    Bug(
        name="what lost orders made of another leg is not in the position limit",
        rule="position limit",
        path="hedger/engine/exposure.py",
        old="    units = max(abs(position + up), abs(position - down))\n",
        new="    units = abs(position)\n",
        tests=FAILOVER,
    ),
    Bug(
        name="an account out of sight is believed for ever",
        rule="I6, failover",
        path=FRESHNESS,
        old="_age_of_account(state, account) <= hedge.failover.blind_ms\n",
        new="_age_of_account(state, account)\n",
        tests=FAILOVER,
    ),
    Bug(
        name="a reading in doubt is good enough out of sight",
        rule="I6, failover",
        path=FRESHNESS,
        old="    if view.reading is None or view.doubted is not None or view.mistrusted or view.reading.options:\n",
        new="    if view.reading is None:\n",
        tests=FAILOVER,
    ),
    Bug(
        name="orders go to the account that is out of sight",
        rule="law 9, failover",
        path=FRESHNESS,
        old="(account == own or not is_unseen(state, hedge, account))",
        new="not is_unseen(state, hedge, account)",
        tests=FAILOVER,
    ),
    Bug(
        name="coins that are out of sight are still there",
        rule="I6, failover",
        path=FRESHNESS,
        old=" or account in hedge.spot_accounts:\n",
        new=":\n",
        tests=FAILOVER,
    ),
    Bug(
        name="an account that returns is traded on after one reading",
        rule="law 9, failover",
        path="hedger/engine/belief.py",
        old="        owed=max(0, _owed(state, policy, view, reading.account) - 1),\n",
        new="        owed=max(0, view.owed - 1),\n",
        tests=FAILOVER,
    ),
    Bug(
        name="a fired switch never stops the other accounts",
        rule="law 9",
        path="hedger/engine/anew.py",
        old="state.reconciled and policy.may_miss.issuperset(names)\n",
        new="state.reconciled\n",
        tests=FAILOVER,
    ),
    Bug(
        name="instruments stand in where nobody allowed it",
        rule="failover is asked for",
        path="hedger/settings/share_rules.py",
        old="    if not hedge.failover.allowed:\n        return Failover()\n",
        new="",
        tests=("tests/unit/test_settings_shares.py",),
    ),
    Bug(
        name="orders go to and fro with a venue that comes and goes",
        rule="failover does not flap",
        path="hedger/engine/choice.py",
        old="    if last in able:\n",
        new="    if last in ():\n",
        tests=FAILOVER,
    ),
    Bug(
        name="an account that is short of margin takes more",
        rule="law 8, margin of one account",
        path="hedger/engine/limits.py",
        old="    return p.hedge.failover.allowed and p.instrument.id.account not in stopped\n",
        new="    return p.hedge.failover.allowed\n",
        tests=FAILOVER,
    ),
    Bug(
        name="a position is reduced where margin is not short",
        rule="margin of one account",
        path="hedger/engine/margin.py",
        old="        held = [p for p in held if p.id.account in stopped]\n",
        new="        assert stopped is not None\n",
        tests=FAILOVER,
    ),
    Bug(
        name="a hedge elsewhere holds up the next margin reduction",
        rule="margin comes before the hedge",
        path="hedger/engine/decide.py",
        old=".settled and state.now - order.placed_at >= pace\n",
        new=".settled and state.now - order.placed_at >= 10**9 * pace\n",
        tests=FAILOVER,
    ),
    Bug(
        name="one instrument takes the shares of all",
        rule="shares",
        path="hedger/engine/portion.py",
        old="    if hedge.shares is None or not facts.per_unit:\n",
        new="    if True:\n",
        tests=SHARES,
    ),
    Bug(
        name="what is too much is added to",
        rule="shares",
        path="hedger/engine/shares.py",
        old="    best = max(found, key=lambda part: lacking(part, coins))\n",
        new="    best = min(found, key=lambda part: lacking(part, coins))\n",
        tests=SHARES,
    ),
    Bug(
        name="the last one goes on however much another lacks",
        rule="shares",
        path="hedger/engine/shares.py",
        old="    return own if near and lacking(own, coins) > 0 else best\n",
        new="    return own if lacking(own, coins) > 0 else best\n",
        tests=SHARES,
    ),
    Bug(
        name="a create is proven absent while it may still arrive",
        rule="law 3, transit",
        path="hedger/engine/step.py",
        old="        ttl_ms=max(command.ttl_ms, draft.instrument.transit_ms),\n",
        new="        ttl_ms=command.ttl_ms,\n",
        tests=LATE,
    ),
    Bug(
        name="a refusal after the yes is no refusal",
        rule="breaker, accepted then canceled",
        path="hedger/engine/order_flow.py",
        old="    if report.ended_because is None or after.live or",
        new="    if True or after.live or",
        tests=LATE,
    ),
    Bug(
        name="orders that the venue takes off are tried again at once",
        rule="attempt cap, accepted then canceled",
        path="hedger/engine/order_flow.py",
        old="    if before.status is OrderStatus.PENDING_CANCEL and not late:\n",
        new="    if after.status is OrderStatus.CANCELED and not late:\n",
        tests=LATE,
    ),
)
