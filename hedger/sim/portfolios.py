"""What a seed may hedge beyond spot with a perpetual: options, other contracts, targets and computed bands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal as D
from enum import StrEnum
from random import Random
from types import MappingProxyType

from hedger.engine.formulas.profile import Profile, ProfilePoint
from hedger.engine.formulas.synthetic import Synthetic
from hedger.engine.known.policy import (
    Band,
    BandInputs,
    BandRule,
    Carry,
    ChoiceRule,
    Hedge,
    Numeraire,
    RebalanceTo,
    Target,
    TargetKind,
)
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.option import OptionType
from hedger.model.spans import DAY_MS, HOUR_MS
from hedger.sim.listings import contract, option
from hedger.sim.naming import HOUR_OF_EXPIRY, quarters
from hedger.sim.nouns import Listing
from hedger.sim.translation import unified_option, unified_symbol

SETTLEMENT_MS = 1_800_000
COMMON = 2  # the plain book is drawn as often as all others twice over
SEVERAL_OF = 6  # one seed of so many is on two venues, whatever else it would be
SIGMA = D("0.6")
LEVERAGE = 5  # what coins back, the same coins make larger


class Portfolio(StrEnum):
    """What is hedged, and how: spot with its perpetual, or one of the rest of the instruments and rules."""

    PLAIN = "plain"
    OPTIONS = "options"
    INVERSE = "inverse"
    DATED = "dated"
    TARGETS = "targets"
    BANDS = "bands"
    SEVERAL = "several"


OTHERS = tuple(kind for kind in Portfolio if kind not in (Portfolio.PLAIN, Portfolio.SEVERAL))
NEEDED: Mapping[str, Portfolio] = MappingProxyType({"D05": Portfolio.OPTIONS, "M06": Portfolio.DATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a portfolio is drawn for: the coin's usual holding, band and price, and when it happens."""

    holding: D
    width: D
    price: D
    start_at: int
    span_s: float

    @property
    def settlement_ms(self) -> int:
        """How long the average of a contract lasts that ends within the run: never more than half an hour."""
        return min(SETTLEMENT_MS, int(self.span_s * 1000 / 8) // 1000 * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A portfolio: its hedge, what is listed for it, the coins and the options (by symbol) that its trading user has in
    the derivatives wallets, and when the run begins (ms)."""

    hedge: Hedge
    start_at: int
    contracts: tuple[Listing, ...] = ()
    collateral: D = D(0)
    options: Mapping[str, D] = field(default_factory=dict)


def kind_of(seed: int, wanted: Collection[Portfolio] | None) -> Portfolio:
    """Which portfolio a seed draws: a sixth is on two venues, and two thirds of the rest are plain, unless only some
    are `wanted`."""
    rng = Random(f"{seed}/portfolio")
    if wanted is not None:
        return rng.choice([kind for kind in Portfolio if kind in wanted])
    if not Random(f"{seed}/venues").randrange(SEVERAL_OF):
        return Portfolio.SEVERAL
    return Portfolio.PLAIN if rng.randrange(COMMON + 1) else rng.choice(OTHERS)


def wanted_by(codes: Collection[str] | None) -> tuple[Portfolio, ...] | None:
    """The portfolios that chosen faults need in order to strike; None where none of them does."""
    needed = tuple(kind for code, kind in NEEDED.items() if codes is not None and code in codes)
    return needed or None


def drawn(seed: int, kind: Portfolio, hedge: Hedge, ground: Ground) -> Drawn:
    """The portfolio of a seed instead of a plain `hedge`."""
    if kind is Portfolio.PLAIN:
        return Drawn(hedge=hedge, start_at=ground.start_at)
    return _DRAWERS[kind](Random(f"{seed}/portfolio/{kind.value}"), hedge, ground)


# --- options and coins ------------------------------------------------------------------------------------------------


def _options(rng: Random, hedge: Hedge, ground: Ground) -> Drawn:
    """A covered call, a protective put or both, in dollars or in coins; one in three ends within the run."""
    inverse, ends = rng.random() < 0.5, rng.random() < 1 / 3
    start_at = _before_eight(rng, ground) if ends else ground.start_at
    expiry_at = _eight(start_at) if ends else _eight(start_at) + rng.choice((2, 9, 30)) * DAY_MS
    legs = rng.choice((("call",), ("put",), ("call", "put")))
    share, held = D(rng.choice(("0.5", "1"))), {}
    for leg in legs:
        kind, sign = (OptionType.CALL, -1) if leg == "call" else (OptionType.PUT, 1)
        strike = ground.price * (100 - sign * rng.choice((1, 3, 6))) / 100
        held[_symbol(hedge, inverse, kind, strike.quantize(D(1)), expiry_at)] = sign * share * ground.holding
    band = _computed(rng, ground) if rng.random() < 1 / 3 else hedge.band
    return Drawn(
        hedge=replace(hedge, band=band),
        start_at=start_at,
        collateral=ground.holding / 5 if inverse else D(0),
        options=held,
    )


def _inverse(rng: Random, hedge: Hedge, ground: Ground) -> Drawn:
    """A coin-settled perpetual, backed by coins. Whoever counts in coins has sold a call, or else owns all of it."""
    listing = contract(hedge.underlying, quote="USD", payoff=Payoff.INVERSE)
    coin = rng.random() < 0.4
    expiry_at = _eight(ground.start_at) + 9 * DAY_MS
    call = _symbol(hedge, True, OptionType.CALL, (ground.price * D("1.02")).quantize(D(1)), expiry_at)
    made = replace(
        hedge,
        instruments=(_id(hedge, listing),),
        numeraire=Numeraire.COIN if coin else Numeraire.USD,
        guards=replace(hedge.guards, leverage=LEVERAGE),
    )
    return Drawn(
        hedge=made,
        start_at=ground.start_at,
        contracts=(listing,),
        collateral=ground.holding * 2,
        options={call: -ground.holding / 2} if coin else {},
    )


# --- what ends --------------------------------------------------------------------------------------------------------


def _dated(rng: Random, hedge: Hedge, ground: Ground) -> Drawn:
    """A dated contract that is rolled within the run, or settles there; or the choice between one and the perpetual."""
    inverse = rng.random() < 0.3
    quote, payoff = ("USD", Payoff.INVERSE) if inverse else ("USDT", Payoff.LINEAR)
    far = contract(hedge.underlying, quote=quote, payoff=payoff, expiry_at=quarters(ground.start_at)[0])
    collateral = ground.holding * 2 if inverse else D(0)
    guards = replace(hedge.guards, leverage=LEVERAGE)
    if rng.random() < 1 / 3:
        carry = Carry(
            rule=ChoiceRule.CARRY, hysteresis=D(rng.choice(("0", "0.02"))), moves=rng.random() < 0.5, horizon_ms=DAY_MS
        )
        ids = (*hedge.instruments, _id(hedge, far))
        made = replace(hedge, instruments=ids, carry=carry, guards=guards)
        return Drawn(hedge=made, start_at=ground.start_at, contracts=(far,), collateral=collateral)
    span_ms, average_ms = int(ground.span_s * 1000), ground.settlement_ms
    expiry_at = ground.start_at + int(span_ms * rng.uniform(0.4, 0.8)) // 1000 * 1000
    near = contract(hedge.underlying, quote=quote, payoff=payoff, expiry_at=expiry_at, settlement_ms=average_ms)
    following = rng.choice((_id(hedge, far), *hedge.instruments))
    before_ms = rng.choice((0, average_ms + 60_000, average_ms * 2))
    made = replace(
        hedge,
        instruments=(_id(hedge, near), following),
        carry=Carry(roll_before_ms=before_ms),
        guards=replace(guards, expiring=max(average_ms, before_ms) + 30_000, basis_yearly=D(5)),
    )
    return Drawn(hedge=made, start_at=ground.start_at, contracts=(near, far), collateral=collateral)


# --- targets and bands ------------------------------------------------------------------------------------------------


def _targets(rng: Random, hedge: Hedge, ground: Ground) -> Drawn:
    """An option that is not held, bought or sold, or a hedge ratio that depends on the price."""
    if rng.random() < 0.5:
        low, high = rng.sample((D(0), D("0.5"), D("1.2")), 2)
        points = (ProfilePoint(ground.price * D("0.96"), low), ProfilePoint(ground.price * D("1.04"), high))
        target = Target(kind=TargetKind.PROFILE, value=D(0), profile=Profile(points=points))
    else:
        synthetic = Synthetic(
            option_type=rng.choice((OptionType.CALL, OptionType.PUT)),
            long=rng.random() < 0.5,
            strike=ground.price * D(rng.choice(("0.97", "1", "1.03"))),
            expiry_at=_eight(ground.start_at) + rng.choice((1, 5, 30)) * DAY_MS,
            volatility=SIGMA,
            ratio=D(rng.choice(("0.5", "1"))),
        )
        target = Target(kind=TargetKind.SYNTHETIC, value=D(0), synthetic=synthetic)
    band = _computed(rng, ground) if rng.random() < 1 / 3 else hedge.band
    return Drawn(hedge=replace(hedge, target=target, band=band), start_at=ground.start_at)


def _bands(rng: Random, hedge: Hedge, ground: Ground) -> Drawn:
    """A band that follows from a residual budget, or a rule that hedges when the price or the clock has moved on."""
    rules: tuple[Callable[[Random, Ground], Band], ...] = (_computed, _occasional)
    return Drawn(hedge=replace(hedge, band=rng.choice(rules)(rng, ground)), start_at=ground.start_at)


def _computed(rng: Random, ground: Ground) -> Band:
    inputs = BandInputs(residual=D(rng.choice(("0.005", "0.02"))), sigma=SIGMA, watch_ms=20_000)
    return Band(
        rule=rng.choice((BandRule.WHALLEY_WILMOTT, BandRule.FIXED_COST)),
        upper=rng.choice((D(0), ground.width * 3)),
        lower=D(0),
        floor=ground.width / 2,
        rebalance_to=rng.choice(list(RebalanceTo)),
        inputs=inputs,
    )


def _occasional(rng: Random, ground: Ground) -> Band:
    rule = rng.choice((BandRule.PRICE_MOVE, BandRule.CLOCK))
    inputs = BandInputs(move=D("0.004"), every_ms=int(ground.span_s * 1000 / 12))
    return Band(
        rule=rule,
        upper=ground.width * 5,
        lower=ground.width * 5,
        floor=ground.width / 2,
        rebalance_to=rng.choice(list(RebalanceTo)),
        inputs=inputs,
    )


def _id(hedge: Hedge, listing: Listing) -> InstrumentId:
    return InstrumentId(hedge.instruments[0].account, unified_symbol(listing))


def _symbol(hedge: Hedge, inverse: bool, kind: OptionType, strike: D, expiry_at: int) -> str:
    quote, payoff = ("USD", Payoff.INVERSE) if inverse else ("USDT", Payoff.LINEAR)
    terms = option(hedge.underlying, quote=quote, payoff=payoff, strike=strike, expiry_at=expiry_at, option_type=kind)
    return unified_option(terms)


def _eight(at: int) -> int:
    """The next instant after `at` at which options end."""
    eight = at // DAY_MS * DAY_MS + HOUR_OF_EXPIRY * HOUR_MS
    return eight if eight > at else eight + DAY_MS


def _before_eight(rng: Random, ground: Ground) -> int:
    """A start from which the next such instant lies within the run."""
    return _eight(ground.start_at) - int(ground.span_s * rng.uniform(0.4, 0.8)) * 1000


_DRAWERS: Mapping[Portfolio, Callable[[Random, Hedge, Ground], Drawn]] = MappingProxyType(
    {
        Portfolio.OPTIONS: _options,
        Portfolio.INVERSE: _inverse,
        Portfolio.DATED: _dated,
        Portfolio.TARGETS: _targets,
        Portfolio.BANDS: _bands,
    }
)
