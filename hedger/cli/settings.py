"""`hedger config`: check, show and describe the configuration. Nothing here reaches a venue."""

from __future__ import annotations

import json as json_module

import typer

from hedger.cli.options import ConfigOption, JsonOption, settings_of

app = typer.Typer(help="Check, show and describe the configuration.", no_args_is_help=True)


@app.command("check")
def check(config: ConfigOption = None) -> None:
    """Say whether the configuration can be used; keys and arming are not asked for."""
    from hedger.settings.explain import config_digest
    from hedger.settings.policy import to_policy

    settings = settings_of(config, {}, to_run=False)
    policy = to_policy(settings)
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


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    from hedger.settings.reference import json_schema

    print(json_module.dumps(json_schema(), indent=1))
