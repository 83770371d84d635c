"""Commands that are imported when they are called, so that none waits for what the others need."""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

COMMANDS: Final = {
    "up": "Start the whole exchange on this machine; Ctrl-C stops it.",
    "run": "Run one or more roles in this process, with the addresses of the stores in OPENBOURSE_* variables.",
    "roles": "List the roles, how they scale and what they need.",
    "migrate": "Create or update the tables in OPENBOURSE_JOURNAL_URL and OPENBOURSE_DATABASE_URL.",
    "replay": "Trade a recorded market again on a running exchange, through the public API, and report.",
    "verify": "Check the journal from its first batch: replay every command, compare every event, count every coin.",
    "account": "Users of a running exchange on this machine.",
    "archive": "The journal's archive: segments in a directory or in S3.",
    "cost": "Say what a venue on AWS costs by the month, line by line, beside the same with API Gateway for everything.",
    "instrument": "Instruments of a running exchange on this machine.",
    "report": "Reports of what was traded.",
    "secrets": "Secrets that settings name: a master key wrapped by KMS.",
    "sequencer": "The sequencers of a running exchange.",
    "withdrawal": "Withdrawals of a running exchange: what awaits a decision, and deciding it.",
}
"""By module of this package: the first line of each one's help. The module has a Typer `app`, or a function of its name."""


class LazyGroup(TyperGroup):
    """Knows every command by name and first line; imports the one that is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, help_line in COMMANDS.items():
            self.add_command(TyperCommand(name, help=help_line))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the whole command instead of its first line."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load(name), rest if command is not None else args


def load(name: str) -> Any:
    """Import a command and return it."""
    module, one = import_module(f"openbourse.cli.{name}"), typer.Typer()
    if hasattr(module, "app"):
        one.add_typer(module.app, name=name)
    else:
        one.command(name)(getattr(module, name))
    return get_group(one).commands[name]
