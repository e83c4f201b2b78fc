"""What `hedger init` may write: every venue, stage and coin that it offers is a configuration that a start accepts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from hedger.app.drafting import write_draft
from hedger.app.whole_file import whole_file
from hedger.cli.asker import Asker
from hedger.cli.init import BANDS, STAGES, VENUES, Given, draft_of, next_steps
from hedger.engine.known.policy import TargetKind
from hedger.errors import ConfigError
from hedger.settings.draft import (
    SIZES,
    CoinDraft,
    Draft,
    DraftBand,
    Stage,
    coins_of_paper,
    read_account,
    read_coin,
    read_number,
    read_symbols,
    read_target,
    stages_of,
    symbols_of,
)
from hedger.settings.draft_text import text_of
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.settings.schema import Mode, Settings
from hedger.settings.shape import CREDENTIALS
from hedger.settings.values import PAPER_COINS, VenueName
from hedger.settings.venues import VENUES as FACTS

D = Decimal
NOTHING = Given(**dict.fromkeys(Given.__slots__))


def given(**changes: object) -> Given:
    return Given(**{**dict.fromkeys(Given.__slots__), **changes})  # type: ignore[arg-type]


def written(path: Path, draft: Draft) -> Settings:
    write_draft(path, draft)
    return load_settings(path, {}, {}, to_run=False)


def everything() -> Iterator[tuple[VenueName, Stage, str]]:
    for venue in VenueName:
        for stage in stages_of(venue):
            for coin in coins_of_paper(venue) if stage is Stage.PAPER else (*PAPER_COINS, "DOGE", "1INCH"):
                yield venue, stage, coin


def test_everything_that_is_offered_is_accepted_with_each_contract_that_is_suggested(tmp_path: Path) -> None:
    count = 0
    for venue, stage, coin in everything():
        for symbol in symbols_of(venue, stage, coin):
            typed = given(
                venue=venue.value, mode=stage.value, coin=[coin], instrument=[symbol], position=["10"], held=["0.5"]
            )
            settings = written(tmp_path / f"{count}.toml", draft_of(typed, Asker(silent=True)))
            assert settings.mode is (Mode.SHADOW if stage is Stage.LIVE_LATER else Mode(stage.value))
            policy = to_policy(settings)
            assert [str(id) for id in policy.hedges[0].instruments] == [f"main:{symbol}"]
            count += 1
    assert count > 150


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("target", ["neutral", "ratio=0.8", "coins=0.5", "quote=1000"])
def test_every_band_and_target_that_is_offered_is_accepted(tmp_path: Path, band: str, target: str) -> None:
    typed = given(
        venue="deribit", mode="shadow", coin=["BTC,ETH"], band=band, target=target, width=["BTC=0.1", "ETH=0.2"]
    )
    settings = written(tmp_path / "x.toml", draft_of(typed, Asker(silent=True)))
    assert {hedge.target.kind.value for hedge in settings.hedges.values()} == {target.partition("=")[0]}
    assert set(settings.hedges) == {"BTC", "ETH"}


def test_what_is_suggested_for_a_coin_is_wide_enough_for_the_paper_exchange(tmp_path: Path) -> None:
    """The sizes are in coins: a floor under the smallest order would be refused at the start, not by the check."""
    from hedger.app.paper import run_at_port

    typed = given(coin=list(SIZES))
    settings = written(tmp_path / "x.toml", draft_of(typed, Asker(silent=True)))
    summary = run_at_port(settings, seconds=20, replay=None, directory=tmp_path / "s", json=True)
    assert summary.truth_matches
    assert summary.orders_sent >= len(SIZES)


@pytest.mark.parametrize("venue", ["binance", "okx"])
def test_what_settles_in_coins_or_ends_can_be_tried_on_paper(tmp_path: Path, venue: str) -> None:
    from hedger.app.paper import run_at_port

    typed = given(venue=venue, instrument=["BTC/USD:BTC", "BTC/USD:BTC-260327"], target="ratio=0.5")
    settings = written(tmp_path / "x.toml", draft_of(typed, Asker(silent=True)))
    summary = run_at_port(settings, seconds=60, replay=None, directory=tmp_path / "s", json=True)
    assert summary.truth_matches
    assert summary.hedged
    assert summary.max_abs_delta > D("1.1"), "its margin is what it hedges"


def test_the_file_is_tidy_and_has_no_key_in_it() -> None:
    for venue, stage, coin in everything():
        typed = given(venue=venue.value, mode=stage.value, coin=[coin], position=["10"])
        text = text_of(draft_of(typed, Asker(silent=True)))
        assert max(map(len, text.splitlines())) <= 120
        assert not [line for line in text.splitlines() if line != line.rstrip()]
        assert "\n\n\n" not in text
        settings = [line.partition("=")[0].strip() for line in text.splitlines() if "=" in line and line[0] != "#"]
        assert not CREDENTIALS & set(settings)
        assert ("HEDGER_ACCOUNTS__MAIN__API_KEY" in text) is (stage is not Stage.PAPER)
        assert ("PASSPHRASE" in text) is (stage is not Stage.PAPER and FACTS[venue].passphrase)


def test_nothing_that_is_written_trades_with_real_money_by_itself() -> None:
    for venue in VenueName:
        text = text_of(draft_of(given(venue=venue.value, mode="live-later"), Asker(silent=True)))
        assert 'mode = "shadow"' in text
        assert "live_armed" not in text
        assert "`hedger run -c FILE --live`, the second switch" in text


def test_the_words_of_the_command_line_are_those_of_the_settings() -> None:
    assert set(VENUES) == {venue.value for venue in VenueName}
    assert set(STAGES) == {stage.value for stage in Stage}
    assert set(BANDS) == {band.value for band in DraftBand}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"venue": "bibit"}, "--venue: 'bibit' is none of .*; did you mean bybit\\?"),
        ({"venue": "weex", "mode": "testnet"}, "--mode: testnet cannot be: WEEX has no test environment"),
        ({"mode": "live"}, "--mode: 'live' is none of paper, shadow"),
        ({"account": "Main!"}, "--account: 'Main!' must be called in small letters"),
        ({"coin": ["DOGE"]}, "DOGE is not on the paper exchange, which lists BTC, ETH, SOL, XRP"),
        ({"coin": ["USDT"], "mode": "shadow"}, "USDT is money here"),
        ({"coin": ["SOL"], "venue": "deribit"}, "which lists BTC, ETH as Deribit"),
        ({"coin": ["DOGE"], "mode": "shadow"}, "--position is needed: there is nothing to suggest"),
        ({"held": ["-1"]}, "--held: '-1' must be a plain number"),
        ({"held": ["ETH=1"]}, "--held ETH=1: write BTC=NUMBER, for one of BTC"),
        ({"held": ["1"], "coin": ["BTC", "ETH"]}, "--held 1: write BTC=NUMBER, for one of BTC, ETH"),
        ({"instrument": ["BTC/USDT"]}, "--instrument: BTC/USDT is a spot pair"),
        ({"instrument": ["ETH/USDT:USDT"]}, "is a contract on ETH, and the hedge is of BTC"),
        ({"instrument": ["SOL/USDT:USDT"], "coin": ["BTC", "ETH"]}, "it is on none of BTC, ETH"),
        ({"target": "ratio"}, "--target: ratio needs a number"),
        ({"target": "ratio=3"}, "--target: 3 must be at most 1.5"),
        ({"target": "neutral=1"}, "--target: neutral has no number"),
        ({"target": "moon"}, "--target: 'moon' must be neutral"),
        ({"band": "tight"}, "--band: 'tight' is none of relative, coins, budget"),
        ({"width": ["2"]}, "--width: 2 must be at most 1"),
        ({"width": ["0"]}, "--width: 0 must be more than 0"),
        ({"position": ["1e3"]}, "--position: '1e3' must be a plain number"),
        ({"daily_cost": "nan"}, "--daily-cost: 'nan' must be a plain number"),
    ],
)
def test_what_cannot_be_is_refused_with_the_option_that_said_it(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        draft_of(given(**changes), Asker(silent=True))


def test_what_only_the_whole_file_shows_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    typed = given(held=["5"], position=["1"], mode="shadow")
    with pytest.raises(ConfigError, match=r"nothing was written, for it could not be used: .*x\.toml") as told:
        write_draft(tmp_path / "x.toml", draft_of(typed, Asker(silent=True)))
    assert ".new" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_made_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"

    def meanwhile() -> None:
        with whole_file(path) as draft:
            draft.write_text("ours")
            path.write_text("theirs")

    with pytest.raises(ConfigError, match="is there already"):
        meanwhile()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writing_that_is_cut_short_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("before")

    def cut_short() -> None:
        with whole_file(path, replace=True) as draft:
            draft.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_next_steps_say_where_the_keys_go_and_never_take_them() -> None:
    draft = draft_of(given(venue="okx", mode="testnet"), Asker(silent=True))
    told = next_steps(draft, Path("x.toml"))
    assert "HEDGER_ACCOUNTS__MAIN__PASSPHRASE" in told[0]
    assert [line.strip() for line in told[2:]] == [
        "hedger config check -c x.toml",
        "hedger doctor -c x.toml",
        "hedger run -c x.toml",
    ]
    assert next_steps(draft_of(NOTHING, Asker(silent=True)), Path("x.toml"))[-1] == "  hedger paper -c x.toml"


def test_small_readers_take_what_people_type() -> None:
    assert read_coin(" btc ", VenueName.BYBIT, Stage.PAPER) == "BTC"
    assert read_account("main_2") == "main_2"
    assert read_symbols("main:BTC/USDT:USDT, BTC/USD:BTC", "main", "BTC") == ("BTC/USDT:USDT", "BTC/USD:BTC")
    assert read_target("ratio=0.8") == (TargetKind.RATIO, D("0.8"))
    assert read_number("0", above=False) == 0
    drafted = draft_of(given(coin=["btc"]), Asker(silent=True)).coins[0]
    assert isinstance(drafted, CoinDraft)
    assert drafted.position == 2 * SIZES["BTC"].paper
