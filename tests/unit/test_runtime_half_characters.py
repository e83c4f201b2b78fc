"""A venue's words may hold what UTF-8 cannot write: they end no hedger, and no row is lost."""

import json
from contextlib import closing
from pathlib import Path

from hedger.model.message import Operation, OperatorAsked, VenueQuieted
from hedger.runtime.journal import Journal, Row
from tests.support.engine_policies import ACCOUNT, hedge_of, policy_of
from tests.support.simulated_daemon import Play, play

HALF = "try again \ud83d later"
POLICY = policy_of(hedge_of())


def test_half_a_character_in_a_venue_s_words_is_kept_as_a_question_mark_and_it_goes_on(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        until = it.clock.now_ms() + 30_000
        it.daemon.handle_now(VenueQuieted(account=ACCOUNT, until_at=until, banned=True, text=HALF))
        it.deposit("0.1")
        await it.sleep(5)
        assert it.state.accounts[ACCOUNT].quiet_until_at == until, "the ban is heeded"
        await it.until_hedged()

    play(script, POLICY, tmp_path)
    with closing(Journal.open(tmp_path, read_only=True)) as journal:
        journal.verify()
        (row,) = (json.loads(body) for _, _, body in journal.rows("quiet"))
    assert row["text"] == "try again ? later"


def test_a_halt_because_of_such_words_is_on_the_disk_and_outlives_the_start(tmp_path: Path) -> None:
    async def script(it: Play) -> None:
        await it.until_hedged()
        it.daemon.handle_now(OperatorAsked(operation=Operation.HALT, reason=HALF))
        await it.sleep(5)

    play(script, POLICY, tmp_path)
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        assert journal.halted() == "try again ? later"
        journal.write([Row(1, "change", HALF, {"text": [HALF, 1, None]})])
        journal.verify()
