"""`hedger band`: what each rule comes to, at the same residual, in words and numbers that the page repeats."""

import json
from dataclasses import replace
from decimal import Decimal as D
from math import sqrt
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hedger.cli.root import app
from hedger.engine.known.policy import Band, BandInputs, BandRule, RebalanceTo
from hedger.errors import ConfigError
from hedger.study.outlook import Book, Outlook, outlooks
from tests.support.configurations import GOOD, ROOT

BOOK = Book(price=60_000.0, sigma=0.6, holding=10.0, gamma=-0.231 * 100 / 60_000, fee=0.0002, smallest=0.001)
BUDGET = Band(
    rule=BandRule.WHALLEY_WILMOTT,
    upper=D(0),
    lower=D(0),
    floor=D(0),
    rebalance_to=RebalanceTo.EDGE,
    inputs=BandInputs(residual=D("0.01")),
)


def rows_of(band: Band = BUDGET, book: Book = BOOK) -> dict[BandRule, Outlook]:
    return {row.rule: row for row in outlooks(band, book)}


def test_every_rule_has_its_row_and_the_configured_one_is_marked() -> None:
    rows = rows_of()
    assert list(rows) == list(BandRule)
    assert [rule for rule, row in rows.items() if row.configured] == [BandRule.WHALLEY_WILMOTT]


def test_all_rules_that_can_be_set_leave_what_the_configured_one_leaves() -> None:
    for rule, row in rows_of().items():
        if rule is not BandRule.ZAKAMOULINE:
            assert row.residual == pytest.approx(6_000, rel=1e-6)


def test_turnover_and_cost_are_in_the_order_of_theory() -> None:
    rows = rows_of()
    edge, move, clock = rows[BandRule.COINS], rows[BandRule.PRICE_MOVE], rows[BandRule.CLOCK]
    assert edge.turnover is not None
    assert move.turnover is not None
    assert clock.turnover is not None
    assert edge.turnover * 365 == pytest.approx((23.1 * 0.6) ** 2 / (2 * 0.288675), rel=1e-4)
    assert move.turnover / edge.turnover == pytest.approx(sqrt(2))
    assert clock.turnover / edge.turnover == pytest.approx(1.954, rel=1e-3)
    assert edge.cost == pytest.approx(0.0002 * 60_000 * edge.turnover * 365)


def test_a_fixed_cost_makes_its_own_rule_the_cheapest_and_is_met_within_the_budget() -> None:
    band = replace(BUDGET, inputs=replace(BUDGET.inputs, fixed_cost=D(1)))
    costs = {rule: row.cost or 0.0 for rule, row in rows_of(band).items()}
    assert min(costs, key=lambda rule: costs[rule]) is BandRule.FIXED_COST
    assert rows_of(band)[BandRule.FIXED_COST].residual == pytest.approx(6_000)


@pytest.mark.parametrize(("rule", "width"), [("coins", "0.2"), ("relative", "0.02"), ("quote", "12000")])
@pytest.mark.parametrize("to", RebalanceTo)
def test_a_stated_width_is_what_the_others_are_set_by(rule: str, width: str, to: RebalanceTo) -> None:
    band = Band(rule=BandRule(rule), upper=D(width), lower=D(width), floor=D(0), rebalance_to=to)
    rows = rows_of(band)
    edge = to is RebalanceTo.EDGE
    assert rows[BandRule(rule)].residual == pytest.approx(0.6 * 60_000 * 0.2 / sqrt(3 if edge else 6))
    assert rows[BandRule.WHALLEY_WILMOTT].trigger == pytest.approx(0.2 / (1 if edge else sqrt(2)))


def test_without_gamma_nothing_is_known_to_move_the_delta() -> None:
    rows = rows_of(book=BOOK._replace(gamma=0.0))
    assert all(row.turnover is None and row.cost is None for row in rows.values())


# --- the command ----------------------------------------------------------------------------------------------------


def typed(folder: Path, *arguments: str, band: str = "{ residual = 0.01 }") -> str:
    path = folder / "x.toml"
    path.write_text(GOOD.replace('{ rule = "coins", width = 0.01 }', band), encoding="utf-8")
    result = CliRunner().invoke(app, ["band", "--config", str(path), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_prints_the_numbers_of_the_page(tmp_path: Path) -> None:
    output = typed(tmp_path, "--holding", "10", "--gamma", "-0.231")
    page = (ROOT / "docs/bands.md").read_text(encoding="utf-8")
    shown = page.split("## An example")[1]
    for rule in ("fixed_cost *", "whalley_wilmott", "price_move", "clock"):
        row = next(line for line in output.splitlines() if line.startswith(f"{rule}\t")).split("\t")
        line = next(line for line in shown.splitlines() if line.startswith(rule))
        for cell in (*row[1:2], *row[3:6]):
            assert cell in line
    assert "Fees alone are least for coins, relative, quote, whalley_wilmott; fixed_cost pays" in output


def test_the_command_tells_every_input_and_where_it_came_from(tmp_path: Path) -> None:
    output = typed(tmp_path, "--sigma", "0.4", "--price", "50000")
    assert "price\t50000\t--price" in output
    assert "sigma\t0.4\t--sigma" in output
    assert "fee\t0.0002\tassumed, a usual maker fee" in output
    assert "Without gamma and deposits nothing is known to move the delta" in output
    assert "sigma\t0.3\tband.sigma" in typed(tmp_path, band="{ residual = 0.01, sigma = 0.3 }")


def test_the_command_speaks_to_programs_too(tmp_path: Path) -> None:
    told = json.loads(typed(tmp_path, "--holding", "10", "--gamma", "0.2", "--json"))
    assert told["inputs"]["holding"] == {"value": 10.0, "from": "--holding"}
    own = next(row for row in told["rules"] if row["configured"])
    assert own["rule"] == "fixed_cost"
    assert own["residual"] == pytest.approx(6_000)


def test_a_hedge_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(GOOD, encoding="utf-8")
    result = CliRunner().invoke(app, ["band", "--config", str(path), "--hedge", "ETH"])
    assert "there is no hedge ETH; there is BTC" in str(result.exception)


@pytest.mark.parametrize("option", ["--holding", "--gamma", "--price", "--smallest", "--fixed-cost"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_is_no_number_is_refused_in_a_sentence(option: str, value: str) -> None:
    result = CliRunner().invoke(app, ["band", option, value])
    assert isinstance(result.exception, ConfigError | SystemExit)
    assert result.exit_code


def test_on_paper_the_gamma_is_that_of_the_files_options_and_target() -> None:
    for name, sign in (("paper-covered-call", -1), ("paper-protective-put", 1), ("paper-synthetic-put", -1)):
        result = CliRunner().invoke(app, ["band", "--config", str(ROOT / "config" / f"{name}.toml"), "--json"])
        told = json.loads(result.output)["inputs"]["gamma"]
        assert told["from"] == "the file's options and target, coins per 1 %"
        assert 0.1 < told["value"] * sign < 0.2
    told = json.loads(CliRunner().invoke(app, ["band", "--json"]).output)["inputs"]["gamma"]
    assert told["value"] == 0
