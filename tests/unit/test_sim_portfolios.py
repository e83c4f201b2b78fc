"""What a seed hedges: mostly spot with its perpetual, in a third of the rest something else, and some on two venues."""

from collections import Counter
from random import Random

import pytest

from hedger.engine.known.policy import COMPUTED, OCCASIONAL, ChoiceRule, Numeraire, TargetKind
from hedger.sim.naming import terms_of
from hedger.sim.portfolios import OTHERS, Portfolio, kind_of, wanted_by
from hedger.sim.staging import Staging, staging_of

SEEDS = range(60)


def staged(kind: Portfolio) -> list[Staging]:
    return [staging_of(seed, brisk=False, books=(kind,)) for seed in SEEDS]


def test_a_third_of_the_seeds_hedges_something_else_and_each_kind_has_its_share() -> None:
    kinds = Counter(kind_of(seed, None) for seed in range(600))
    assert 290 < kinds[Portfolio.PLAIN] < 380
    assert 70 < kinds[Portfolio.SEVERAL] < 130
    assert all(kinds[kind] > 15 for kind in OTHERS)


def test_a_seed_on_two_venues_has_each_hedge_on_both_and_one_price() -> None:
    stagings = staged(Portfolio.SEVERAL)
    for staging in stagings:
        worlds = staging.worlds()
        assert set(worlds) == {"one", "two"}
        for hedge in staging.policy.hedges:
            assert {staging.venue_of(id.account) for id in hedge.instruments} == set(worlds)
        if staging.seed < 3:
            for world in worlds.values():
                world.exchange.advance(staging.start_at + 60_000)
            symbol = f"{staging.coins[0]}USDT"
            fair = {world.market.fair.price(staging.coins[0]) for world in worlds.values()}
            assert len(fair) == 1
            assert all(world.exchange.premium(symbol).index_price for world in worlds.values())
    hedges = [hedge for staging in stagings for hedge in staging.policy.hedges]
    assert {hedge.failover.allowed for hedge in hedges} == {True, False}
    assert {hedge.shares is None for hedge in hedges} == {True, False}


def test_a_seed_that_is_told_what_to_hedge_draws_as_it_did_before_there_were_two_venues() -> None:
    wanted = (Portfolio.OPTIONS, Portfolio.DATED)
    assert [kind_of(seed, wanted) for seed in SEEDS] == [Random(f"{seed}/portfolio").choice(wanted) for seed in SEEDS]
    assert Portfolio.SEVERAL not in OTHERS


def test_what_is_asked_for_is_drawn_and_nothing_else() -> None:
    wanted = (Portfolio.DATED, Portfolio.BANDS)
    assert {kind_of(seed, wanted) for seed in SEEDS} == set(wanted)


def test_a_fault_that_strikes_one_kind_of_book_is_given_one() -> None:
    assert wanted_by(("V01", "D05")) == (Portfolio.OPTIONS,)
    assert wanted_by(("M06",)) == (Portfolio.DATED,)
    assert wanted_by(("V01",)) is None
    assert wanted_by(None) is None


@pytest.mark.parametrize("kind", OTHERS)
def test_only_the_first_hedge_differs_from_the_plain_seed(kind: Portfolio) -> None:
    for seed in SEEDS:
        plain = staging_of(seed, brisk=False, books=(Portfolio.PLAIN,))
        other = staging_of(seed, brisk=False, books=(kind,))
        assert (plain.portfolio, other.portfolio) == (Portfolio.PLAIN, kind)
        assert other.policy.hedges[0] != plain.policy.hedges[0] or any(f.options for f in other.funds.values())
        assert other.policy.hedges[1:] == plain.policy.hedges[1:]
        assert (other.coins, other.users, other.span_s, other.pace) == (
            plain.coins,
            plain.users,
            plain.span_s,
            plain.pace,
        )


def test_options_are_bought_and_sold_and_some_end_within_the_run() -> None:
    ends, signs = set(), set()
    for staging in staged(Portfolio.OPTIONS):
        for funds in staging.funds.values():
            for symbol, quantity in funds.options.items():
                expiry_at = terms_of(symbol).expiry_at
                assert expiry_at is not None
                ends.add(expiry_at < staging.start_at + staging.span_s * 1000)
                signs.add((terms_of(symbol).payoff, quantity > 0))
    assert ends == {True, False}
    assert len(signs) == 4


def test_coin_settled_books_are_backed_by_coins_and_counted_in_either() -> None:
    numeraires = set()
    for staging in staged(Portfolio.INVERSE):
        hedge = staging.policy.hedges[0]
        assert hedge.instruments[0].symbol == f"{hedge.underlying}/USD:{hedge.underlying}"
        assert staging.funds[staging.users[hedge.instruments[0].account]].coins[hedge.underlying] > 0
        numeraires.add(hedge.numeraire)
    assert numeraires == set(Numeraire)


def test_a_dated_contract_ends_within_the_run_or_is_weighed_against_the_perpetual() -> None:
    rules = set()
    for staging in staged(Portfolio.DATED):
        hedge = staging.policy.hedges[0]
        rules.add(hedge.carry.rule)
        first = next((c for c in staging.contracts if c.symbol.endswith(hedge.instruments[0].symbol[-6:])), None)
        if hedge.carry.rule is ChoiceRule.PREFERENCE:
            assert first is not None
            assert first.expiry_at is not None
            assert staging.start_at < first.expiry_at - first.settlement_ms
            assert first.expiry_at < staging.start_at + staging.span_s * 1000
    assert rules == set(ChoiceRule)


def test_targets_have_a_gamma_and_bands_are_computed() -> None:
    kinds = {staging.policy.hedges[0].target.kind for staging in staged(Portfolio.TARGETS)}
    assert kinds == {TargetKind.PROFILE, TargetKind.SYNTHETIC}
    rules = {staging.policy.hedges[0].band.rule for staging in staged(Portfolio.BANDS)}
    assert rules <= COMPUTED | OCCASIONAL
    assert len(rules) == 4
