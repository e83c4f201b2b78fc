"""A first configuration becomes a file: judged by the whole check that every start makes, before it gets its name."""

from __future__ import annotations

from pathlib import Path

from hedger.app.whole_file import whole_file
from hedger.errors import HedgerError
from hedger.settings.draft import Draft
from hedger.settings.draft_text import text_of
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy


def write_draft(path: Path, draft: Draft) -> None:
    """Write the file, if it is good. Raises ConfigError, and then nothing is left behind.

    It is judged by itself: what the environment holds now is no part of it.
    """
    with whole_file(path) as fresh:
        fresh.write_text(text_of(draft), encoding="utf-8")
        try:
            to_policy(load_settings(fresh, {}, {}, to_run=False))
        except HedgerError as problem:
            told = str(problem).replace(str(fresh), str(path))
            raise type(problem)(f"nothing was written, for it could not be used: {told}") from None
