"""`hedger notify`: a message to every configured address, so that the first real one is not the test."""

from __future__ import annotations

from hedger.cli.options import ConfigOption, JsonOption, settings_of, tell
from hedger.errors import AskAgain


def notify(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Send a test message to every address of notify.urls, and say whether all were reached."""
    from hedger.app.notifying import send_test

    if not send_test(settings_of(config, {}, to_run=False).notify):
        raise AskAgain("not every address could be reached: check each in notify.urls, and this machine's network")
    tell("sent to every address", json)
