"""The page names every right that the commands need of whoever runs them."""

import re
from pathlib import Path
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from infra import closing, groups, region, release, restore, roll

PAGE: Final = Path(__file__).parents[2] / "docs" / "aws" / "deploy.md"
SERVICES: Final = {
    "autoscaling": "autoscaling",
    "cloudwatch": "cloudwatch",
    "ec2": "ec2",
    "elbv2": "elasticloadbalancing",
    "rds": "rds",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
}
"""What IAM calls the services that the commands speak to."""
COMMANDS: Final = (closing, groups, region, release, restore, roll)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda module: module.__name__)
def test_every_call_of_a_command_is_named_as_a_right(command: object) -> None:
    text = Path(str(getattr(command, "__file__", ""))).read_text()
    asked = set(re.findall(r"\.([a-z0-9]+(?:_[a-z0-9]+)+)\b", text)) | set(re.findall(r'paginator\("(\w+)"\)', text))
    session = botocore.session.get_session()
    needed = {
        f"{prefix}:{operation}"
        for service, prefix in SERVICES.items()
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in asked and f'clients("{service}"' in text
    }
    assert needed
    named = set(re.findall(r"`([a-z0-9]+:[A-Za-z0-9]+)`", PAGE.read_text()))
    assert needed <= named, f"not on the page: {sorted(needed - named)}"
