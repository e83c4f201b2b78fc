"""Quiet outlives the process: it is journaled when it is asked for, and the next start heeds it before it opens."""

from contextlib import closing
from pathlib import Path

import pytest

from hedger.app.daemon import Daemon, Parts
from hedger.errors import JournalError
from hedger.model.message import VenueQuieted
from hedger.runtime.journal import Journal, Row
from hedger.runtime.ports import QuietTold
from hedger.runtime.quieted import quiet_row, recover_quiet, remembered_quiet
from hedger.sim.virtual_time import VirtualClock, run_virtual
from hedger.venues.quiet import Quiet
from hedger.venues.watching import Unwatched
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import NOON, POLLING, Watcher


class Heeding:
    """A venue of which only what it is told to heed matters."""

    account = ACCOUNT

    def __init__(self) -> None:
        self.heeded: list[tuple[int, bool]] = []

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        self.heeded.append((until_at, banned))

    def on_quiet(self, told: QuietTold) -> None: ...


def daemon_on(journal: Journal, venue: Heeding) -> Daemon:
    parts = Parts(
        policy=policy_of(hedge_of()),
        venues={ACCOUNT: venue},  # type: ignore[dict-item]
        clock=VirtualClock(),
        journal=journal,
        polling=POLLING,
        observer=Watcher(),
        start_record={},
    )
    return Daemon(parts)


def test_a_ban_is_on_disk_at_once_and_the_next_start_heeds_it(tmp_path: Path) -> None:
    ban = VenueQuieted(account=ACCOUNT, until_at=NOON + 3_600_000, banned=True, text="HTTP 418")
    first, second = Heeding(), Heeding()

    async def scene() -> None:
        with closing(Journal.open(tmp_path)) as journal:
            daemon_on(journal, first).handle_now(ban)  # and no flush: as if it were killed here
        with closing(Journal.open(tmp_path)) as journal:
            daemon_on(journal, second)

    run_virtual(scene(), NOON)
    assert first.heeded == []
    assert second.heeded == [(ban.until_at, True)]


def test_a_ban_and_a_pause_are_heeded_both_and_what_is_over_closes_nothing(tmp_path: Path) -> None:
    asked = [
        VenueQuieted(account=ACCOUNT, until_at=NOON + 60_000, banned=False, text="HTTP 429"),
        VenueQuieted(account=ACCOUNT, until_at=NOON + 600_000, banned=True, text="HTTP 418"),
        VenueQuieted(account=ACCOUNT, until_at=NOON + 90_000, banned=False, text="HTTP 429"),
    ]
    venue = Heeding()

    async def scene() -> None:
        with closing(Journal.open(tmp_path)) as journal:
            daemon = daemon_on(journal, Heeding())
            for event in asked:
                daemon.handle_now(event)
        with closing(Journal.open(tmp_path)) as journal:
            daemon_on(journal, venue)
        clock = VirtualClock()
        await clock.sleep(700)
        quiet = Quiet(ACCOUNT, clock, Unwatched(), lambda _: None)
        for until_at, banned in venue.heeded:
            quiet.keep(until_at, banned=banned)
        assert not quiet.asked

    run_virtual(scene(), NOON)
    assert sorted(venue.heeded) == [(NOON + 90_000, False), (NOON + 600_000, True)]


def test_a_clock_that_was_set_back_does_not_make_a_ban_longer(tmp_path: Path) -> None:
    ban = VenueQuieted(account=ACCOUNT, until_at=NOON + 600_000, banned=True, text="HTTP 418")
    venue = Heeding()
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(NOON, {})
        journal.write([quiet_row(NOON, ban)])
        for later_ms in (0, 60_000):
            recover_quiet(journal, {ACCOUNT: venue}, NOON - 3_600_000 + later_ms)  # type: ignore[dict-item]
    assert venue.heeded == [(NOON - 3_000_000, True)] * 2, "and a second start does not begin it anew"


def test_a_row_of_quiet_that_cannot_be_understood_is_not_passed_over(tmp_path: Path) -> None:
    with closing(Journal.open(tmp_path)) as journal:
        journal.begin(1, {})
        journal.write([Row(1, "quiet", f"{ACCOUNT}/ban", {"until": "soon"})])
        with pytest.raises(JournalError, match="quiet"):
            remembered_quiet(journal)
