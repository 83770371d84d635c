"""Wiring: the only place that sees every part; builds the parts of a role from settings.

In:    settings and the names of roles or commands.
Out:   running roles; tables; accounts and instruments made through commands.
Never: decides; holds a rule that a part could hold.
"""

from openbourse.wiring.accounts import CreatedAccount, create_account, create_accounts
from openbourse.wiring.instruments import list_symbol
from openbourse.wiring.operator import change_rules, reopen, set_heartbeat, set_kill_switch, set_status
from openbourse.wiring.processes import run_roles
from openbourse.wiring.tables import migrate

__all__ = [
    "CreatedAccount",
    "change_rules",
    "create_account",
    "create_accounts",
    "list_symbol",
    "migrate",
    "reopen",
    "run_roles",
    "set_heartbeat",
    "set_kill_switch",
    "set_status",
]
