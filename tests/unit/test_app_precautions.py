"""What doctor says of an account's keys."""

from dataclasses import dataclass
from typing import Any

import pytest

from hedger.app.precautions import ends_of_keys, key_row

END_AT = 1_779_624_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """As much of a venue as a row about its keys looks at."""

    account: str = "main"
    keys_bound: bool | None = None
    keys_expire_at: int | None = None


@pytest.mark.parametrize(
    ("keys", "good", "found"),
    [
        (Keys(), True, "the venue does not tell here"),
        (Keys(keys_bound=True), True, "bound to addresses"),
        (Keys(keys_bound=False), False, "the keys work from any address"),
        (
            Keys(keys_bound=False, keys_expire_at=END_AT),
            False,
            "the keys work from any address and end on 2026-05-24 12:00:00 UTC",
        ),
    ],
)
def test_keys_that_work_from_any_address_are_a_finding_and_it_says_when_they_end(
    keys: Any, good: bool, found: str
) -> None:
    row = key_row(keys)
    assert (row.good, row.check, row.found) == (good, "main: key restrictions", found)


def test_only_keys_that_end_have_an_end() -> None:
    venues: list[Any] = [Keys(), Keys(account="other", keys_bound=False, keys_expire_at=END_AT), object()]
    assert ends_of_keys(venues) == {"other": END_AT}
