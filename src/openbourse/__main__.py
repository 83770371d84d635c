"""The installed command: `openbourse …`, also `python -m openbourse …`."""

import os
import sys

from openbourse.adapters.secrets_references import SecretAway, has_references, resolve
from openbourse.cli.app import app


def main() -> None:
    """Run the command line; settings that name secrets hold them from here on, in this process's memory alone."""
    if has_references(os.environ):
        try:
            os.environ.update(resolve(os.environ))
        except SecretAway as fault:
            sys.exit(f"A secret cannot be had. {fault}")
    app()


if __name__ == "__main__":
    main()
