"""How a command ends when it cannot do its work: one line on standard error that says what to do next."""

from typing import NoReturn

import typer
from rich.console import Console


def give_up(text: str, code: int = 1) -> NoReturn:
    """Print the text on standard error and end the command."""
    Console(stderr=True).print(text, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
