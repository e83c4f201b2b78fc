"""The console of a run: its address, its tokens, and what it may look ahead with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hedger.app.reload_plan import plan_of
from hedger.app.reloading import Reloading
from hedger.app.story import story_of
from hedger.errors import AskAgain, ConfigError
from hedger.ops.console.desk import Lookouts, Outlook
from hedger.ops.console.feed import Feed
from hedger.ops.console.lookouts import look_at_flatten
from hedger.ops.console.tokens import Tokens, own_token
from hedger.ops.logs import redact_too
from hedger.runtime.clock import stopwatch
from hedger.settings.again import read_again
from hedger.settings.console_rules import reads_freely
from hedger.settings.schema import ConsoleSettings, Mode, Settings

if TYPE_CHECKING:
    from hedger.ops.console.server import Console


def console_of(
    directory: Path, settings: Settings, feed: Feed, reloading: Callable[[], Reloading | None]
) -> Console | None:
    """The console that the settings ask for, bound and not yet open; None where they ask for none.

    Paper takes any free port where the usual one is taken. Raises ConfigError.
    """
    wanted = settings.console
    if not wanted.enabled:
        return None
    tokens = tokens_of(wanted, directory)
    redact_too(tokens.act)
    make = partial(_console, directory, wanted, feed, tokens, reloading)
    try:
        return make(wanted.port)
    except ConfigError:
        if settings.mode is not Mode.PAPER:
            raise
        return make(0)


def tokens_of(console: ConsoleSettings, directory: Path) -> Tokens:
    """The tokens that are configured; where none to act is, the one that the state directory keeps."""
    given = console.token
    return Tokens(
        act=own_token(directory) if given is None else given.get_secret_value(),
        read=None if console.read_token is None else console.read_token.get_secret_value(),
        reads_freely=reads_freely(console),
    )


def _console(
    directory: Path,
    wanted: ConsoleSettings,
    feed: Feed,
    tokens: Tokens,
    reloading: Callable[[], Reloading | None],
    port: int,
) -> Console:
    from hedger.ops.console.server import Console  # with it comes aiohttp.web, which nobody else needs

    return Console(
        directory,
        feed,
        tokens=tokens,
        host=wanted.host,
        port=port,
        names=wanted.names,
        now=stopwatch,
        story=partial(story_of, directory),
        lookouts=Lookouts(flatten=partial(look_at_flatten, feed), reload=lambda: _look_at_reload(feed, reloading())),
    )


def _look_at_reload(feed: Feed, reloading: Reloading | None) -> Outlook:
    """What reading the configuration again would change. Raises ConfigError and AskAgain, in a thread of its own."""
    seen = feed.seen
    if reloading is None or seen is None:
        raise AskAgain("it is still starting: ask again when it has read its markets")
    in_force = reloading.settings
    plan = plan_of(in_force, read_again(in_force), seen.state)
    told = plan.to_json()
    if not plan.changes:
        return Outlook(told=told, shown=plan.digest, against="nothing differs from what is in force")
    return Outlook(told=told, shown=plan.digest, against="; ".join(plan.refusals))
