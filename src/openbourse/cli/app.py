"""`openbourse`: the commands put together."""

from typing import Annotated

import typer
from rich.console import Console

import openbourse
from openbourse.cli import account, instrument, migrate, replay, roles, run, sequencer, up, verify

app = typer.Typer(
    name="openbourse",
    help="A spot exchange that anyone can run, with Binance's public API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        Console().print(f"openbourse {openbourse.__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def openbourse_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """A spot exchange that anyone can run, with Binance's public API."""


app.command("up")(up.up)
app.command("run")(run.run)
app.command("roles")(roles.roles)
app.command("migrate")(migrate.migrate)
app.command("replay")(replay.replay)
app.command("verify")(verify.verify)
app.add_typer(account.app, name="account")
app.add_typer(instrument.app, name="instrument")
app.add_typer(sequencer.app, name="sequencer")
