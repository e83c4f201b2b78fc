"""Containers for the tests: the image as `deploy/image.sh` builds it, and what runs of it, on docker or podman."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.processes import Ended
from tests.support.programs import program

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "image.sh"
USER = 10001
BUILD_S, PATIENCE_S = 600.0, 180.0
# What docker-compose.yml gives the hedger.
HARDENED = (
    *("--init", "--read-only", "--tmpfs", "/tmp:size=64m,mode=1777"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "1g", "--pids-limit", "128"),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What runs containers here, and the environment that it must be called in."""

    program: str
    environment: Mapping[str, str]

    def call(self, *arguments: str, timeout_s: float = 120.0) -> Ended:
        """Carry out a command, however it ends."""
        done = subprocess.run(
            [self.program, *arguments],
            capture_output=True,
            text=True,
            env=dict(self.environment),
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr)

    def told(self, *arguments: str, timeout_s: float = 120.0) -> str:
        """What a command says that must succeed; where it does not, the test fails with the engine's own words."""
        ended = self.call(*arguments, timeout_s=timeout_s)
        if ended.code != 0:
            pytest.fail(f"{self.program} {' '.join(arguments)} ended with {ended.code}: {ended.err[-2000:]}")
        return ended.out.strip()

    @property
    def is_podman(self) -> bool:
        """Podman runs health checks by systemd's timers, and where there is no systemd only when it is told to."""
        return Path(self.program).name == "podman"


@cache
def engine() -> Engine:
    """Docker where its engine answers, else podman; fails where neither is installed."""
    if subprocess.run([SCRIPT, "--engine"], capture_output=True, text=True, check=False).stdout.strip() == "docker":
        return Engine(program=str(shutil.which("docker")), environment=os.environ)
    for name in ("buildah", "podman", "runc", "mmdebstrap"):
        program(name, name)
    return Engine(program=program("podman", "podman"), environment=podman_environment())


def podman_environment() -> dict[str, str]:
    """Where no systemd looks after the control groups, podman has to do it, and crun does not know old ones."""
    if Path("/run/systemd/system").exists():
        return dict(os.environ)
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 16_384)
    processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32_768)
    configuration = ROOT / ".pytest_cache" / "containers.conf"
    configuration.parent.mkdir(exist_ok=True)
    # Another process of these tests may run podman by it at this moment: it is there whole, or as it was.
    making = configuration.with_name(f"{configuration.name}.{os.getpid()}")
    making.write_text(
        f"""[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
compat_api_enforce_docker_hub = false
[network]
network_backend = "netavark"
"""
    )
    making.replace(configuration)
    return {**os.environ, "CONTAINERS_CONF": str(configuration)}


@cache
def built_image() -> str:
    """The image, built from what is in the repository now: a minute on an empty machine, seconds after that. What had
    its name before is removed: each is some hundred megabytes."""
    before = _named_hedger()
    done = subprocess.run(
        [SCRIPT], capture_output=True, text=True, env=dict(engine().environment), timeout=BUILD_S, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"deploy/image.sh ended with {done.returncode}: {done.stderr[-3000:]}")
    image = done.stdout.strip().splitlines()[-1]
    for id in before - _named_hedger():
        engine().call("rmi", id)
    tried = engine().call("run", "--rm", *HARDENED, "--entrypoint", "true", image)
    if tried.code != 0:
        pytest.fail(f"{image} is built, but {engine().program} cannot run a container here: {tried.err[-2000:]}")
    return image


def _named_hedger() -> set[str]:
    return set(engine().call("images", "--quiet", "--no-trunc", "hedger").out.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container, by its name."""

    engine: Engine
    name: str

    def exec(self, *command: str) -> Ended:
        """Carry out a command inside."""
        return self.engine.call("exec", self.name, *command)

    def logs(self) -> Ended:
        """What it said, on both outputs; the code is the engine's."""
        return self.engine.call("logs", self.name)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far; of the line that is being written, nothing."""
        whole = (line for line in self.logs().err.splitlines() if line.startswith("{") and line.endswith("}"))
        return [json.loads(line) for line in whole]

    def inspect(self) -> dict[str, Any]:
        """All that the engine tells of it."""
        return dict(json.loads(self.engine.told("inspect", self.name))[0])

    def url(self, port: int, path: str) -> str:
        """Where a port that it listens on is found on this machine."""
        found = self.engine.call("port", self.name, f"{port}/tcp").out.split()
        if not found:
            pytest.fail(f"{self.name} has no port {port}: {self.logs().err[-2000:]}")
        return f"http://{found[0]}{path}"

    def status(self) -> dict[str, Any]:
        """What its hedger says of itself; empty while it says nothing."""
        asked = self.exec("hedger", "status", "--json")
        return dict(json.loads(asked.out)) if asked.code == 0 else {}

    def health(self) -> str:
        """What its health check found: starting, healthy, unhealthy."""
        if self.engine.is_podman:
            self.engine.call("healthcheck", "run", self.name)
        return str(self.inspect()["State"]["Health"]["Status"])

    def running(self) -> bool:
        """Whether it still runs."""
        return bool(self.inspect()["State"]["Running"])

    def wait(self, timeout_s: float = 60.0) -> int:
        """Wait for its end; its exit code."""
        return int(self.engine.told("wait", self.name, timeout_s=timeout_s).splitlines()[-1])

    def until(self, wanted: Callable[[], T | None], what: str, timeout_s: float = PATIENCE_S) -> T:
        """Wait until `wanted` gives something; the container's end, or that of our patience, fails the test."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            if found := wanted():
                return found
            if not self.running():
                raise AssertionError(f"{self.name} ended before {what}: {self.logs().err[-2000:]}")
            time.sleep(0.05)
        raise AssertionError(f"no {what} within {timeout_s:.0f} s: {self.logs().err[-2000:]}")


@dataclass(slots=True)
class Yard:
    """Starts containers of one image, and takes away all of them with their volumes in the end."""

    engine: Engine
    image: str
    _names: list[str] = field(default_factory=list)
    _volumes: list[str] = field(default_factory=list)

    def start(self, *command: str, options: Sequence[str] = (), hardened: Sequence[str] = HARDENED) -> Container:
        """Start a container in the background."""
        name = f"hedger-test-{uuid.uuid4().hex[:12]}"
        self._names.append(name)
        self.engine.told("run", "--detach", "--name", name, *hardened, *options, self.image, *command)
        return Container(engine=self.engine, name=name)

    def run(self, *command: str, options: Sequence[str] = (), timeout_s: float = 60.0) -> Ended:
        """Run a command in a container of its own to its end."""
        return self.engine.call(
            "run", "--rm", "--no-healthcheck", *HARDENED, *options, self.image, *command, timeout_s=timeout_s
        )

    def volume(self) -> str:
        """A new named volume."""
        name = f"hedger-test-{uuid.uuid4().hex[:12]}"
        self._volumes.append(name)
        self.engine.told("volume", "create", name)
        return name

    def close(self) -> None:
        """Remove everything that was started, however it stands, and say what could not be removed.

        The last one first: one that lives in another's namespaces holds that other.
        """
        at_once = ("--time", "0") if self.engine.is_podman else ()
        gone = [self.engine.call("rm", "--force", *at_once, "--volumes", name) for name in reversed(self._names)]
        gone += [self.engine.call("volume", "rm", "--force", name) for name in self._volumes]
        kept = [ended.err.strip() for ended in gone if ended.code != 0 and "no such" not in ended.err.lower()]
        assert kept == []


@contextmanager
def yard() -> Iterator[Yard]:
    """A yard that is cleared in the end."""
    held = Yard(engine(), built_image())
    try:
        yield held
    finally:
        held.close()


@contextmanager
def directory_of_the_image() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A state directory on this machine for containers, and the options with which they own it.

    Root gives it to the image's user; anybody else has the containers run as himself. Its name is short, because a
    socket in it has to be reached from here.
    """
    path = Path(tempfile.mkdtemp(prefix="hedger-"))
    mine = os.geteuid() != 0
    if not mine:
        os.chown(path, USER, USER)
    try:
        yield path, ("--volume", f"{path}:/state", *(("--user", f"{os.geteuid()}:{os.getegid()}") if mine else ()))
    finally:
        shutil.rmtree(path, ignore_errors=True)
