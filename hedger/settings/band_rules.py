"""Contradictions within a band's settings, and the band that they describe."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Band, BandInputs, BandRule, RebalanceTo
from hedger.model.numeric import plain
from hedger.model.spans import DAY_MS
from hedger.settings.bands import BandSettings
from hedger.settings.sentences import Problem
from hedger.settings.shape import Path

_LARGEST_RELATIVE_WIDTH = Decimal("0.5")
_LARGEST_USUAL_RESIDUAL = Decimal("0.2")
_CLOCKS = frozenset({BandRule.CLOCK, BandRule.LELAND})
_WITH_SIGMA = COMPUTED | {BandRule.LELAND}
_OF = {
    "residual": COMPUTED,
    "residual_quote": COMPUTED,
    "typical_gamma": COMPUTED,
    "sigma": _WITH_SIGMA,
    "fixed_cost": frozenset({BandRule.FIXED_COST}),
    "deposits_per_year": COMPUTED,
    "deposit_quantity": COMPUTED,
    "horizon_days": COMPUTED,
    "move": frozenset({BandRule.PRICE_MOVE}),
    "every_s": _CLOCKS,
    "rebalance_to": frozenset({BandRule.COINS, BandRule.RELATIVE, BandRule.QUOTE}),
    "floor": COMPUTED | OCCASIONAL | {BandRule.RELATIVE},
}


def rule_of(band: BandSettings) -> BandRule | None:
    """The rule that is said, or what a budget alone means; None where neither is given."""
    if band.rule is not None or (band.residual is None and band.residual_quote is None):
        return band.rule
    return BandRule.FIXED_COST


def problems_of_band(at: Path, band: BandSettings) -> Iterator[Problem]:
    """Every contradiction within one band."""
    rule = rule_of(band)
    if rule is None:
        yield Problem((*at, "rule"), "is missing: say one, such as relative, or a budget, such as residual = 0.01")
        return
    yield from _widths(at, band, rule)
    yield from _strangers(at, band, rule)
    yield from _budget(at, band, rule)
    if rule is BandRule.PRICE_MOVE and band.move is None:
        yield Problem((*at, "move"), f"is missing: a band by {rule} needs one")
    if rule in _CLOCKS and band.every_s is None:
        yield Problem((*at, "every_s"), f"is missing: a band by {rule} needs one")
    if bool(band.deposits_per_year) != bool(band.deposit_quantity):
        yield Problem((*at, "deposit_quantity"), "and deposits_per_year belong together: give both or neither")


def _widths(at: Path, band: BandSettings, rule: BandRule) -> Iterator[Problem]:
    sides = (band.upper, band.lower)
    if band.width is not None and sides != (None, None):
        yield Problem((*at, "width"), "is given together with upper or lower: keep the one or the two")
    elif band.width is None and None in sides and (rule not in COMPUTED or sides != (None, None)):
        beyond = ", in coins, beyond which it hedges at once" if rule in OCCASIONAL else ""
        yield Problem(at, f"needs a width, or else both upper and lower{beyond}")
    for key in ("width", "upper", "lower"):
        width = getattr(band, key)
        if width is not None:
            yield from _width((*at, key), rule, width)


def _width(path: Path, rule: BandRule, width: Decimal) -> Iterator[Problem]:
    if rule is BandRule.RELATIVE and width > _LARGEST_RELATIVE_WIDTH:
        guess = f"did you mean {width / 100} ({width} %), or another unit?"
        yield Problem(path, f"is {width} of the holding, which is {width * 100:f} %; {guess}")
    if rule is BandRule.QUOTE and width < 1:
        guess = 'did you mean rule = "coins" or "relative"?'
        yield Problem(path, f"is {width} in quote, less than one unit of money; {guess}")


def _strangers(at: Path, band: BandSettings, rule: BandRule) -> Iterator[Problem]:
    """Settings that this rule does not read."""
    measured = rule in (BandRule.COINS, BandRule.QUOTE)
    for key, rules in _OF.items():
        said = key in band.model_fields_set and getattr(band, key) != BandSettings.model_fields[key].default
        if said and rule not in rules:
            text = f"belongs to {_listed(rules)} bands, and this one is {'in ' if measured else ''}{rule}"
            yield Problem((*at, key), text)


def _listed(rules: frozenset[BandRule]) -> str:
    *most, last = (str(rule) for rule in BandRule if rule in rules)
    return f"{', '.join(most)} and {last}" if most else last


def _budget(at: Path, band: BandSettings, rule: BandRule) -> Iterator[Problem]:
    given = [key for key in ("residual", "residual_quote") if getattr(band, key) is not None]
    if rule in COMPUTED and not given:
        text = f"is missing: a band by {rule} is computed from what volatility may be left over, such as 0.01 a year"
        yield Problem((*at, "residual"), text)
    if len(given) > 1:
        yield Problem((*at, "residual"), "is given together with residual_quote: keep one")
    if band.residual is not None and band.residual > _LARGEST_USUAL_RESIDUAL:
        guess = f"did you mean {band.residual / 100}?"
        text = f"is {band.residual}, {plain(band.residual * 100)} % a year, which is hardly a hedge; {guess}"
        yield Problem((*at, "residual"), text)


def to_band(band: BandSettings, watch_ms: int) -> Band:
    """The band that settings without a contradiction describe; prices come every `watch_ms`."""
    rule = rule_of(band)
    assert rule is not None, "a band without a rule was refused"
    computed = rule in COMPUTED
    return Band(
        rule=rule,
        upper=band.width or band.upper or Decimal(0),
        lower=band.width or band.lower or Decimal(0),
        floor=band.floor,
        rebalance_to=RebalanceTo.EDGE if computed else band.rebalance_to,
        inputs=_inputs(band, watch_ms) if computed or rule in OCCASIONAL else BandInputs(),
    )


def _inputs(band: BandSettings, watch_ms: int) -> BandInputs:
    return BandInputs(
        residual=band.residual or Decimal(0),
        residual_quote=band.residual_quote or Decimal(0),
        typical_gamma=band.typical_gamma or Decimal(0),
        sigma=band.sigma,
        fixed_cost=band.fixed_cost,
        deposits=band.deposits_per_year,
        deposit_quantity=band.deposit_quantity,
        move=band.move or Decimal(0),
        every_ms=int((band.every_s or 0) * 1000),
        horizon_ms=int(band.horizon_days * DAY_MS),
        watch_ms=watch_ms,
    )
