"""`hedger config`: check, show and describe the configuration. Nothing here reaches a venue."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of

app = typer.Typer(help="Check, show and describe the configuration.", no_args_is_help=True)


@app.command("check")
def check(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say whether the configuration can be used; keys and arming are not asked for."""
    from hedger.settings.explain import config_digest
    from hedger.settings.policy import to_policy

    settings = settings_of(config, {}, to_run=False)
    policy = to_policy(settings)
    if json:
        instruments = {hedge.name: list(map(str, hedge.instruments)) for hedge in policy.hedges}
        known = {"file": None if config is None else str(config), "mode": settings.mode.value, "hedges": instruments}
        print(json_module.dumps({**known, "digest": config_digest(settings)}))
        return
    hedges = ", ".join(f"{hedge.name} with {' '.join(map(str, hedge.instruments))}" for hedge in policy.hedges)
    print(f"{config or 'the built-in paper configuration'} is good: mode {settings.mode.value}, hedging {hedges}")
    print(f"digest {config_digest(settings)}")


@app.command("show")
def show(
    config: ConfigOption = None,
    sources: bool = typer.Option(False, "--sources", help="Also say where each value came from."),
    json: JsonOption = False,
) -> None:
    """Print every setting in force, secrets masked."""
    from hedger.cli.show import print_table
    from hedger.settings.explain import sources as all_sources

    rows = all_sources(settings_of(config, {}, to_run=False))
    if json:
        print(json_module.dumps({row.key: {"value": row.value, "origin": row.origin} for row in rows}, indent=1))
    elif sources:
        print_table(("setting", "value", "from"), [tuple(row) for row in rows])
    else:
        print_table(("setting", "value"), [(row.key, row.value) for row in rows])


@app.command("diff")
def diff(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
    wait: Annotated[float, typer.Option(min=0, max=600, help="How many seconds to wait for an answer.")] = 30.0,
) -> None:
    """Say how the file of a running hedger differs from what is in force there, and when each change takes effect."""
    from hedger.cli.reload import planned, running, show

    plan = planned(running(config, state_dir), "hedger config diff", wait)
    if json:
        print(json_module.dumps(plan))
    else:
        show(plan)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    from hedger.settings.reference import json_schema

    print(json_module.dumps(json_schema(), indent=1))
