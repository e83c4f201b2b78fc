"""The commands of `hedger`. Each imports what it needs when it is called, so that `--help` stays quick."""

from __future__ import annotations

import typer
from typer.exceptions import TyperException

from hedger.cli import band, funding, gamma, inspect, journal, operate, paper, pnl, run, settings, simulate, transfer
from hedger.errors import ConfigError

app = typer.Typer(
    name="hedger",
    help="Keeps a portfolio's delta where its owner wants it, with post-only orders on futures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(settings.app, name="config")
app.add_typer(journal.app, name="journal")
app.command("paper")(paper.paper)
app.command("exchange", hidden=True)(paper.exchange)
app.command("simulate")(simulate.simulate)
app.command("run")(run.run)
app.command("record")(run.record)
app.command("gamma")(gamma.gamma)
app.command("band")(band.band)
app.command("funding")(funding.funding)
app.command("doctor")(inspect.doctor)
app.command("status")(inspect.status)
app.command("pnl")(pnl.pnl)
app.command("explain")(journal.explain)
app.command("replay")(journal.replay)
app.command("kill")(operate.kill)
app.command("resume")(operate.resume)
app.command("pause")(operate.pause)
app.command("unpause")(operate.unpause)
app.command("drain")(operate.drain)
app.command("write-off")(operate.write_off)
app.command("transfer")(transfer.transfer)
app.command("healthcheck")(inspect.healthcheck)


def command_line() -> None:
    """Carry out what was typed; what cannot be understood is a ConfigError, one sentence like every other."""
    try:
        code = app(standalone_mode=False, prog_name="hedger")
    except TyperException as problem:
        text = " ".join(problem.format_message().split()).rstrip(".")
        if not text:  # nothing was typed, and the help has been printed
            raise SystemExit(2) from None
        raise ConfigError(f"{text}; see `hedger --help`, or a command's own") from None
    if code:  # typer's own way to end: 130 after Ctrl-C
        raise SystemExit(code)
