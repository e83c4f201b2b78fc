"""Words, figures, lines and explanations: complete over the closed lists, and true to the numbers."""

import json
from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pydantic_core
import pytest

from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Target, TargetKind
from hedger.engine.known.state import Action, Mode, Reason
from hedger.model.message import CancelOrder
from hedger.ops.events import LogEvent
from hedger.ops.explain import Story, explain, explain_story
from hedger.ops.figures import bps, coins, iso, money, percent, price, span
from hedger.ops.lines import decision_line
from hedger.ops.words import ACTION_WORDS, MODE_WORDS, ORDER_WORDS, REASON_WORDS, target_words
from tests.support.ops_states import NOW, ORDER_ID, decision, perpetual


def test_every_member_of_the_closed_lists_has_words() -> None:
    assert REASON_WORDS.keys() == set(Reason)
    assert ACTION_WORDS.keys() == set(Action)
    assert MODE_WORDS.keys() == set(Mode)
    assert ORDER_WORDS.keys() == set(OrderStatus)


def test_no_two_reasons_are_told_in_the_same_words() -> None:
    assert len(set(REASON_WORDS.values())) == len(Reason)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (TargetKind.NEUTRAL, "0", "neutral"),
        (TargetKind.RATIO, "0.8", "80 % hedged"),
        (TargetKind.COINS, "-0.5", "−0.5 coins"),
        (TargetKind.QUOTE, "10000", "10,000.00 in quote"),
    ],
)
def test_a_target_is_told_as_its_owner_would(kind: TargetKind, value: str, words: str) -> None:
    assert target_words(Target(kind=kind, value=D(value))) == words


def test_figures_keep_their_sign_unless_they_round_to_nothing() -> None:
    assert coins(D("-1.935")) == "−1.935"
    assert coins(D("0.065"), signed=True) == "+0.065"
    assert coins(D("0E-8"), signed=True) == "0"
    assert money(D("-0.004"), signed=True) == "0.00"
    assert money(D("-25.124")) == "−25.12"
    assert percent(D("0.1234"), places=1) == "12.3 %"
    assert bps(D("-1.77")) == "−1.8 bp"


def test_a_quantity_shows_places_that_fit_its_size() -> None:
    assert [coins(D(text)) for text in ("1204.567", "1.93512", "0.0123456", "0.00001234", "1E+2")] == [
        "1,204.57",
        "1.9351",
        "0.012346",
        "0.00001234",
        "100",
    ]


def test_a_price_keeps_all_of_its_own_digits() -> None:
    assert price(D("65000.1")) == "65,000.10"
    assert price(D("0.00001234")) == "0.00001234"


def test_a_span_is_told_in_its_two_largest_units() -> None:
    spans = [0, 2_400, 10_000, 200_000, 3_720_000, 100_800_000]
    assert [span(ms) for ms in spans] == ["0.0 s", "2.4 s", "10 s", "3 min 20 s", "1 h 2 min", "1 d 4 h"]


def test_an_instant_for_machines_is_utc_with_milliseconds() -> None:
    assert iso(NOW + 7) == "2026-03-01T12:00:00.007Z"


def test_a_decision_line_has_stable_keys_and_plain_decimals() -> None:
    line = decision_line(decision())
    assert line == {
        "at": "2026-03-01T11:59:56.841Z",
        "decision_id": 41,
        "hedge": "btc",
        "mode": "hedging",
        "action": "place",
        "reason": "outside_band",
        "net_delta": "0.065",
        "target": "0",
        "deviation": "0.065",
        "band": "-0.05..0.05",
        "instrument": "binance:BTC/USDT:USDT",
        "side": "sell",
        "quantity": "0.015",
        "price": "65000.1",
        "client_order_id": ORDER_ID,
        "detail": "",
    }
    assert json.loads(json.dumps(line)) == line


def test_a_line_of_a_decision_without_facts_says_none_and_not_zero() -> None:
    blind = replace(decision(), exposure=None, target=None, deviation=None, upper=None, lower=None, order=None)
    line = decision_line(blind)
    unknown = ("net_delta", "target", "deviation", "band", "side", "quantity", "price", "client_order_id")
    assert all(line[key] is None for key in unknown)


def test_a_stored_decision_is_explained_with_arithmetic_that_adds_up() -> None:
    text = explain(json.loads(pydantic_core.to_json(decision())))
    assert "It placed an order: the delta is outside its band." in text
    assert "spot 1.5 + static 0.5 + futures −1.935 = net delta 0.065 coins" in text
    assert "target 0, allowed −0.05 to 0.05" in text
    assert "deviation 0.065: 0.015 above the upper edge" in text
    assert "sell 0.015 at 65,000.10 on binance:BTC/USDT:USDT, post-only" in text
    assert ORDER_ID in text


def test_an_order_is_worth_what_its_contract_says_and_not_its_price_times_its_size() -> None:
    dollars = replace(decision(), notional=D("47550"))
    assert "worth 47,550.00 USDT, may add to the position" in explain(json.loads(pydantic_core.to_json(dollars)))
    assert "          may add to the position" in explain(json.loads(pydantic_core.to_json(decision())))


def test_a_decision_made_on_nothing_is_explained_too() -> None:
    blind = replace(
        decision(action=Action.DENY, reason=Reason.NO_QUOTE),
        exposure=None,
        target=None,
        deviation=None,
        upper=None,
        lower=None,
        quote=None,
        mark=None,
    )
    text = explain(json.loads(pydantic_core.to_json(blind)))
    assert "prices had not been seen yet" in text
    assert "the accounts had not been read yet" in text
    assert text.endswith("order     none")


def test_a_cancel_is_explained_as_a_cancel() -> None:
    cancel = CancelOrder(id=perpetual("BTC"), client_order_id=ORDER_ID, venue_order_id=None)
    record = replace(decision(action=Action.CANCEL, reason=Reason.PRICE_MOVED), order=cancel)
    text = explain(json.loads(pydantic_core.to_json(record)))
    assert f"cancel {ORDER_ID} on binance:BTC/USDT:USDT" in text


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("action", list(Action))
def test_every_pair_of_action_and_reason_can_be_explained(action: Action, reason: Reason) -> None:
    text = explain(json.loads(pydantic_core.to_json(decision(action=action, reason=reason))))
    assert REASON_WORDS[reason] in text


def test_every_event_name_is_written_by_something() -> None:
    package = Path(__file__).parents[2] / "hedger"
    sources = [path.read_text() for path in package.rglob("*.py") if path.name != "events.py"]
    silent = [event for event in LogEvent if not any(f"LogEvent.{event.name}" in source for source in sources)]
    assert not silent, "a documented event that nothing writes is a promise that nobody keeps"


def test_what_became_of_an_order_is_told_after_its_decision() -> None:
    record = json.loads(pydantic_core.to_json(decision()))
    order = {"status": "open", "quantity": "0.10", "reported": "0", "booked": "0"}
    filled = {**order, "status": "filled", "reported": "0.1", "booked": "0.10"}
    fill = {
        "exchange_at": NOW + 2_000,
        "side": "sell",
        "quantity": "0.10",
        "price": "60000.2",
        "fee": "1.2",
        "fee_asset": "USDT",
        "maker": True,
        "trade_id": "7",
    }
    story = Story(
        decision=record,
        life=[(record["at"] + 300, order), (record["at"] + 2_000, filled)],
        fills=[fill],
        nearby=[(NOW + 9_000, "halt", "by hand", {}), (NOW + 9_500, "resume", "resume", {"reason": "seen"})],
    )
    text = explain_story(story)
    assert text.startswith(explain(record))
    assert "then      after 0.3 s " in text
    twice = replace(story, life=[turn for turn in story.life for _ in range(2)])
    assert explain_story(twice) == text, "what is the same as before is not said again"
    assert ", 0.1 of 0.1 filled" in text
    assert "sell 0.1 at 60,000.20, maker, fee 1.2 USDT, trade 7" in text
    assert "halt by hand" in text
    assert "resume resume: seen" in text
    assert story.as_record()["life"] == [{"at": record["at"] + 300, **order}, {"at": record["at"] + 2_000, **filled}]


def test_a_decision_without_an_order_has_no_life_to_tell() -> None:
    record = json.loads(pydantic_core.to_json(decision()))
    assert explain_story(Story(decision=record)) == explain(record)


def test_an_explanation_holds_nothing_that_a_terminal_obeys() -> None:
    record = {**json.loads(pydantic_core.to_json(decision())), "detail": "red \x1b[31m\nsecond line \u202e"}
    nearby = [(NOW, "operator", "pause", {"reason": "lunch \x07\x1b]0;title"})]
    text = explain_story(Story(decision=record, nearby=nearby))
    assert "lunch ??]0;title" in text
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert all(c.isprintable() for c in explain(record).replace("\n", ""))
    assert "red ?[31m?second line ?" in explain(record)
