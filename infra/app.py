"""The CDK app: one venue for each environment asked for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import aws_cdk as cdk

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
    return app, [Venue(app, environment) for environment in environments]
