"""`hedger funding`: what was received and paid, in words and signs, and what it was a year."""

import csv
import io
import json
from decimal import Decimal as D
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hedger.app.funding import funding_report, outlook_rows
from hedger.cli.root import app
from hedger.engine.step import step
from hedger.model.account import FundingPayment
from hedger.model.instrument import Payoff
from hedger.model.message import FundingRead, Stamped
from hedger.ops.carry import carry_status
from hedger.runtime.funding import paid_on
from hedger.runtime.journal import Journal, Row
from hedger.runtime.record import rows_of
from tests.support.engine_policies import ACCOUNT, instrument_of, perpetual
from tests.support.engine_worlds import NOW, POLICY, hedging

EIGHT_HOURS = 28_800_000
DAY = 86_400_000


def payment(amount: str, id: str = "p1", at: int = NOW, asset: str = "USDT") -> FundingPayment:
    return FundingPayment(id=perpetual(), payment_id=id, amount=D(amount), asset=asset, exchange_at=at)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A short of one coin at 60,000 that received 6 twice and paid 3 a day later: 0.01 % twice, −0.005 % once."""
    state = hedging("1", "-1")
    opened = Journal.open(tmp_path)
    for payments in ((payment("6"), payment("6", "p2", NOW + EIGHT_HOURS)), (payment("-3", "p3", NOW + DAY),)):
        at = payments[-1].exchange_at
        state = state._replace(now=at)
        read = Stamped(at, FundingRead(account=ACCOUNT, requested_at=at, since_at=0, payments=payments))
        result = step(state, read, POLICY)
        rows = [row for row in rows_of(state, read, result) if row.kind == "funding"]
        opened.write(rows)
        state = result.state
    opened.close()
    return tmp_path


def test_payments_are_told_by_day_with_words_for_their_signs(journal: Path) -> None:
    report = funding_report(journal, days=30, status=None)
    assert [(row.day, row.payments, row.word, row.amount) for row in report.days] == [
        ("2026-01-01", 2, "received", D(12)),
        ("2026-01-02", 1, "paid", D(-3)),
    ]
    assert [row.as_row()[3] for row in report.days] == ["received 12.00 USDT", "paid 3.00 USDT"]


def test_the_rate_a_year_is_what_was_paid_on_what_was_held(journal: Path) -> None:
    """−3 on 60,000 for eight hours is −0.005 %, which is −5.475 % a year to the short."""
    report = funding_report(journal, days=30, status=None)
    assert report.days[1].yearly == pytest.approx(-3 / 60_000 * 1_095)
    assert report.sums[0].amount == D(9)


def test_a_payment_that_was_learnt_of_late_is_in_the_sum_and_in_no_rate() -> None:
    state = hedging("1", "-1")
    late = paid_on(state, payment("6", at=NOW - DAY))
    assert late["amount"] == D(6)
    assert late["notional"] is None


def test_a_payment_in_the_coin_is_valued_at_its_price() -> None:
    rules = instrument_of(multiplier="100", payoff=Payoff.INVERSE, quote="USD", settle="BTC")
    state = hedging("1", "-600", instrument=rules)
    body = paid_on(state, payment("0.0001", asset="BTC"))
    assert (body["notional"], body["price"]) == (D(-60_000), D(60_000))


def test_only_the_last_days_are_told(journal: Path) -> None:
    assert [row.day for row in funding_report(journal, days=1, status=None).days] == ["2026-01-02"]


def test_the_command_prints_a_table_json_and_csv(journal: Path) -> None:
    command = ["funding", "--state-dir", str(journal)]
    plain = CliRunner().invoke(app, command)
    assert plain.exit_code == 0, plain.output
    assert "received 12.00 USDT" in plain.output
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert [row["word"] for row in told["days"]] == ["received", "paid"]
    rows = list(csv.DictReader(io.StringIO(CliRunner().invoke(app, [*command, "--csv"]).output)))
    assert [row["amount"] for row in rows] == ["12", "-3"]


def test_a_journal_without_payments_says_so(tmp_path: Path) -> None:
    opened = Journal.open(tmp_path)
    opened.write([Row(NOW, "note", "x", {})])
    opened.close()
    assert "no funding" in CliRunner().invoke(app, ["funding", "--state-dir", str(tmp_path)]).output


def test_what_is_expected_is_told_from_the_last_status(journal: Path) -> None:
    state = hedging("1", "-1")
    status = {"hedges": {"btc": {"carry": carry_status(state, POLICY.hedges[0])}}}
    report = funding_report(journal, days=30, status=status)
    ((name, text),) = outlook_rows(report)
    assert name == f"btc {perpetual()}"
    assert text == "next +10.95% · expected +10.95% · the hedge earns 10.95% a year"
