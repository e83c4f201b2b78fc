"""What the boards say in words: the mode, a hedge, margin and breakers, each as one number with its word and colour."""

from __future__ import annotations

from hedger.engine.known.breaker import BreakerStatus
from hedger.engine.known.state import Mode
from hedger.ops.words import MODE_WORDS
from tests.support.boards.grafana import BAD, DOUBTFUL, FACT, GOOD, MUTED, WORSE, Words

_MODE_COLOURS = {
    Mode.BOOT: DOUBTFUL,
    Mode.RECONCILING: DOUBTFUL,
    Mode.SHADOW: FACT,
    Mode.HEDGING: GOOD,
    Mode.REDUCE_ONLY: WORSE,
    Mode.CANCEL_ONLY: BAD,
    Mode.HALTED: BAD,
    Mode.DRAINING: DOUBTFUL,
}
_BREAKER_COLOURS = {
    BreakerStatus.CLOSED: GOOD,
    BreakerStatus.OPEN: BAD,
    BreakerStatus.HALF_OPEN: DOUBTFUL,
    BreakerStatus.RESTRICTED: WORSE,
}


def _numbered(metric: str, label: str, values: list[str]) -> str:
    """The place in the list of the value for which a metric is 1."""
    rows = (
        f'({metric}, {label}="{value}"}} == 1) * 0' + (f" + {place}" if place else "")
        for place, value in enumerate(values)
    )
    return f"max without ({label}) ({' or '.join(rows)})"


MODE = _numbered("hedger_mode{P", "mode", [mode.value for mode in Mode])
MODES: Words = {place: (mode.value, _MODE_COLOURS[mode]) for place, mode in enumerate(Mode)}
MODE_TEXT = "; ".join(f"{mode.value}: {words}" for mode, words in MODE_WORDS.items()) + "."

BREAKER = _numbered("hedger_breaker_state{A", "state", [status.value for status in BreakerStatus])
BREAKERS: Words = {
    place: (status.value.replace("_", " "), _BREAKER_COLOURS[status]) for place, status in enumerate(BreakerStatus)
}

LETS_LEAVE: Words = {0: ("yes", GOOD), 1: ("NO", BAD), 2: ("one, to try", DOUBTFUL), 3: ("to reduce", WORSE)}

# 0 inside, 1 outside, 2 outside for too long, 3 so by a person's wish, 4 nothing could be done; not a number while the
# delta is not known.
HEDGED = (
    "(hedger_cannot_act{H} == 1 unless hedger_unhedged{H} == 1) * 4"
    " or hedger_outside_band{H} + hedger_unhedged{H} + 2 * hedger_unhedged_on_purpose{H} + 0 * hedger_delta_coins{H}"
)
HEDGED_WORDS: Words = {
    0: ("hedged", GOOD),
    1: ("outside its band", DOUBTFUL),
    2: ("UNHEDGED", BAD),
    3: ("unhedged on purpose", WORSE),
    4: ("CANNOT ACT", BAD),
    None: ("not known", WORSE),
}
HEDGED_TEXT = (
    "Each hedge: its delta against its band. UNHEDGED is outside for longer than its owner allows; on purpose: a "
    "person paused or flattened it. CANNOT ACT: for a quarter of an hour no order could have been decided, for want of "
    "facts."
)

# The deviation as a share of the band's edge on its side: from −1 to 1 is inside.
SHARE_OF_BAND = (
    "clamp_min(hedger_deviation_coins{H}, 0) / clamp_min(hedger_band_upper_coins{H}, 1e-12)"
    " + clamp_max(hedger_deviation_coins{H}, 0) / clamp_min(hedger_band_lower_coins{H}, 1e-12)"
)

SEVERITY: Words = {
    0: ("enough", GOOD),
    1: ("getting short", DOUBTFUL),
    2: ("short: nothing is added", WORSE),
    3: ("short: made smaller", BAD),
}
RUNNING: Words = {0: ("DOWN", BAD), 1: ("running", GOOD)}
NONE_IS_GOOD: Words = {0: ("none", GOOD)}
ANY_ORDER: Words = {0: ("none", MUTED)}
YES_IS_BAD: Words = {0: ("no", GOOD), 1: ("YES", BAD)}
NO_IS_BAD: Words = {0: ("NO", BAD), 1: ("yes", GOOD)}
CHANGED: Words = {0: ("no", GOOD), 1: ("YES", DOUBTFUL)}
SENDS: Words = {0: ("no: shadow", FACT), 1: ("yes", GOOD)}
OPEN_OR_NOT: Words = {0: ("closed", GOOD), 1: ("open", BAD)}
SERVES: Words = {0: ("NO", BAD), 1: ("yes", GOOD), None: ("none is wanted", MUTED)}
UP_OR_NOT: Words = {0: ("down", BAD), 1: ("up", GOOD)}
TRADED: Words = {0: ("not traded", MUTED), 1: ("traded", FACT)}

# How near a guard is to its limit: at 1 it speaks. Some limits are the least that a value may be.
_LEAST = 'guard=~"depth|expiring|liquidation_distance"'
_LIMIT = 'on (instance, hedge, guard) hedger_guard_limit{H, level=~"limit|stop", guard!="leverage"}'
OF_ITS_LIMIT = (
    f"hedger_guard_value{{H, {_LEAST.replace('=~', '!~')}}} / {_LIMIT}"
    f" or 1 / (hedger_guard_value{{H, {_LEAST}}} / {_LIMIT})"
)
LIMIT_STEPS = ((None, GOOD), (0.8, DOUBTFUL), (1.0, BAD))

COST_SHARE = 'hedger_day_cost_quote{H} / on (instance, hedge) hedger_guard_limit{H, guard="daily_cost"}'
# What was made, once what may still turn out to have come from outside is left out: it waits in the residual.
MADE = "sum(hedger_pnl_usd{P}) - sum(hedger_pnl_open_usd{P})"
MADE_BY_HEDGE = 'sum by (hedge) (hedger_pnl_usd{H, component!="residual"})'
COINS, QUOTE, BP = "suffix:coins", "suffix:quote", "suffix:bp"
COST_STEPS = ((None, GOOD), (0.5, DOUBTFUL), (0.8, WORSE), (1.0, BAD))
OUTSIDE_STEPS = ((None, GOOD), (0.05, DOUBTFUL), (0.2, BAD))
EARNS_STEPS = ((None, "red"), (0, GOOD))
INSIDE_ZONES = ((None, "rgba(242, 73, 92, 0.10)"), (-1, "rgba(115, 191, 105, 0.12)"), (1, "rgba(242, 73, 92, 0.10)"))
