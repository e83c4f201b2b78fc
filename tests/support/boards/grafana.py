"""Grafana's JSON from a small table: what a board's panels are, in a dozen words each, and where they stand.

In a query `{P}` stands for the hedger that is looked at, `{H}` for its hedges that are chosen and `{A}` for its
accounts; more labels may follow, as in `{H, outcome="filled"}`. NOW and AGE_OF count on the program's own clock,
because the clock of a paper run is not ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
# By value (None: not known), the word for it and its colour.
Words = Mapping[int | None, tuple[str, str]]
# From which value on a colour holds; None is below all others.
Steps = Sequence[tuple[float | None, str]]

GOOD, DOUBTFUL, WORSE, BAD, FACT, MUTED = "green", "yellow", "orange", "red", "blue", "#8e8e8e"
AS_IT_IS: Steps = ((None, FACT),)
ANY_IS_BAD: Steps = ((None, GOOD), (1, BAD))
WIDTH = 24

_SELECTORS = {
    "P": 'instance="$instance"',
    "H": 'instance="$instance", hedge=~"$hedge"',
    "A": 'instance="$instance", account=~"$account"',
}
_BEAT = 'hedger_heartbeat_timestamp_seconds{P, stage="tick"}'
NOW = f"on (instance) group_left () {_BEAT}"
AGE_OF = f"{_BEAT} - on (instance) group_right () "
FIRING = 'ALERTS{alertstate="firing", severity=~"critical|warning"}'
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def written(expr: str) -> str:
    """A query as Prometheus gets it, with its selectors written out."""
    return re.sub(r"\{([PHA])\b", lambda found: "{" + _SELECTORS[found[1]], expr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked, and by which labels its answers are called."""

    expr: str
    legend: str = ""


def ask(expr: str, legend: str = "") -> Query:
    """A query of a panel."""
    return Query(expr=expr, legend=legend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: `options`, `defaults`, `overrides` and `transformations` are Grafana's own words."""

    kind: str
    title: str
    text: str
    unit: str
    queries: tuple[Query, ...]
    width: int
    height: int
    options: Json
    defaults: Json
    instant: bool = False
    table: bool = False
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel as Grafana reads it, at its place."""
        made: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(query, place) for place, query in enumerate(self.queries)],
            "options": self.options,
            "fieldConfig": {"defaults": {"unit": self.unit, **self.defaults}, "overrides": list(self.overrides)},
        }
        return made | ({"transformations": list(self.transformations)} if self.transformations else {})

    def _target(self, query: Query, place: int) -> Json:
        return {
            "refId": chr(ord("A") + place),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": written(query.expr),
            "legendFormat": query.legend,
            "instant": self.instant,
            "range": not self.instant,
            "format": "table" if self.table else "time_series",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels beside each other, in as many lines as they need; the first row of a board has no title."""

    panels: tuple[Panel, ...]
    title: str = ""


def row(title: str, *panels: Panel) -> Row:
    """A row under a title."""
    return Row(panels=panels, title=title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a reader chooses: the values of a label. `many` of them, and all at first, or one."""

    name: str
    title: str
    values: str
    many: bool = True

    def json(self) -> Json:
        """The variable as Grafana reads it; a new time range asks for its values again."""
        query = f"label_values({written(self.values)})"
        everything: Json = {"allValue": ".+", "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
        return {
            "type": "query",
            "name": self.name,
            "label": self.title,
            "datasource": DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": self.name},
            "refresh": 2,
            "sort": 1,
            "multi": self.many,
            "includeAll": self.many,
            **(everything if self.many else {"current": {}}),
        }


WHICH = Variable(name="instance", title="Hedger", values="hedger_build_info, instance", many=False)
HEDGES = Variable(name="hedge", title="Hedge", values="hedger_hedge_info{P}, hedge")
ONE_HEDGE = Variable(name="hedge", title="Hedge", values="hedger_hedge_info{P}, hedge", many=False)
ACCOUNTS = Variable(name="account", title="Account", values="hedger_account_failed_reads{P}, account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard; `since` is how far back it looks at first."""

    uid: str
    title: str
    text: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = (WHICH, HEDGES)
    since: str = "now-3h"

    def json(self, others: Sequence[Board]) -> Json:
        """The dashboard as Grafana reads it, with links to the others."""
        return {
            "id": None,
            "uid": self.uid,
            "title": self.title,
            "description": self.text,
            "tags": ["hedger"],
            "schemaVersion": 39,
            "editable": True,
            "graphTooltip": 1,
            "timezone": "utc",
            "refresh": "10s",
            "time": {"from": self.since, "to": "now"},
            "timepicker": {},
            "links": [_link(self, board) for board in others if board.uid != self.uid],
            "annotations": {"list": [_annotation(*told) for told in _ANNOTATIONS]},
            "templating": {"list": [_CHOICE_OF_DATASOURCE, *(variable.json() for variable in self.variables)]},
            "panels": list(_placed(self.rows)),
        }

    def text_of(self, others: Sequence[Board]) -> str:
        """What the board's file holds."""
        return json.dumps(self.json(others), indent=2, ensure_ascii=False) + "\n"


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Left to right in 24 columns; a line is as high as its highest panel."""
    number, y = 1, 0
    for row in rows:
        if row.title:
            place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
            yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
            number, y = number + 1, y + 1
        x, height = 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            yield panel.json(number, x, y)
            number, x, height = number + 1, x + panel.width, max(height, panel.height)
        y += height


_CHOICE_OF_DATASOURCE = {
    "type": "datasource",
    "name": "datasource",
    "label": "Prometheus",
    "query": "prometheus",
    "multi": False,
    "includeAll": False,
    "refresh": 1,
    "current": {},
}
_ANNOTATIONS = (
    ("Not hedging", 'hedger_mode{P, mode!~"hedging|shadow|halted"} == 1', "mode: {{mode}}", DOUBTFUL),
    ("Halted", "hedger_halted{P} == 1", "halted: a person must lift it", BAD),
    ("Paused", "hedger_paused{P} == 1", "paused by an operator", "purple"),
    ("Started again", "changes(process_start_time_seconds{P}[$__rate_interval]) > 0", "started", FACT),
    ("Alerts", FIRING, "{{alertname}}", WORSE),
)


def _annotation(name: str, expr: str, title: str, colour: str) -> Json:
    """A region for as long as the query has an answer. Grafana 11 reads `target`, 10 `expr`."""
    told = written(expr)
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "titleFormat": title,
        "expr": told,
        "target": {"refId": "Anno", "expr": told},
    }


def _link(here: Board, there: Board) -> Json:
    """To another board, at the same time, with what is chosen here; of several hedges one board cannot show all."""
    kept = [v.name for v in here.variables for w in there.variables if v.name == w.name and (w.many or not v.many)]
    return {
        "type": "link",
        "title": there.title,
        "tooltip": there.text,
        "url": f"/d/{there.uid}?" + "&".join(f"${{{name}:queryparam}}" for name in ("datasource", *kept)),
        "icon": "dashboard",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": False,
        "keepTime": True,
    }
