"""The console's document: ready for JSON, whole in every state, and made anew from what changed."""

import json
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.known.latch import Flatten
from hedger.engine.known.state import Action, Mode, Reason, Severity, State, initial_state
from hedger.ops.alarms import Alarms
from hedger.ops.console.hedges import hedge_document
from hedger.ops.console.snapshot import View, changes, document, merge
from hedger.ops.view import Banner
from tests.support.ops_states import NOW, decision, hedging_state, policy
from tests.unit.test_engine_other_coins import world

BANNER = Banner(kind="paper", transport="wire", started_at=NOW - 60_000)
NAMES = ("BTC", "ETH")


def drawn(state: State, *names: str) -> dict[str, Any]:
    wishes = policy(*names) if names else policy()
    view = View(state=state, policy=wishes, banner=BANNER, alarms=Alarms(wishes).look(state))
    return document(view)


def floats_in(value: object) -> list[float]:
    """Every float in a document."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in floats_in(part)]
    if isinstance(value, list):
        return [found for part in value for found in floats_in(part)]
    return [value] if isinstance(value, float) else []


def test_a_document_survives_json_and_tells_amounts_as_texts() -> None:
    told = drawn(hedging_state())
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    btc = told["hedges"]["btc"]
    assert (btc["delta"], btc["lower"], btc["upper"], btc["deviation"]) == ("0.065", "-0.05", "0.05", "0.065")
    assert [(p["quantity"], p["delta"]) for p in btc["positions"]] == [("-1.935", "-1.935")]
    assert told["accounts"]["binance"]["margin"]["equity"] == "58000"
    assert all(abs(number) < 1e6 for number in floats_in(btc["funding_now"]))


def test_a_program_that_knows_nothing_yet_has_a_document_too() -> None:
    told = drawn(initial_state(policy(), now=NOW, epoch=1))
    assert json.loads(json.dumps(told)) == told
    btc = told["hedges"]["btc"]
    assert (btc["delta"], btc["prices"], btc["funding_now"], btc["positions"]) == (None, None, None, [])
    assert told["accounts"]["binance"]["margin"] is None
    assert told["program"]["mode"] == "boot"


def test_funding_says_in_words_who_pays_whom_and_what_comes_to_us() -> None:
    funding = drawn(hedging_state())["hedges"]["btc"]["funding_now"]
    assert funding["words"] == "longs pay shorts: we receive"
    assert (funding["yearly"], funding["ours"]) == ("0.1095", "37.73")


def test_a_guard_that_stopped_the_last_decision_is_told_as_stopping() -> None:
    state = hedging_state()
    assert drawn(state)["hedges"]["btc"]["guard_states"] == {}
    met = decision(action=Action.DENY, reason=Reason.SPREAD)
    memory = replace(state.hedges["btc"], decision=met, margin_severity=Severity.WARN)
    told = drawn(state._replace(hedges={"btc": memory}))["hedges"]["btc"]
    assert told["guard_states"] == {"margin_ratio": "warn", "spread": "stop"}
    assert told["margin"]["state"] == "warn"
    assert told["decision"]["words"] == "the spread is too wide"


def test_every_guard_is_told_with_its_limit_in_a_unit_that_the_page_knows() -> None:
    told = drawn(hedging_state())["hedges"]["btc"]
    assert told["guards"].keys() > told["guard_values"].keys()
    assert told["guards"]["spread"] == {"words": "the spread is too wide", "unit": "bp", "limit": "10"}
    assert told["guards"]["margin_ratio"]["levels"]["stop"] == "0.5"
    assert told["guard_values"]["orders_per_minute"] == "0"
    assert D(told["guard_values"]["quote_age"]) % 100 == 0


def test_a_flatten_is_told_of_its_hedge() -> None:
    flattened = hedging_state()._replace(flattening={"btc": Flatten(reason="leaving", asked_at=NOW)})
    assert drawn(hedging_state())["hedges"]["btc"]["flatten"] is None
    assert drawn(flattened)["hedges"]["btc"]["flatten"] == "is being flattened: leaving"


def test_what_a_hedge_is_judged_by_is_said_to_be_old_when_it_is() -> None:
    told = [drawn(hedging_state()._replace(now=NOW + later))["hedges"]["btc"]["stale"] for later in (0, 60_000)]
    assert told == [None, "binance:BTC/USDT:USDT is 60120 ms old, the limit is 2000 ms"]


def test_what_is_held_and_the_futures_on_other_coins_add_up_to_the_delta() -> None:
    state, hedge = world(eth="-10", btc="-0.1")
    told = hedge_document(state, hedge)
    parts = sum(D(told[name]) for name in ("spot", "static", "options", "across"))
    assert abs(parts - D(told["delta"])) < D("1e-6")
    assert D(told["across"]) < 0
    assert drawn(hedging_state())["hedges"]["btc"]["across"] is None


def moved(state: State) -> State:
    """The same a second later: another hedge state, another mode, a longer wait."""
    memory = replace(state.hedges["btc"], outside_since=None)
    account = replace(state.accounts["binance"], failures=2, last_failure="<img src=x onerror=alert(1)>")
    return state._replace(
        now=state.now + 1_000,
        mode=Mode.HALTED,
        halted="a drill",
        orders={},
        hedges={**state.hedges, "btc": memory},
        accounts={"binance": account},
    )


def test_what_changed_merged_into_the_old_document_is_the_new_one() -> None:
    before, after = drawn(hedging_state()), drawn(moved(hedging_state()))
    change = changes(before, after)
    assert merge(before, change) == {**after, "decisions": before["decisions"]}
    assert change["program"]["mode"] == "halted"
    assert change["alarms"] == after["alarms"] != []
    assert "guards" not in change["hedges"]["btc"]
    assert changes(after, after) == {"at": after["at"]}


def test_a_hedge_that_came_or_went_with_a_reload_is_told() -> None:
    one, two = drawn(hedging_state(policy("BTC")), "BTC"), drawn(hedging_state(policy(*NAMES)), *NAMES)
    assert changes(two, one)["hedges"]["eth"] is None
    assert merge(two, changes(two, one))["hedges"].keys() == {"btc"}
    assert merge(one, changes(one, two))["hedges"] == two["hedges"]


def test_the_newest_decision_comes_first_and_fifty_are_enough() -> None:
    told = tuple(replace(decision(), decision_id=number) for number in range(70))
    view = View(state=hedging_state(), policy=policy(), banner=BANNER, decisions=told)
    ids = [row["decision_id"] for row in document(view)["decisions"]]
    assert ids == list(range(69, 19, -1))


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_has_words_on_the_page(mode: Mode) -> None:
    assert drawn(hedging_state()._replace(mode=mode))["program"]["mode_words"]
