"""What a person sees of a hedge on several accounts: shares, the worst margin, and why an account gets no order."""

import json
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

from hedger.cli.told import status_rows
from hedger.engine.guards.margin import liquidation_distances, margin_ratios
from hedger.engine.known.policy import Failover
from hedger.ops.several import absence_words, several_status, venues_line
from hedger.ops.status import hedge_status, write_status
from hedger.ops.view import Banner, render
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
from tests.support.view_drawn import view_text

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


def test_what_is_free_is_told_of_the_wallet_that_backs_the_contract() -> None:
    state = at_hand(POLICY, HELD, spot="1.2")
    view = state.accounts[TWO]
    assert view.reading is not None
    own = replace(view.reading, coin_margins={"USDT": margin_of(available="7")})
    told = several_status(state._replace(accounts={**state.accounts, TWO: replace(view, reading=own)}), HEDGE)
    assert told is not None
    assert told["instruments"][str(AT_TWO)]["free_margin"] == "7"


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
    assert rows[f"sight of {ONE}"].startswith("out of sight for 1 min; btc goes on with two for another 4 min")
    assert f"sight of {TWO}" not in rows
    assert rows[f"btc.several.instruments.{AT_TWO}.share"] == "-0.1"


def test_an_account_out_of_sight_is_told_with_since_when_who_goes_on_and_what_its_venue_said() -> None:
    state = unseen(at_hand(POLICY, HELD), ONE, last_failure="account: HTTP 503")
    text = view_text(render(state, POLICY), width=110)
    for words in (
        "one: out of sight for 1 min; btc goes on with two for another 4 min, its positions as last seen",
        "HTTP 503",
        "one −0.9 out of sight · two −0.1",
        "if filled or taken",
    ):
        assert words in text, text
    assert absence_words(state, POLICY, TWO) is None


def test_a_hedge_that_may_not_go_on_without_an_account_says_that_it_waits() -> None:
    alone = several(failover=Failover())
    for policy, for_ms in ((POLICY, 301_000), (alone, 60_000)):
        told = absence_words(unseen(at_hand(policy, HELD), ONE, for_ms=for_ms), policy, ONE)
        assert told is not None
        assert "btc waits for it" in told
    assert venues_line(at_hand(alone, HELD), alone.hedges[0]) is None


def test_an_instrument_that_takes_no_order_is_marked_though_its_account_is_seen() -> None:
    state = unseen(at_hand(POLICY, HELD), ONE, for_ms=1_000)
    line = venues_line(state._replace(quotes={AT_TWO: state.quotes[AT_TWO]}), HEDGE)
    assert line is not None
    assert line.plain == "one −0.9 no order there now · two −0.1"
