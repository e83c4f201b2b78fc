"""Real Prometheus and Alertmanager on loopback, by the files that we ship on a faster clock, and whoever is told."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.support.ports import free_port
from tests.support.programs import program

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SECRETS = "/etc/alertmanager/secrets"
PATIENCE_S = 120.0


@dataclass(slots=True)
class Told:
    """A server that takes whatever is posted; `texts` by the path that it came to."""

    port: int = 0
    texts: dict[str, list[str]] = field(default_factory=dict)

    def heard(self, path: str, *words: str) -> bool:
        """Whether one message to a path had all of these words."""
        return any(all(word in text for word in words) for text in self.texts.get(path, []))


@dataclass(frozen=True, slots=True)
class Stand:
    """What runs: the addresses of both programs, and what they told."""

    prometheus: str
    alertmanager: str
    told: Told

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something; our patience is half a minute."""
        ends_at = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < ends_at, f"no {what}: {self.told.texts}, {self.alerts()}"
            time.sleep(0.1)

    def alerts(self) -> dict[str, str]:
        """The alerts that Alertmanager knows, by name, with their state: active or suppressed."""
        held = _asked(f"{self.alertmanager}/api/v2/alerts")
        return {one["labels"]["alertname"]: one["status"]["state"] for one in held}

    def states(self, alert: str) -> dict[str, str]:
        """The state of an alert by the hedge that it is about."""
        held = _asked(f"{self.alertmanager}/api/v2/alerts")
        ours = (one for one in held if one["labels"]["alertname"] == alert)
        return {one["labels"]["hedge"]: one["status"]["state"] for one in ours}

    def post(self, *alerts: dict[str, str]) -> None:
        """Give Alertmanager alerts by their labels, as Prometheus does."""
        body = json.dumps([{"labels": labels, "annotations": {}} for labels in alerts]).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.alertmanager}/api/v2/alerts", body, headers)
        urllib.request.urlopen(request, timeout=60).close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers to an instant query."""
        body = urllib.parse.urlencode({"query": expression}).encode()
        return list(_asked(f"{self.prometheus}/api/v1/query", body)["data"]["result"])


def _asked(url: str, body: bytes | None = None) -> Any:
    with urllib.request.urlopen(url, body, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def alert_stand(directory: Path, hedger_port: int) -> Iterator[Stand]:
    """Prometheus scrapes a port of this machine as job `hedger` each second, and whoever is told is told at once."""
    with ExitStack() as stack:
        told = stack.enter_context(_receiver())
        ports = free_port(), free_port()
        _write_prometheus(directory, hedger_port, *ports)
        _write_alertmanager(directory, told)
        stack.enter_context(_running(_alertmanager(directory, ports[1]), directory / "alertmanager.log"))
        stack.enter_context(_running(_prometheus(directory, ports[0]), directory / "prometheus.log"))
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        yield Stand(addresses[0], addresses[1], told)


def _prometheus(directory: Path, port: int) -> list[str]:
    listen, data = f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={directory / 'data'}"
    again = "--rules.alert.resend-delay=1s"  # what fired before it knew of Alertmanager is told soon after
    return [program("prometheus", "prometheus"), f"--config.file={directory / 'prometheus.yml'}", listen, data, again]


def _alertmanager(directory: Path, port: int) -> list[str]:
    listen, data = f"--web.listen-address=127.0.0.1:{port}", f"--storage.path={directory / 'held'}"
    command = [program("prometheus-alertmanager", "prometheus-alertmanager"), "--cluster.listen-address="]
    return [*command, f"--config.file={directory / 'alertmanager.yml'}", listen, data]


def _write_prometheus(directory: Path, hedger_port: int, own_port: int, alertmanager_port: int) -> None:
    """The shipped files with other addresses, a second for each interval, and four for each minute of `for`."""
    (directory / "rules").mkdir()
    for path in (DEPLOY / "prometheus" / "rules").glob("*.yml"):
        (directory / "rules" / path.name).write_text(re.sub(r"(?m)^ +for: (\d+)m$", _sooner, path.read_text()))
    shipped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    shipped["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    targets = {"hedger": hedger_port, "prometheus": own_port}
    for job in shipped["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    alertmanagers = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
    shipped["alerting"]["alertmanagers"] = alertmanagers
    (directory / "prometheus.yml").write_text(json.dumps(shipped))


def _sooner(minutes: re.Match[str]) -> str:
    return minutes[0].replace(f"{minutes[1]}m", f"{int(minutes[1]) * 4}s")


def _write_alertmanager(directory: Path, told: Told) -> None:
    """The shipped file with the addresses in files of ours, and no waiting."""
    (directory / "secrets").mkdir()
    for name in ("people", "watchdog"):
        (directory / "secrets" / f"{name}_url").write_text(f"http://127.0.0.1:{told.port}/{name}\n")
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text().replace(SECRETS, str(directory / "secrets"))
    text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text)
    (directory / "alertmanager.yml").write_text(text)


@contextmanager
def _receiver() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.texts.setdefault(self.path.strip("/"), []).append(text)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test looks at the texts."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    """A program, once it is ready, until the end of the block."""
    url = next(word for word in command if "listen-address=127" in word).partition("=")[2]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            _await_ready(process, f"http://{url}/-/ready", log)
            yield
        finally:
            process.kill()
            process.wait(10)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"it is not ready: {log.read_text()[-2000:]}")
