"""Commands that read the journal: explain, replay, and `hedger journal` with info, verify and set-aside."""

from __future__ import annotations

import json as json_module
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, moment, state_directory, tell
from hedger.errors import ConfigError, Differs

if TYPE_CHECKING:
    from hedger.app.replay import Again
    from hedger.runtime.starts import Start

app = typer.Typer(help="Look at the journal, prove that it is whole, or set a damaged one aside.", no_args_is_help=True)


def explain(
    decision: Annotated[int, typer.Argument(min=1, help="The number of a decision, as the log and the view show it.")],
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Tell why a decision was made: facts, band, target, order; and what became of the order, and what was near."""
    from hedger.app.story import story_of
    from hedger.cli.show import print_prose
    from hedger.ops.explain import explain_story

    story = story_of(state_directory(config, state_dir), decision)
    if json:
        print(json_module.dumps(story.as_record()))
    else:
        print_prose(explain_story(story))


def replay(
    decision: Annotated[int | None, typer.Argument(min=1, help="The number of a decision.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every decision whose input is kept.")] = False,
    since: Annotated[str | None, typer.Option(help="With --all: from then on, as 2026-01-31T12:00.")] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Make decisions again, on the facts that they were made on, and compare every byte with the journal.

    Exits with 7 if one comes out otherwise than it stands there.
    """
    from hedger.app.replay import replay_all, replay_one
    from hedger.runtime.replay import Verdict

    if (decision is not None) == all or (since is not None and not all):
        raise ConfigError("name one decision, or give --all (and with it --since)")
    directory = state_directory(config, state_dir)
    if decision is not None:
        again = replay_one(directory, decision)
        _show(again, json)
        different = int(again.replayed.verdict is Verdict.DIFFERENT)
    else:
        since_at = 0 if since is None else moment("--since", since)
        counts = replay_all(directory, since_at, lambda again: _show_unless_identical(again, json))
        different = counts[Verdict.DIFFERENT]
        told = {verdict.value: counts[verdict] for verdict in Verdict}
        print(json_module.dumps(told) if json else ", ".join(f"{count} {word}" for word, count in told.items()))
    if different:
        raise Differs(f"{different} of the replayed decisions came out otherwise than they stand in the journal")


def _show(again: Again, json: bool) -> None:
    if json:
        print(json_module.dumps(again.record))
        return
    print(again.sentence)
    for name, (then, now) in again.replayed.differences.items():
        print(f"  {name}: {json_module.dumps(then)} then, {json_module.dumps(now)} now")


def _show_unless_identical(again: Again, json: bool) -> None:
    if again.replayed.differences:
        _show(again, json)


@app.command()
def info(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Rows by kind with their first and last moments, the size on disk, and the last starts with their ends."""
    from hedger.cli.show import print_table
    from hedger.ops.figures import instant
    from hedger.runtime.journal import Journal
    from hedger.runtime.lease import is_held

    directory = state_directory(config, state_dir)
    with closing(Journal.open(directory, read_only=True)) as journal:
        counts, starts, size = journal.counts(), journal.starts(), journal.size()
        halted = journal.halted()
    if json:
        kinds = {kind: {"rows": rows, "first_at": first, "last_at": last} for kind, rows, first, last in counts}
        known = {"bytes": size, "halted": halted, "kinds": kinds, "starts": [start._asdict() for start in starts]}
        print(json_module.dumps(known))
        return
    print_table(("size", f"{size / 1e6:,.1f} MB"), [("halted", halted or "no")])
    print_table(
        ("kind", "rows", "first", "last"),
        [(k, f"{n:,}", instant(first), instant(last)) for k, n, first, last in counts],
    )
    held = is_held(directory)
    ends = [
        (f"epoch {start.epoch}", instant(start.at), instant(start.ended_at), _end_of(start, runs=held and place == 0))
        for place, start in enumerate(starts[:10])
    ]
    print_table(("start", "began", "last row", "end"), ends)


def _end_of(start: Start, *, runs: bool) -> str:
    """How a start ended, if it has: whoever looks at night must not take one that runs for a crash."""
    if start.clean:
        return "clean"
    return "it runs" if runs else "not clean"


@app.command()
def verify(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Prove every row to be what was written, from the first to the last."""
    from hedger.runtime.journal import Journal

    with closing(Journal.open(state_directory(config, state_dir), read_only=True)) as journal:
        journal.verify()
        rows = sum(count for kind, count, _, _ in journal.counts() if kind != "(inputs)")
    if json:
        print(json_module.dumps({"rows": rows}))
        return
    print(f"{rows:,} rows, each as it was written; that none is missing at the end no chain can show")


@app.command("set-aside")
def set_aside(
    reason: Annotated[str, typer.Option(help="What happened to it, for the new journal.")],
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Put a damaged journal away, whole, and begin a new one that uses none of its order ids. Stop the hedger first."""
    from hedger.app.resume import set_journal_aside

    kept = set_journal_aside(state_directory(config, state_dir), reason)
    text = f"it is kept as {kept.name}; the next start begins with what the venues say: check the limits of the day"
    tell(text, json, file=str(kept))
