"""The gamma of a hedge in words and numbers, for a person who is about to start it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import sqrt

from hedger.app.gamma import DAYS, GammaOfHedge
from hedger.engine.known.policy import Policy, Target, TargetKind
from hedger.model.numeric import ZERO
from hedger.ops.figures import coins, instant, money, percent, price
from hedger.ops.words import target_words

SWINGS = (0.01, 0.03, 0.05)
TREND = 0.2
UNKNOWN = "not known yet"

GENERAL = (
    "Spot has no gamma, and neither has a future: what is traded here is the gamma of the target or of the options.",
    "While funding is positive longs pay shorts: a short hedge receives it, and a long one pays.",
)


def told_of(gammas: Iterable[GammaOfHedge]) -> list[str]:
    """Everything that is said of the hedges that have a gamma, a line each; nothing where none has."""
    lines = [line for told in gammas for line in _lines(told)]
    return [*lines, *GENERAL] if lines else []


def told_without_numbers(policy: Policy, why: str) -> list[str]:
    """The sides of the targets that have a gamma, where the accounts could not be read; `why` says that."""
    lines = [f"{h.name}: {target_words(h.target)}: {_side_of(h.target)}" for h in policy.hedges if _side_of(h.target)]
    return [*lines, f"What that earns and costs is not known yet: {why}", *GENERAL] if lines else []


def _side_of(target: Target) -> str:
    """The side of a target by its kind alone; empty where it has no gamma."""
    match target.kind:
        case TargetKind.QUOTE:
            return side_words(-1)
        case TargetKind.SYNTHETIC:
            return side_words(1 if target.synthetic is not None and target.synthetic.long else -1)
        case TargetKind.PROFILE:
            ratios = [point.ratio for point in target.profile.points] if target.profile is not None else []
            if ratios == sorted(ratios):
                return side_words(-1)
            return side_words(1) if ratios == sorted(ratios, reverse=True) else "now long, now short gamma"
        case _:
            return ""


def side_words(gamma: float) -> str:
    """A gamma by its side: what its owner has."""
    if gamma > 0:
        return "long gamma (convex)"
    return "short gamma (concave)" if gamma < 0 else "no gamma at this price"


def _lines(told: GammaOfHedge) -> Iterator[str]:
    known, coin = told.known, told.hedge.underlying
    yield f"{told.hedge.name}: {target_words(told.hedge.target)}, {coins(known.holding)} {coin} held at {_price(told)}"
    if told.hedge.target.synthetic is not None:
        yield f"  until        {instant(told.hedge.target.synthetic.expiry_at)}; then its hedge is held as it stands"
    if told.hedge.target.kind in (TargetKind.QUOTE, TargetKind.PROFILE, TargetKind.SYNTHETIC):
        yield from _of_target(told)
    if known.options:
        yield from _of_options(told)
    yield from _of_both(told)


def _of_target(told: GammaOfHedge) -> Iterator[str]:
    gamma, quote = told.chosen, _quote(told)
    if not gamma:
        yield "  target       no gamma at this price: it begins where its points, or its strike, come near"
    else:
        does = (
            "buys as the price rises and sells as it falls"
            if gamma > 0
            else "sells as the price rises and buys as it falls"
        )
        yield f"  target       {side_words(gamma)}: it {does}; {_per_percent(told, gamma)}"
        verb = "costs" if gamma > 0 else "earns"
        days = ", ".join(f"{_percent(x)} {_money(abs(told.swing(gamma, x)))}" for x in SWINGS)
        yield f"  oscillation  {verb} on a day that moves by {days} {quote}"
    if told.reach is not None:
        yield f"  reach        {_reach(told, *told.reach)}"
    up, down = told.trend(TREND), told.trend(-TREND)
    moves = f"straight up {_percent(TREND)}: {_gain(up)} {quote} from the hedge; straight down: {_gain(down)} {quote}"
    yield f"  trend        {moves}"
    if gamma:
        verb = "pays" if gamma > 0 else "earns"
        instead = "the premium of an option that is not bought" if gamma > 0 else "in place of a premium"
        amount = _money(abs(told.decay(told.usual)))
        yield f"  theta        at {_percent(told.usual)} a year it {verb} {amount} {quote} a day, {instead}"


def _of_options(told: GammaOfHedge) -> Iterator[str]:
    flaw = told.known.held(told.known.price, told.now).options.flaw
    if flaw is not None:
        yield f"  options held not usable, and in no number here: {flaw}"
        return
    gamma, quote, short = told.options, _quote(told), told.options < 0
    yield f"  options held {side_words(gamma)}: {_per_percent(told, gamma)}"
    hedged = "buys high and sells low" if short else "buys low and sells high"
    hedged += ", and collects" if told.theta > 0 else ", and pays"
    yield f"  hedging them {hedged} {_money(abs(told.theta))} {quote} a day of theta"
    verb = "lose" if short else "earn"
    days = ", ".join(f"{_percent(x)} {_money(abs(told.swing(gamma, x)))}" for x in SWINGS)
    yield f"  oscillation  they {verb} on a day that moves by {days} {quote}, before theta"
    up, down = told.shock(TREND), told.shock(-TREND)
    yield f"  a jump       of {_percent(TREND)} up: {_gain(up)} {quote} with its hedge; down: {_gain(down)} {quote}"


def _of_both(told: GammaOfHedge) -> Iterator[str]:
    quote, sigma = _quote(told), told.usual
    realized = UNKNOWN if told.known.realized is None else f"{_percent(told.known.realized)} a year"
    level = told.break_even()
    if level is not None and told.sigma is not None:
        day = _percent(level / sqrt(DAYS))
        yield f"  break-even   {_percent(level)} a year, {day} a day, after costs: {_against(told)}"
    elif told.sigma is not None and told.options * told.theta > 0:
        yield f"  break-even   there is none: calm {'earns' if told.theta > 0 else 'costs'}, and so does a move"
    elif told.follows < 0:
        yield "  break-even   each day that oscillates earns, and a trend is given up"
    elif told.follows > 0:
        yield "  break-even   each day that oscillates costs, and only a trend earns"
    yield f"  realised     {realized}"
    traded, cost = told.turnover(sigma), told.cost(sigma)
    if traded is None or cost is None:
        yield "  turnover     hangs on the clock or the moves that its band waits for; see `hedger band`"
        return
    fee = f"{told.known.maker_fee * 10_000:.1f} bp"
    shown = f"{coins(Decimal(repr(round(traded / DAYS, 6))))} {told.hedge.underlying} a day"
    yield f"  turnover     about {shown} at {_percent(sigma)} a year, costs {_money(cost / DAYS)} {quote} at {fee}"


def _against(told: GammaOfHedge) -> str:
    """On which side of its break-even a hedge gains."""
    if told.known.options:
        does = "hedging collects more than it pays" if told.follows > 0 else "hedging earns more than it pays"
    else:
        does = "this costs less than the option would" if told.follows > 0 else "this earns more than the option would"
    return f"{does} while the price moves {'less' if told.follows > 0 else 'more'}"


def _reach(told: GammaOfHedge, low: Decimal, high: Decimal) -> str:
    """Between which deltas a target moves, and where that is more than is held or less than nothing."""
    text = f"the delta that is wanted lies between {coins(low)} and {coins(high)} {told.hedge.underlying}"
    text += ": more than is held, which is leverage" if high > max(told.known.holding, ZERO) else ""
    return text + (": less than nothing, which is a short book" if low < min(told.known.holding, ZERO) else "")


def _per_percent(told: GammaOfHedge, gamma: float) -> str:
    per = Decimal(repr(round(gamma * float(told.known.price) / 100, 8)))
    return f"{coins(per, signed=True)} {told.hedge.underlying} of delta per 1 % up"


def _price(told: GammaOfHedge) -> str:
    return f"{price(told.known.price)} {_quote(told)}"


def _quote(told: GammaOfHedge) -> str:
    return told.hedge.instruments[0].symbol.partition("/")[2].partition(":")[0]


def _percent(ratio: float) -> str:
    places = 0 if abs(ratio * 100 - round(ratio * 100)) < 1e-9 else 1
    return percent(Decimal(repr(ratio)), places=places)


def _money(value: float) -> str:
    return money(Decimal(repr(round(value, 2))))


def _gain(value: float) -> str:
    return money(Decimal(repr(round(value, 2))), signed=True)
