"""What reads, answers and wishes of the venues add to the counters of their accounts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from prometheus_client import Counter, Histogram

from hedger.engine.known.state import AccountView, ChangeCause, State
from hedger.engine.step import Result
from hedger.model.message import (
    AccountRead,
    Event,
    ReadFailed,
    StreamChanged,
    SwitchFailed,
    VenueQuieted,
)
from hedger.ops.meters import AccountMeters

READS = (
    "instruments",
    "clock",
    "account",
    "prices",
    "fills",
    "funding",
    "candles",
    "funding_rates",
    "order",
    "other",
)
READINGS = ("believed", "doubted", "refused", "late")
QUIETS = ("quiet", "ban")


class AccountCounts:
    """The counters of every account; all label sets are there, at 0, from the start."""

    def __init__(self, meters: AccountMeters, accounts: tuple[str, ...]) -> None:
        self._meters = meters
        touch(meters.changes, accounts, [cause.value for cause in ChangeCause])
        for meter in (meters.reads, meters.read_failures, meters.read):
            touch(meter, accounts, READS)
        touch(meters.readings, accounts, READINGS)
        touch(meters.quiets, accounts, QUIETS)
        answers = (meters.place, meters.cancel, meters.extensions, meters.extension_failures)
        for of_account in (*answers, meters.stream_ends, meters.frames_ignored):
            touch(of_account, accounts)
        for account in accounts:
            meters.rate_weight.labels(account)
            meters.keys_end.labels(account).set(math.nan)

    def count(self, event: Event, before: State, result: Result) -> None:
        """What an event, and what the engine made of it, adds."""
        for change in result.changes:
            self._meters.changes.labels(change.account, change.cause.value).inc()
        match event:
            case AccountRead():
                account = event.reading.account
                made = _made_of(before.accounts[account], result.state.accounts[account])
                self._meters.readings.labels(account, made).inc()
            case ReadFailed():
                self._meters.read_failures.labels(event.account, _read(event.what)).inc()
            case SwitchFailed():
                self._meters.extension_failures.labels(event.account).inc()
            case VenueQuieted():
                self._meters.quiets.labels(event.account, "ban" if event.banned else "quiet").inc()
            case StreamChanged():
                self._meters.stream_ends.labels(event.account).inc(not event.up)
            case _:
                return

    def timed(self, stage: str, account: str, seconds: float) -> None:
        """What the shell did on an account, and how long it took; failures are counted from events."""
        match stage:
            case "place":
                self._meters.place.labels(account).observe(seconds)
            case "cancel":
                self._meters.cancel.labels(account).observe(seconds)
            case "switch":
                self._meters.extensions.labels(account).inc()
            case _ if stage.startswith("read_"):
                what = _read(stage.removeprefix("read_"))
                self._meters.reads.labels(account, what).inc()
                self._meters.read.labels(account, what).observe(seconds)
            case _:
                return


def touch(meter: Counter | Histogram, *labels: Sequence[str]) -> None:
    """Make every series of a meter that some label values allow."""
    for values in product(*labels):
        meter.labels(*values)


def _made_of(before: AccountView, after: AccountView) -> str:
    """What became of a reading: it may have been asked for before what the account did since."""
    if after.believed_at != before.believed_at:
        return "believed"
    if after.failures > before.failures:
        return "refused"
    return "doubted" if after.doubted is not None and after.doubted is not before.doubted else "late"


def _read(what: str) -> str:
    return what if what in READS else "other"
