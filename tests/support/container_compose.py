"""docker-compose.yml started for real: on Docker, or on podman's socket with health checks and stand-ins for images.

On podman Prometheus and Alertmanager are stood in for by Debian's; Grafana is in no registry of Debian's or Python's,
so tests leave it out.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.containers import ROOT, Container, Engine, built_image, engine
from tests.support.ports import free_port
from tests.support.processes import Ended
from tests.support.programs import program

PORTS = ("METRICS_PORT", "CONSOLE_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT")
NEEDED = ("docker-compose.yml", "config", "deploy", ".env.example")
UP_S = 240.0
STAND_INS = """
FROM scratch AS base
COPY busybox /bin/wget
COPY libc.so.6 /lib/x86_64-linux-gnu/
COPY ld-linux-x86-64.so.2 /lib64/
USER 65534

FROM base AS prometheus
COPY prometheus /bin/
COPY --chown=65534:65534 empty /prometheus
VOLUME ["/prometheus"]
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]

FROM base AS alertmanager
COPY prometheus-alertmanager /bin/alertmanager
COPY templates /usr/share/prometheus/alertmanager
COPY --chown=65534:65534 empty /alertmanager
VOLUME ["/alertmanager"]
WORKDIR /alertmanager
ENTRYPOINT ["/bin/alertmanager"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compose:
    """A project of its own, from a copy of the repository's files, on ports of its own."""

    engine: Engine
    directory: Path
    project: str
    ports: Mapping[str, int]

    def call(self, *arguments: str, timeout_s: float = UP_S) -> Ended:
        """Carry out a command of `docker compose`, however it ends."""
        command = [str(Path(sys.executable).with_name("docker-compose")), "--project-name", self.project, *arguments]
        ports = {name: str(port) for name, port in self.ports.items()}
        done = subprocess.run(
            command,
            cwd=self.directory,
            capture_output=True,
            text=True,
            env={**self.engine.environment, **ports},
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def told(self, *arguments: str) -> str:
        """What a command says that must succeed."""
        ended = self.call(*arguments)
        if ended.code != 0:
            pytest.fail(f"docker compose {' '.join(arguments)} ended with {ended.code}: {ended.err[-3000:]}")
        return ended.out.strip()

    def up(self, *services: str) -> None:
        """Start services, and wait until each is healthy.

        Not by compose's own `--wait`: without systemd podman carries no health check out by itself, and where we do it
        often, a slow start has failed three of them before it could answer, which ends that wait.
        """
        self.told("up", "--detach", "--no-build", *services)
        for service in services:
            container = self.container(service)
            container.until(partial(_is_healthy, container), f"healthy: {service}", UP_S)

    def container(self, service: str) -> Container:
        """The container of a service, which may have ended."""
        return Container(engine=self.engine, name=self.told("ps", "--all", "--quiet", service))

    def url(self, port: str, path: str) -> str:
        """Where a published port is found, by the name of its variable."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"


def _is_healthy(container: Container) -> bool:
    return container.health() == "healthy"


@contextmanager
def compose() -> Iterator[Compose]:
    """A project that nothing was started of yet; in the end it is taken down with its volumes."""
    with ExitStack() as stack:
        runs = engine()
        if runs.is_podman:
            runs = stack.enter_context(_podman_service(runs))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hedger-compose-")))
        for name in NEEDED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, directory / name)
        ports = {name: free_port() for name in PORTS}
        assert len(set(ports.values())) == len(PORTS), "two of them are one"
        made = Compose(engine=runs, directory=directory, project=f"hedger-{uuid.uuid4().hex[:8]}", ports=ports)
        try:
            yield made
        finally:
            made.call("--profile", "monitoring", "down", "--volumes", "--timeout", "10")


@contextmanager
def with_images(made: Compose) -> Iterator[Compose]:
    """The project with all images that it starts: ours built, the others fetched by Docker, or stood in for.

    Where podman stands in for Docker, so do these for what is published: an image that somebody left here under the
    published name may be anything.
    """
    built_image()
    names = ("prometheus", "alertmanager") if made.engine.is_podman else ()
    images = {f"{name.upper()}_IMAGE": _stand_in_of(made, name) for name in names}
    yield replace(made, engine=replace(made.engine, environment={**made.engine.environment, **images}))


def _stand_in_of(made: Compose, name: str) -> str:
    stand_in = f"localhost/{name}-stand-in"
    with tempfile.TemporaryDirectory() as context:
        for binary, package in (
            ("prometheus", "prometheus"),
            ("prometheus-alertmanager", "prometheus-alertmanager"),
            ("busybox", "busybox-static"),
        ):
            shutil.copy(program(binary, package), context)
        for library in ("/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"):
            shutil.copy(library, context)
        shutil.copytree("/usr/share/prometheus/alertmanager", Path(context) / "templates")
        (Path(context) / "empty").mkdir()
        (Path(context) / "Dockerfile").write_text(STAND_INS)
        made.engine.told("build", "--quiet", "--format", "docker", "--target", name, "--tag", stand_in, context)
    return stand_in


@contextmanager
def _podman_service(runs: Engine) -> Iterator[Engine]:
    """Podman answering as a Docker engine does, at a socket."""
    with tempfile.TemporaryDirectory(prefix="hedger-podman-") as directory:
        path = Path(directory) / "podman.sock"
        log = (Path(directory) / "log").open("wb")
        command = [runs.program, "system", "service", "--time", "0", f"unix://{path}"]
        with log, subprocess.Popen(command, env=dict(runs.environment), stdout=log, stderr=log) as process:
            try:
                _await_socket(path, process)
                yield replace(runs, environment={**runs.environment, "DOCKER_HOST": f"unix://{path}"})
            finally:
                process.terminate()


def _await_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"podman's socket {path} does not answer")
