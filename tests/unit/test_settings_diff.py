"""Each key of the configuration has its place in one table, and what differs between two of them is told as text."""

from pathlib import Path

import pytest

from hedger.settings.diff import Change, diff, restarts
from hedger.settings.effects import EFFECTS, Effect, effect_of
from hedger.settings.reference import reference
from hedger.settings.shape import plain_type, tables
from tests.support.configurations import GOOD, KEYS, LIVE, changed, load

TWO = GOOD + '\n[accounts.other]\nvenue = "binance"\n'
HOLDING = GOOD + '\n[[holdings]]\nasset = "BTC"\nquantity = 1\n'


def keys() -> set[str]:
    """Every key of the schema that a value, a list or a table of names stands at."""
    found = set()
    for path, table in tables():
        for name, field in table.model_fields.items():
            whole = hasattr(plain_type(field.annotation), "model_fields") and not _may_be_none(field.annotation)
            if not whole:
                found.add(".".join(str(part) for part in (*path, name) if not isinstance(part, int)))
    return found


def _may_be_none(annotation: object) -> bool:
    return type(None) in getattr(annotation, "__args__", ())


def between(folder: Path, old: str, new: str) -> tuple[Change, ...]:
    return diff(load(folder, old), load(folder, new))


def test_every_key_of_the_schema_has_its_place_in_the_table_and_no_other_has() -> None:
    assert set(EFFECTS) == keys()


def test_a_key_that_has_no_place_yet_waits_for_a_start() -> None:
    assert effect_of(("hedges", "<name>", "guards", "brand_new")) is Effect.RESTART
    assert effect_of(("hedges", "<name>", "guards", "position")) is Effect.LIVE


def test_what_a_start_sets_on_the_venue_or_opens_waits_for_a_start() -> None:
    for key in (
        "mode",
        "bot",
        "state_dir",
        "accounts",
        "accounts.<name>.api_key",
        "accounts.<name>.dead_mans_switch_s",
        "hedges",
        "hedges.<name>.instruments",
        "hedges.<name>.guards.leverage",
        "hedges.<name>.guards.margin_mode",
        "money.<name>.source",
        "console.token",
        "journal.min_free_mb",
    ):
        assert EFFECTS[key] is Effect.RESTART, key


def test_equal_configurations_differ_in_nothing_however_they_are_written(tmp_path: Path) -> None:
    written = changed("width = 0.01", 'width = "0.010"', GOOD) + "\n[log]\nlevel = 'info'  # as it is by itself\n"
    assert between(tmp_path, GOOD, written) == ()


def test_a_changed_key_is_told_with_both_values(tmp_path: Path) -> None:
    told = between(tmp_path, GOOD, changed("width = 0.01", "width = 0.02"))
    assert told == (Change(key="hedges.BTC.band.width", was="0.01", will="0.02", effect=Effect.LIVE),)


def test_a_rotated_key_is_told_without_a_character_of_it(tmp_path: Path) -> None:
    old = load(tmp_path, LIVE, environ=KEYS, overrides={"live_armed": True})
    new = load(
        tmp_path, LIVE, environ={**KEYS, "HEDGER_ACCOUNTS__MAIN__SECRET": "ROTATED"}, overrides={"live_armed": True}
    )
    (told,) = diff(old, new)
    assert (told.key, told.was, told.will) == ("accounts.main.secret", "•••", "changed")
    assert told.effect is Effect.RESTART
    assert "CANARY" not in repr(told)
    assert "ROTATED" not in repr(told)


def test_hedges_and_accounts_that_come_or_go_wait_for_a_start(tmp_path: Path) -> None:
    both = GOOD + GOOD[GOOD.index("[hedges") :].replace("BTC", "ETH")
    for old, new, key in ((GOOD, both, "hedges.ETH"), (both, GOOD, "hedges.ETH"), (GOOD, TWO, "accounts.other")):
        told = between(tmp_path, old, new)
        assert [change.key for change in restarts(told)] == [key]


def test_coins_that_come_or_go_are_live(tmp_path: Path) -> None:
    (told,) = between(tmp_path, GOOD, HOLDING)
    assert (told.key, told.was, told.will, told.effect) == (
        "holdings[0]",
        "–",
        "asset = BTC, quantity = 1",
        Effect.LIVE,
    )
    (moved,) = between(tmp_path, HOLDING, changed("quantity = 1", "quantity = 2", HOLDING))
    assert (moved.key, moved.effect) == ("holdings[0].quantity", Effect.LIVE)


@pytest.mark.parametrize(
    ("extra", "key", "effect"),
    [
        ("[money.USDT]\ndepeg_bps = 100\n", "money.USDT", Effect.RESTART),
        ("[hedges.BTC.failover]\nblind_s = 5\n", "hedges.BTC.failover.blind_s", Effect.LIVE),
        ("[polling]\ntick_ms = 500\n", "polling.tick_ms", Effect.RESTART),
        ("[polling]\naccount_s = 1\n", "polling.account_s", Effect.LIVE),
    ],
)
def test_tables_that_are_added_tell_their_keys(tmp_path: Path, extra: str, key: str, effect: Effect) -> None:
    (told,) = between(tmp_path, GOOD, f"{GOOD}\n{extra}")
    assert (told.key, told.effect) == (key, effect)


def test_the_page_of_settings_says_when_each_takes_effect() -> None:
    page = reference()
    assert "| `position` | number > 0 | **required** | live |" in page
    assert "| `leverage` | whole number ≥ 1, ≤ 5 | `1` | restart |" in page
