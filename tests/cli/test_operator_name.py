"""Who decides is the system's user or whom --by names, not what the environment says."""

import os
import pwd

import pytest
import typer

from openbourse.cli.operator_name import NAME_LENGTH_MAX, operator_name


def test_the_environment_makes_nobody_another(monkeypatch: pytest.MonkeyPatch) -> None:
    login = pwd.getpwuid(os.getuid()).pw_name
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert operator_name(None) == login
    assert operator_name(" Olga, ticket 4711 ") == "Olga, ticket 4711"


@pytest.mark.parametrize("name", ["", "  ", "Ol\nga", "x" * (NAME_LENGTH_MAX + 1)])
def test_what_would_spoil_the_record_is_no_name(name: str) -> None:
    with pytest.raises(typer.Exit):
        operator_name(name)
