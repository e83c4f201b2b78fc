"""Before it starts: on which side of gamma each hedge is, what that earns and pays, and whether that is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sqrt

from hedger.engine.formulas.optimal import target_variance, turnover
from hedger.engine.formulas.overlay import NO_OPTIONS, overlay
from hedger.engine.known.policy import OCCASIONAL, BandRule, Hedge, Policy, TargetKind
from hedger.engine.known.state import Exposure
from hedger.engine.known.widths import Widths
from hedger.engine.wanted.band import Conditions, widths
from hedger.engine.wanted.target import hedge_gamma, target_delta, target_ended, target_gamma
from hedger.errors import ConfigError
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition
from hedger.model.spans import YEAR_MS
from hedger.settings.schema import Settings

DAYS = 365
EXAMPLE_SIGMA = 0.5
TREND_STEPS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one hedge's book before it starts.

    `price` of a coin in quote, `holding` in coins (wallets, without what futures have made, and outside), the `options`
    held, the `realized` volatility a year (None: not known yet), and the maker fee as a ratio of the notional.
    """

    price: Decimal
    holding: Decimal
    options: tuple[OptionPosition, ...] = ()
    realized: float | None = None
    maker_fee: float = 0.0002

    def held(self, price: Decimal, now: int) -> Exposure:
        """The exposure at another price, without any futures."""
        options = overlay(self.options, price, now) if self.options else NO_OPTIONS
        low = self.holding + options.delta
        return Exposure(spot=self.holding, static=ZERO, futures=ZERO, low=low, high=low, options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaOfHedge:
    """One hedge's gamma in numbers, at the price that is known.

    `chosen` is the gamma of the target itself and `options` that of the options held, in coins per unit of price;
    `follows` is how the hedge must trade: positive, it buys as the price rises. `theta` is what the options held gain a
    day by waiting, in quote. `sigma` is the volatility that the option was reckoned with, None for a profile. `edges`
    is the band in coins, None where it has no width of its own.
    """

    hedge: Hedge
    known: Known
    now: int
    chosen: float
    options: float
    follows: float
    theta: float
    sigma: float | None
    edges: Widths | None

    @property
    def usual(self) -> float:
        """The volatility a year that amounts are told for: what was measured, else what was reckoned with."""
        return self.known.realized or self.sigma or EXAMPLE_SIGMA

    @property
    def reach(self) -> tuple[Decimal, Decimal] | None:
        """Between which deltas the target moves whatever the price does, in coins; None for other kinds of target."""
        target, holding = self.hedge.target, self.known.holding
        if target.kind is TargetKind.PROFILE and target.profile is not None:
            wanted = [holding * (ONE - point.ratio) for point in target.profile.points]
        elif target.kind is TargetKind.SYNTHETIC and target.synthetic is not None:
            size = target.synthetic.size(holding) * target.synthetic.option_type.sign
            wanted = [holding, holding + size]
        else:
            return None
        return min(wanted), max(wanted)

    def swing(self, gamma: float, move: float) -> float:
        """½ΓS²x²: what a gamma is worth on a day that moves by `move` (a ratio), in quote."""
        return gamma * float(self.known.price) ** 2 * move**2 / 2

    def decay(self, sigma: float) -> float:
        """½Γ_chosen·S²σ²/365: what trading the target pays a day at a volatility, in quote; negative, it earns."""
        return self.swing(self.chosen, sigma / sqrt(DAYS))

    def trend(self, move: float) -> float:
        """What the hedge gains, in quote, if the price goes straight to 1 + `move` of now: ∫ of its position."""
        at, total = float(self.known.price), 0.0
        step = at * move / TREND_STEPS
        for number in range(TREND_STEPS):
            price = Decimal(repr(at + step * (number + 0.5)))
            held = self.known.held(price, self.now)
            total += float(target_delta(self.hedge, held, price, self.now) - held.unhedged) * step
        return total

    def shock(self, move: float) -> float:
        """What the hedged options gain, in quote, on a sudden move to 1 + `move` that nothing is traded in."""
        before, after = self.known.price, self.known.price * Decimal(repr(1 + move))
        was, then = (overlay(self.known.options, price, self.now) for price in (before, after))
        gained = then.premium * float(after) - was.premium * float(before)
        return gained - float(was.delta) * float(after - before)

    def turnover(self, sigma: float) -> float | None:
        """Coins that the hedge trades a year for its gamma at a volatility; None where the band has no width."""
        if self.edges is None or not self.edges.upper:
            return None
        variance = target_variance(self.follows, sigma, float(self.known.price))
        return turnover(variance, float(self.edges.upper), float(self.edges.reset_upper))

    def cost(self, sigma: float) -> float | None:
        """What that turnover costs a year at the maker fee, in quote."""
        coins = self.turnover(sigma)
        return None if coins is None else coins * float(self.known.price) * self.known.maker_fee

    def break_even(self) -> float | None:
        """The realised volatility a year at which trading comes to what the option was reckoned with, after costs:
        σ² − 2c/(Γ_follows·S²); None without an option, and 0 where costs eat all of it. Of options that are held, σ² is
        what their theta pays for their gamma: of a book that both calm and moves pay there is none."""
        reckoned = self._reckoned()
        if self.sigma is None or not self.follows or reckoned is None:
            return None
        cost = self.cost(self.sigma) or 0.0
        squared = reckoned - 2 * cost / (self.follows * float(self.known.price) ** 2)
        return sqrt(max(0.0, squared))

    def _reckoned(self) -> float | None:
        """The variance a year at which the gamma that is followed is even before costs."""
        if self.hedge.target.synthetic is not None or not self.options:
            return None if self.sigma is None else self.sigma**2
        even = -2 * DAYS * self.theta / (self.options * float(self.known.price) ** 2)
        return even if even > 0 else None


def gamma_of(hedge: Hedge, known: Known, now: int) -> GammaOfHedge | None:
    """What is said of a hedge before it starts; None where neither its target nor its options give it a gamma."""
    held = known.held(known.price, now)
    alone = Exposure(spot=known.holding, static=ZERO, futures=ZERO, low=known.holding, high=known.holding)
    if hedge.target.kind not in (TargetKind.QUOTE, TargetKind.PROFILE, TargetKind.SYNTHETIC) and not known.options:
        return None
    synthetic = hedge.target.synthetic
    told = GammaOfHedge(
        hedge=hedge,
        known=known,
        now=now,
        chosen=target_gamma(hedge, alone, known.price, now),
        options=held.options.gamma,
        follows=hedge_gamma(hedge, held, known.price, now),
        theta=held.options.theta,
        sigma=float(synthetic.volatility) if synthetic is not None else held.options.sigma,
        edges=None,
    )
    return told if hedge.band.rule in OCCASIONAL else _with_edges(told)


def _with_edges(told: GammaOfHedge) -> GammaOfHedge:
    hedge, known = told.hedge, told.known
    synthetic = hedge.target.synthetic
    end = synthetic.expiry_at - told.now if synthetic is not None else hedge.band.inputs.horizon_ms
    sigma = float(hedge.band.inputs.sigma) if hedge.band.inputs.sigma is not None else told.usual
    now = Conditions(
        sigma=sigma, gamma=-told.follows, cost=known.maker_fee, fee=known.maker_fee, years=max(end, 1) / YEAR_MS
    )
    held = known.held(known.price, told.now)
    size = held.unhedged if hedge.band.rule is BandRule.RELATIVE else max(abs(known.holding), abs(held.unhedged))
    return replace(told, edges=widths(hedge.band, size, known.price, now))


# --- whether it may start -------------------------------------------------------------------------------------------


def accepted(settings: Settings, name: str, *, yes: bool) -> bool:
    """Whether the owner has accepted the gamma of a hedge: in its target's settings, or on the command line."""
    return yes or settings.hedges[name].target.accept_gamma


def needs_consent(hedge: Hedge, told: Iterable[GammaOfHedge]) -> bool:
    """Whether a start waits for its owner's word. A fixed value in quote is told and not asked for: who says what it
    should be worth has said that it is sold as it rises."""
    own = hedge.target.kind in (TargetKind.PROFILE, TargetKind.SYNTHETIC)
    return own or any(each.hedge.name == hedge.name and each.known.options for each in told)


def require_consent(settings: Settings, policy: Policy, told: Sequence[GammaOfHedge], *, yes: bool) -> None:
    """Raises ConfigError where a hedge has a gamma that nobody accepted, whether its numbers are known or not."""
    asked = [hedge.name for hedge in policy.hedges if needs_consent(hedge, told)]
    asked = [name for name in asked if not accepted(settings, name, yes=yes)]
    if asked:
        names = ", ".join(f"hedges.{name}" for name in asked)
        where = " and ".join(f"hedges.{name}.target" for name in asked)
        raise ConfigError(
            f"{names} has a gamma that nobody has accepted: read what is said above, then start with --yes, or set "
            f"accept_gamma = true in {where}"
        )


def refuse_ended(policy: Policy, now: int) -> None:
    """Raises ConfigError for a target whose option has expired: there is nothing left to replicate."""
    for hedge in policy.hedges:
        if target_ended(hedge.target, now) is not None:
            raise ConfigError(
                f"hedges.{hedge.name}.target.synthetic.expiry is past: write a later one, or another target"
            )


def gammas_of(policy: Policy, known: Mapping[str, Known], now: int) -> list[GammaOfHedge]:
    """What is said of each hedge that has a gamma; `known` by the hedges' names."""
    told = (gamma_of(hedge, known[hedge.name], now) for hedge in policy.hedges if hedge.name in known)
    return [each for each in told if each is not None]
