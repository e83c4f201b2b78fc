"""What a board calls a hedge: each state that its metrics can come to has a number, and each number its word."""

import json
from pathlib import Path

import pytest

from tests.support.boards.grafana import written
from tests.support.boards.states import HEDGED, HEDGED_WORDS
from tests.support.programs import program
from tests.unit.test_prometheus_config import accepted, run

OF = '{instance="$instance",hedge="x"}'
# outside, unhedged, on purpose, cannot act, and whether the delta is known.
STATES = {
    "hedged": (0, 0, 0, 0, True),
    "outside its band": (1, 0, 0, 0, True),
    "UNHEDGED": (1, 1, 0, 0, True),
    "unhedged on purpose": (1, 0, 1, 0, True),
    "CANNOT ACT": (0, 0, 0, 1, True),
}
CASES = [*STATES.items(), ("CANNOT ACT", (1, 0, 0, 1, False)), ("UNHEDGED", (1, 1, 0, 1, True))]


@pytest.mark.parametrize(("word", "values"), CASES)
def test_every_state_of_a_hedge_is_called_by_its_word(
    word: str, values: tuple[int, int, int, int, bool], tmp_path: Path
) -> None:
    assert program("promtool", "prometheus")
    (number,) = [number for number, (told, _) in HEDGED_WORDS.items() if told == word]
    names = ("outside_band", "unhedged", "unhedged_on_purpose", "cannot_act", "delta_coins")
    told = [*map(str, values[:4]), "1.5" if values[4] else "NaN"]
    series = [{"series": f"hedger_{name}{OF}", "values": value} for name, value in zip(names, told, strict=True)]
    expr = written(HEDGED).replace("=~", "=").replace("$hedge", "x")
    sample = [{"labels": OF, "value": number}]
    asked = {"expr": expr, "eval_time": "0s", "exp_samples": sample}
    case = {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [asked]}]}
    (tmp_path / "case.yml").write_text(json.dumps(case), encoding="utf-8")
    accepted(run("promtool", "prometheus", "test", "rules", tmp_path / "case.yml"))
