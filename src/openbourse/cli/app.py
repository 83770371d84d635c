"""`openbourse`: the commands put together."""

from typing import Annotated

import typer

import openbourse
from openbourse.cli.lazy import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    name="openbourse",
    help="A spot exchange that anyone can run, with Binance's public API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"openbourse {openbourse.__version__}")
        raise typer.Exit


@app.callback()
def openbourse_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """A spot exchange that anyone can run, with Binance's public API."""
