"""Run the image, and say how large it is, how quickly it starts, what it needs, and how it ends: `make image`.

A test holds the same trial to limits.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.containers import Container, Yard, yard

TREE = "/opt/hedger"
SETTLED_S, PATIENCE_S, GRACE_S = 10.0, 180.0, 60
MEMORY = 'for p in /proc/[0-9]*; do echo "$(tr "\\0" " " <$p/cmdline)" $(grep VmRSS $p/status); done'


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one run of the image showed: megabytes of 10⁶ bytes, and seconds since `run` was typed."""

    image: str
    size_mb: float
    ours_mb: float
    live_s: float
    decided_s: float
    ordered_s: float
    hedger_mb: float
    exchange_mb: float
    ended_s: float
    code: int

    def told(self) -> str:
        """For people."""
        return (
            f"{self.image}\n"
            f"  size      {self.size_mb:.0f} MB with its base, of which {self.ours_mb:.0f} MB in {TREE}\n"
            f"  start-up  live after {self.live_s:.1f} s, "
            f"first decision after {self.decided_s:.1f} s, first order after {self.ordered_s:.1f} s\n"
            f"  memory    {self.hedger_mb:.0f} MB at rest, and {self.exchange_mb:.0f} MB for the paper exchange\n"
            f"  end       {self.ended_s:.1f} s after SIGTERM, with {self.code}"
        )


def tried(stand: Yard, *, settled_s: float = SETTLED_S) -> Trial:
    """Run the image on paper as it stands, let it settle, and stop it."""
    (told,) = json.loads(stand.engine.told("image", "inspect", stand.image))
    ours = stand.run("-sk", TREE, options=("--entrypoint", "du")).out.split()[0]
    begun_at = time.time()
    hedger = stand.start(options=("--env", "HEDGER_METRICS__HOST=0.0.0.0", "--publish", "127.0.0.1::9108"))
    url = hedger.url(9108, "/livez")
    hedger.until(lambda: _answers(url), "life", PATIENCE_S)
    live_at = time.time()
    placed = hedger.until(lambda: _decision(hedger, action="place"), "order", PATIENCE_S)
    first = hedger.until(lambda: _decision(hedger), "decision")
    time.sleep(settled_s)
    memory = _memory_mb(hedger)
    stopped_at = time.time()
    stand.engine.told("stop", "--time", str(GRACE_S), hedger.name)
    ended_at = time.time()
    return Trial(
        image=stand.image,
        size_mb=told["Size"] / 1e6,
        ours_mb=int(ours) * 1024 / 1e6,
        live_s=live_at - begun_at,
        decided_s=_second_of(first) - begun_at,
        ordered_s=_second_of(placed) - begun_at,
        hedger_mb=memory["hedger paper"],
        exchange_mb=memory["hedger exchange"],
        ended_s=ended_at - stopped_at,
        code=hedger.wait(),
    )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _decision(hedger: Container, **wanted: str) -> dict[str, Any] | None:
    """The first decision in the log that is like that."""
    made = (line for line in hedger.lines() if line["event"] == "decision_made")
    return next((line for line in made if wanted.items() <= line.items()), None)


def _second_of(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _memory_mb(hedger: Container) -> dict[str, float]:
    """What each of the hedger's processes has in memory, by its command."""
    found = {}
    for line in hedger.exec("sh", "-c", MEMORY).out.splitlines():
        command, _, kilobytes = line.partition(" VmRSS: ")
        for name in ("hedger paper", "hedger exchange"):
            if f"-m {name}" in command:
                found[name] = int(kilobytes.split()[0]) * 1024 / 1e6
    return found


if __name__ == "__main__":
    with yard() as stand:
        print(tried(stand).told())
