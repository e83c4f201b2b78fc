"""docs/metrics.md, written from the meters themselves."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from hedger.ops.carry import CarryMeters
from hedger.ops.configuration import ConfigurationMeters
from hedger.ops.greeks import OptionMeters
from hedger.ops.meters import AccountMeters, Declaring, HedgeMeters, ProgramMeters
from hedger.ops.money import MoneyMeters
from hedger.ops.pnl import PnlMeters
from hedger.ops.volatility import VolatilityMeters

_GROUPS: tuple[tuple[str, Callable[[Declaring], object]], ...] = (
    ("The program", ProgramMeters),
    ("The configuration", ConfigurationMeters),
    ("Hedges", HedgeMeters),
    ("Accounts and instruments", AccountMeters),
    ("Money", MoneyMeters),
    ("Volatility", VolatilityMeters),
    ("Carry", CarryMeters),
    ("Options", OptionMeters),
    ("Profit and loss", PnlMeters),
)


def metrics_page() -> str:
    """Name, type, labels and meaning of every meter, as Markdown."""
    return "\n".join([_HEAD, *(_section(title, meters) for title, meters in _GROUPS)])


def _section(title: str, declare: Callable[[Declaring], object]) -> str:
    registry = CollectorRegistry()
    declaring = Declaring(registry)
    declare(declaring)
    rows = [f"## {title}", "", "| name | type | labels | meaning |", "|---|---|---|---|"]
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in declaring.labels[family.name])
        meaning = family.documentation.replace("|", "\\|")
        rows.append(f"| `{name}` | {family.type} | {labels} | {meaning} |")
    return "\n".join(rows) + "\n"


_HEAD = """# Metrics

Written by `hedger.ops.catalogue`; a test keeps this page current.

Served as `/metrics` in the Prometheus text format (OpenMetrics when asked for), with `process_*` beside. Units are
base units: seconds, ratios (0.01 is 1 %), coins of the underlying, and `quote`, the currency that the instrument is
priced in. Moments are timestamps on the program's clock, which on paper is another one than yours: an age is never
`time() - metric` but `hedger_heartbeat_timestamp_seconds{stage="tick"} - on (job, instance) group_right () metric`.
What is not known is NaN and never 0: zero would say flat. Label sets are closed and present from the start.

`hedger_guard_limit` holds the configured limits, so that alerts need no numbers of their own, and `hedger_guard_value`
what each guard sees now, in the same units: a value may be at most its limit (of `depth`, `expiring` and
`liquidation_distance`, at least). Prices are those of the instrument that was last decided on; `order_notional` has no
value, because it speaks of an order. After a reload the limits are the new ones.

Alerts and recording rules stand in `deploy/prometheus/rules`, and [runbooks](runbooks/README.md) say what to do.

`guard` is a name of the list in the configuration; `level` is `limit`, or `warn`, `stop`, `reduce` and `clear` for
guards with levels. `what` is one of `instruments`, `clock`, `account`, `prices`, `fills`, `funding`, `candles`,
`funding_rates`, `order`, `other`. A reading's `outcome` is `believed`, `doubted` (until a second one agrees),
`refused`, or `late` (asked for before what the account did since). `kind` is `quiet` or `ban`. A flatten's
`state` is `working`, `held` (a pause stops it too) or `flat`.
`stage` is `step` (the engine handled an event), `poll` (an account was read) or `tick` (the clock's beat was handled).
"""
