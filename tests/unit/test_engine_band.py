"""What a band is computed from as the engine runs: volatility or nothing, costs that were measured, its time."""

import json
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.decision.decide import decide
from hedger.engine.decision.facts import Facts, gather
from hedger.engine.decision.kept import remembered
from hedger.engine.decision.verdict import Verdict
from hedger.engine.formulas.optimal import leland_variance, overstep
from hedger.engine.formulas.volatility import Volatility
from hedger.engine.held.exposure import exposure
from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Band, BandInputs, BandRule, Hedge, RebalanceTo, Target, TargetKind
from hedger.engine.known.state import Action, HedgeState, Reason, State
from hedger.engine.known.widths import Widths
from hedger.engine.step import step
from hedger.engine.wanted.aim import Aim, aim
from hedger.engine.wanted.band import steady
from hedger.engine.wanted.conditions import conditions
from hedger.model.message import Stamped
from hedger.model.option import OptionPosition
from hedger.runtime.codec import decode, encode
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.engine_worlds import NOW, hedging, mark_at, order_of, reading_of
from tests.support.option_books import option_of

HOUR = 3_600_000
BUDGET = BandInputs(residual=D("0.01"), sigma=D("0.6"))


def computed(rule: BandRule = BandRule.WHALLEY_WILMOTT, **inputs: Any) -> Band:
    return Band(
        rule=rule, upper=D(0), lower=D(0), floor=D(0), rebalance_to=RebalanceTo.EDGE, inputs=replace(BUDGET, **inputs)
    )


def occasional(rule: BandRule, width: str = "0.5", **inputs: Any) -> Band:
    made = BandInputs(**{"move": D("0.01"), "every_ms": HOUR, "sigma": D("0.6"), **inputs})
    return Band(rule=rule, upper=D(width), lower=D(width), floor=D(0), rebalance_to=RebalanceTo.TARGET, inputs=made)


def world(band: Band, spot: str = "1", position: str = "0", **changes: Any) -> tuple[State, Hedge]:
    hedge = hedge_of(band=band)
    state = hedging(spot, position, policy=policy_of(hedge))
    return state._replace(**changes), hedge


def with_options(state: State, *options: OptionPosition) -> State:
    view = state.accounts[ACCOUNT]
    reading = replace(view.reading or reading_of(), options=options)
    return state._replace(accounts={ACCOUNT: replace(view, reading=reading)})


def aimed(state: State, hedge: Hedge, price: str = "60000") -> Aim:
    held = exposure(state, hedge)
    assert held is not None
    return aim(state, hedge, held, D(price))


def facts_of(state: State, hedge: Hedge) -> Facts:
    facts = gather(state, hedge)
    assert facts is not None
    return facts


def verdict(state: State, hedge: Hedge) -> Verdict:
    return decide(state, hedge, state.hedges["btc"], facts_of(state, hedge))


def measured(sigma: float | None, at: int = NOW) -> dict[str, Any]:
    return {"volatility": {"BTC": Volatility(at=at, yang_zhang=sigma, fresh_until=at + 3 * HOUR)}}


# --- volatility -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "has not been measured yet; band.sigma would stand in for it"),
        (measured(None), "has not been measured yet"),
        (measured(0.0), "is said to be 0, which cannot be"),
        (measured(-0.5), "which cannot be"),
        (measured(60.0), "is said to be 60, which cannot be"),
        (measured(float("nan")), "which cannot be"),
        (measured(0.6, NOW - 7 * HOUR), "was measured on bars up to 420 min ago"),
    ],
)
@pytest.mark.parametrize("rule", [BandRule.WHALLEY_WILMOTT, BandRule.FIXED_COST, BandRule.ZAKAMOULINE])
def test_without_a_volatility_that_can_be_nothing_is_traded(rule: BandRule, known: dict[str, Any], said: str) -> None:
    state, hedge = world(computed(rule, sigma=None), **known)
    made = verdict(state, hedge)
    assert (made.action, made.reason) == (Action.DENY, Reason.BAND_INPUT)
    assert said in made.detail
    assert made.draft is None


def test_what_rests_is_canceled_when_the_volatility_is_lost() -> None:
    state, hedge = world(computed(sigma=None))
    order = order_of(status=OrderStatus.OPEN)
    made = verdict(state._replace(orders={order.client_order_id: order}), hedge)
    assert (made.action, made.reason, made.cancel) == (Action.CANCEL, Reason.BAND_INPUT, order)


def test_the_measured_volatility_makes_the_band_and_a_stated_one_outranks_it() -> None:
    by_measure, hedge = world(computed(sigma=None), **measured(0.3))
    assert aimed(by_measure, hedge).flaw is None
    stated, same = world(computed(sigma=D("0.6")), **measured(0.3))
    assert aimed(by_measure, hedge).edges.upper == pytest.approx(2 * aimed(stated, same).edges.upper)
    old, _ = world(computed(), **measured(0.3, NOW - 7 * HOUR))
    assert aimed(old, same).flaw is None


def test_a_plain_band_needs_no_volatility_at_all() -> None:
    state, hedge = world(replace(computed(), rule=BandRule.COINS, upper=D("0.1"), lower=D("0.1")))
    assert verdict(state, hedge).draft is not None


# --- budget, costs and lots -----------------------------------------------------------------------------------------


def test_a_computed_band_rebalances_to_its_edge_and_leaves_its_budget() -> None:
    state, hedge = world(computed())
    edges = aimed(state, hedge).edges
    assert float(edges.upper) == pytest.approx(3**0.5 * 0.01 / 0.6)  # √3·s/(σS), s being 1 % of one coin's price
    assert edges == Widths(edges.upper, edges.upper, edges.upper, edges.upper)
    draft = verdict(state, hedge).draft
    assert draft is not None
    assert 1 - edges.upper <= draft.quantity <= 1 - edges.upper + D("0.001")


def test_a_fixed_cost_is_triggered_later_and_ends_further_in() -> None:
    state, hedge = world(computed())
    edge = aimed(state, hedge).edges
    dear, other = world(computed(BandRule.FIXED_COST, fixed_cost=D("0.05")))
    edges = aimed(dear, other).edges
    assert edges.reset_upper < edge.upper < edges.upper
    draft = verdict(dear, other).draft
    assert draft is not None
    assert 1 - edges.reset_upper <= draft.quantity <= 1 - edges.reset_upper + D("0.001")


def test_an_order_counts_as_the_smallest_one_costs_unless_more_is_said() -> None:
    state, hedge = world(computed(BandRule.FIXED_COST))
    unsaid = aimed(state, hedge).edges
    said = replace(hedge, band=computed(BandRule.FIXED_COST, fixed_cost=D("0.0002") * 60_000 * D("0.002")))
    assert unsaid == aimed(state, said).edges
    assert unsaid.reset_upper < unsaid.upper
    free, _ = world(computed(BandRule.FIXED_COST), **ledger(50, "3"))
    assert aimed(free, hedge).edges.reset_upper == 0


def ledger(fills: int, kept_bps: str) -> dict[str, Any]:
    """Fills of one million, of which so many basis points were kept (+) or lost (−) ten seconds later."""
    return {"ledgers": {"btc": Ledger(fills=fills, notional=D(1_000_000), realised_spread=D(kept_bps) * 100)}}


def test_what_fills_lost_afterwards_widens_the_band_once_there_are_enough() -> None:
    usual, hedge = world(computed())
    few, _ = world(computed(), **ledger(49, "-1"))
    many, _ = world(computed(), **ledger(50, "-1"))
    dear, _ = world(computed(), **ledger(50, "-100"))
    width = aimed(usual, hedge).edges.upper
    assert aimed(few, hedge).edges.upper == width
    assert float(aimed(many, hedge).edges.upper / width) == pytest.approx(1.5), "nothing moves: H₀ goes with the cost"
    assert float(aimed(dear, hedge).edges.upper / width) == pytest.approx(2), "never more than two budgets"
    short = with_options(many, option_of(quantity="-1"))
    assert float(aimed(short, hedge).edges.upper / width) == pytest.approx(1.5 ** (1 / 3))


def test_where_trading_earns_the_band_is_the_smallest_order_or_what_watching_misses() -> None:
    state, hedge = world(computed(watch_ms=60_000), **ledger(50, "3"))
    assert aimed(state, hedge).edges == Widths(D("0.002"), D("0.002"))  # at least 100 in quote, in lots of 0.001
    many = with_options(state, option_of(quantity="-20"))
    held = exposure(many, hedge)
    assert held is not None
    past = overstep(held.options.gamma, 0.6, 60_000.0, 60_000 / 31_536_000_000)
    assert past > 0.002
    assert float(aimed(many, hedge).edges.upper) == pytest.approx(past)


def test_a_band_is_never_narrower_than_the_smallest_order_or_its_floor() -> None:
    state, hedge = world(computed(residual=D("0.00001")))
    assert aimed(state, hedge).edges[:2] == (D("0.002"), D("0.002"))
    floored = replace(hedge, band=replace(hedge.band, floor=D("0.05")))
    assert aimed(state, floored).edges.upper == D("0.05")
    capped = replace(hedge, band=replace(computed(residual=D("0.1")), upper=D("0.03"), lower=D("0.01")))
    assert aimed(state, capped).edges[:2] == (D("0.03"), D("0.01"))


def test_watching_at_intervals_narrows_the_band_of_a_book_with_gamma_alone() -> None:
    always, hedge = world(computed())
    seldom = replace(hedge, band=computed(watch_ms=60_000))
    assert aimed(always, hedge).edges == aimed(always, seldom).edges
    short = with_options(always, option_of(quantity="-1"))
    assert aimed(short, seldom).edges.upper < aimed(short, hedge).edges.upper
    long = with_options(always, option_of(quantity="1"))
    assert aimed(long, seldom).edges.upper < aimed(long, hedge).edges.upper


def test_a_gamma_that_is_no_number_denies() -> None:
    state, hedge = world(computed())
    held = exposure(state, hedge)
    assert held is not None
    broken = replace(held, options=held.options._replace(gamma=float("nan")))
    assert aim(state, hedge, broken, D(60_000)).flaw == "the gamma of the book is not a number"


# --- steadiness -----------------------------------------------------------------------------------------------------


def test_a_band_keeps_its_width_until_it_should_differ_by_a_tenth() -> None:
    kept = Widths(D(10), D(5), D(8), D(4))
    assert steady(kept, Widths(D(11), D("4.5"), D("8.8"), D("3.6"))) is kept
    for place in range(4):
        fresh = kept._replace(**{Widths._fields[place]: kept[place] * D("1.11")})
        assert steady(kept, fresh) is fresh
    assert steady(None, kept) is kept


def test_a_trembling_volatility_does_not_move_the_band_of_a_run() -> None:
    band = computed(sigma=None)
    state, hedge = world(band, **measured(0.6))
    policy = policy_of(hedge)
    widths = set()
    for beat, sigma in enumerate((0.6, 0.62, 0.58, 0.61, 0.6, 0.63, 0.57)):
        at = NOW + beat
        state = state._replace(volatility=measured(sigma, at)["volatility"])
        state = step(state, Stamped(at, mark_at("60000", at=at)), policy).state
        widths.add(aimed(state, hedge).edges.upper)
    assert len(widths) == 1
    state = step(state._replace(**measured(0.3)), Stamped(NOW + 9, mark_at("60000", at=NOW + 9)), policy).state
    assert aimed(state, hedge).edges.upper > 1.9 * float(*widths)


# --- rules that hedge on occasion -----------------------------------------------------------------------------------


def told(rule: BandRule, ago: int, hedged_price: str = "60000", *, spot: str = "0.1") -> Verdict:
    """What is decided at 60 000, `ago` ms after the last hedge."""
    state, hedge = world(occasional(rule), spot)
    memory = HedgeState(hedged_at=NOW - ago, hedged_price=D(hedged_price))
    return verdict(state._replace(hedges={"btc": memory}), hedge)


@pytest.mark.parametrize("rule", [BandRule.CLOCK, BandRule.LELAND])
def test_a_clock_hedges_when_it_strikes_and_not_before(rule: BandRule) -> None:
    assert told(rule, HOUR - 1).reason is Reason.INSIDE_BAND
    draft = told(rule, HOUR).draft
    assert draft is not None
    assert draft.quantity == D("0.1"), "to the target"


@pytest.mark.parametrize(("near", "far"), [("59407", "59405"), ("60605", "60607")])
def test_a_price_that_moved_far_enough_hedges_in_both_directions(near: str, far: str) -> None:
    assert told(BandRule.PRICE_MOVE, 10 * HOUR, near).reason is Reason.INSIDE_BAND
    draft = told(BandRule.PRICE_MOVE, 0, far).draft
    assert draft is not None
    assert draft.quantity == D("0.1")


@pytest.mark.parametrize("rule", [BandRule.CLOCK, BandRule.LELAND, BandRule.PRICE_MOVE])
def test_beyond_its_width_such_a_rule_hedges_at_once(rule: BandRule) -> None:
    draft = told(rule, 0, spot="0.6").draft
    assert draft is not None
    assert draft.quantity == D("0.6")


@pytest.mark.parametrize("rule", [BandRule.CLOCK, BandRule.PRICE_MOVE])
def test_what_is_due_stays_due_until_the_delta_is_on_its_target(rule: BandRule) -> None:
    state, hedge = world(occasional(rule), "0.1")
    memory = remembered(state, hedge, HedgeState(), facts_of(state, hedge))
    assert memory.hedged_at == 0, "nothing has been hedged yet"
    hedged, _ = world(occasional(rule), "0.1", "-0.1")
    memory = remembered(hedged, hedge, HedgeState(), facts_of(hedged, hedge))
    assert (memory.hedged_at, memory.hedged_price) == (NOW, D(60_000))
    order = order_of(quantity="0.05")
    pending = hedged._replace(orders={order.client_order_id: order})
    memory = remembered(pending, hedge, HedgeState(), facts_of(pending, hedge))
    assert memory.hedged_at == 0, "what is pending may yet carry it off"


def test_a_clock_runs_from_the_last_hedge_and_not_from_each_look() -> None:
    state, hedge = world(occasional(BandRule.CLOCK), "0.1", "-0.1")
    memory = HedgeState(hedged_at=NOW - 5, hedged_price=D(60_000))
    state = state._replace(hedges={"btc": memory})
    assert remembered(state, hedge, memory, facts_of(state, hedge)) is memory


# --- another volatility than that of the options --------------------------------------------------------------------


def lean(band: Band, quantity: str, strike: str) -> D:
    state, hedge = world(band)
    state = with_options(state, option_of(quantity=quantity, strike=strike))
    held = exposure(state, hedge)
    assert held is not None
    return conditions(state, hedge, held, D(60_000)).lean


@pytest.mark.parametrize(
    "band", [occasional(BandRule.LELAND), computed(BandRule.ZAKAMOULINE, residual=D("0.1"))], ids=["leland", "zak"]
)
def test_who_is_short_hedges_as_if_prices_moved_more_and_who_is_long_as_if_less(band: Band) -> None:
    """Out of the money a higher volatility brings a call's delta up. Short at a higher one, the book counts as shorter
    than it is: the target lies above zero, and futures are bought; long at a lower one, the same."""
    assert lean(band, "-1", "70000") > 0
    assert lean(band, "1", "70000") > 0
    assert lean(band, "-1", "52000") < 0
    assert lean(band, "1", "52000") < 0


def test_a_plain_clock_does_not_move_its_target() -> None:
    assert lean(occasional(BandRule.CLOCK), "-1", "70000") == 0
    assert lean(computed(), "-1", "70000") == 0


def test_the_lean_is_what_another_volatility_makes_of_the_delta() -> None:
    band = occasional(BandRule.LELAND)
    state, hedge = world(band)
    root = D(repr(leland_variance(0.0002, 0.6, HOUR / 31_536_000_000, long=False))).sqrt()
    usual, other = option_of(quantity="-1", strike="70000"), option_of(quantity="-1", strike="70000")
    other = replace(other, mark_sigma=D("0.5") * root)
    deltas = []
    for option in (usual, other):
        held = exposure(with_options(state, option), hedge)
        assert held is not None
        deltas.append(held.options.delta)
    assert float(lean(band, "-1", "70000")) == pytest.approx(float(deltas[0] - deltas[1]))


@pytest.mark.parametrize(
    ("target", "share"),
    [
        (Target(kind=TargetKind.RATIO, value=D(0)), D(0)),
        (Target(kind=TargetKind.RATIO, value=D("0.5")), D("0.5")),
        (Target(kind=TargetKind.RATIO, value=D(1)), D(1)),
        (Target(kind=TargetKind.COINS, value=D(1)), D(1)),
    ],
)
def test_the_target_leans_by_as_much_of_the_options_as_is_hedged(target: Target, share: D) -> None:
    """The futures are to be −share · (holding + n·Δ at the other volatility), whatever share is hedged."""
    band = occasional(BandRule.LELAND)
    state, hedge = world(band)
    state, hedge = with_options(state, option_of(quantity="-1", strike="66000")), replace(hedge, target=target)
    held, whole = exposure(state, hedge), lean(band, "-1", "66000")
    assert held is not None
    wanted = aimed(state, hedge).target - held.unhedged
    usual = aimed(state, replace(hedge, band=occasional(BandRule.CLOCK))).target - held.unhedged
    assert abs(wanted - usual - share * whole) < D("1e-12")


def test_a_clock_too_fast_for_a_long_option_denies() -> None:
    state, hedge = world(occasional(BandRule.LELAND, every_ms=1))
    state = with_options(state, option_of(quantity="1"))
    made = verdict(state, hedge)
    assert made.reason is Reason.BAND_INPUT
    assert "the clock is too fast" in made.detail


def test_what_is_remembered_of_a_band_survives_the_journal() -> None:
    kept = HedgeState(edges=Widths(D("0.1"), D("0.2"), D("0.05"), D(0)), hedged_at=NOW, hedged_price=D(60_000))
    assert decode(HedgeState, json.loads(encode(kept))) == kept
    hedge = hedge_of(band=computed(BandRule.FIXED_COST, fixed_cost=D(2)))
    assert decode(Hedge, json.loads(encode(hedge))) == hedge
