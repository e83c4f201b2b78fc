"""`hedger bundle`: what helps somebody else to find a bug, in one file without a secret."""

from __future__ import annotations

import json as json_module
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory
from hedger.errors import ConfigError, HedgerError


def bundle(
    file: Annotated[
        Path | None, typer.Argument(help="The file; without it, hedger-bundle-DATE.tar.gz in this directory.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    log: Annotated[Path | None, typer.Option(help="Its log, of which the end is put in.")] = None,
    json: JsonOption = False,
) -> None:
    """Gather settings, status, last decisions and versions for a bug report: without secrets, and for you to look at.

    The hedger may run meanwhile or not, and the configuration may be broken.
    """
    from hedger.app.bundle import bundle as gather
    from hedger.cli.show import print_table

    path = file or Path(f"hedger-bundle-{_today()}.tar.gz")
    if not os.path.exists(path) and not path.name.endswith((".tar.gz", ".tgz")):
        raise ConfigError(f"{path}: what is written is a .tar.gz, and whoever gets it must see that: name it so")
    parts = gather(path, _directory(config, state_dir), config=config, environ=os.environ, log=log)
    if json:
        print(json_module.dumps({"file": str(path), "parts": parts}))
        return
    print_table(("part", "bytes"), [(name, f"{size:,}") for name, size in parts.items()])
    print(f"{path} is written; look into it before you send it: it holds balances and positions, and no secret")


def _directory(config: Path | None, state_dir: Path | None) -> Path:
    """The state directory; where the configuration is broken, the usual one."""
    try:
        return state_directory(config, state_dir)
    except HedgerError:
        return Path("state")


def _today() -> str:
    from hedger.runtime.clock import wall_ns

    return f"{datetime.fromtimestamp(wall_ns() // 10**9, UTC):%Y%m%d-%H%M%S}"
