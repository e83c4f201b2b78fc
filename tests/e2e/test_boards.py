"""Every panel, variable and annotation of the dashboards, asked of a real Prometheus over a run of the real meters."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.boards.shelf import GRAFANA
from tests.support.boards_fleet import SCRAPE_S, scraped
from tests.support.boards_prometheus import Server, evaluate, imported, prometheus

RULES = sorted((GRAFANA.parent / "prometheus" / "rules").glob("*.yml"))
PATHS = sorted((GRAFANA / "dashboards").glob("*.json"))
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PATHS}
ALL = ".+"

# Panels (and the query's letter) that show nothing while all is well, and why. What is not here must have data.
EMPTY_IN_HEALTH = {
    ("hedge", "Denied by a guard", "A"): "no guard denied an order",
    ("venues", "Asked to be quiet", "A"): "no venue asked for quiet",
    ("venues", "Money against its peg", "A"): "the paper exchanges list no pair that tells what USDT is worth",
    ("venues", "Money against its peg", "C"): "a limit on a price that has no source is none",
}


@dataclass(frozen=True, kw_only=True)
class History:
    """A Prometheus that knows one run, and when that was (s)."""

    server: Server
    first_s: int
    last_s: int


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    directory = tmp_path_factory.mktemp("boards")
    run = scraped(directory)
    data = imported(run.text, directory)
    with prometheus(data) as server:
        evaluate(server, RULES, data, run.first_s, run.last_s, SCRAPE_S)
    with prometheus(data) as server:
        yield History(server=server, first_s=run.first_s, last_s=run.last_s)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One query of a board, and what it is called in a failure."""

    board: str
    panel: str
    letter: str
    expr: str
    legend: str
    instant: bool
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.board}, {self.panel!r}, {self.letter}: {self.expr}"


def asked(board: str) -> Iterator[Asked]:
    for panel in FILES[board]["panels"]:
        for target in panel.get("targets", ()):
            yield Asked(
                board=board,
                panel=panel["title"],
                letter=target["refId"],
                expr=target["expr"],
                legend=target["legendFormat"],
                instant=target["instant"],
                labels=tuple(labels_of(panel, target)),
            )


def labels_of(panel: dict[str, Any], target: dict[str, Any]) -> list[str]:
    """The labels that a panel shows of a query's answers."""
    renamed = [one["options"]["renameByName"] for one in panel.get("transformations", ()) if one["id"] == "organize"]
    in_table = [name for names in renamed for name in names if not name.startswith("Value")]
    return [*in_table, *re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])]


def values_of(history: History, variable: dict[str, Any], chosen: dict[str, str]) -> list[str]:
    """What Grafana would offer for a variable, after those before it."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found, variable["query"]
    selector = filled(found[1], chosen, history)
    return history.server.label_values(selector, found[2], history.first_s, history.last_s)


def choices(history: History, board: str) -> list[dict[str, str]]:
    """What a reader may choose on a board: each value where one is chosen, all of them where many are."""
    made: list[dict[str, str]] = [{}]
    for variable in FILES[board]["templating"]["list"]:
        if variable["type"] == "query":
            name = variable["name"]
            offered = (
                (chosen, [ALL] if variable["multi"] else values_of(history, variable, chosen)) for chosen in made
            )
            made = [{**chosen, name: value} for chosen, values in offered for value in values]
    return made


def filled(expr: str, chosen: dict[str, str], history: History) -> str:
    """A query as Grafana sends it, with its variables replaced."""
    span = f"{history.last_s - history.first_s}s"
    known = {"__rate_interval": f"{4 * SCRAPE_S}s", "__interval": f"{SCRAPE_S}s", "__range": span, **chosen}
    written = re.sub(r"\$(\w+)", lambda found: known[found[1]], expr)
    assert "$" not in written, f"a variable without a value in {written}"
    return written


def answered(history: History, query: Asked, chosen: dict[str, str]) -> list[Any]:
    """The series of a query: at the end of the run, or over all of it."""
    expr = filled(query.expr, chosen, history)
    if query.instant:
        found: list[Any] = history.server.get("query", query=expr, time=history.last_s)["result"]
        return [{"metric": one["metric"], "values": [one["value"]]} for one in found]
    return list(history.server.range(expr, history.first_s, history.last_s, SCRAPE_S))


def has_data(series: list[Any]) -> bool:
    return any(math.isfinite(float(value)) for one in series for _, value in one["values"])


@pytest.mark.parametrize("board", FILES)
def test_every_query_of_a_board_is_answered_with_data(board: str, history: History) -> None:
    offered = choices(history, board)
    empty = [
        query
        for query in asked(board)
        if not has_data([one for chosen in offered for one in answered(history, query, chosen)])
        and (board, query.panel, query.letter) not in EMPTY_IN_HEALTH
    ]
    assert not empty, "\n".join(["nobody would see anything here:", *map(str, empty)])


@pytest.mark.parametrize("board", FILES)
def test_every_label_that_a_board_shows_is_in_the_answers(board: str, history: History) -> None:
    (chosen, *_) = choices(history, board)
    for query in asked(board):
        answers = [one["metric"] for one in answered(history, query, chosen)]
        for label in query.labels:
            enough = all if query.legend else any  # a cell of a table may be empty; a name may not
            assert not answers or enough(label in labels for labels in answers), f"{query}: no {label!r}"


def names(history: History, board: str, title: str) -> set[str]:
    """What a panel's answers are called."""
    (chosen, *_) = choices(history, board)
    queries = [query for query in asked(board) if query.panel == title]
    return {named(query.legend, one["metric"]) for query in queries for one in answered(history, query, chosen)}


def named(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


@pytest.mark.parametrize("board", FILES)
def test_every_style_is_for_a_line_or_a_column_that_is_there(board: str, history: History) -> None:
    for panel in FILES[board]["panels"]:
        for override in panel.get("fieldConfig", {}).get("overrides", ()):
            matcher = override["matcher"]
            if matcher["id"] == "byRegexp":
                shown = names(history, board, panel["title"])
                assert any(re.search(matcher["options"][1:-1], name) for name in shown), (panel["title"], matcher)
            else:
                organised = panel["transformations"][1]["options"]["renameByName"]
                assert matcher["options"] in organised.values(), (panel["title"], matcher)


@pytest.mark.parametrize("board", FILES)
def test_every_variable_offers_something_to_choose(board: str, history: History) -> None:
    offered = choices(history, board)
    assert offered
    for variable in FILES[board]["templating"]["list"]:
        if variable["type"] == "query":
            assert values_of(history, variable, offered[0]), variable["name"]


def test_a_number_that_stands_alone_has_one_answer(history: History) -> None:
    """A panel without names would show tiles that nobody can tell apart."""
    for board in FILES:
        for chosen in choices(history, board):
            for query in asked(board):
                if query.instant and not query.labels and not query.legend:
                    assert len(answered(history, query, chosen)) <= 1, query


def test_annotations_tell_of_what_happened_in_the_run(history: History) -> None:
    """It was paused, it was halted, it began again, and an alert stood meanwhile."""
    (chosen, *_) = choices(history, "overview")
    for told in FILES["overview"]["annotations"]["list"]:
        expr = filled(told["expr"], chosen, history)
        regions = history.server.range(expr, history.first_s, history.last_s, SCRAPE_S)
        assert any(float(value) > 0 for one in regions for _, value in one["values"]), told["name"]
        labels = re.findall(r"\{\{(\w+)\}\}", told["titleFormat"])
        assert all(label in one["metric"] for one in regions for label in labels), told["name"]


def test_what_may_be_empty_is_asked_for_somewhere() -> None:
    known = {(query.board, query.panel, query.letter) for board in FILES for query in asked(board)}
    assert set(EMPTY_IN_HEALTH) <= known


def test_the_first_panels_say_what_the_run_was_like(history: History) -> None:
    """The numbers behind the words: it hedges, no hedge was outside for long, and it cost something."""
    (chosen, *_) = choices(history, "overview")
    told = {
        query.panel: [float(value) for one in answered(history, query, chosen) for _, value in one["values"]]
        for query in asked("overview")
        if query.panel in ("Mode", "Am I hedged?", "Margin", "Cost today, of its limit")
    }
    words = FILES["overview"]["panels"][1]["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert [words[str(int(value))]["text"] for value in told["Mode"]] == ["hedging"]
    assert len(told["Am I hedged?"]) == 3
    assert all(value in (0.0, 1.0) for value in told["Am I hedged?"])
    assert told["Margin"] == [0.0]
    assert 0 < told["Cost today, of its limit"][0] < 1
