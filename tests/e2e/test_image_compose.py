"""docker-compose.yml: what it grants, and all of it started for real but for Grafana, which cannot be had here."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.container_compose import Compose, compose, with_images
from tests.support.containers import built_image

pytestmark = pytest.mark.timeout(600)

SERVICES = {"hedger", "prometheus", "alertmanager", "grafana"}
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def project() -> Iterator[Compose]:
    with compose() as made:
        yield made


@pytest.fixture(scope="module")
def running(project: Compose) -> Iterator[Compose]:
    """All services that can be had, as a newcomer starts them: no `.env`, no `secrets/`."""
    with with_images(project) as made:
        # Prometheus knows whom to tell only seconds after its start, and sends what was due by then again in a minute.
        file, last = made.directory / "docker-compose.yml", "      - --storage.tsdb.retention.size=8GB\n"
        assert file.read_text().count(last) == 1
        file.write_text(file.read_text().replace(last, f"{last}      - --rules.alert.resend-delay=5s\n"))
        made.up("hedger", "alertmanager", "prometheus")
        yield made


def declared(project: Compose, *profile: str) -> dict[str, Any]:
    """The services of the file as compose reads it."""
    services: dict[str, Any] = json.loads(project.told(*profile, "config", "--format", "json"))["services"]
    return services


def get(url: str) -> Any:
    """The JSON or text that a URL gives; None while it gives nothing."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    return json.loads(text) if text.startswith(("{", "[")) else text


def post(url: str, token: str | None) -> int:
    """Ask the console for a pause; the status of its answer."""
    headers = {"X-Hedger": "1", "Content-Type": "application/json"}
    headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, data=b'{"reason": "a drill"}', headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def until(wanted: Any, what: str) -> Any:
    """Wait until `wanted` gives something."""
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at:
        if found := wanted():
            return found
        time.sleep(0.2)
    raise AssertionError(f"no {what} within {PATIENCE_S:.0f} s")


def test_the_file_is_valid_alone_and_with_monitoring(project: Compose) -> None:
    assert set(declared(project)) == {"hedger"}
    assert set(declared(project, "--profile", "monitoring")) == SERVICES


def test_every_service_gets_as_little_as_it_can_live_on(project: Compose) -> None:
    for name, service in declared(project, "--profile", "monitoring").items():
        granted = (service["read_only"], service["cap_drop"], service["security_opt"], service["init"])
        assert granted == (True, ["ALL"], ["no-new-privileges:true"], True), name
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}, name
        assert int(service["mem_limit"]) == int(service["memswap_limit"]) <= 2**30, name
        assert service["pids_limit"] <= 128, name
        assert not any(service["ulimits"]["core"].values()), name
        assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & service.keys(), name
        assert all(mount["read_only"] for mount in service["volumes"] if mount["type"] == "bind"), name
        assert service["image"].partition(":")[2] not in ("", "latest"), name
        if name != "hedger":
            assert "test" in service["healthcheck"], name
            assert not [m for m in service["volumes"] if m["target"] == "/run/secrets"], f"{name} needs no keys"


def test_the_hedger_has_time_to_take_its_orders_back(project: Compose) -> None:
    assert declared(project)["hedger"]["stop_grace_period"] in ("60s", "1m0s")


def test_it_trades_on_paper_out_of_the_box_with_its_console(running: Compose) -> None:
    until(lambda: get(running.url("METRICS_PORT", "/livez")), "life")
    until(lambda: get(running.url("METRICS_PORT", "/readyz")), "readiness")
    assert "<html" in until(lambda: get(running.url("CONSOLE_PORT", "/")), "page").lower()
    told = running.told("exec", "-T", "hedger", "hedger", "status", "--json")
    assert json.loads(told)["kind"] == "paper"
    assert running.container("hedger").inspect()["State"]["Health"]["Status"] == "healthy"


def test_whoever_reads_the_console_acts_only_with_the_token_that_is_printed_inside(running: Compose) -> None:
    assert post(running.url("CONSOLE_PORT", "/api/pause"), None) == 401
    told = json.loads(running.told("exec", "-T", "hedger", "hedger", "console", "--json"))
    assert post(running.url("CONSOLE_PORT", "/api/pause"), told["url"].partition("#token=")[2]) == 202
    until(lambda: '"paused": null' not in running.told("exec", "-T", "hedger", "hedger", "status", "--json"), "pause")


def test_prometheus_scrapes_it_and_knows_the_rules_and_whom_to_tell(running: Compose) -> None:
    def healthy() -> bool:
        targets = (
            (get(running.url("PROMETHEUS_PORT", "/api/v1/targets")) or {}).get("data", {}).get("activeTargets", [])
        )
        return {t["labels"]["job"]: t["health"] for t in targets}.get("hedger") == "up"

    until(healthy, "scrape of the hedger")
    groups = get(running.url("PROMETHEUS_PORT", "/api/v1/rules"))["data"]["groups"]
    kinds = {rule["type"] for group in groups for rule in group["rules"]}
    assert kinds == {"alerting", "recording"}
    told = get(running.url("PROMETHEUS_PORT", "/api/v1/alertmanagers"))["data"]
    assert [a["url"] for a in told["activeAlertmanagers"]] == ["http://alertmanager:9093/api/v2/alerts"]
    alerts = until(lambda: get(running.url("ALERTMANAGER_PORT", "/api/v2/alerts")), "alert that is always there")
    assert {alert["labels"]["alertname"] for alert in alerts} >= {"HedgerWatchdog"}


def test_a_stop_is_in_order_and_its_state_can_be_put_back_from_a_backup(running: Compose) -> None:
    """The backup is deploy/README.md's: tar, as root, from the volume of a hedger that is stopped."""
    running.told("stop", "hedger")
    assert running.container("hedger").inspect()["State"]["ExitCode"] == 0
    volume, image = f"{running.project}_state", built_image()
    tar = [running.engine.program, "run", "--rm", "--no-healthcheck", "--interactive", "--user", "0"]
    tar += ["--entrypoint", "tar", "--volume", f"{volume}:/state", image, "--directory", "/state"]
    environment = dict(running.engine.environment)
    saved = subprocess.run([*tar, "-cz", "."], env=environment, capture_output=True, check=True).stdout
    running.told("rm", "--force", "hedger")
    running.engine.told("volume", "rm", volume)
    running.told("create", "--no-build", "hedger")
    subprocess.run([*tar, "-xzp"], env=environment, input=saved, capture_output=True, check=True)
    verified = running.told("run", "--rm", "--no-TTY", "hedger", "journal", "verify", "--state-dir", "/state/paper")
    assert "each as it was written" in verified
    running.up("hedger")
    assert "journal.previous.sqlite3" in running.told("exec", "-T", "hedger", "ls", "/state/paper")
