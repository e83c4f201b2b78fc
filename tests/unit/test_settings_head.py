"""A configuration that cannot be used still tells where its hedger is, to whoever must kill it; or nothing at all."""

from pathlib import Path

import pytest

from hedger.cli import operate
from hedger.cli.options import state_directory
from hedger.errors import ConfigError, HedgerError
from hedger.runtime.kill import KillFile
from hedger.settings.head import directory_of_a_broken

BROKEN_BELOW = ("[hedges.BTC.band]\nwidht = 1", "[hedges.BTC.band]\nwidth = 9.0x", "[accounts.main]\napi_key = 'x'")


def written(folder: Path, head: str, below: str = BROKEN_BELOW[0]) -> Path:
    path = folder / "hedger.toml"
    path.write_text(f"{head}\n{below}\n")
    return path


@pytest.mark.parametrize("below", BROKEN_BELOW)
def test_a_fault_below_the_head_of_the_file_keeps_nobody_from_killing(
    tmp_path: Path, below: str, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "status.json").write_text("{}")
    path = written(tmp_path, f'mode = "live"\nstate_dir = "{state}"', below)
    operate.kill(reason="now", config=path)
    assert KillFile(state).exists()
    told = capsys.readouterr()
    assert f"the configuration cannot be used; this is about the hedger in {state}" in told.err
    assert str(path) in told.err, "what is wrong with the file is said first"
    assert str(state) in told.out


def test_where_no_hedger_ever_ran_a_broken_file_stays_the_error_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, f'state_dir = "{tmp_path / "state"}"')
    with pytest.raises(ConfigError, match="widht") as told:
        operate.kill(reason="now", config=path)
    assert "--state-dir" in str(told.value)
    assert not (tmp_path / "state").exists()


def test_paper_and_the_environment_are_told_apart_as_in_a_file_that_is_good(tmp_path: Path) -> None:
    path = written(tmp_path, 'state_dir = "here"')
    assert directory_of_a_broken(path, {}) == Path("here/paper")
    assert directory_of_a_broken(path, {"HEDGER_MODE": "live"}) == Path("here")
    assert directory_of_a_broken(path, {"HEDGER_STATE_DIR": "there"}) == Path("there/paper")
    assert directory_of_a_broken(None, {}) == Path("state/paper")


@pytest.mark.parametrize(
    "head",
    [
        'state_dri = "/srv/a"\nmode = "live"',
        'state_dir = "/srv/a"\nmode = "life"',
        'state_dir = "/srv/a\nmode = "live"',
        'state_dir = 5\nmode = "live"',
        'state_dir = ""\nmode = "live"',
    ],
)
def test_a_head_that_leaves_a_doubt_names_no_directory(tmp_path: Path, head: str) -> None:
    assert directory_of_a_broken(written(tmp_path, head), {}) is None


def test_a_file_that_is_not_there_names_no_directory(tmp_path: Path) -> None:
    assert directory_of_a_broken(tmp_path / "none.toml", {}) is None
    with pytest.raises(HedgerError, match=r"none\.toml"):
        state_directory(tmp_path / "none.toml", None)


def test_a_start_is_never_made_by_the_head_of_a_broken_file(tmp_path: Path) -> None:
    from hedger.cli.run import run

    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "status.json").write_text("{}")
    with pytest.raises(ConfigError, match="widht"):
        run(config=written(tmp_path, f'mode = "live"\nstate_dir = "{state}"'), live=True)
