"""Every other fleet: one loop over the table of fleets."""

from collections.abc import Mapping

from aws_cdk import aws_autoscaling as autoscaling
from constructs import Construct

from infra.environments import Environment
from infra.fleets import Built, add_fleet, add_scaling
from openbourse.roles import FLEETS


def add_services(
    scope: Construct, environment: Environment, built: Built, targets: Mapping[str, list[str]]
) -> dict[str, autoscaling.CfnAutoScalingGroup]:
    """Add the fleets that may be lost, replaced and scaled at any time; `targets` are those that balancers send to."""
    groups = {}
    for fleet in FLEETS:
        if fleet.name == "sequencer":
            continue
        groups[fleet.name] = add_fleet(scope, environment, fleet, built, targets.get(fleet.name, ()))
        add_scaling(scope, environment, fleet, groups[fleet.name])
    return groups
