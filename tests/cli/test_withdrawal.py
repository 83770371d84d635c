"""`openbourse withdrawal` checks what it is given before it touches anything, and decides on a running exchange."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from openbourse.cli.app import app
from tests.exchange import Exchange

runner = CliRunner()


@pytest.mark.parametrize(
    "words",
    [
        ["approve", "0"],
        ["approve", "first"],
        ["reject", "1"],
        ["reject", "1", "--reason", " "],
        ["reject", "1", "--reason", "a\nb"],
        ["fail", "1", "--reason", "x" * 201],
        ["settle", "1"],
        ["settle", "1", "--transaction", "two words"],
    ],
)
def test_what_cannot_be_understood_is_refused(words: list[str], tmp_path: Path) -> None:
    result = runner.invoke(app, ["withdrawal", *words, "--data", str(tmp_path)])
    assert result.exit_code == 2


@pytest.mark.parametrize("words", [["list"], ["show", "1"], ["approve", "1"]])
def test_without_a_running_exchange_it_says_how_to_start_one(words: list[str], tmp_path: Path) -> None:
    result = runner.invoke(app, ["withdrawal", *words, "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "openbourse up --data" in result.stderr


def test_what_does_not_await_the_decision_is_named(exchange: Exchange) -> None:
    client = exchange.client(exchange.account("leaves@example.com", may_withdraw=True, ETH="1"))
    asked = {"coin": "ETH", "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "amount": "0.5"}
    mistyped = client.signed(
        "POST", "/sapi/v1/capital/withdraw/apply", **asked | {"address": asked["address"][:-1] + "D"}
    )
    assert (mistyped.status_code, mistyped.json()["code"]) == (400, -4001)
    number = client.signed("POST", "/sapi/v1/capital/withdraw/apply", **asked).json()["id"]
    assert client.balances()["ETH"] == ("0.50000000", "0.50000000")

    def act(*words: str) -> tuple[int, str]:
        done = exchange.command("withdrawal", *words, "--data", str(exchange.data_dir))
        return done.returncode, done.stdout + done.stderr

    assert act("reject", number, "--reason", "no", "--by", "ann") == (0, f"withdrawal {number} rejected\n")
    assert client.balances()["ETH"] == ("1.00000000", "0.00000000")
    assert act("approve", number) == (1, f"Nothing was decided: withdrawal {number} is rejected.\n")
    assert act("approve", "999999") == (1, "Nothing was decided: there is no withdrawal 999999.\n")
    assert act("show", "999999") == (1, "Nothing to show: there is no withdrawal 999999.\n")
    code, listed = act("list")
    assert code == 0
    assert f"\n{number} " not in listed
    code, listed = act("list", "--all")
    assert f"\n{number} " in listed
    code, shown = act("show", number)
    assert "by ann no" in shown, shown
