"""Wiring: the only place that sees every part; builds the parts of a role from settings.

In:    settings and the names of roles or commands.
Out:   running roles; tables; accounts and instruments made through commands.
Never: decides; holds a rule that a part could hold.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from openbourse.wiring.accounts import CreatedAccount, create_account, create_accounts
    from openbourse.wiring.instruments import list_symbol
    from openbourse.wiring.operator import change_rules, reopen, set_heartbeat, set_kill_switch, set_status
    from openbourse.wiring.processes import run_roles
    from openbourse.wiring.second_factors import remove_second_factor
    from openbourse.wiring.tables import migrate
    from openbourse.wiring.withdrawals import decide_withdrawal, list_withdrawals, show_withdrawal
else:
    _MODULE: Final = {
        "CreatedAccount": "accounts",
        "create_account": "accounts",
        "create_accounts": "accounts",
        "list_symbol": "instruments",
        "change_rules": "operator",
        "reopen": "operator",
        "set_heartbeat": "operator",
        "set_kill_switch": "operator",
        "set_status": "operator",
        "remove_second_factor": "second_factors",
        "run_roles": "processes",
        "migrate": "tables",
        "decide_withdrawal": "withdrawals",
        "list_withdrawals": "withdrawals",
        "show_withdrawal": "withdrawals",
    }

    def __getattr__(name: str) -> object:
        """Import a part when it is asked for: a command that looks at a row does not wait for every role to be read."""
        if name not in _MODULE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


__all__ = [
    "CreatedAccount",
    "change_rules",
    "create_account",
    "create_accounts",
    "decide_withdrawal",
    "list_symbol",
    "list_withdrawals",
    "migrate",
    "remove_second_factor",
    "reopen",
    "run_roles",
    "set_heartbeat",
    "set_kill_switch",
    "set_status",
    "show_withdrawal",
]
