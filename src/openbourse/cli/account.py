"""`openbourse account`: users of a running exchange on this machine."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.operator_name import operator_name
from openbourse.cli.reach import reach

if TYPE_CHECKING:
    from openbourse.wiring import CreatedAccount

UNITS_DECIMALS = 8
UNITS_IN_ONE = 100_000_000
AMOUNT = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,8}))?")
ASSET = re.compile(r"[A-Z0-9]{1,16}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
GENERATED_PASSWORD_BYTES = 15

SWITCH = {"on": True, "off": False}
HEARTBEAT_SECONDS_MAX = 86_400

Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False),
]
AccountNumber = Annotated[int, typer.Argument(metavar="ID", min=2, max=2**63 - 1, help="The account's id.")]

app = typer.Typer(help="Users of a running exchange on this machine.", no_args_is_help=True)


class FundError(ValueError):
    """A --fund that cannot be understood."""


@app.callback()
def account() -> None:
    """Users of a running exchange on this machine."""


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The user's address, also the name to sign in with.")],
    password: Annotated[str | None, typer.Option(help="To sign in with; made up and shown if absent.")] = None,
    fund: Annotated[
        list[str] | None, typer.Option(metavar="ASSET=AMOUNT", help="What to deposit; may be given again.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Let the key ask for withdrawals too.")] = False,
    data: Data = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Check that it serves this port.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Make a user, fund it through the journal like any deposit, and make it an API key to read and trade."""
    try:
        funds = parse_funds(fund or [])
    except FundError as error:
        give_up(str(error), code=2)
    if EMAIL.fullmatch(email) is None:
        give_up(f"--email {email!r} is not an address like name@example.com.", code=2)
    # Imported here: no other command needs the parts of a venue.
    from openbourse import wiring
    from openbourse.identity.users import PASSWORD_LENGTH_LEAST

    if password is not None and len(password) < PASSWORD_LENGTH_LEAST:
        give_up(f"--password needs at least {PASSWORD_LENGTH_LEAST} characters.", code=2)
    chosen = password or secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    settings = reach(data, port)
    try:
        made = finish(wiring.create_account(settings, email, chosen, funds, may_withdraw=withdraw))
    except (ValueError, OSError) as error:
        give_up(f"The account was not made: {error}")
    show(made, chosen if password is None else None, as_json)


@app.command()
def kill_switch(
    account: AccountNumber,
    wanted: Annotated[str, typer.Argument(metavar="on|off", help="on: cancel all its orders and take no more.")],
    data: Data = None,
) -> None:
    """Cancel all of an account's orders and take no more of it, or take its orders again."""
    if wanted not in SWITCH:
        give_up(f"{wanted!r} is neither on nor off.", code=2)
    settings = reach(data, None)
    from openbourse import wiring

    try:
        finish(wiring.set_kill_switch(settings, account, on=SWITCH[wanted]))
    except (ValueError, OSError) as error:
        give_up(f"The kill switch of account {account} was not changed: {error}")
    Console().print(f"account {account} kill switch {wanted}", highlight=False, markup=False)


@app.command()
def heartbeat(
    account: AccountNumber,
    seconds: Annotated[int, typer.Argument(min=0, max=HEARTBEAT_SECONDS_MAX, help="How long; 0: no more.")],
    symbol: Annotated[str | None, typer.Option(help="Of this instrument alone; every one if absent.")] = None,
    data: Data = None,
) -> None:
    """Cancel an account's orders when that long has passed, unless this is said again before."""
    settings = reach(data, None)
    from openbourse import wiring

    try:
        finish(wiring.set_heartbeat(settings, account, symbol, seconds * 1_000_000))
    except (ValueError, OSError) as error:
        give_up(f"The heartbeat of account {account} was not set: {error}")
    told = f"within {seconds} s" if seconds else "not expected"
    Console().print(f"account {account} heartbeat {told}", highlight=False, markup=False)


@app.command()
def remove_second_factor(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address that the user signs in with.")],
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who decides.  [default: who runs this]")] = None,
    data: Data = None,
) -> None:
    """Take away the second factor of a user who has lost it: the password alone signs in. Make sure who asks."""
    settings, who = reach(data, None), operator_name(by)
    from openbourse import wiring
    from openbourse.wiring.logs import set_up_logs

    with contextlib.ExitStack() as closing:
        try:
            set_up_logs(("operator",), audit_log(settings.data_dir, closing))
            account = finish(wiring.remove_second_factor(settings, email, who))
        except (ValueError, OSError) as error:
            give_up(f"The second factor was not taken away: {error}")
    Console().print(f"account {account} has no second factor", highlight=False, markup=False)


def audit_log(data_dir: Path, closing: contextlib.ExitStack) -> TextIO:
    """Return where an operator's acts are written down: beside the logs of an exchange of this machine, else standard error."""
    from openbourse.supervisor.layout import Layout

    folder = Layout(data_dir.absolute()).log_dir
    if not folder.is_dir():
        return sys.stderr
    path = folder / "operator.log"
    path.touch(0o600)
    return closing.enter_context(path.open("a"))


def show(made: CreatedAccount, made_up: str | None, as_json: bool) -> None:
    """Print an account; what its JSON has no place for goes to standard error."""
    if not made.is_new:
        kept = f"{made.email} has an account already: it has got a further key, and its password stays."
        typer.echo(kept, err=True)
        made_up = None
    if as_json:
        shown = {
            "email": made.email,
            "accountId": made.account_id,
            "apiKey": made.api_key,
            "secretKey": made.secret_key,
        }
        typer.echo(json.dumps(shown))
        if made_up is not None:
            typer.echo(f"password: {made_up}   (shown only now)", err=True)
        return
    lines = [("email", made.email), ("account id", str(made.account_id)), ("api key", made.api_key)]
    lines.append(("key may", ", ".join(made.permissions).lower()))
    lines.append(("secret key", f"{made.secret_key}   (shown only now)"))
    if made_up is not None:
        lines.append(("password", f"{made_up}   (shown only now)"))
    for name, value in lines:
        Console().print(f"{name:<11} {value}", highlight=False, markup=False, soft_wrap=True)


def parse_funds(texts: list[str]) -> list[tuple[str, int]]:
    """Return assets and amounts in 1e-8 units; raise FundError for what is not ASSET=AMOUNT with at most 8 decimals."""
    funds: list[tuple[str, int]] = []
    for text in texts:
        asset, separator, amount = text.partition("=")
        if not separator or ASSET.fullmatch(asset) is None:
            raise FundError(f"--fund {text!r} is not ASSET=AMOUNT with an asset in capitals, like BTC=1.5.")
        units = parse_amount(amount)
        if units is None or units == 0:
            raise FundError(
                f"--fund {text!r}: the amount must be digits, more than zero, with at most {UNITS_DECIMALS} decimals."
            )
        if asset in (name for name, _ in funds):
            raise FundError(f"--fund names {asset} twice.")
        funds.append((asset, units))
    return funds


def parse_amount(text: str) -> int | None:
    """Return an amount in 1e-8 units; None for a text that is not digits with at most 8 decimals."""
    found = AMOUNT.fullmatch(text)
    if found is None:
        return None
    whole: str = found.group(1)
    decimals: str = found.group(2) or ""
    return int(whole) * UNITS_IN_ONE + int(decimals.ljust(UNITS_DECIMALS, "0"))
