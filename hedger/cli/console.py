"""`hedger console`: where the running hedger's console is, and what opens it."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Any

from hedger.cli.inspect import read_status
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory
from hedger.errors import GiveUp

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown is where this machine reaches it


def console(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Print the address of the running hedger's console, with the token that it keeps for this user.

    The token stands after a #: a browser keeps that to itself, and no server or log ever sees it.
    """
    path = state_directory(config, state_dir) / "status.json"
    served = read_status(path).get("console")
    if not isinstance(served, dict):
        raise GiveUp(f"the hedger on {path.parent} serves no console: set console.enabled, and start it again")
    told = address_of(served)
    if json:
        print(json_module.dumps(told))
        return
    print(told["url"])
    if told["token_file"] is None:
        print("to act there takes the token that it was started with (HEDGER_CONSOLE__TOKEN)")
    else:
        print(f"the token after the # is kept in {told['token_file']}, for this user only: whoever has it may act")


def address_of(served: dict[str, Any]) -> dict[str, Any]:
    """The address that a status file names, with the token that is kept beside it. Raises ConfigError where that is not
    for this user's eyes only, and GiveUp where this user may not read it."""
    from hedger.ops.console.tokens import read_token

    host = EVERYWHERE.get(str(served["host"]), str(served["host"]))
    address = f"http://{f'[{host}]' if ':' in host else host}:{int(served['port'])}/"
    file = served.get("token_file")
    if file is None:
        return {"address": address, "url": address, "port": served["port"], "token_file": None}
    try:
        token = read_token(Path(file))
    except OSError as problem:
        raise GiveUp(f"{file} cannot be read ({problem.strerror}): ask as the user that the hedger runs as") from None
    return {"address": address, "url": f"{address}#token={token}", "port": served["port"], "token_file": file}
