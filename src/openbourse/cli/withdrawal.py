"""`openbourse withdrawal`: what people ask to take out of a running exchange, and what an operator decides of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.operator_name import checked_text, operator_name
from openbourse.cli.reach import reach

if TYPE_CHECKING:
    from openbourse.wallet.store import Withdrawal

TRANSACTION = re.compile(r"[A-Za-z0-9:._\-]{1,128}")
HEADINGS = ("ID", "STATE", "ACCOUNT", "AMOUNT", "COIN", "ADDRESS", "TAG", "APPLIED (UTC)")

app = typer.Typer(
    help="Withdrawals of a running exchange: what awaits a decision, and deciding it.", no_args_is_help=True
)

Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False),
]
Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1, help="The withdrawal's id.")]
Reason = Annotated[str, typer.Option(help="Why; the user reads it.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides.  [default: who runs this]")]


@app.callback()
def withdrawal() -> None:
    """Withdrawals of a running exchange: what awaits a decision, and deciding it."""


@app.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False, data: Data = None
) -> None:
    """Show the withdrawals that have not ended, oldest first: what to approve, and what to pay."""
    settings = reach(data, None)
    from openbourse import wiring

    try:
        found = finish(wiring.list_withdrawals(settings, ended=ended))
    except OSError as error:
        give_up(f"The withdrawals were not read: {error}")
    if not found:
        typer.echo("none")
        return
    rows = [HEADINGS, *(_cells(row) for row in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def show(withdrawal_id: Id, data: Data = None) -> None:
    """Show a withdrawal, and who decided what of it and when."""
    settings = reach(data, None)
    from openbourse import wiring

    try:
        row, decisions = finish(wiring.show_withdrawal(settings, withdrawal_id))
    except (ValueError, OSError) as error:
        give_up(f"Nothing to show: {error}.")
    lines = [(name.lower(), cell) for name, cell in zip(HEADINGS, _cells(row), strict=True)]
    from openbourse.wallet.withdrawals import why_two

    needed = ": ".join(filter(None, ("2, of different operators", why_two(row)))) if row.approvals_needed > 1 else ""
    lines += [("approvals", needed), ("network", row.network), ("transaction", row.tx_id), ("reason", row.reason)]
    for name, value in lines:
        if value:
            typer.echo(f"{name:<14} {value}")
    for each in decisions:
        typer.echo(f"{each.decision:<14} {_time(each.decided_at)} by {each.decided_by} {each.note}".rstrip())


@app.command()
def approve(withdrawal_id: Id, by: By = None, data: Data = None) -> None:
    """Let a withdrawal go, above a limit as the first or second of two: its money stays held until `settle`."""
    _decide(withdrawal_id, "approve", "", by, data)


@app.command()
def reject(withdrawal_id: Id, reason: Reason, by: By = None, data: Data = None) -> None:
    """Refuse a withdrawal that nobody approved: its money is the user's again at once."""
    _decide(withdrawal_id, "reject", checked_text(reason), by, data)


@app.command()
def settle(
    withdrawal_id: Id,
    transaction: Annotated[str, typer.Option(metavar="HASH", help="Of the payment; the user sees it as txId.")],
    by: By = None,
    data: Data = None,
) -> None:
    """Say that an approved withdrawal was paid: its money leaves the exchange."""
    if TRANSACTION.fullmatch(transaction) is None:
        give_up(f"--transaction {transaction!r} is not 1 to 128 letters, digits and :._-", code=2)
    _decide(withdrawal_id, "settle", transaction, by, data)


@app.command()
def fail(withdrawal_id: Id, reason: Reason, by: By = None, data: Data = None) -> None:
    """Say that an approved withdrawal could not be paid and never will be: its money is the user's again."""
    _decide(withdrawal_id, "fail", checked_text(reason), by, data)


def _decide(withdrawal_id: int, decision: str, note: str, by: str | None, data: Path | None) -> None:
    settings = reach(data, None)
    from openbourse import wiring
    from openbourse.wallet.withdrawals import describe, why_two

    try:
        row = finish(wiring.decide_withdrawal(settings, withdrawal_id, decision, note, operator_name(by)))
    except ValueError as error:
        give_up(f"Nothing was decided: {error}.")
    except OSError as error:
        give_up(f"Withdrawal {withdrawal_id} is not done: {error}")
    why = why_two(row) if decision == "approve" and row.approved_at is None else ""
    typer.echo(f"withdrawal {row.id} {describe(row)}" + (f": {why}" if why else ""))


def _cells(row: Withdrawal) -> tuple[str, ...]:
    from openbourse.protocol.amounts import format_units
    from openbourse.wallet.withdrawals import describe

    amount = format_units(row.amount)
    return (
        *(str(row.id), describe(row), str(row.user_id), amount, row.coin, row.address, row.address_tag),
        _time(row.applied_at),
    )


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
