"""The installed command: `openbourse …`, also `python -m openbourse …`."""

import os
import sys
from typing import Final

INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""


def main() -> None:
    """Run the command line; settings that name secrets hold them from here on, in this process's memory alone."""
    try:
        _run()
    except KeyboardInterrupt:
        # Before the command had its own way to end; click tells of one that comes while it runs.
        sys.exit(INTERRUPTED)


def _run() -> None:
    # Imported here: most of the time until a command begins, in which a Ctrl-C is no reason for a traceback.
    from openbourse.adapters.secrets_references import SecretAway, has_references, resolve
    from openbourse.cli.app import app

    if has_references(os.environ):
        try:
            os.environ.update(resolve(os.environ))
        except SecretAway as fault:
            sys.exit(f"A secret cannot be had. {fault}")
    app()


if __name__ == "__main__":
    main()
