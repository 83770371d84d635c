"""`python -m infra.check.nagging FOLDER ENVIRONMENT…`: synthesise with cdk-nag watching; its report lies in the folder."""

import sys
from pathlib import Path

from infra.environments import ENVIRONMENTS
from infra.toolchain import use_own_node


def main() -> None:
    """Synthesise; that the report finds something is no fault of this process."""
    use_own_node()
    import aws_cdk as cdk
    import cdk_nag

    from infra.app import build

    out, *names = sys.argv[1:]
    app, _ = build([ENVIRONMENTS[name] for name in names], Path(out))
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as fault:
        if "Validation failed" not in str(fault):
            raise


if __name__ == "__main__":
    main()
