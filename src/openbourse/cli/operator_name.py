"""Who runs an operator's command, as what it does is written down."""

import os
import pwd

from openbourse.cli.faults import give_up

NAME_LENGTH_MAX = 200


def operator_name(by: str | None) -> str:
    """Return who decides: whom --by names, else the system's user, whatever the environment says. Ends the command for no name."""
    return checked_text(by) if by is not None else _login()


def checked_text(text: str) -> str:
    """Return a text that is to be kept; end the command for one that is empty, long, or would spoil a terminal."""
    kept = text.strip()
    if not kept or len(kept) > NAME_LENGTH_MAX or not kept.isprintable():
        give_up(f"{text!r} is not 1 to {NAME_LENGTH_MAX} printable characters.", code=2)
    return kept


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "operator"  # A container's user may have no name.
