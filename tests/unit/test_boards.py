"""The dashboards as Grafana reads them: made by their source, whole, readable, and about metrics that exist."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml

from tests.support.boards.grafana import WIDTH, Board, ask, row, written
from tests.support.boards.panels import Column, lines, stat, table
from tests.support.boards.shelf import BOARDS, GRAFANA, path_of

ROOT = GRAFANA.parents[1]
PATHS = sorted((GRAFANA / "dashboards").glob("*.json"))
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PATHS}
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
DOCUMENTED = frozenset(re.findall(r"^\| `(hedger_\w+)`", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.M))
OF_OTHERS = frozenset({"ALERTS", "up"})  # Prometheus' own; process_* come with the client library
SHOWN_NOWHERE = {
    "hedger_option_gamma": "the board shows gamma of 1 %, which can be compared between coins",
}
UNITS = re.compile(r"none|percentunit|s|bytes|reqps|ops|eps|currencyUSD|suffix:(coins|quote|bp)")
NAMES = re.compile(r"\b(?:\w+:)?(?:hedger|process)_\w+(?::\w+)?|\bALERTS\b|\bup\b")


def panels(board: str) -> list[dict[str, Any]]:
    return [panel for panel in FILES[board]["panels"] if panel["type"] != "row"]


def queries(board: str) -> Iterator[tuple[dict[str, Any], str]]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel, target["expr"]


def chosen_from(board: str) -> list[str]:
    """The queries of the variables."""
    return [one["definition"] for one in FILES[board]["templating"]["list"] if one["type"] == "query"]


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text("utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def metrics_in(expr: str) -> set[str]:
    """The metrics that a query names, without what stands in braces or lists labels."""
    bare = re.sub(r"\{[^}]*\}|\b(by|on|without|group_left|group_right)\s*\([^)]*\)", " ", expr)
    return set(NAMES.findall(bare))


def family(metric: str) -> str:
    """The name that docs/metrics.md has: without what a histogram adds."""
    return re.sub(r"_(bucket|sum|count)$", "", metric)


# --- the files -------------------------------------------------------------------------------------------------------


def test_the_committed_boards_are_what_their_source_makes() -> None:
    old = [path_of(board).name for board in BOARDS if path_of(board).read_text("utf-8") != board.text_of(BOARDS)]
    assert not old, f"{old} differ from tests/support/boards: run `make boards`"


def test_no_board_lies_there_that_no_source_makes() -> None:
    assert {path.name for path in PATHS} == {path_of(board).name for board in BOARDS}


def test_every_board_has_an_address_of_its_own_and_no_number() -> None:
    assert len({board["uid"] for board in FILES.values()}) == len(FILES)
    assert {board["id"] for board in FILES.values()} == {None}
    assert all(re.fullmatch(r"[a-z0-9-]{3,40}", board["uid"]) for board in FILES.values())


@pytest.mark.parametrize("board", FILES)
def test_a_board_is_fresh_shares_its_crosshair_and_begins_at_a_useful_time(board: str) -> None:
    made = FILES[board]
    assert made["schemaVersion"] in (39, 40, 41), "Grafana 10 or 11"
    assert (made["refresh"], made["graphTooltip"], made["timezone"]) == ("10s", 1, "utc")
    assert made["time"]["to"] == "now"
    assert "hedger" in made["tags"]


@pytest.mark.parametrize("board", FILES)
def test_the_datasource_is_the_readers_choice_everywhere(board: str) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    made = FILES[board]
    asking = [*panels(board), *(target for panel in panels(board) for target in panel["targets"])]
    asking += [*made["annotations"]["list"], *(one for one in made["templating"]["list"] if one["type"] == "query")]
    assert all(one["datasource"] == chosen for one in asking)
    first = made["templating"]["list"][0]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")


# --- the panels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", FILES)
def test_every_panel_has_a_title_of_its_own_a_sentence_and_a_unit(board: str) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles), "a title that stands twice"
    for panel in panels(board):
        assert len(panel["title"]) > 2, panel
        assert re.fullmatch(r"[A-Z0-9a-z`].{5,}\.", panel["description"]), panel["title"]
        assert UNITS.fullmatch(panel["fieldConfig"]["defaults"]["unit"]), panel["title"]


@pytest.mark.parametrize("board", FILES)
def test_no_panel_lies_over_another_or_beyond_the_edge(board: str) -> None:
    places = [panel["gridPos"] for panel in FILES[board]["panels"]]
    assert all(place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= WIDTH for place in places)
    assert not [(a, b) for a, b in combinations(places, 2) if overlap(a, b)]
    numbers = [panel["id"] for panel in FILES[board]["panels"]]
    assert len(set(numbers)) == len(numbers)


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not beside and not above


@pytest.mark.parametrize("board", FILES)
def test_the_first_row_answers_at_one_look_and_fills_the_width(board: str) -> None:
    first = [panel for panel in FILES[board]["panels"] if panel["gridPos"]["y"] == 0]
    assert {panel["type"] for panel in first} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first) == WIDTH
    worded = [panel for panel in first if panel["fieldConfig"]["defaults"]["mappings"]]
    coloured = [panel for panel in first if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1]
    assert worded or coloured, "numbers without a verdict"


@pytest.mark.parametrize("board", FILES)
def test_every_panel_says_what_missing_data_looks_like_and_all_lines_have_names(board: str) -> None:
    for panel in panels(board):
        if panel["type"] in ("stat", "bargauge", "table"):
            assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]
        if panel["type"] in ("timeseries", "state-timeline", "bargauge"):
            assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]
            named = [target["legendFormat"] for target in panel["targets"]]
            assert len(set(named)) == len(named), f"two queries of one name: {panel['title']}"


# --- the queries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", FILES)
def test_every_metric_on_a_board_is_documented_or_a_recording_rule(board: str) -> None:
    known = DOCUMENTED | OF_OTHERS | {rule["record"] for rule in rules() if "record" in rule}
    told = [one["expr"] for one in FILES[board]["annotations"]["list"]]
    told += chosen_from(board)
    named = {metric for expr in [*told, *(expr for _, expr in queries(board))] for metric in metrics_in(expr)}
    unknown = {name for name in named if family(name) not in known and name not in known}
    assert {name for name in unknown if not name.startswith("process_")} == set()


def test_every_documented_metric_can_be_looked_at() -> None:
    """On a board, or behind a recording rule that is on one, or in an alert."""
    shown = {family(name) for board in FILES for _, expr in queries(board) for name in metrics_in(expr)}
    shown |= {name for board in FILES for expr in chosen_from(board) for name in metrics_in(expr)}
    shown |= {family(name) for rule in rules() for name in metrics_in(rule["expr"])}
    remedy = "show them on a board (tests/support/boards), or say in SHOWN_NOWHERE why nobody needs to see them"
    assert DOCUMENTED - shown - set(SHOWN_NOWHERE) == set(), remedy
    assert set(SHOWN_NOWHERE) & shown == set(), "these are shown now"


def test_every_recording_rule_is_read_by_a_board_or_an_alert() -> None:
    read = {name for board in FILES for _, expr in queries(board) for name in metrics_in(expr)}
    read |= {name for rule in rules() if "alert" in rule for name in metrics_in(rule["expr"])}
    assert {rule["record"] for rule in rules() if "record" in rule} - read == set()


@pytest.mark.parametrize("board", FILES)
def test_rates_over_time_follow_the_zoom_and_others_say_their_span(board: str) -> None:
    for panel, expr in queries(board):
        for span in re.findall(r"\[([^\]]+)\]", expr):
            told = {"1h": ("hour", "1 h"), "1d": ("day", "24 h")}.get(span, ())
            text = panel["title"] + panel["description"]
            assert span == "$__rate_interval" or any(word in text for word in told), (panel["title"], span)
        for counter in re.findall(r"\b(hedger_\w+_total)\b", expr):
            assert re.search(rf"(rate|increase|resets)\({counter}|{counter}\{{[^}}]*\}}\)", expr), (
                panel["title"],
                counter,
            )


@pytest.mark.parametrize("board", FILES)
def test_every_query_is_about_the_hedger_that_is_chosen(board: str) -> None:
    """Two hedgers under one Prometheus (paper beside live) must never be added up."""
    for panel, expr in queries(board):
        selectors = re.findall(r"\{([^}]*)\}", expr)
        assert selectors, panel["title"]
        assert all('instance="$instance"' in one or "alertstate=" in one for one in selectors), (panel["title"], expr)


@pytest.mark.parametrize("board", FILES)
def test_only_variables_that_the_board_has_are_asked_for(board: str) -> None:
    known = {one["name"] for one in FILES[board]["templating"]["list"]} | {"__rate_interval", "__interval", "__range"}
    for panel, expr in queries(board):
        assert set(re.findall(r"\$(\w+)", expr)) <= known, panel["title"]


# --- from board to board ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", FILES)
def test_every_link_leads_to_a_board_that_knows_what_is_handed_over(board: str) -> None:
    by_uid = {made["uid"]: made for made in FILES.values()}
    text = json.dumps(FILES[board])
    leads = re.findall(r"/d/([\w-]+)\?([^\"]*)", text)
    assert len(FILES[board]["links"]) == len(FILES) - 1
    for uid, handed in leads:
        there = {one["name"] for one in by_uid[uid]["templating"]["list"]}
        given = set(re.findall(r"var-(\w+)=", handed)) | set(re.findall(r"\$\{(\w+):queryparam\}", handed))
        assert "datasource" in given
        assert given <= there, uid


def test_several_hedges_are_not_handed_to_the_board_of_one() -> None:
    """Grafana would ask for a hedge of the name `All`."""
    for board in ("overview", "execution", "pnl"):
        (link,) = (link for link in FILES[board]["links"] if "/d/hedger-hedge?" in link["url"])
        assert "${hedge:queryparam}" not in link["url"]
        assert "${instance:queryparam}" in link["url"]


# --- how Grafana finds them ------------------------------------------------------------------------------------------


def provisioned(kind: str, name: str) -> Any:
    return yaml.safe_load((GRAFANA / "provisioning" / kind / name).read_text("utf-8"))


def test_grafana_is_told_the_interval_at_which_prometheus_scrapes() -> None:
    (source,) = provisioned("datasources", "prometheus.yml")["datasources"]
    scraping = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    assert (source["type"], source["uid"], source["url"]) == ("prometheus", "prometheus", "http://prometheus:9090")


def test_grafana_finds_the_boards_where_compose_mounts_them_and_begins_with_the_overview() -> None:
    (provider,) = provisioned("dashboards", "hedger.yml")["providers"]
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    there = mounted["./deploy/grafana/dashboards"]
    assert mounted["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert provider["options"]["path"] == there
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{there}/overview.json"
    assert (provider["folder"], provider["type"], provider["allowUiUpdates"]) == ("Hedger", "file", False)


# --- the source ------------------------------------------------------------------------------------------------------


def test_selectors_are_written_out_and_keep_what_follows_them() -> None:
    assert written('a{P} / b{H, guard="x"} + c{A}') == (
        'a{instance="$instance"} / b{instance="$instance", hedge=~"$hedge", guard="x"}'
        ' + c{instance="$instance", account=~"$account"}'
    )
    assert written("d{other}") == "d{other}"


def test_panels_stand_side_by_side_until_the_line_is_full() -> None:
    one = stat("One", "A number.", "none", ask("up{P}"), width=4)
    wide = lines("Wide", "A line.", "none", ask("up{P}", "it"), width=22, height=9)
    board = Board(uid="u", title="t", text="x", rows=(row("", one), row("Below", one, wide, one)))
    places = [(panel["title"], *panel["gridPos"].values()) for panel in board.json((board,))["panels"]]
    assert places == [
        ("One", 0, 0, 4, 4),
        ("Below", 0, 4, 24, 1),
        ("One", 0, 5, 4, 4),
        ("Wide", 0, 9, 22, 9),
        ("One", 0, 18, 4, 4),
    ]


def test_a_table_names_its_columns_after_their_queries() -> None:
    many = table(
        "T", "A table.", *(Column(name=n, expr="up{P}") for n in ("a", "b")), by=(("hedge", "Hedge"),), width=9
    )
    alone = table("T", "A table.", Column(name="a", expr="up{P}"), by=(("hedge", "Hedge"),), width=9)
    assert many.transformations[1]["options"]["renameByName"] == {"hedge": "Hedge", "Value #A": "a", "Value #B": "b"}
    assert alone.transformations[1]["options"]["renameByName"] == {"hedge": "Hedge", "Value": "a"}
