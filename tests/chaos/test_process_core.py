"""A crash of the interpreter itself leaves no image of the memory behind: it would hold the keys."""

import re
import resource
from pathlib import Path

from tests.support.processes import Nursery


def test_a_running_hedger_leaves_no_core_whatever_the_machine_allows(processes: Nursery, tmp_path: Path) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    try:
        running = processes.paper(tmp_path)
        running.until_mode("hedging")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (usual, most))
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    (found,) = re.findall(r"Max core file size +(\S+) +(\S+)", limits)
    assert found == ("0", "0")
