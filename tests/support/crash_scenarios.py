"""The scenarios that `make crashes` kills a process in, at every point."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

from hedger.engine.known.policy import RebalanceTo
from hedger.model.message import Operation
from hedger.model.order import RejectReason
from tests.support.crash_runs import Scenario, nothing
from tests.support.crash_stories import (
    a_person_trades,
    a_taker_s_fill,
    after_a_deposit,
    asked,
    asked_too_often,
    back_and_forth,
    bent,
    bent_later,
    beside_a_person_s_order,
    crossing,
    deaf,
    deleveraged,
    filled_while_canceled,
    fills_come_backwards,
    fills_come_twice,
    forgetful,
    halted_and_lifted,
    hedged,
    idle,
    in_a_thin_book,
    in_crumbs,
    in_pieces,
    in_transit,
    journal_fails,
    jump,
    lost_acks,
    lost_acks_and_memory,
    lost_creates,
    margin_runs_out,
    partly_filled,
    paused_for_a_while,
    placed,
    refusing,
    repriced,
    resting,
    short_of_margin,
    unknown_cancels,
    while_resting,
    with_collateral,
    with_old_readings,
    with_other_leverage,
    without_collateral,
    without_fills,
    without_readings,
)
from tests.support.engine_policies import ACCOUNT, band, hedge_of, policy_of
from tests.support.simulated_daemon import NOON

ETH_TOO = policy_of(hedge_of(), hedge_of("ETH", band=band("0.1")))
THREE = policy_of(
    hedge_of(), hedge_of("ETH", band=band("0.1")), hedge_of("SOL", band=band("2"), guards={"position": D(400)})
)
SLICED = policy_of(hedge_of(execution={"slice_quantity": D("0.3"), "cooldown_ms": 500}))
SHORT_LIVED = policy_of(hedge_of(execution={"deadline_ms": 1_500, "linger_ms": 500}))
TO_THE_EDGE = policy_of(hedge_of(band=replace(band("0.05"), rebalance_to=RebalanceTo.EDGE)))
LONG_HEDGE = policy_of(hedge_of(static_quantity=D("-1")))
FUNDING = NOON + 4 * 3_600_000
MIDNIGHT = NOON + 12 * 3_600_000
SWITCHED = policy_of(hedge_of(), switch_ms={ACCOUNT: 30_000})
TWO_COINS = {"BTC": "1", "ETH": "10"}

SCENARIOS = (
    Scenario(name="first hedge", script=hedged),
    Scenario(name="first hedge of a short holding", script=hedged, policy=LONG_HEDGE, spot={"BTC": "0"}),
    Scenario(name="hedge up", script=after_a_deposit("0.3")),
    Scenario(name="hedge down", script=after_a_deposit("-0.3")),
    Scenario(name="hedge to the edge of the band", script=after_a_deposit("0.2"), policy=TO_THE_EDGE),
    Scenario(name="nothing to do", script=idle, spot={"BTC": "0.005"}),
    Scenario(name="in slices", script=hedged, policy=SLICED),
    Scenario(name="partial fills", script=in_pieces),
    Scenario(name="many tiny fills", script=in_crumbs),
    Scenario(name="filled while canceled", script=filled_while_canceled),
    Scenario(name="repriced again and again", script=repriced),
    Scenario(name="past its deadline", script=hedged, policy=SHORT_LIVED),
    Scenario(name="two hedges", script=hedged, policy=ETH_TOO, spot=TWO_COINS),
    Scenario(name="three hedges", script=hedged, policy=THREE, spot={"BTC": "1", "ETH": "10", "SOL": "200"}),
    Scenario(name="deposit while an order rests", script=while_resting(lambda it: it.deposit("0.4"))),
    Scenario(name="withdrawal while an order rests", script=while_resting(lambda it: it.deposit("-0.4"))),
    Scenario(name="withdrawal of all while an order rests", script=while_resting(lambda it: it.deposit("-1"))),
    Scenario(name="deposit and withdrawal", script=back_and_forth),
    Scenario(name="coins in transit", script=in_transit),
    Scenario(name="the hedge is deleveraged", script=deleveraged),
    Scenario(name="a person trades", script=a_person_trades),
    Scenario(name="a person's order rests", script=beside_a_person_s_order),
    Scenario(name="market falls away from the order", script=while_resting(lambda it: jump(it, -0.004))),
    Scenario(name="market rises through the order", script=while_resting(lambda it: jump(it, 0.004))),
    Scenario(name="funding settles", script=after_a_deposit("0.1"), start_at=FUNDING - 14_000),
    Scenario(name="midnight", script=after_a_deposit("0.1"), start_at=MIDNIGHT - 13_000),
    Scenario(name="lost acknowledgements", script=bent(lost_acks, 12)),
    Scenario(name="lost creates", script=bent(lost_creates, 12)),
    Scenario(name="lost acknowledgements, and it forgets", script=bent(lost_acks_and_memory, 15)),
    Scenario(
        name="it goes on forgetting after the start",
        script=bent(lost_acks_and_memory, 15),
        again=bent(forgetful, 15),
    ),
    Scenario(name="the venue forgets a resting order", script=bent_later(forgetful, 8)),
    Scenario(name="cancels of a live order are unknown", script=bent_later(unknown_cancels, 8)),
    Scenario(name="late fills", script=bent_later(without_fills, 8)),
    Scenario(name="late fills, late again after the start", script=partly_filled, again=bent(without_fills, 8)),
    Scenario(name="fills come twice", script=fills_come_twice),
    Scenario(name="fills come backwards", script=fills_come_backwards),
    Scenario(name="streams are down", script=bent_later(deaf, 10)),
    Scenario(name="streams are down after the start", script=partly_filled, again=bent(deaf, 10)),
    Scenario(name="readings fail", script=bent_later(without_readings, 14)),
    Scenario(name="readings fail after the start", script=partly_filled, again=bent(without_readings, 14)),
    Scenario(name="readings are old", script=bent_later(with_old_readings, 6)),
    Scenario(name="storm of refusals", script=bent(refusing(RejectReason.UNAVAILABLE), 14)),
    Scenario(name="post-only orders would cross", script=bent(crossing, 12)),
    Scenario(name="thin book", script=bent_later(in_a_thin_book, 6)),
    Scenario(name="margin runs out", script=margin_runs_out, flips=False),
    Scenario(name="margin is short while an order rests", script=bent_later(short_of_margin, 8)),
    Scenario(name="no collateral", script=without_collateral, again=with_collateral, collateral="300"),
    Scenario(name="leverage is changed", script=bent_later(with_other_leverage, 6)),
    Scenario(name="halt", script=asked(Operation.HALT, resting)),
    Scenario(name="halt while an order fills", script=asked(Operation.HALT, partly_filled)),
    Scenario(name="halt that is lifted", script=halted_and_lifted),
    Scenario(name="halt by a taker's fill", script=a_taker_s_fill),
    Scenario(name="pause", script=asked(Operation.PAUSE, resting)),
    Scenario(name="pause and resume", script=paused_for_a_while),
    Scenario(name="asked again and again", script=asked_too_often),
    Scenario(name="drain while a create is in flight", script=placed),
    Scenario(name="drain while an order rests", script=resting),
    Scenario(name="drain while an order fills", script=partly_filled),
    Scenario(name="journal fails while an order rests", script=journal_fails(resting, 8)),
    Scenario(name="journal fails before the first order", script=journal_fails(nothing, 14)),
    Scenario(name="with a dead man's switch", script=after_a_deposit("0.2"), policy=SWITCHED),
    Scenario(name="the switch fires while it is away", script=partly_filled, policy=SWITCHED, away_s=45),
    Scenario(name="away for a while", script=partly_filled, away_s=90),
    Scenario(name="recovery of a create in flight", before=placed, script=hedged),
    Scenario(name="recovery of a resting order", before=resting, script=hedged),
    Scenario(name="recovery of a partly filled order", before=partly_filled, script=hedged),
    Scenario(
        name="recovery of two orders", before=resting, script=hedged, policy=ETH_TOO, spot={"BTC": "1", "ETH": "9"}
    ),
    Scenario(name="recovery at a venue that forgets", before=partly_filled, script=bent(forgetful, 12)),
)
