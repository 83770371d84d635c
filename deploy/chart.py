"""The chart's values from the roles' table: `python -m deploy.chart` writes deploy/chart/values.yaml (JSON, which is YAML).

What belongs to an environment (image digest, secrets, networks) is set at `helm install`. Each fleet has a Secret of its own
(`openbourse-FLEET`), of which it is given the settings that its roles read, by name: what else is in it stays there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.balancer import CHECK_S, IDLE_S, routes
from deploy.services import LEAVE_S, SERVICES, Service
from openbourse.roles import INTAKE_PORT, Need, Purchase, role_named

CHART: Final = Path(__file__).parent / "chart"
VALUES: Final = CHART / "values.yaml"
CPU_PERCENT: Final = 50
SECRETS: Final[Mapping[Need, tuple[str, ...]]] = {
    Need.JOURNAL: ("JOURNAL_URL",),
    Need.DATABASE: ("DATABASE_URL",),
    Need.VALKEY: ("VALKEY_URL",),
}
"""Settings that hold a login, by what they lead to; the master key is a file of its own."""
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": ("READER_URL",),
    "archive": ("READER_URL",),
    "monitor": ("METRICS_TOKEN",),
    "notifier": ("NOTIFY_URL",),
}
"""Settings that may hold one, and may be left out, by the role that reads them."""


def secret_settings(service: Service) -> list[dict[str, Any]]:
    """Return the settings that a fleet reads from its own Secret, and no other: those that it cannot be without first."""
    needed = [name for need, names in SECRETS.items() if need in service.needs for name in names]
    chosen = dict.fromkeys(name for role in service.fleet.roles for name in CHOICES.get(role, ()))
    return [
        *({"name": name, "isOptional": False} for name in needed),
        *({"name": name, "isOptional": True} for name in chosen),
    ]


def values() -> dict[str, Any]:
    """Return the values."""
    edges = [service for service in SERVICES if service.is_edge]
    return {
        "image": {"repository": "ghcr.io/openbourse/openbourse", "digest": ""},
        "architecture": "arm64",
        "settingsConfigMap": "openbourse-settings",
        "migrateSecret": "openbourse-migrate",
        "masterKeySecret": "openbourse-master-key",
        "priorityClassName": "",
        "iamRoles": {},
        "balancerCidrs": ["10.0.0.0/16"],
        "storeCidrs": ["10.0.0.0/16"],
        "intakePort": INTAKE_PORT,
        "commanders": [service.name for service in SERVICES if Need.SEQUENCER in service.needs],
        "cpuPercent": CPU_PERCENT,
        "fleets": [fleet(service) for service in SERVICES],
        "ingress": {
            "enabled": False,
            "certificateArn": "",
            "wafArn": "",
            "checkS": CHECK_S,
            "idleS": IDLE_S,
            "leaveS": LEAVE_S,
            "routes": [{"path": path, "fleet": name} for path, name in routes(edges)],
        },
    }


def fleet(service: Service) -> dict[str, Any]:
    """Return one fleet's values."""
    roles = [role for role in map(role_named, service.fleet.roles) if role is not None]
    return {
        "name": service.name,
        "roles": list(service.fleet.roles),
        "port": service.fleet.port,
        "healthPath": service.fleet.health_path,
        "isEdge": service.is_edge,
        "isOnDemand": service.fleet.purchase is Purchase.ON_DEMAND,
        "scales": service.is_edge,
        "replicasMin": service.size.replicas_min,
        "replicasMax": service.size.replicas_max,
        "cpuMillis": service.size.cpu_millis,
        "memoryMib": service.size.memory_mib,
        "leaveS": service.leave_s,
        "stopS": service.stop_s,
        "needs": sorted(need.value for need in service.needs),
        "settingsSecret": f"openbourse-{service.name}",
        "secretSettings": secret_settings(service),
        "usesBuckets": any(role.writes or role.reads for role in roles),
    }


def text() -> str:
    """Return the values' file."""
    head = "# Made by `python -m deploy.chart` from the roles' table; set what is an environment's own at install.\n"
    return head + json.dumps(values(), indent=2) + "\n"


if __name__ == "__main__":
    VALUES.write_text(text())
