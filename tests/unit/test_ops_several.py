"""What a person sees of a hedge on several accounts: shares, the worst margin, and why an account gets no order."""

import json
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.cli.told import status_rows
from hedger.engine.margin import liquidation_distances, margin_ratios
from hedger.ops.several import several_status
from hedger.ops.status import hedge_status, write_status
from hedger.ops.view import Banner
from tests.support.engine_worlds import NOW, position_at
from tests.support.several_worlds import (
    AT_ONE,
    AT_TWO,
    ONE,
    TWO,
    at_hand,
    margin_of,
    reading_at,
    several,
    shared,
    unseen,
)

POLICY = several(shares=shared("3", "1"))
(HEDGE,) = POLICY.hedges
HELD = {AT_ONE: "-0.9", AT_TWO: "-0.1"}


def test_a_hedge_on_one_account_has_no_such_table() -> None:
    policy = several(failover=replace(HEDGE.failover, allowed=False))
    assert several_status(at_hand(policy), policy.hedges[0]) is None


def test_each_instrument_is_told_with_what_it_holds_and_what_its_share_comes_to() -> None:
    told = several_status(at_hand(POLICY, HELD, spot="1.2"), HEDGE)
    assert told is not None
    one, two = told["instruments"][str(AT_ONE)], told["instruments"][str(AT_TWO)]
    assert (one["held"], one["share"], one["against"]) == ("-0.9", "-0.9", None)
    assert (two["held"], two["share"], two["margin_ratio"], two["free_margin"]) == ("-0.1", "-0.3", "0.002", "9000000")


def test_an_account_out_of_sight_is_named_with_the_reason_and_has_no_share() -> None:
    told = several_status(unseen(at_hand(POLICY, HELD, spot="1.2"), ONE), HEDGE)
    assert told is not None
    assert told["unseen"] == [ONE]
    assert told["instruments"][str(AT_ONE)]["share"] is None
    assert "no fresh inputs" in told["instruments"][str(AT_ONE)]["against"]
    assert told["instruments"][str(AT_TWO)]["share"] == "-0.3"


def test_margin_and_distance_of_a_hedge_are_the_worst_of_its_accounts() -> None:
    state = at_hand(POLICY, HELD)
    views = dict(state.accounts)
    for name, id, ratio, price in ((ONE, AT_ONE, "0.1", "90000"), (TWO, AT_TWO, "0.3", "72000")):
        row = position_at(HELD[id], id=id, liquidation_price=D(price))
        reading = reading_at(name, margin=margin_of(ratio))
        views[name] = replace(views[name], reading=replace(reading, positions=(row,)))
    state = state._replace(accounts=views)
    status = hedge_status(state, HEDGE)
    assert (status["margin_ratio"], status["liquidation_distance"]) == ("0.3", "0.2")
    assert (max(margin_ratios(state, HEDGE, ONE)), min(liquidation_distances(state, HEDGE, ONE))) == (
        D("0.1"),
        D("0.5"),
    )


def test_it_reaches_the_status_file_and_its_rows(tmp_path: Path) -> None:
    banner = Banner(kind="paper", transport="port", started_at=NOW)
    write_status(tmp_path / "status.json", unseen(at_hand(POLICY, HELD), ONE), POLICY, banner, None)
    known = {**json.loads((tmp_path / "status.json").read_text()), "age_s": 0.2, "stale": False}
    rows = dict(status_rows(known))
    assert rows["btc.several.unseen"] == ONE
    assert rows[f"btc.several.instruments.{AT_TWO}.share"] == "-0.1"
