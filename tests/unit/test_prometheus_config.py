"""The shipped Prometheus and Alertmanager files are accepted, and speak of what the hedger really exports."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import generate_latest
from typer.main import get_command

from hedger.cli.root import app
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Severity, State
from hedger.ops.alarms import alarms_of
from hedger.ops.metrics import Metrics
from hedger.ops.surroundings import Surroundings
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from tests.support.ops_states import ORDER_ID, hedging_state, order, policy
from tests.support.programs import program

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yml"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
RULES = sorted((PROMETHEUS.parent / "rules").glob("*.yml"))
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
# What is scraped besides our own registry: by Prometheus itself, of itself, and of the process.
NOT_OURS = re.compile(r"up|ALERTS|prometheus_\w+")
SELECTOR = re.compile(r"\b([a-zA-Z_][a-zA-Z0-9_:]*)\{([^{}]*)\}")
NAME = re.compile(r"\b(?:hedger_\w+|process_\w+|(?:hedge|account|program):\w+:\w+)")


def run(name: str, package: str, *arguments: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [program(name, package), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)


def accepted(done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@cache
def page() -> bytes:
    """What a scrape of the paper hedger begins with."""
    return generate_latest(Metrics(to_policy(load_settings(None, {}, {}))).registry)


@cache
def exported() -> dict[str, tuple[dict[str, str], ...]]:
    """Each sample's name, with the label sets that it has."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in page().decode().splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', rest)))
    return {name: tuple(labels) for name, labels in found.items()}


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def recorded() -> set[str]:
    return {rule["record"] for rule in rules() if "record" in rule}


def alarming() -> Iterator[tuple[State, Policy]]:
    """States in which the console shows an alarm."""
    given, state = policy(), hedging_state()
    memory = state.hedges["btc"]
    yield state._replace(halted="a test"), given
    yield state._replace(journal_fault="disk full"), given
    yield state._replace(paused="a test"), given
    yield state._replace(now=state.now + 60_000), given
    yield state._replace(orders={ORDER_ID: order(status=OrderStatus.UNKNOWN)}), given
    outside = {"btc": replace(memory, outside_since=state.now - 31_000)}
    yield state._replace(hedges=outside), given
    yield state._replace(hedges=outside, paused="a test"), given
    for severity in (Severity.STOP, Severity.WARN):
        yield state._replace(hedges={"btc": replace(memory, margin_severity=severity)}), given


def test_promtool_accepts_the_configuration_and_every_rule() -> None:
    accepted(run("promtool", "prometheus", "check", "config", PROMETHEUS))
    accepted(run("promtool", "prometheus", "check", "rules", "--lint=all", "--lint-fatal", *RULES))


def test_what_is_served_is_well_formed_to_promtool() -> None:
    said = accepted(run("promtool", "prometheus", "check", "metrics", given=page()))
    assert not said.strip(), said


def test_every_metric_in_a_rule_is_exported_or_recorded() -> None:
    known = exported().keys() | recorded()
    for rule in rules():
        texts = (rule["expr"], rule.get("annotations", {}).get("description", ""))
        used = {name for text in texts for name in NAME.findall(text)}
        assert used <= known, (rule.get("alert") or rule.get("record"), used - known)


def test_every_label_value_that_a_rule_asks_for_exists() -> None:
    for rule in rules():
        for name, matchers in SELECTOR.findall(rule["expr"]):
            if NOT_OURS.fullmatch(name):
                continue
            wanted = [m for m in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', matchers) if m[0] not in ("job", "instance")]
            for label, how, value in wanted:
                there = {labels[label] for labels in exported()[name]}
                values = set(value.split("|")) if how == "=~" else {value}
                assert values <= there, f"{name}: {label} is never {values - there}"


def test_every_name_in_the_runbooks_is_exported_or_recorded() -> None:
    samples = exported().keys() | {name.removesuffix("_bucket") for name in exported()}
    for path in RUNBOOKS:
        used = set(re.findall(r"`(hedger_\w+|process_\w+)", path.read_text(encoding="utf-8")))
        assert used <= samples, (path.name, used - samples)


def test_every_command_in_the_runbooks_exists() -> None:
    root = get_command(app)
    for path in RUNBOOKS:
        for line in re.findall(r"(?:^|`)hedger ([a-z][^`\n#]*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            command, words = root, line.split()
            while words and hasattr(command, "commands"):
                assert words[0] in command.commands, f"{path.name}: no command `hedger {line}`"
                command = command.commands[words.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts}
            asked = {word for word in words if word.startswith("-")}
            assert asked <= options | {"-c"}, f"{path.name}: `hedger {line}` has no {asked - options}"


def test_what_is_pasted_from_a_runbook_has_all_that_its_command_needs() -> None:
    """In the blocks, and in the text where more than a command's name stands: a name alone only points at it. What is
    written in capitals is for the reader to fill in."""
    root = get_command(app)
    for path in RUNBOOKS:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"^ *```\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        pasted = [line for block in blocks for line in re.findall(r"^ *hedger (.+)", block, re.MULTILINE)]
        pasted += [said for said in re.findall(r"`hedger ([^`]+)`", text) if len(said.split()) > 1]
        for line in pasted:
            command, words = root, shlex.split(re.sub(r"\b[A-Z_]{4,}\b", "1", line), comments=True)
            while words and hasattr(command, "commands"):
                command = command.commands[words.pop(0)]
            context = command.make_context("hedger", list(words), resilient_parsing=True)
            lacking = [p.name for p in command.params if p.required and not context.params.get(str(p.name))]
            assert not lacking, f"{path.name}: `hedger {line}` lacks {lacking}"


def test_links_between_the_runbooks_lead_somewhere() -> None:
    for path in RUNBOOKS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            if not target.startswith("https://"):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_amtool_accepts_the_file_and_no_address_is_in_it() -> None:
    accepted(run("amtool", "prometheus-alertmanager", "check-config", ALERTMANAGER))
    text = ALERTMANAGER.read_text(encoding="utf-8")
    assert not re.search(r"^[^#]*https?://", text, re.MULTILINE), "an address belongs into a file that is not committed"
    for line in ("api_url_file: /etc/alertmanager/secrets/people_url", "watchdog_url"):
        assert line in text


def test_secrets_of_alertmanager_are_never_committed() -> None:
    ignored = ["git", "check-ignore", "deploy/alertmanager/secrets/people_url"]
    assert subprocess.run(ignored, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_every_alert_has_a_way_to_somebody() -> None:
    ways = {
        "alertname=HedgerWatchdog severity=info": "watchdog",
        "alertname=HedgerDown severity=critical": "people",
        "alertname=HedgerPaused severity=info": "people",
        "alertname=HedgerStaleData severity=warning hedge=BTC": "people",
    }
    for labels, receiver in ways.items():
        test = ("config", "routes", "test", f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}")
        accepted(run("amtool", "prometheus-alertmanager", *test, *labels.split()))


def test_what_the_console_calls_an_alarm_is_an_alert_of_that_name_and_level() -> None:
    severities = {(rule["alert"], rule["labels"]["severity"]) for rule in rules() if "alert" in rule}
    around = Surroundings(file_changed="differs", console_fault="dead", stuck_since={"btc": 0}, keys_end={"binance": 0})
    found = {alarm.name: alarm.level for state, given in alarming() for alarm in alarms_of(state, given, around)}
    assert len(found) >= 11
    for name, level in found.items():
        assert (f"Hedger{name}", level.value) in severities, name
    source = (ROOT / "hedger" / "ops" / "alarms.py").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:alarm\(|name=|^ +\()"([A-Z]\w+)"', source, re.MULTILINE))
    assert found.keys() < named
    assert {f"Hedger{name}" for name in named} <= {alert for alert, _ in severities}


def test_the_names_that_inhibition_uses_are_alerts() -> None:
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    text = ALERTMANAGER.read_text(encoding="utf-8")
    named = set(re.findall(r"\bHedger[A-Z]\w+", text))
    assert named <= alerts, named - alerts
