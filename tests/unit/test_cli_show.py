"""What commands print for people: prose that a narrow terminal can show."""

from __future__ import annotations

from hedger.cli.show import flowed


def test_a_narrow_terminal_breaks_no_word_and_keeps_what_goes_on_under_its_line() -> None:
    text = "order     sell 0.833 at 60,000.20 on main:BTC/USDT:USDT, post-only\n          worth 49,980.17 USDT"
    assert flowed(text, 60).splitlines() == [
        "order     sell 0.833 at 60,000.20 on main:BTC/USDT:USDT,",
        "          post-only",
        "          worth 49,980.17 USDT",
    ]
    assert flowed(text, 100) == text
