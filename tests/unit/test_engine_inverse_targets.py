"""Targets over a book that is kept in coins: what the hedge has made is no holding, and hedges in vain count too."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import pytest

from hedger.engine.decision.facts import gather
from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import Hedge, Policy, Target, TargetKind
from hedger.engine.known.state import State
from hedger.engine.wanted.target import target_gamma
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.message import TimePassed
from hedger.model.option import OptionType
from tests.support.engine_policies import ACCOUNT, hedge_of, instrument_of, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, mark_at, position_at, quote_at, reading_of

ID = InstrumentId(ACCOUNT, "BTC/USD:BTC")
RULES = instrument_of(
    id=ID, quote="USD", settle="BTC", payoff=Payoff.INVERSE, multiplier="100", lot_size=D(1), min_quantity=D(1)
)
ENTRY = D(60_000)


def world(hedge: Hedge, units: str, mark: str) -> State:
    """One coin in the wallet of the contracts, `units` of 100 dollars from 60,000, and the mark now."""
    held, price = D(units), D(mark)
    made = held * 100 * (1 / ENTRY - 1 / price)
    row = position_at(
        held, id=ID, contract_multiplier=D(100), payoff=Payoff.INVERSE, entry_price=ENTRY, mark_price=price
    )
    reading = reading_of("0", collateral={"BTC": D(1)}, unrealized={"BTC": made}, positions=(row,))
    state = hedging(policy=policy_of(hedge), instrument=RULES)
    view = replace(state.accounts[ACCOUNT], reading=reading, barrier_at=NOW - 60_000)
    return state._replace(
        quotes={ID: (quote_at(mark, str(price + 1), id=ID), NOW)},
        marks={ID: (mark_at(mark, id=ID), NOW)},
        accounts={ACCOUNT: view},
    )


def deviation(target: Target, units: str, mark: str) -> D:
    hedge = hedge_of(instruments=(ID,), target=target)
    facts = gather(world(hedge, units, mark), hedge)
    assert facts is not None
    return round(facts.deviation, 9)


@pytest.mark.parametrize("mark", ["20000", "45000", "60000", "90000", "180000"])
@pytest.mark.parametrize(("ratio", "units"), [("0.5", "-300"), ("1", "-600"), ("1.5", "-900"), ("0", "0")])
def test_a_share_that_is_hedged_by_an_inverse_contract_stands_still_whatever_the_price_does(
    ratio: str, units: str, mark: str
) -> None:
    assert deviation(Target(kind=TargetKind.RATIO, value=D(ratio)), units, mark) == 0


def test_a_share_hedged_by_an_inverse_contract_has_no_gamma_as_it_is_told() -> None:
    hedge = hedge_of(instruments=(ID,), target=Target(kind=TargetKind.RATIO, value=D("0.5")))
    held = exposure(world(hedge, "-300", "45000"), hedge)
    assert held is not None
    assert target_gamma(hedge, held, D(45_000), NOW) == 0


@pytest.mark.parametrize("coins", [None, D(1)])
def test_a_put_made_with_an_inverse_contract_leaves_no_coins_open_after_a_crash(coins: D | None) -> None:
    put = Synthetic(
        option_type=OptionType.PUT,
        long=True,
        strike=ENTRY,
        expiry_at=NOW + 3_600_000,
        volatility=D("0.5"),
        ratio=D(0) if coins else D(1),
        coins=coins,
    )
    target = Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=put)
    assert deviation(target, "-600", "30000") == 0, "the whole coin was sold at the strike"


def test_a_profile_is_a_share_of_the_coins_and_not_of_what_its_hedge_has_made() -> None:
    points = (ProfilePoint(D(30_000), D("0.5")), ProfilePoint(D(90_000), D("0.5")))
    assert deviation(Target(kind=TargetKind.PROFILE, value=D(0), profile=Profile(points=points)), "-300", "40000") == 0


@pytest.mark.parametrize("mark", ["59940", "60000", "60060"])
def test_a_hedge_in_vain_counts_though_the_equity_in_coins_moves_with_the_price(mark: str) -> None:
    hedge = hedge_of(instruments=(ID,))
    policy: Policy = policy_of(hedge)
    state = world(hedge, "-500", mark)
    due = (D("0.16666667"), D("0.02"), D(1), D(0))  # decided at 60,000, where the equity was one coin
    memory = replace(state.hedges["btc"], effect_due=due)
    after, _ = feed(state._replace(hedges={"btc": memory}), (NOW, TimePassed()), policy=policy)
    assert after.hedges["btc"].futile == 1


@pytest.mark.parametrize("holding", ["0.98", "1.02"])
def test_where_coins_came_or_went_nothing_is_said_of_a_hedge(holding: str) -> None:
    hedge = hedge_of(instruments=(ID,))
    state = world(hedge, "-500", "60000")
    memory = replace(state.hedges["btc"], effect_due=(D("0.2"), D("0.02"), D(holding), D(0)))
    after, _ = feed(state._replace(hedges={"btc": memory}), (NOW, TimePassed()), policy=policy_of(hedge))
    assert (after.hedges["btc"].futile, after.hedges["btc"].effect_due) == (0, None)
