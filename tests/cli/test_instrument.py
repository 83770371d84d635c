"""`openbourse instrument` checks what it is given before it touches anything, and changes a running exchange."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from openbourse.cli.app import app
from openbourse.cli.instrument import RuleError, parse_rules
from openbourse.protocol.instruments import Feature, InstrumentRules
from openbourse.wiring.operator import changed_rules
from tests.exchange import Exchange

runner = CliRunner()


def test_rules_are_switches_counts_and_amounts() -> None:
    assert parse_rules(["ICEBERG=off", "lists_max=20", "percent_up=1.05", "range_bid_up=1"]) == {
        "ICEBERG": False,
        "lists_max": 20,
        "percent_up": 105_000_000,
        "range_bid_up": 100_000_000,
    }


@pytest.mark.parametrize(
    "text", ["ICEBERG", "ICEBERG=no", "=5", "lists_max=1.5", "lists_max=-1", "percent_up=1e3", "lists_max=9999999999"]
)
def test_a_rule_that_cannot_be_understood_is_quoted(text: str) -> None:
    with pytest.raises(RuleError):
        parse_rules([text])


def test_a_rule_is_given_once() -> None:
    with pytest.raises(RuleError, match="twice"):
        parse_rules(["lists_max=1", "lists_max=2"])


def test_changes_leave_the_other_rules_alone() -> None:
    before = InstrumentRules(instrument=1, features=Feature.ICEBERG | Feature.OCO, lists_max=20, amends_max=10)
    after = changed_rules(before, {"ICEBERG": False, "PEG": True, "lists_max": 5})
    assert after == InstrumentRules(instrument=1, features=Feature.OCO | Feature.PEG, lists_max=5, amends_max=10)


@pytest.mark.parametrize("changes", [{"MAGIC": True}, {"wishes_max": 3}, {"instrument": 2}, {"features": 1}])
def test_a_rule_that_does_not_exist_is_named(changes: dict[str, int | bool]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        changed_rules(InstrumentRules(instrument=1), changes)


def test_a_status_that_does_not_exist_is_answered_with_the_others() -> None:
    result = runner.invoke(app, ["instrument", "status", "BTCUSDT", "OPEN"])
    assert result.exit_code == 2
    assert "CANCEL_ONLY" in result.stderr


def test_without_a_running_exchange_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = runner.invoke(app, ["instrument", "status", "BTCUSDT", "HALT", "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "openbourse up --data" in result.stderr


def test_an_operator_halts_an_instrument_and_opens_it_again(exchange: Exchange) -> None:
    client = exchange.client()
    data = ("--data", str(exchange.data_dir))
    for status in ("HALT", "TRADING"):
        done = exchange.command("instrument", "status", "ETHBTC", status, *data)
        assert done.returncode == 0, done.stderr
        shown = client.get("/api/v3/exchangeInfo", symbol="ETHBTC")["symbols"][0]["status"]
        assert shown == status
    unknown = exchange.command("instrument", "status", "NOSUCH", "HALT", *data)
    assert (unknown.returncode, "NOSUCH is not listed" in unknown.stderr) == (1, True)
    shown = exchange.command("instrument", "rules", "ETHBTC", *data)
    assert (shown.returncode, "lists_max" in shown.stdout) == (0, True)
