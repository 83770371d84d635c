"""`openbourse account create` checks what it is given before it touches anything."""

import base64
import json
import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from typer.testing import CliRunner

from openbourse.cli.account import FundError, parse_amount, parse_funds, show
from openbourse.cli.app import app
from openbourse.wiring import CreatedAccount
from tests.exchange import Account, Exchange

runner = CliRunner()


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1", 100_000_000),
        ("0.00000001", 1),
        ("10.5", 1_050_000_000),
        ("007", 700_000_000),
        ("", None),
        (".5", None),
        ("5.", None),
        ("1e3", None),
        ("-1", None),
        ("+1", None),
        ("1.000000001", None),
        ("NaN", None),
        ("１", None),
        ("1" * 60, None),
        ("1_000", None),
        ("1\n", None),
    ],
)
def test_an_amount_is_digits_with_at_most_eight_decimals(text: str, units: int | None) -> None:
    assert parse_amount(text) == units


def test_funds_are_assets_and_units() -> None:
    assert parse_funds(["BTC=10", "USDT=100000.5"]) == [("BTC", 1_000_000_000), ("USDT", 10_000_050_000_000)]


@pytest.mark.parametrize("text", ["BTC", "=1", "btc=1", "BTC=", "BTC=0", "BTC=0.0", "B C=1", "BTC=1=2"])
def test_a_fund_that_cannot_be_understood_is_quoted(text: str) -> None:
    with pytest.raises(FundError, match="--fund"):
        parse_funds([text])


def test_an_asset_is_funded_once() -> None:
    with pytest.raises(FundError, match="twice"):
        parse_funds(["BTC=1", "BTC=2"])


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--email", "nobody"], "is not an address"),
        (["--email", "a@b.c", "--password", "nine char"], "at least 10"),
        (["--email", "a@b.c", "--fund", "BTC=1e8"], "at most 8 decimals"),
    ],
)
def test_a_wrong_argument_says_what_to_do(arguments: list[str], hint: str) -> None:
    result = runner.invoke(app, ["account", "create", *arguments])
    assert result.exit_code == 2
    assert hint in result.stderr
    assert result.stdout == ""


def test_without_a_running_exchange_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = runner.invoke(app, ["account", "create", "--email", "a@b.c", "--data", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert "openbourse up --data" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_made_up_password_is_shown_once_and_never_in_the_json(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    show(CreatedAccount("a@b.cd", 1_000, "key", "secret", is_new=True), "made up!", as_json)
    out, err = capsys.readouterr()
    assert ("made up!" in out, "made up!" in err) == (not as_json, as_json)
    if as_json:
        assert json.loads(out) == {"email": "a@b.cd", "accountId": 1_000, "apiKey": "key", "secretKey": "secret"}


@pytest.mark.parametrize("as_json", [False, True])
def test_of_an_account_that_was_there_no_password_is_shown_because_the_old_one_stays(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    show(CreatedAccount("a@b.cd", 1_000, "key", "secret", is_new=False), "made up!", as_json)
    out, err = capsys.readouterr()
    assert "made up!" not in out + err
    assert "its password stays" in err


@pytest.mark.parametrize("words", [("kill-switch", "2", "maybe"), ("kill-switch", "1", "on"), ("heartbeat", "2", "-1")])
def test_a_switch_that_makes_no_sense_is_refused_before_anything_is_reached(words: tuple[str, ...]) -> None:
    assert runner.invoke(app, ["account", *words]).exit_code == 2


def test_an_operator_stops_an_account_and_lets_it_trade_again(exchange: Exchange) -> None:
    account = exchange.account("switched@example.com", USDT="1000")
    client, number = exchange.client(account), str(account.account_id)
    data = ("--data", str(exchange.data_dir))
    for wanted, can_trade in (("on", False), ("off", True)):
        done = exchange.command("account", "kill-switch", number, wanted, *data)
        assert done.returncode == 0, done.stderr
        assert client.ask("/api/v3/account").json()["canTrade"] is can_trade
    for seconds in ("60", "0"):
        done = exchange.command("account", "heartbeat", number, seconds, "--symbol", "ETHBTC", *data)
        assert done.returncode == 0, done.stderr
    unknown = exchange.command("account", "kill-switch", "999999", "on", *data)
    assert (unknown.returncode, "UNKNOWN_ACCOUNT" in unknown.stderr) == (1, True)


def test_an_operator_takes_a_lost_second_factor_away_and_that_is_in_the_log(exchange: Exchange) -> None:
    person = {"email": "lost@example.com", "password": "correct horse battery"}
    data = ("--data", str(exchange.data_dir))
    with httpx.Client(base_url=exchange.base_url) as http:
        http.post("/bourse/v1/users", json=person)
        session = http.post("/bourse/v1/sessions", json=person).json()
        page = exchange.client(Account(person["email"], session["accountId"], session["apiKey"], session["secretKey"]))
        in_query = page.signed("POST", "/bourse/v1/second-factor", password=person["password"])
        assert (in_query.status_code, in_query.json()["code"]) == (400, -1130)
        begun = page.told("POST", "/bourse/v1/second-factor", password=person["password"]).json()
        totp = TOTP(base64.b32decode(begun["secret"]), 6, SHA1(), 30)
        code = totp.generate(int(time.time())).decode()
        assert page.told("POST", "/bourse/v1/second-factor/confirm", code=code).status_code == 200
        assert http.post("/bourse/v1/sessions", json=person).json()["code"] == -5004
        done = exchange.command("account", "remove-second-factor", "Lost@example.com", "--by", "Olga", *data)
        assert done.returncode == 0, done.stderr
        assert http.post("/bourse/v1/sessions", json=person).status_code == 201
    lines = (exchange.data_dir / "logs" / "operator.log").read_text().splitlines()
    told = {"event": "second factor taken away by an operator", "user": session["accountId"], "by": "Olga"}
    assert told.items() <= json.loads(lines[-1]).items()
