"""Settings in the parameter store: what an instance reads at its first start, and keeps."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.data import Stores
from infra.environments import Environment
from infra.notifications import Notices
from infra.permissions import settings_path
from infra.plan import POSTGRES_PORT, RDS_CA, VALKEY_PORT, namespace, pascal, secret_name, trades_name, turn
from infra.storage import Storage
from openbourse.roles import INTAKE_PORT, Bucket, Need


def add_configuration(
    scope: Construct, environment: Environment, storage: Storage, stores: Stores, notices: Notices, plan: str
) -> None:
    """Add a parameter for each setting; the image's own, /openbourse/<environment>/ami, is written by releases."""
    postgres = stores.database
    tls = f"sslmode=verify-full&sslrootcert={RDS_CA}"
    values = {
        # Host and base only: user and password come from the secrets beside them, which are named and not told by
        # their ARNs: those of copies in a second Region are not known before they are made.
        "JOURNAL_URL": f"postgresql://{postgres.writer}:{POSTGRES_PORT}/openbourse?{tls}",
        "DATABASE_URL": f"postgresql://{postgres.writer}:{POSTGRES_PORT}/openbourse?{tls}",
        "READER_URL": f"postgresql://{postgres.reader}:{POSTGRES_PORT}/openbourse?{tls}",
        "VALKEY_URL": f"rediss://{stores.cache}:{VALKEY_PORT}/0",
        "JOURNAL_SECRET": secret_name(environment, Need.JOURNAL),
        "DATABASE_SECRET": secret_name(environment, Need.DATABASE),
        "VALKEY_SECRET": secret_name(environment, Need.VALKEY),
        "MASTER_KEY_SECRET": secret_name(environment, Need.MASTER_KEY),
        "INTAKE_PORT": str(INTAKE_PORT),
        "TRUSTED_PROXIES": environment.cidr,
        "NOTIFY_URL": f"sns:{notices.topic.topic_arn}",
        "GATEWAY_PLAN": plan,
        "EMF_EVERY_S": "10",
        "EMF_NAMESPACE": namespace(environment),
        **_of_two_regions(environment),
        **{f"{kind.name}_URL": f"s3://{storage.buckets[kind].bucket_name}" for kind in Bucket},
        **environment.settings,
    }
    for name, value in values.items():
        ssm.CfnParameter(
            scope, f"{pascal(name)}Setting",
            name=f"{settings_path(environment)}/settings/{name}",
            description=f"OPENBOURSE_{name} of every instance",
            type="String",
            value=value,
        )  # fmt: skip


def _of_two_regions(environment: Environment) -> dict[str, str]:
    own = turn(environment)
    return {} if own is None else {"REGION_NAME": trades_name(environment), "REGION_TURN": own.value}
