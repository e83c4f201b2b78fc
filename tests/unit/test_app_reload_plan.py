"""What a reload would do at once is told before it is done, and what is more than one order's worth needs a word."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import pytest

from hedger.app.reload_plan import Plan, plan_of
from hedger.engine.known.policy import Policy
from hedger.engine.known.revision import changed_hedges, revised, unrevisable
from hedger.engine.known.state import State
from hedger.engine.known.widths import Widths
from hedger.model.instrument import InstrumentId
from hedger.model.message import PolicyChanged
from hedger.settings.policy import to_policy
from hedger.settings.schema import Settings
from tests.support.configurations import changed, load
from tests.support.engine_policies import hedge_of, policy_of
from tests.support.engine_worlds import hedging

# One account of the hand-made states, and one coin of spot that is hedged at 60 000.
PLAIN = """\
mode = "paper"

[accounts.paper]
venue = "binance"

[hedges.BTC]
instruments = ["paper:BTC/USDT:USDT"]
band = { rule = "coins", width = 0.01 }
execution = { offset_ticks = 0 }
target = { kind = "ratio", value = 1 }
guards = { position = 5, order_notional = 10_000, daily_notional = 500_000, daily_cost = 50 }
"""
LOG = PLAIN + '\n[log]\nlevel = "debug"\n'


def state_of(settings: Settings, spot: str = "1", position: str = "-1") -> State:
    return hedging(spot, position, policy=to_policy(settings))


def plan(folder: Path, new: str, *, old: str = PLAIN, spot: str = "1", position: str = "-1") -> Plan:
    before = load(folder, old)
    return plan_of(before, load(folder, new), state_of(before, spot, position))


def test_equal_files_come_to_nothing(tmp_path: Path) -> None:
    told = plan(tmp_path, PLAIN + "\n# a remark\n")
    assert (told.changes, told.refusals, told.effects, told.doubts) == ((), (), (), ())
    assert told.was == told.digest


def test_a_small_step_is_told_and_needs_no_word(tmp_path: Path) -> None:
    told = plan(tmp_path, changed("value = 1", "value = 0.9", PLAIN))
    assert told.doubts == ()
    assert told.effects == (
        "BTC: the wanted position becomes 0.1 BTC longer, which is worth 6,000",
        "BTC: it buys 0.1 BTC at once, worth 6,000",
    )


def test_a_step_of_more_than_one_order_needs_a_word(tmp_path: Path) -> None:
    told = plan(tmp_path, changed("value = 1", "value = 0.5", PLAIN))
    assert told.doubts == (
        "BTC: the wanted position becomes 0.5 BTC longer, which is worth 30,000",
        "BTC: it buys 0.5 BTC at once, worth 30,000",
    )
    assert told.refusals == ()


def test_the_step_is_measured_by_the_order_that_is_in_force_and_not_by_the_new_one(tmp_path: Path) -> None:
    bolder = changed("value = 1", "value = 0.5", changed("order_notional = 10_000", "order_notional = 90_000", PLAIN))
    assert any("at once" in text for text in plan(tmp_path, bolder).doubts)


def test_coins_of_a_cold_wallet_move_the_wanted_position(tmp_path: Path) -> None:
    told = plan(tmp_path, PLAIN + '\n[[holdings]]\nasset = "BTC"\nquantity = 2\n')
    assert told.doubts == (
        "BTC: the wanted position becomes 2 BTC shorter, which is worth 120,000",
        "BTC: it sells 2 BTC at once, worth 120,000",
    )


def test_what_was_due_already_is_not_the_reload_s_doing(tmp_path: Path) -> None:
    """Two coins are unhedged and being sold: another level of the log says nothing of them."""
    wider = changed("width = 0.01", "width = 0.02", PLAIN)
    told = plan(tmp_path, wider, spot="3")
    assert told.doubts == ()
    assert told.effects == ("BTC: the band becomes 0.02 BTC on each side; it is 0.01",)


def test_a_position_limit_that_held_something_back_lets_it_go_only_with_a_word(tmp_path: Path) -> None:
    held_back = changed("position = 5", "position = 1", PLAIN)
    told = plan(tmp_path, changed("position = 5", "position = 4", PLAIN), old=held_back, spot="3")
    assert told.doubts == ("BTC: it sells 2 BTC at once, worth 120,000",)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("width = 0.01", "width = 4", "the band becomes 4 BTC on each side; it is 0.01"),
        ('rule = "coins", width = 0.01', 'rule = "quote", width = 200_000', "becomes 3.33333333 BTC on each side"),
        ("position = 5", "position = 50", "guards.position becomes 50; it is 5"),
        ("order_notional = 10_000", "order_notional = 100_000", "guards.order_notional becomes 100000"),
        (
            "daily_notional = 500_000",
            "daily_notional = 50_000_000",
            "guards.daily_notional becomes 50000000; it is 500000",
        ),
        ("daily_cost = 50", "daily_cost = 5000", "guards.daily_cost becomes 5000; it is 50"),
    ],
)
def test_a_misplaced_point_or_another_unit_needs_a_word(tmp_path: Path, old: str, new: str, word: str) -> None:
    assert any(word in text for text in plan(tmp_path, changed(old, new, PLAIN)).doubts)


@pytest.mark.parametrize(
    ("guard", "word"),
    [
        ("index_collar_bps = 1000", "guards.index_collar_bps becomes 1000; it is 100"),
        ("quote_age_s = 60", "guards.quote_age_s becomes 60; it is 3"),
        ("orders_per_minute = 600", "guards.orders_per_minute becomes 600; it is 20"),
        ("depth = 1", "guards.depth becomes 1; it is 1000"),
        ("margin_ratio = { reduce = 0.98 }", "guards.margin_ratio.reduce becomes 0.98; it is 0.7"),
        ("liquidation_distance = { reduce = 0.001 }", "guards.liquidation_distance.reduce becomes 0.001; it is 0.08"),
    ],
)
def test_a_guard_that_hardly_guards_any_more_needs_a_word(tmp_path: Path, guard: str, word: str) -> None:
    assert plan(tmp_path, changed("daily_cost = 50", f"daily_cost = 50, {guard}", PLAIN)).doubts == (f"BTC: {word}",)


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("[breakers]\nrejects = 50", "breakers.rejects becomes 50; it is 5"),
        ("[breakers]\ncooldown_s = 1", "breakers.cooldown_s becomes 1; it is 30"),
        ("[reconcile]\ndelta_jump_bands = 100", "reconcile.delta_jump_bands becomes 100; it is 5"),
    ],
)
def test_a_breaker_that_hardly_breaks_any_more_needs_a_word(tmp_path: Path, table: str, word: str) -> None:
    assert plan(tmp_path, f"{PLAIN}\n{table}\n").doubts == (word,)


def test_levels_of_margin_that_take_a_position_off_at_once_need_a_word(tmp_path: Path) -> None:
    levels = "margin_ratio = { clear = 0.0001, warn = 0.0002, stop = 0.0003, reduce = 0.0004 }"
    short = changed("daily_cost = 50", f"daily_cost = 50, {levels}", PLAIN)
    (doubt,) = plan(tmp_path, short).doubts
    assert doubt == "BTC: margin is short by the new levels, and positions are taken off at once"


def test_a_band_that_was_meant_in_coins_and_is_in_quote_needs_a_word(tmp_path: Path) -> None:
    wide = changed("width = 0.01", "width = 1", PLAIN)
    told = plan(tmp_path, changed('rule = "coins", width = 1', 'rule = "quote", width = 300', wide), old=wide)
    assert told.doubts == ("BTC: the band becomes 0.005 BTC on each side; it is 1",)


def test_each_side_of_a_lopsided_band_is_told_by_itself(tmp_path: Path) -> None:
    lopsided = changed("width = 0.01", "upper = 0.02, lower = 0.3", PLAIN)
    told = plan(tmp_path, lopsided)
    assert told.effects == ("BTC: the band becomes 0.02 BTC above; it is 0.01",)
    assert told.doubts == ("BTC: the band becomes 0.3 BTC below; it is 0.01",)


def test_a_limit_that_becomes_narrower_needs_none(tmp_path: Path) -> None:
    narrower = changed("position = 5", "position = 0.1", changed("= 10_000", "= 200", PLAIN))
    assert plan(tmp_path, narrower).doubts == ()


def test_while_nothing_is_known_nobody_can_say_what_a_new_target_does(tmp_path: Path) -> None:
    before = load(tmp_path, PLAIN)
    state = state_of(before)._replace(quotes={}, marks={})
    doubts = plan_of(before, load(tmp_path, changed("value = 1", "value = 0.9", PLAIN)), state).doubts
    assert doubts == ("BTC: its prices and accounts are not known yet, so nobody can say what this does",)
    slower = changed("offset_ticks = 0", "offset_ticks = 1", PLAIN)
    assert plan_of(before, load(tmp_path, slower), state).doubts == ()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_one_key_of_a_start_refuses_the_whole_and_every_such_key_is_named(tmp_path: Path) -> None:
    mixed = changed('"paper"', '"paper"\nbot = "two"', changed("value = 1", "value = 0.9", PLAIN))
    told = plan(tmp_path, changed("daily_cost = 50", "daily_cost = 50, leverage = 2", mixed))
    assert told.refusals == (
        "bot, hedges.BTC.guards.leverage take effect only at a start: start it anew with this file, or take that out "
        "of it",
    )
    assert (told.effects, told.doubts) == ((), ())


def test_a_band_that_the_lots_make_unreachable_is_refused_as_at_a_start(tmp_path: Path) -> None:
    (told,) = plan(tmp_path, changed("width = 0.01", "width = 0.0005", PLAIN)).refusals
    assert "hedges.BTC.band: the smallest order of paper:BTC/USDT:USDT is 0.002 BTC" in told


def test_a_target_that_becomes_an_option_needs_its_gamma_accepted(tmp_path: Path) -> None:
    option = (
        'target = { kind = "synthetic", synthetic = { side = "short", option = "call", strike = "110%", '
        'expiry = "30 days", volatility = 0.5, ratio = 1 } }'
    )
    synthetic = changed('target = { kind = "ratio", value = 1 }', option, PLAIN)
    (told,) = plan(tmp_path, synthetic).refusals
    assert "hedges.BTC.target has a gamma that nobody has accepted" in told
    accepted = changed('kind = "synthetic",', 'kind = "synthetic", accept_gamma = true,', synthetic)
    assert plan(tmp_path, accepted).refusals == ()


def test_a_target_that_has_ended_is_refused(tmp_path: Path) -> None:
    option = (
        'target = { kind = "synthetic", accept_gamma = true, synthetic = { side = "long", option = "put", '
        'strike = 50_000, expiry = "2020-01-01T00:00Z", volatility = 0.5, ratio = 1 } }'
    )
    (told,) = plan(tmp_path, changed('target = { kind = "ratio", value = 1 }', option, PLAIN)).refusals
    assert "expiry is past" in told


def test_a_plan_is_json_without_anything_that_is_no_text(tmp_path: Path) -> None:
    told = plan(tmp_path, LOG).to_json()
    assert told["changes"] == [{"key": "log.level", "was": "info", "will": "debug", "effect": "live"}]
    assert told["was"] != told["digest"]


# --- the engine's own last look ---------------------------------------------------------------------------------------


def test_the_engine_takes_no_policy_that_its_state_was_not_made_for() -> None:
    old = policy_of(hedge_of(), hedge_of("ETH"))
    btc, eth = old.hedges
    other = InstrumentId("paper", "BTC/USDC:USDC")
    levered = replace(btc, guards=replace(btc.guards, leverage=2))
    cases: list[tuple[Policy, str]] = [
        (replace(old, sends=False), "sends"),
        (replace(old, bot="two"), "bot"),
        (replace(old, accounts=("paper", "more")), "accounts"),
        (replace(old, hedges=(btc,)), "hedges"),
        (replace(old, hedges=(eth, btc)), "hedges"),
        (replace(old, hedges=(replace(btc, instruments=(other,)), eth)), "hedges.btc.instruments"),
        (replace(old, hedges=(replace(btc, spot_accounts=()), eth)), "hedges.btc.spot_accounts"),
        (replace(old, hedges=(levered, eth)), "hedges.btc.guards.leverage"),
        (replace(old, switch_ms={"paper": 60_000}), "switch_ms"),
    ]
    assert unrevisable(old, old) == ()
    for new, part in cases:
        assert part in unrevisable(old, new)
    live = replace(btc, static_quantity=D(3), guards=replace(btc.guards, position=D(1)))
    assert unrevisable(old, replace(old, hedges=(live, eth), settle_ms=1)) == ()
    assert changed_hedges(old, replace(old, hedges=(live, eth))) == ("btc",)


def test_only_the_hedges_that_changed_forget_what_they_kept_of_the_old_policy() -> None:
    state = hedging("1", policy=policy_of(hedge_of(), hedge_of("ETH")))
    kept = replace(state.hedges["btc"], day_orders=7, futile=2, hedged_at=5, edges=Widths(D(1), D(1)))
    state = state._replace(hedges={"btc": kept, "eth": kept})
    after = revised(state, PolicyChanged(digest="", hedges=("btc",)))
    assert after.hedges["eth"] is kept
    assert after.hedges["btc"] == replace(kept, edges=None, decision=None)
