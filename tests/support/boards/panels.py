"""The kinds of panel that the boards are made of: numbers and words, lines, states over time, bars and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.support.boards.grafana import AS_IT_IS, Json, Panel, Query, Steps, Words, ask

_NOT_KNOWN = "null+nan"


def stat(
    title: str,
    text: str,
    unit: str,
    *queries: Query,
    width: int,
    height: int = 4,
    steps: Steps = AS_IT_IS,
    words: Words | None = None,
    decimals: int | None = None,
    name_only: bool = False,
) -> Panel:
    """A number or a word as it is now, one tile for each answer; a word fills its tile with its colour."""
    named = any("{{" in query.legend for query in queries) or len(queries) > 1
    return Panel(
        kind="stat",
        title=title,
        text=text,
        unit=unit,
        queries=queries,
        width=width,
        height=height,
        instant=True,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background" if words else "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "name" if name_only else "value_and_name" if named else "value",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        },
        defaults={"color": {"mode": "thresholds"}, "noValue": "no data", **_read_as(steps, words), **_exact(decimals)},
    )


def bars(
    title: str, text: str, unit: str, *queries: Query, width: int, height: int = 8, steps: Steps = AS_IT_IS
) -> Panel:
    """The answers of now beside each other, each with a bar as long as it is large."""
    return Panel(
        kind="bargauge",
        title=title,
        text=text,
        unit=unit,
        queries=queries,
        width=width,
        height=height,
        instant=True,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "displayMode": "basic",
            "orientation": "horizontal",
            "valueMode": "color",
            "namePlacement": "auto",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 300,
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
        },
        defaults={"color": {"mode": "thresholds"}, "noValue": "no data", **_read_as(steps, None)},
    )


def lines(
    title: str,
    text: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    height: int = 8,
    styles: Sequence[Json] = (),
    zones: Steps | None = None,
    columns: bool = False,
    table: bool = False,
    least: float | None = None,
    most: float | None = None,
) -> Panel:
    """Lines over time; with `columns` counts stand on each other. `zones` colours the ground, and what is missing stays
    a gap: it was not known."""
    custom: Json = {
        "drawStyle": "bars" if columns else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if columns else 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if columns else "none", "group": "A"},
        "thresholdsStyle": {"mode": "area" if zones else "off"},
    }
    limits = {name: value for name, value in (("min", least), ("max", most)) if value is not None}
    return Panel(
        kind="timeseries",
        title=title,
        text=text,
        unit=unit,
        queries=queries,
        width=width,
        height=height,
        options={
            "tooltip": {"mode": "multi", "sort": "desc"},
            "legend": {
                "showLegend": True,
                "displayMode": "table" if table else "list",
                "placement": "right" if table else "bottom",
                "calcs": ["lastNotNull", "min", "max"] if table else [],
            },
        },
        defaults={
            "color": {"mode": "palette-classic"},
            "custom": custom,
            **_read_as(zones or AS_IT_IS, None),
            **limits,
        },
        overrides=tuple(styles),
    )


def line(
    pattern: str,
    colour: str | None = None,
    *,
    thick: int | None = None,
    dashed: bool = False,
    down_to: str | None = None,
    fill: int | None = None,
    right: str | None = None,
    over: bool = False,
) -> Json:
    """How the lines whose name matches are drawn: `down_to` fills the ground between one and another, `right` is a unit
    with an axis of its own, `over` is a line over columns."""
    asked: dict[str, object] = {
        "color": None if colour is None else {"mode": "fixed", "fixedColor": colour},
        "custom.lineWidth": thick,
        "custom.lineStyle": {"fill": "dash", "dash": [8, 8]} if dashed else None,
        "custom.fillBelowTo": down_to,
        "custom.fillOpacity": fill,
        "unit": right,
        "custom.axisPlacement": None if right is None else "right",
        "custom.drawStyle": "line" if over else None,
        "custom.stacking": {"mode": "none", "group": "A"} if over else None,
    }
    given = [{"id": name, "value": value} for name, value in asked.items() if value is not None]
    return {"matcher": {"id": "byRegexp", "options": f"/^{pattern}/"}, "properties": given}


def timeline(title: str, text: str, *queries: Query, words: Words, width: int = 12, height: int = 6) -> Panel:
    """States over time in words, a line for each answer."""
    return Panel(
        kind="state-timeline",
        title=title,
        text=text,
        unit="none",
        queries=queries,
        width=width,
        height=height,
        options={
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.9,
            "tooltip": {"mode": "single", "sort": "none"},
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
        },
        defaults={
            "color": {"mode": "thresholds"},
            "custom": {"lineWidth": 0, "fillOpacity": 80},
            **_read_as(AS_IT_IS, words),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table: its answers have the table's labels and no others."""

    name: str
    expr: str
    unit: str = "none"
    words: Words | None = None
    steps: Steps | None = None
    decimals: int | None = None


def table(
    title: str,
    text: str,
    *columns: Column,
    by: Sequence[tuple[str, str]],
    width: int,
    height: int = 8,
    links: Sequence[tuple[str, str]] = (),
) -> Panel:
    """What is so now, a line for each set of the labels `by` (label, title); `links` lead from a title elsewhere."""
    ids = [f"Value #{chr(ord('A') + place)}" for place in range(len(columns))] if len(columns) > 1 else ["Value"]
    names = dict(by) | dict(zip(ids, (column.name for column in columns), strict=True))
    order = {name: place for place, name in enumerate(names)}
    renamed = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    return Panel(
        kind="table",
        title=title,
        text=text,
        unit="none",
        queries=tuple(ask(column.expr) for column in columns),
        width=width,
        height=height,
        instant=True,
        table=True,
        options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": []}},
        defaults={"custom": {"align": "auto", "filterable": False}, "noValue": "–", **_read_as(AS_IT_IS, None)},
        overrides=(*(_column(column) for column in columns), *(_leads(title, url) for title, url in links)),
        transformations=({"id": "merge", "options": {}}, {"id": "organize", "options": renamed}),
    )


def _column(column: Column) -> Json:
    shown: Json = {"unit": column.unit, **_exact(column.decimals)}
    if column.words is not None or column.steps is not None:
        shown |= _read_as(column.steps or AS_IT_IS, column.words)
        shown |= {"custom.cellOptions": {"type": "color-background", "mode": "basic"}}
    properties = [{"id": name, "value": value} for name, value in shown.items()]
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def _leads(title: str, url: str) -> Json:
    link = {"title": "look at it", "url": url, "targetBlank": False}
    return {"matcher": {"id": "byName", "options": title}, "properties": [{"id": "links", "value": [link]}]}


def _exact(decimals: int | None) -> Json:
    return {} if decimals is None else {"decimals": decimals}


def _read_as(steps: Steps, words: Words | None) -> Json:
    """Colours from values on, and words for values."""
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
    return {"thresholds": thresholds, "mappings": list(_mappings(words or {}))}


def _mappings(words: Words) -> Iterable[Json]:
    known = {value: told for value, told in words.items() if value is not None}
    if known:
        options = {
            str(value): {"text": text, "color": colour, "index": place}
            for place, (value, (text, colour)) in enumerate(known.items())
        }
        yield {"type": "value", "options": options}
    if None in words:
        text, colour = words[None]
        result = {"text": text, "color": colour, "index": len(known)}
        yield {"type": "special", "options": {"match": _NOT_KNOWN, "result": result}}
