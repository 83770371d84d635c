"""The sequencers: one leads, the others wait; never Spot, never scaled by load."""

from aws_cdk import aws_autoscaling as autoscaling
from constructs import Construct

from infra.environments import Environment
from infra.fleets import Built, add_fleet
from openbourse.roles import FLEETS


def add_sequencers(scope: Construct, environment: Environment, built: Built) -> autoscaling.CfnAutoScalingGroup:
    """Add the group of sequencers: at least two, in different zones, from instances nobody can take away.

    A new one stands in the third zone when a zone is lost. The group never takes one away by itself (scale-in
    protection): only a refresh or a person does, one at a time, after a new one serves. A leader that goes lets its
    lease go when systemd stops it at the shutdown; nothing has to tell it before.
    """
    fleet = next(each for each in FLEETS if each.name == "sequencer")
    return add_fleet(scope, environment, fleet, built)
