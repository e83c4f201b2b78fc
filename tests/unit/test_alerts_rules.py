"""Every alert fires on what it is for and keeps still on what it is not for, by promtool on the rules that we ship."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alert_cases import CASES, Case
from tests.support.promtool import Trial, tried

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


ALERTS = [rule for rule in rules() if "alert" in rule]
NAMES = sorted({rule["alert"] for rule in ALERTS})


def matchers(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def counts(case: Case) -> Iterator[dict[str, Any]]:
    """How many alerts of that name fire in all, and that each expected one is among them."""
    firing = {"alertname": case.alert, "alertstate": "firing"}
    for labels, number in ((firing, len(case.firing)), *((firing | labels, 1) for labels in case.firing)):
        expr = f"count(ALERTS{{{matchers(labels)}}}) or vector(0)"
        yield {"expr": expr, "eval_time": case.at, "exp_samples": [{"labels": "{}", "value": number}]}


def as_promtool_test(case: Case) -> dict[str, Any]:
    return {
        "name": f"{case.alert}: {case.shows}",
        "interval": "10s",
        "input_series": [{"series": series.text, "values": series.values.strip()} for series in case.series],
        "promql_expr_test": list(counts(case)),
    }


def only(alert: str) -> list[dict[str, Any]]:
    """The rules of one alert as they are shipped, and those that it reads: all of them at once take a while."""
    own = [rule for rule in ALERTS if rule["alert"] == alert]
    read = [rule for rule in rules() if "record" in rule and any(rule["record"] in one["expr"] for one in own)]
    return [*read, *own]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What promtool says of all cases, by alert."""
    cases = {name: [as_promtool_test(case) for case in CASES if case.alert == name] for name in NAMES}
    return tried(
        tmp_path_factory.mktemp("cases"), {name: Trial(rules=only(name), tests=tests) for name, tests in cases.items()}
    )


@pytest.mark.parametrize("alert", NAMES)
def test_an_alert_fires_on_its_symptom_and_on_nothing_else(alert: str, said: dict[str, str]) -> None:
    assert not said[alert]


def seconds(span: str) -> int:
    """`2m30s` in seconds."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", span))


def pending(rule: dict[str, Any]) -> dict[str, Any]:
    """Of the first case that fires: as long before as the rule waits, the alert is pending and does not fire yet."""
    name, severity = rule["alert"], rule["labels"]["severity"]
    case = next(c for c in CASES if c.alert == name and c.firing and c.firing[0].get("severity") == severity)
    before = f"{seconds(case.at) - seconds(rule['for'])}s"
    expr = f'count by (alertstate) (ALERTS{{alertname="{name}",severity="{severity}"}})'
    samples = [{"labels": '{alertstate="pending"}', "value": 1}]
    asked = {"expr": expr, "eval_time": before, "exp_samples": samples}
    return as_promtool_test(case) | {"promql_expr_test": [asked]}


def test_an_alert_waits_as_long_as_it_says(tmp_path: Path) -> None:
    waiting = [rule for rule in ALERTS if "for" in rule]
    trials = {rule["alert"]: Trial(rules=only(rule["alert"]), tests=[pending(rule)]) for rule in waiting}
    assert tried(tmp_path, trials) == dict.fromkeys(trials, "")


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    fires = {case.alert for case in CASES if case.firing}
    keeps_still = {case.alert for case in CASES if not case.firing} | {"HedgerWatchdog"}  # which always fires
    assert fires == keeps_still == set(NAMES)
    severities = {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}
    shown = {(case.alert, labels["severity"]) for case in CASES for labels in case.firing if "severity" in labels}
    assert shown == severities


def test_every_alert_says_what_is_wrong_and_where_its_page_is() -> None:
    for rule in ALERTS:
        name, annotations = rule["alert"], rule["annotations"]
        assert re.fullmatch(r"Hedger([A-Z][a-z]+)+", name)
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(annotations) == {"summary", "description", "runbook_url"}
        link = '{{ or $externalLabels.runbooks "docs/runbooks" }}/' + name + ".md"
        assert annotations["runbook_url"] == link
        assert len(annotations["summary"]) <= 100


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(NAMES)
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.md\)", index)) == NAMES


def test_a_runbook_answers_the_same_questions_each_time() -> None:
    for name in NAMES:
        text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["How bad", "Look at", "Do", "What it is not"], name
        severities = {rule["labels"]["severity"] for rule in ALERTS if rule["alert"] == name}
        assert {word for word in ("critical", "warning", "info") if f"**{word}**" in text} == severities, name


def test_what_the_annotations_say_is_rendered_with_values(tmp_path: Path) -> None:
    """By expecting what cannot be: promtool then says what it got instead, annotations and all."""
    trials, numbers = {}, {}
    for name in NAMES:
        firing = [case for case in CASES if case.alert == name and case.firing]
        asked = {"alertname": name, "exp_alerts": [{"exp_labels": {"made": "up"}}]}
        tests = [
            as_promtool_test(case) | {"promql_expr_test": [], "alert_rule_test": [asked | {"eval_time": case.at}]}
            for case in firing
        ]
        trials[name], numbers[name] = Trial(rules=only(name), tests=tests), len(firing)
    for name, said in tried(tmp_path, trials).items():
        assert said.count(f"docs/runbooks/{name}.md") == numbers[name], said
        assert not re.search(r"error expanding|no value|<nil>|\{\{|%!", said), said
    unhedged, short = (tried(tmp_path, {name: trials[name]})[name] for name in ("HedgerUnhedged", "HedgerMarginShort"))
    assert "is +0.25 coins off its target (band +0.01)" in unhedged
    assert "stands at 42%" in short
    assert "NaN" not in short, "what is not known is not told"
