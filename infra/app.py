"""The CDK app: one venue for each environment asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aws_cdk as cdk

from infra.account import add_account
from infra.environments import Environment
from infra.venue import Venue

# Flags that cdk.json would set: that file is read by the command line alone, and synthesis does without it.
CONTEXT: Final = {
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "aws:cdk:disable-version-check": True,
}


def build(environments: Iterable[Environment], out: Path) -> tuple[cdk.App, list[Venue]]:
    """Return an app whose synthesis writes the stacks of these environments into a folder."""
    app = cdk.App(outdir=str(out), context=CONTEXT, analytics_reporting=False)
    asked = list(environments)
    regions = {environment.region for environment in asked}
    regions |= {environment.second.region for environment in asked if environment.second is not None}
    accounts = {region: add_account(app, region) for region in sorted(regions)}
    return app, [Venue(app, environment, accounts) for environment in asked]
