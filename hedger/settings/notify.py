"""What people are told by message, and how loudly."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field, SecretStr

from hedger.settings.table import Table
from hedger.settings.values import Span, Whole


class Loudness(StrEnum):
    """How a message is sent: aloud, without a sound where the service knows how, or not at all."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


class NotifyEventsSettings(Table):
    """How loudly each kind of message is sent: on, silent or off."""

    halt: Loudness = Field(default=Loudness.ON, description="It halted, or a halt was lifted.")
    unhedged: Loudness = Field(
        default=Loudness.ON, description="A hedge is outside its band for too long or could not act."
    )
    alarm: Loudness = Field(default=Loudness.ON, description="Anything else that a person should look at began.")
    guard: Loudness = Field(default=Loudness.SILENT, description="A guard began to deny orders, or margin got shorter.")
    operator: Loudness = Field(default=Loudness.SILENT, description="A person paused, resumed, flattened or reloaded.")
    fill: Loudness = Field(default=Loudness.SILENT, description="An order ended with something filled.")
    summary: Loudness = Field(default=Loudness.SILENT, description="Once a day: what was made, paid and traded.")
    program: Loudness = Field(default=Loudness.SILENT, description="It started, or ended.")


class NotifySettings(Table):
    """Messages to people by Apprise: Telegram, Slack, mail, ntfy and a hundred others."""

    urls: SecretStr | None = Field(
        default=None,
        description="Where messages go, in Apprise's form, several apart by spaces, such as tgram://TOKEN/CHAT; only "
        "from the environment or a secret file. Without it nothing is sent.",
    )
    events: NotifyEventsSettings = Field(
        default=NotifyEventsSettings(), description="How loudly each kind of message is sent: on, silent or off."
    )
    repeat_s: Span = Field(
        default=Decimal(900), description="A message about the same thing is not sent again within so many seconds."
    )
    summary_hour: Whole = Field(default=0, ge=0, le=23, description="The hour (UTC) of the daily summary.")
