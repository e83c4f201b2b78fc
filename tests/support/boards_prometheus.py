"""A real Prometheus with a history that was made at once: samples from a file, and the recording rules over them."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.programs import program

PATIENCE_S = 120.0
PACKAGE = "prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Prometheus that answers on loopback."""

    port: int

    def get(self, path: str, **asked: str | float) -> Any:
        """The `data` of an answer; an error is an AssertionError with Prometheus' own words."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{asked}: {json.load(error)['error']}") from error

    def range(self, expr: str, start: float, end: float, step_s: float) -> list[Mapping[str, Any]]:
        """The series (`metric`, `values`) of a query over time."""
        found: list[Mapping[str, Any]] = self.get("query_range", query=expr, start=start, end=end, step=step_s)[
            "result"
        ]
        return found

    def label_values(self, selector: str, label: str, start: float, end: float) -> list[str]:
        """The values that a label has in the series of a selector."""
        asked: dict[str, str | float] = {"match[]": selector, "start": start, "end": end}
        found: list[str] = self.get(f"label/{label}/values", **asked)
        return found


def imported(openmetrics: str, directory: Path) -> Path:
    """A database with these samples in it."""
    source, data = directory / "samples.om", directory / "data"
    source.write_text(openmetrics, encoding="utf-8")
    _promtool("tsdb", "create-blocks-from", "openmetrics", str(source), str(data))
    return data


def evaluate(server: Server, rules: Sequence[Path], data: Path, start_s: int, end_s: int, every_s: int) -> None:
    """Add what recording rules come to over a span; a server must be started anew to see it."""
    span = [f"--start={start_s}", f"--end={end_s}", f"--eval-interval={every_s}s"]
    where = [f"--url=http://127.0.0.1:{server.port}", f"--output-dir={data}"]
    _promtool("tsdb", "create-blocks-from", "rules", *where, *span, *map(str, rules))


def _promtool(*arguments: str) -> None:
    command = [program("promtool", PACKAGE), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, f"promtool {arguments}: {done.stdout}{done.stderr}"


@contextmanager
def prometheus(data: Path) -> Iterator[Server]:
    """A server over a database, until the block ends; it scrapes nothing."""
    config = data.parent / "empty.yml"
    config.write_text("scrape_configs: []\n", encoding="utf-8")
    server = Server(port=free_port())
    with (data.parent / "prometheus.log").open("ab") as log:
        process = subprocess.Popen(
            [
                program("prometheus", PACKAGE),
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{server.port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            _until_ready(server, process, data.parent / "prometheus.log")
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/-/ready", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"Prometheus did not start: {log.read_text(errors='replace')[-2_000:]}")
