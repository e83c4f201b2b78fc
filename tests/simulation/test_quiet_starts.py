"""A quiet that a venue asks for while the daemon starts is on disk before the error that ends the start."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from hedger.errors import AskAgain
from hedger.model.account import MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.message import CancelOrder, VenueQuieted
from hedger.runtime.journal import Journal
from hedger.runtime.ports import CancelOutcome, QuietTold
from hedger.runtime.quieted import remembered_quiet
from hedger.sim.world import World
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import NOON, Play, act, make_world, play, stage
from tests.support.simulated_venue import LensVenue

POLICY = policy_of(hedge_of())
BAN = VenueQuieted(account=ACCOUNT, until_at=NOON + 3_600_000, banned=True, text="418")


class Shut(LensVenue):
    """A venue that bans us at one request of a start."""

    what = ""
    directory = Path()
    told: QuietTold = staticmethod(lambda _: None)

    def on_quiet(self, told: QuietTold) -> None:
        self.told = told

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        self._ban("open")
        return await super().open(symbols)

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        self._ban("prices")
        return await super().read_prices(ids)

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        self._ban("configure")
        await super().configure(symbols, leverage=leverage, margin_mode=margin_mode)

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        self._ban("cancel", fail=False)
        return await super().cancel(order)

    def _ban(self, what: str, *, fail: bool = True) -> None:
        if what == self.what:
            self.told(BAN)
            assert kept(self.directory) == (BAN,), "it is on disk before the request ends"
            if fail:
                raise AskAgain("418")


class Heeding(LensVenue):
    """A venue that keeps what it is told to heed."""

    heeded: tuple[tuple[int, bool], ...] = ()
    opened_after: tuple[tuple[int, bool], ...] = ()

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        self.heeded += ((until_at, banned),)

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        self.opened_after = self.heeded
        return await super().open(symbols)


def kept(directory: Path) -> tuple[VenueQuieted, ...]:
    with closing(Journal.open(directory, read_only=True)) as journal:
        return remembered_quiet(journal)


def shut_at(what: str, directory: Path) -> type[Shut]:
    return type("ShutThere", (Shut,), {"what": what, "directory": directory})


async def never(_: Play) -> None:
    raise AssertionError("it was never ready")


@pytest.mark.parametrize("what", ["open", "prices", "configure"])
def test_a_ban_met_during_a_start_is_on_disk_at_once_and_heeded_by_the_next_start(what: str, tmp_path: Path) -> None:
    second: list[LensVenue] = []

    def bend(venue: LensVenue) -> None:
        venue.__class__ = shut_at(what, tmp_path)

    def heed(venue: LensVenue) -> None:
        venue.__class__ = Heeding
        second.append(venue)

    async def at_once(_: Play) -> None:
        await asyncio.sleep(0)

    async def scene(world: World) -> None:
        with pytest.raises(AskAgain):
            await act(world, never, POLICY, tmp_path, prepare=bend)
        await act(world, at_once, POLICY, tmp_path, prepare=heed)

    stage(scene, lambda: make_world(POLICY, {"BTC": "1"}))
    (venue,) = second
    assert isinstance(venue, Heeding)
    assert venue.opened_after == ((BAN.until_at, True),)


def test_a_ban_met_by_the_last_cancels_after_the_streams_were_given_up_is_kept_too(tmp_path: Path) -> None:
    def bend(venue: LensVenue) -> None:
        venue.__class__ = shut_at("cancel", tmp_path)

    async def fail(it: Play) -> None:
        await it.until(lambda: bool(it.resting()), "resting")
        raise AskAgain("a reader failed")

    with pytest.raises(AskAgain):
        play(fail, POLICY, tmp_path, prepare=bend)
    assert kept(tmp_path) == (BAN,)
