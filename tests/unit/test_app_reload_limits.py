"""Where exactly a reload begins to need a person's word, and what of a book makes a target an option."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest
from pydantic import SecretStr

from hedger.app.reload_plan import Plan, _told, plan_of
from hedger.engine.known.policy import BandInputs, BandRule
from hedger.model.option import OptionPosition
from hedger.settings.diff import CHANGED, NOTHING, _texts
from hedger.settings.explain import MASK, config_digest
from tests.support.configurations import changed, load
from tests.support.dated_worlds import DAY, NEAR, PERP, dated_policy, future, world
from tests.support.engine_policies import ACCOUNT, band, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import hedging, reading_of
from tests.support.option_books import LINEAR, option_of
from tests.unit.test_app_reload_plan import PLAIN, plan, state_of

HALF = changed("value = 1", "value = 0.9", PLAIN)
COLD = '\n[[holdings]]\nasset = "BTC"\nquantity = {}\n'


def test_a_step_worth_exactly_one_order_needs_no_word_and_one_more_needs_it(tmp_path: Path) -> None:
    for limit, doubted in (("6_000", False), ("5_999", True)):
        old = changed("= 10_000", f"= {limit}", PLAIN)
        told = plan(tmp_path, changed("value = 1", "value = 0.9", old), old=old)
        assert bool(told.doubts) is doubted
        assert len(told.doubts or told.effects) == 2


def test_of_what_is_due_only_what_is_more_than_before_is_the_reload_s_doing(tmp_path: Path) -> None:
    """Half a coin was being sold already: six tenths are a tenth more, and the other way round all of it is."""
    told = plan(tmp_path, PLAIN + COLD.format("0.1"), spot="1.5")
    assert told.doubts == ()
    assert told.effects[-1] == "BTC: it sells 0.6 BTC at once, worth 36,000"
    turned = plan(tmp_path, PLAIN + COLD.format("0.25"), spot="0.9")
    assert "BTC: it sells 0.15 BTC at once, worth 9,000" in turned.effects
    turned = plan(tmp_path, PLAIN + COLD.format("0.3"), spot="0.9")
    assert "BTC: it sells 0.2 BTC at once, worth 12,000" in turned.doubts


@pytest.mark.parametrize(
    ("was", "will", "doubted"),
    [("0.01", "0.1", True), ("0.01", "0.099", False), ("0.1", "0.01", True), ("0.1", "0.011", False)],
)
def test_a_band_ten_times_as_wide_or_as_narrow_needs_a_word(was: str, will: str, doubted: bool, tmp_path: Path) -> None:
    old = changed("width = 0.01", f"width = {was}", PLAIN)
    told = plan(tmp_path, changed("width = 0.01", f"width = {will}", PLAIN), old=old)
    text = f"BTC: the band becomes {will} BTC on each side; it is {was}"
    assert (told.doubts, told.effects) == (((text,), ()) if doubted else ((), (text,)))


def test_a_lopsided_band_that_becomes_even_is_told_by_its_sides(tmp_path: Path) -> None:
    old = changed("width = 0.01", "upper = 0.02, lower = 0.03", PLAIN)
    told = plan(tmp_path, PLAIN, old=old)
    assert told.effects == (
        "BTC: the band becomes 0.01 BTC above; it is 0.02",
        "BTC: the band becomes 0.01 BTC below; it is 0.03",
    )


@pytest.mark.parametrize(
    ("guard", "doubted"),
    [
        ("depth = 100", True),
        ("depth = 101", False),
        ("margin_ratio = { reduce = 0.97 }", True),
        ("margin_ratio = { reduce = 0.96 }", False),
        ("orders_per_minute = 200", True),
        ("orders_per_minute = 199", False),
    ],
)
def test_a_guard_that_lets_ten_times_as_much_through_needs_a_word(guard: str, doubted: bool, tmp_path: Path) -> None:
    told = plan(tmp_path, changed("daily_cost = 50", f"daily_cost = 50, {guard}", PLAIN))
    assert bool(told.doubts) is doubted


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ((), False),
        ((option_of(quantity="2", payoff=LINEAR),), True),
        ((option_of(quantity="0", payoff=LINEAR),), False),
        ((replace(option_of(quantity="2", payoff=LINEAR), underlying="ETH"),), False),
    ],
)
def test_options_that_are_held_make_another_target_one_with_a_gamma(
    options: tuple[OptionPosition, ...], refused: bool, tmp_path: Path
) -> None:
    told = with_options(tmp_path, HALF, options)
    assert any("gamma that nobody has accepted" in text for text in told.refusals) is refused
    accepted = changed('kind = "ratio",', 'kind = "ratio", accept_gamma = true,', HALF)
    assert with_options(tmp_path, accepted, options).refusals == ()
    wider = changed("width = 0.01", "width = 0.02", PLAIN)
    assert with_options(tmp_path, wider, options).refusals == (), "the target is the one that it was"


def with_options(folder: Path, new: str, options: tuple[OptionPosition, ...]) -> Plan:
    before = load(folder, PLAIN)
    state = state_of(before)
    view = replace(state.accounts[ACCOUNT], reading=reading_of("1", "-1", options=options))
    return plan_of(before, load(folder, new), state._replace(accounts={ACCOUNT: view}))


def test_a_plan_names_both_files_and_all_that_it_says_in_its_answer(tmp_path: Path) -> None:
    told = plan(tmp_path, HALF)
    assert (told.was, told.digest) == (config_digest(load(tmp_path, PLAIN)), config_digest(load(tmp_path, HALF)))
    answer = told.to_json()
    assert (answer["refusals"], answer["doubts"], answer["effects"]) == ([], [], list(told.effects))
    refused = plan(tmp_path, changed('"paper"', '"paper"\nbot = "two"', PLAIN))
    assert refused.refusals[0].startswith("bot takes effect only at a start")
    assert refused.to_json()["refusals"] == list(refused.refusals)
    doubted = plan(tmp_path, changed("value = 1", "value = 0.5", PLAIN))
    assert doubted.to_json()["doubts"] == list(doubted.doubts)


def test_a_roll_that_a_reload_begins_needs_a_word_and_one_that_goes_on_does_not() -> None:
    rules = {NEAR: future(NEAR, 90), PERP: instrument_of()}
    later, now = (dated_policy(NEAR, PERP, roll_before_ms=days * DAY) for days in (80, 100))
    state = world(now, rules, {NEAR: "-1"})
    text = f"btc: what is held moves from {NEAR} to {PERP}, which expires in 90.0 days"
    assert (text, True) in _told(later, now, state)
    wider = policy_of(replace(now.hedges[0], band=band("0.02")))
    assert not any("moves" in told for told, _ in _told(now, wider, state))
    assert not any("moves" in told for told, _ in _told(now, later, state)), "it ends one"


def test_a_band_that_cannot_be_computed_yet_needs_a_word() -> None:
    computed = replace(band("0.02"), rule=BandRule.WHALLEY_WILMOTT, inputs=BandInputs(residual=D("0.1")))
    old, new = policy_of(hedge_of()), policy_of(hedge_of(band=computed))
    state = hedging("1", "-1")
    told = [text for text, doubted in _told(old, new, state) if doubted]
    assert any("nothing could be traded at first" in text for text in told)
    wider = policy_of(hedge_of(band=replace(computed, upper=D("0.03"))))
    assert not any("at first" in text for text, _ in _told(new, wider, state)), "it could not be before either"
    assert not any("at first" in text for text, _ in _told(new, old, state))


def test_a_secret_that_comes_or_goes_is_told_without_a_character_of_it() -> None:
    key = SecretStr("CANARY")
    assert _texts(None, key) == (NOTHING, CHANGED)
    assert _texts(key, None) == (MASK, NOTHING)
    assert _texts(key, SecretStr("OTHER")) == (MASK, CHANGED)
