"""The commands of `hedger`. Each imports what it needs when it is called, so that `--help` stays quick."""

from __future__ import annotations

import sys
from contextlib import suppress

import typer
from typer.exceptions import TyperException

from hedger.app.version import VERSION
from hedger.cli import (
    acknowledge,
    band,
    bundle,
    completion,
    console,
    export,
    flatten,
    funding,
    gamma,
    held,
    init,
    inspect,
    journal,
    notify,
    operate,
    paper,
    pnl,
    reconcile,
    reload,
    run,
    settings,
    simulate,
    traded,
    transfer,
)
from hedger.cli.streams import flushed, probed, whole_streams
from hedger.errors import ConfigError, HedgerError

app = typer.Typer(
    name="hedger",
    help="Keeps a portfolio's delta where its owner wants it, with post-only orders on futures.",
    epilog="`hedger --version` says which program this is; `hedger completion bash` makes a shell complete commands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(settings.app, name="config")
app.add_typer(journal.app, name="journal")
app.command("init")(init.init)
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
app.command("console")(console.console)
app.command("exposure")(held.exposure)
app.command("positions")(held.positions)
app.command("orders")(traded.orders)
app.command("fills")(traded.fills)
app.command("reconcile")(reconcile.reconcile)
app.command("pnl")(pnl.pnl)
app.command("export")(export.export)
app.command("explain")(journal.explain)
app.command("replay")(journal.replay)
app.command("kill")(operate.kill)
app.command("resume")(operate.resume)
app.command("pause")(operate.pause)
app.command("unpause")(operate.unpause)
app.command("flatten")(flatten.flatten)
app.command("ack")(acknowledge.acknowledge)
app.command("drain")(operate.drain)
app.command("reload")(reload.reload)
app.command("write-off")(operate.write_off)
app.command("notify")(notify.notify)
app.command("transfer")(transfer.transfer)
app.command("bundle")(bundle.bundle)
app.command("healthcheck")(inspect.healthcheck)
app.command("completion")(completion.completion)


def command_line() -> None:
    """Carry out what was typed, and have what it says leave before the process ends."""
    whole_streams()
    try:
        _carry_out()
    except HedgerError:
        with suppress(HedgerError, SystemExit):  # the error itself is what matters
            flushed()
        raise
    except OSError:
        probed()  # says so where it was standard output that took nothing
        raise
    flushed()


def _carry_out() -> None:
    """What was typed; what cannot be understood is a ConfigError, one sentence like every other."""
    if sys.argv[1:] == ["--version"]:  # typer's way to have an option here makes each completion a third slower
        print(f"hedger {VERSION}")
        return
    completion.answers_shells()
    try:
        code = app(standalone_mode=False, prog_name="hedger")
    except TyperException as problem:
        text = " ".join(problem.format_message().split()).rstrip(".")
        if not text:  # nothing was typed, and the help has been printed
            raise SystemExit(2) from None
        asked = getattr(getattr(problem, "ctx", None), "command_path", "") or "hedger"
        raise ConfigError(f"{text}{' ' if text.endswith('?') else '; '}see `{asked} --help`") from None
    except typer.Abort as end:  # a question met Ctrl-C, or the end of what could be answered
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise ConfigError("the question was not answered, and nothing was done; --yes answers it") from None
    if code:  # typer's own way to end: 130 after Ctrl-C
        raise SystemExit(code)
