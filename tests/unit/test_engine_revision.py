"""Which parts of a policy may change while it runs: each part by itself, and what a hedge forgets of the old one."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal as D
from typing import Any

import pytest

from hedger.engine.formulas.volatility import VolatilityRule
from hedger.engine.known.policy import BreakerLimits, Cross, Guards, Hedge, Numeraire, Peg, Policy
from hedger.engine.known.revision import changed_hedges, revised, unrevisable
from hedger.engine.known.widths import Widths
from hedger.model.account import MarginMode
from hedger.model.instrument import InstrumentId
from hedger.model.message import PolicyChanged
from tests.support.engine_policies import band, hedge_of, perpetual, policy_of
from tests.support.engine_worlds import NOW, feed, hedging, quote_at

PEG = Peg(asset="USDT", par=D(1), limit=D(50), source=InstrumentId("paper", "USDT/USD"))
HEDGE = hedge_of(pegs=(PEG,))
OLD = policy_of(HEDGE, hedge_of("ETH"))
BTC, ETH = OLD.hedges

# What the state, the readers and the venues were made for; all else of a policy, a hedge or its guards is free.
OF_POLICY: dict[str, Any] = {
    "bot": "two",
    "sends": False,
    "accounts": ("paper", "more"),
    "switch_ms": {"paper": 60_000},
    "volatility": VolatilityRule(fresh_ms=7),
}
OF_HEDGE: dict[str, Any] = {
    "underlying": "ETH",
    "instruments": (perpetual("BTC", "other"),),
    "spot_accounts": (),
    "numeraire": Numeraire.COIN,
    "numeraire_said": False,
    "cross": Cross(spot=InstrumentId("paper", "X/USDT"), coins=("BTC",), halflife_bars=9, beta_band=D(1)),
}
OF_GUARDS: dict[str, Any] = {"leverage": 2, "margin_mode": MarginMode.ISOLATED}


def with_btc(**changes: Any) -> Policy:
    return replace(OLD, hedges=(replace(BTC, **changes), ETH))


def other(value: Any) -> Any:
    """Another value of the same kind, for what is a number."""
    return replace(value, reduce=value.reduce + 1) if not isinstance(value, int | D) else value + 1


def test_what_is_the_same_may_take_over() -> None:
    assert unrevisable(OLD, OLD) == ()
    assert changed_hedges(OLD, OLD) == ()


@pytest.mark.parametrize("part", OF_POLICY)
def test_what_the_whole_program_was_made_for_is_refused_by_its_name(part: str) -> None:
    assert unrevisable(OLD, replace(OLD, **{part: OF_POLICY[part]})) == (part,)


@pytest.mark.parametrize("part", OF_HEDGE)
def test_what_a_hedge_was_made_for_is_refused_by_its_name(part: str) -> None:
    assert unrevisable(OLD, with_btc(**{part: OF_HEDGE[part]})) == (f"hedges.btc.{part}",)


@pytest.mark.parametrize("part", OF_GUARDS)
def test_what_a_start_sets_on_the_venue_is_refused(part: str) -> None:
    guards = replace(BTC.guards, **{part: OF_GUARDS[part]})
    assert unrevisable(OLD, with_btc(guards=guards)) == (f"hedges.btc.guards.{part}",)


@pytest.mark.parametrize(
    ("peg", "parts"),
    [
        ({"limit": D(1)}, ()),
        ({"age": 1}, ()),
        ({"asset": "USDC"}, ("hedges.btc.pegs",)),
        ({"par": D(2)}, ("hedges.btc.pegs",)),
        ({"source": None}, ("hedges.btc.pegs",)),
        ({"inverted": True}, ("hedges.btc.pegs",)),
        ({"beside": D(2)}, ("hedges.btc.pegs",)),
    ],
)
def test_of_a_peg_only_the_limit_and_the_age_may_change(peg: dict[str, Any], parts: tuple[str, ...]) -> None:
    assert unrevisable(OLD, with_btc(pegs=(replace(PEG, **peg),))) == parts


def test_a_peg_may_not_come_or_go() -> None:
    for pegs in ((), (PEG, replace(PEG, asset="USDC"))):
        assert unrevisable(OLD, with_btc(pegs=pegs)) == ("hedges.btc.pegs",)


@pytest.mark.parametrize("part", [f.name for f in fields(Guards) if f.name not in OF_GUARDS])
def test_every_other_guard_is_free(part: str) -> None:
    guards = replace(BTC.guards, **{part: other(getattr(BTC.guards, part))})
    new = with_btc(guards=guards)
    assert unrevisable(OLD, new) == ()
    assert changed_hedges(OLD, new) == ("btc",)


def test_targets_bands_and_the_pace_are_free() -> None:
    free = replace(
        BTC,
        static_quantity=D(3),
        band=band("0.5"),
        execution=replace(BTC.execution, deadline_ms=1),
        reduce_step=D("0.5"),
        unhedged_after_ms=1,
        greeks_tolerance=D(1),
    )
    new = replace(OLD, hedges=(free, ETH), clean_cycles=9, settle_ms=1, delta_jump_bands=D(1), lag_ms=1, gap_ms=1)
    assert unrevisable(OLD, replace(new, breakers=BreakerLimits(rejects=99))) == ()


def test_every_fault_is_named_in_every_hedge() -> None:
    def bent(hedge: Hedge) -> Hedge:
        return replace(
            hedge, spot_accounts=(), guards=replace(hedge.guards, leverage=2, margin_mode=MarginMode.ISOLATED)
        )

    new = replace(OLD, bot="two", hedges=(bent(BTC), bent(ETH)))
    assert unrevisable(OLD, new) == (
        "bot",
        *(f"hedges.btc.{part}" for part in ("spot_accounts", "guards.leverage", "guards.margin_mode")),
        *(f"hedges.eth.{part}" for part in ("spot_accounts", "guards.leverage", "guards.margin_mode")),
    )


@pytest.mark.parametrize("hedges", [(BTC,), (ETH, BTC), (BTC, ETH, hedge_of("SOL")), (BTC, replace(ETH, name="e2"))])
def test_hedges_may_not_come_go_or_change_places(hedges: tuple[Hedge, ...]) -> None:
    assert unrevisable(OLD, replace(OLD, hedges=hedges)) == ("hedges",)
    assert unrevisable(OLD, replace(OLD, hedges=hedges, sends=False)) == ("sends", "hedges")


def test_the_hedges_that_something_else_is_said_about_are_named() -> None:
    btc, eth = replace(BTC, reduce_step=D("0.5")), replace(ETH, reduce_step=D("0.5"))
    assert changed_hedges(OLD, replace(OLD, hedges=(btc, ETH))) == ("btc",)
    assert changed_hedges(OLD, replace(OLD, hedges=(BTC, eth))) == ("eth",)
    assert changed_hedges(OLD, replace(OLD, hedges=(btc, eth), bot="two")) == ("btc", "eth")


def test_each_hedge_that_changed_forgets_its_widths_and_its_last_decision_and_nothing_else() -> None:
    state, _ = feed(hedging("1", policy=OLD), (NOW, quote_at()), policy=OLD)
    assert state.hedges["btc"].decision is not None
    kept = replace(state.hedges["btc"], day_orders=7, futile=2, hedged_at=5, edges=Widths(D(1), D(1)))
    state = state._replace(hedges={"btc": kept, "eth": kept})
    after = revised(state, PolicyChanged(digest="", hedges=("btc", "eth")))
    assert set(after.hedges.values()) == {replace(kept, edges=None, decision=None)}
    assert revised(state, PolicyChanged(digest="", hedges=())) == state
