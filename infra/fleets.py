"""A fleet: instances of one launch template in an Auto Scaling group over every zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.data import Stores
from infra.environments import Environment, FleetSize
from infra.network import Network
from infra.notifications import Notices
from infra.observing import retention
from infra.permissions import add_role, log_group_name, settings_path
from infra.plan import ENVIRONMENT_TAG, namespace, pascal
from infra.storage import Storage
from openbourse.monitor.slo import ROLE, TARGETS, Target
from openbourse.roles import Fleet, Purchase

CPU_PERCENT: Final = 50  # a zone may go: the two that are left then stand at 75
WARM_UP_S: Final = 90
LIFETIME_S: Final = 30 * 24 * 3_600  # no instance is older than a month: images are renewed, and that it works is seen


@dataclass(frozen=True, slots=True)
class Built:
    """What a fleet stands on."""

    network: Network
    storage: Storage
    stores: Stores
    notices: Notices
    plan: str


def add_fleet(
    scope: Construct,
    environment: Environment,
    fleet: Fleet,
    built: Built,
    targets: Sequence[str] = (),
) -> autoscaling.CfnAutoScalingGroup:
    """Add a fleet: its text, its role, its template and its group."""
    size = environment.fleets[fleet.name]
    logs.LogGroup(
        scope, f"{pascal(fleet.name)}Log",
        log_group_name=log_group_name(environment, fleet),
        retention=retention(environment.log_days),
        encryption_key=built.storage.key,
        removal_policy=cdk.RemovalPolicy.RETAIN if environment.is_protected else cdk.RemovalPolicy.DESTROY,
    )  # fmt: skip
    role = add_role(scope, environment, fleet, built.storage, built.stores, built.notices.topic.topic_arn, built.plan)
    template = _template(scope, environment, fleet, size, built, role)
    is_leader = fleet.name == "sequencer"
    return autoscaling.CfnAutoScalingGroup(
        scope, f"{pascal(fleet.name)}Fleet",
        auto_scaling_group_name=f"{environment.prefix}-{fleet.name}",
        min_size=str(size.least),
        max_size=str(size.most),
        vpc_zone_identifier=built.network.subnets("fleet"),
        availability_zone_distribution=autoscaling.CfnAutoScalingGroup.AvailabilityZoneDistributionProperty(
            # When a zone is short of instances the others take more: fewer instances help nobody.
            capacity_distribution_strategy="balanced-best-effort"
        ),
        mixed_instances_policy=_mix(fleet, size, template),
        capacity_rebalance=fleet.purchase is not Purchase.ON_DEMAND,
        target_group_arns=list(targets) or None,
        # Not the balancer's word: ready means that the leader answers, and during a fail-over of the database nobody
        # is. A group that listened to it would then replace every instance at once. systemd restarts what hangs.
        health_check_type="EC2",
        health_check_grace_period=WARM_UP_S,
        default_instance_warmup=WARM_UP_S,
        new_instances_protected_from_scale_in=is_leader,
        instance_maintenance_policy=autoscaling.CfnAutoScalingGroup.InstanceMaintenancePolicyProperty(
            min_healthy_percentage=100, max_healthy_percentage=150 if is_leader else 134
        ),
        max_instance_lifetime=None if is_leader else LIFETIME_S,
        termination_policies=["OldestLaunchTemplate", "OldestInstance"],
        # No lifecycle hook: what has to happen before an end happens without one. The group takes an instance from its
        # balancers and waits for their draining by itself; at the shutdown systemd stops the units, edges leave and the
        # leader lets its lease go, which a standby takes in a tenth of a second. A hook would need an answer of the
        # instance's, and with it a call of the control plane at a time when there may be none, or cost its whole time.
        metrics_collection=[autoscaling.CfnAutoScalingGroup.MetricsCollectionProperty(granularity="1Minute")],
        tags=[
            autoscaling.CfnAutoScalingGroup.TagPropertyProperty(key=key, value=value, propagate_at_launch=True)
            for key, value in (
                ("Name", f"{environment.prefix}-{fleet.name}"),
                (ENVIRONMENT_TAG, environment.name),
                ("openbourse:fleet", fleet.name),
            )
        ],
    )  # fmt: skip


def _mix(
    fleet: Fleet, size: FleetSize, template: ec2.CfnLaunchTemplate
) -> autoscaling.CfnAutoScalingGroup.MixedInstancesPolicyProperty:
    base, above = {
        Purchase.ON_DEMAND: (size.most, 100),
        Purchase.MIXED: (size.base, 0),
        Purchase.SPOT: (0, 0),
    }[fleet.purchase]
    group = autoscaling.CfnAutoScalingGroup
    return group.MixedInstancesPolicyProperty(
        launch_template=group.LaunchTemplateProperty(
            launch_template_specification=group.LaunchTemplateSpecificationProperty(
                launch_template_id=template.ref, version=template.attr_latest_version_number
            ),
            overrides=[group.LaunchTemplateOverridesProperty(instance_type=each) for each in size.types],
        ),
        instances_distribution=group.InstancesDistributionProperty(
            on_demand_base_capacity=base,
            on_demand_percentage_above_base_capacity=above,
            on_demand_allocation_strategy="prioritized",
            spot_allocation_strategy="price-capacity-optimized",
        ),
    )


def _template(
    scope: Construct, environment: Environment, fleet: Fleet, size: FleetSize, built: Built, role: iam.Role
) -> ec2.CfnLaunchTemplate:
    name = pascal(fleet.name)
    profile = iam.CfnInstanceProfile(scope, f"{name}Profile", roles=[role.role_name])
    launch = ec2.CfnLaunchTemplate
    disk = launch.EbsProperty(volume_size=size.disk_gib, volume_type="gp3", encrypted=True, delete_on_termination=True)
    return ec2.CfnLaunchTemplate(
        scope, f"{name}Template",
        launch_template_data=launch.LaunchTemplateDataProperty(
            # Read anew whenever an instance starts: a release writes the parameter and refreshes the group, and a
            # rollback writes the one before. No stack is touched.
            image_id=f"resolve:ssm:{settings_path(environment)}/ami",
            instance_type=size.types[0],
            iam_instance_profile=launch.IamInstanceProfileProperty(arn=profile.attr_arn),
            metadata_options=launch.MetadataOptionsProperty(
                http_tokens="required", http_put_response_hop_limit=1, instance_metadata_tags="enabled"
            ),
            monitoring=launch.MonitoringProperty(enabled=True),
            ebs_optimized=True,
            network_interfaces=[
                launch.NetworkInterfaceProperty(
                    device_index=0,
                    associate_public_ip_address=False,
                    delete_on_termination=True,
                    groups=[built.network.group(fleet.name)],
                )
            ],
            tag_specifications=[
                launch.TagSpecificationProperty(  # a group tags its instances, and not their disks
                    resource_type="volume", tags=[cdk.CfnTag(key=ENVIRONMENT_TAG, value=environment.name)]
                )
            ],
            block_device_mappings=[launch.BlockDeviceMappingProperty(device_name="/dev/xvda", ebs=disk)],
            user_data=cdk.Fn.base64(user_data(environment, fleet)),
        ),
    )  # fmt: skip


def user_data(environment: Environment, fleet: Fleet) -> str:
    """Return what an instance of the baked image is told at its first start: who it is, and no secret."""
    lines = [
        "#!/bin/sh",
        "set -eu",
        "install -d -m 0755 /etc/openbourse",
        "cat > /etc/openbourse/instance.env <<'END'",
        f"OPENBOURSE_ENVIRONMENT={environment.name}",
        f"OPENBOURSE_FLEET={fleet.name}",
        f"OPENBOURSE_ROLES={' '.join(fleet.roles)}",
        f"OPENBOURSE_LOG_GROUP={log_group_name(environment, fleet)}",
        f"OPENBOURSE_SETTINGS_PATH={settings_path(environment)}/settings",
        f"AWS_REGION={environment.region}",
        "END",
        "systemctl enable --now openbourse.target",
    ]
    return "\n".join(lines) + "\n"


def add_scaling(
    scope: Construct, environment: Environment, fleet: Fleet, group: autoscaling.CfnAutoScalingGroup
) -> None:
    """Add target tracking on processor time, and on each of our own metrics that the fleet has a target for."""
    policy = autoscaling.CfnScalingPolicy
    tracking = policy.TargetTrackingConfigurationProperty
    name = pascal(fleet.name)
    configurations = {
        "Cpu": tracking(
            target_value=CPU_PERCENT,
            predefined_metric_specification=policy.PredefinedMetricSpecificationProperty(
                predefined_metric_type="ASGAverageCPUUtilization"
            ),
        )
    }
    for target in TARGETS:
        if target.role in fleet.roles:
            configurations[pascal(target.metric)] = tracking(
                target_value=target.value, customized_metric_specification=_own_metric(environment, fleet, target)
            )
    for kind, configuration in configurations.items():
        autoscaling.CfnScalingPolicy(
            scope, f"{name}{kind}Scaling",
            auto_scaling_group_name=group.ref,
            policy_type="TargetTrackingScaling",
            estimated_instance_warmup=WARM_UP_S,
            target_tracking_configuration=configuration,
        )  # fmt: skip


def _own_metric(
    environment: Environment, fleet: Fleet, target: Target
) -> autoscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
    policy = autoscaling.CfnScalingPolicy
    return policy.CustomizedMetricSpecificationProperty(
        metric_name=target.metric,
        namespace=namespace(environment),
        statistic=target.statistic,
        dimensions=[policy.MetricDimensionProperty(name=ROLE, value="+".join(fleet.roles))],
    )
