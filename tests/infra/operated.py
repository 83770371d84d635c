"""An environment's groups on moto, and what moto does not know, held against AWS's own models of calls."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from infra.environments import Environment
from infra.groups import FLEET_NAMES

Answers = dict[str, Callable[..., dict[str, Any]]]


def clients(service: str, region: str) -> Any:
    """Return a client of moto's."""
    return boto3.client(service, region_name=region)


class Held:
    """A client whose calls are held against AWS's model, values of enumerations too; some are answered by the test."""

    def __init__(self, inner: Any, calls: list[tuple[str, dict[str, Any]]], answers: Answers) -> None:
        self._inner = inner
        self._calls = calls
        self._answers = answers
        self._named = {xform_name(name): name for name in inner.meta.service_model.operation_names}

    def __getattr__(self, name: str) -> Any:
        if name not in self._named:
            return getattr(self._inner, name)

        def call(**given: Any) -> Any:
            shape = self._inner.meta.service_model.operation_model(self._named[name]).input_shape
            report = ParamValidator().validate(given, shape)
            assert not report.has_errors(), report.generate_report()
            _check_words(shape, given)
            self._calls.append((name, given))
            answer = self._answers.get(name, getattr(self._inner, name))
            return answer(**given)

        return call


def _check_words(shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        for key, each in value.items():
            _check_words(shape.members[key], each)
    elif shape.type_name == "list":
        for each in value:
            _check_words(shape.member, each)
    elif shape.type_name == "string" and shape.enum:
        assert value in shape.enum, f"{value} is none of {shape.enum}"


class Account:
    """Clients that remember what was asked, in order, and answer for what moto does not know."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.statuses: dict[str, list[str]] = {}
        self.answers: Answers = {
            "start_instance_refresh": self._start,
            "describe_instance_refreshes": self._describe,
            "cancel_instance_refresh": self._cancel,
            "get_command_invocation": self._command,
        }
        self.command = "Success"
        self.fails = set[str]()
        """Groups whose first refresh fails."""

    def __call__(self, service: str, region: str) -> Held:
        """Return the client of a service in a Region."""
        return Held(clients(service, region), self.calls, self.answers)

    def _start(self, **given: Any) -> dict[str, Any]:
        name = given["AutoScalingGroupName"]
        ends = "Failed" if name in self.fails and name not in self.statuses else "Successful"
        self.statuses[name] = ["Pending", "InProgress", ends]
        return {"InstanceRefreshId": "1"}

    def _describe(self, **given: Any) -> dict[str, Any]:
        left = self.statuses.get(given["AutoScalingGroupName"], [])
        if not left:
            return {"InstanceRefreshes": []}
        status = left.pop(0) if len(left) > 1 else left[0]
        return {"InstanceRefreshes": [{"InstanceRefreshId": "1", "Status": status, "StatusReason": "of the test"}]}

    def _cancel(self, **given: Any) -> dict[str, Any]:
        self.statuses[given["AutoScalingGroupName"]] = ["Cancelling", "Cancelled"]
        return {"InstanceRefreshId": "1"}

    def _command(self, **_given: Any) -> dict[str, Any]:
        return {"Status": self.command, "StandardErrorContent": "no standby", "StandardOutputContent": ""}

    def refuses(self, name: str, code: str) -> None:
        """Have AWS refuse every call of this name from now on."""

        def refuse(**_given: Any) -> dict[str, Any]:
            raise denied(code)

        self.answers[name] = refuse

    def asked(self, name: str) -> list[dict[str, Any]]:
        """Return what was asked by calls of this name."""
        return [given for called, given in self.calls if called == name]


def denied(code: str) -> ClientError:
    """Return what boto raises when AWS refuses a call."""
    return ClientError({"Error": {"Code": code, "Message": "of the test"}}, "Call")


def make_groups(environment: Environment) -> None:
    """Make the groups of an environment as the templates name them, sequencers protected."""
    ec2, scaling = clients("ec2", environment.region), clients("autoscaling", environment.region)
    # Describing the images that moto knows takes a second.
    image = ec2.register_image(Name="base", Architecture="arm64")["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    data = {"ImageId": image, "InstanceType": "t3.micro"}
    template = ec2.create_launch_template(LaunchTemplateName="all", LaunchTemplateData=data)["LaunchTemplate"]
    for fleet in FLEET_NAMES:
        name, least = f"{environment.prefix}-{fleet}", environment.fleets[fleet].least
        specification = {"LaunchTemplateId": template["LaunchTemplateId"], "Version": "1"}
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=least, MaxSize=least + 1, DesiredCapacity=least, VPCZoneIdentifier=subnet,
            MixedInstancesPolicy={"LaunchTemplate": {"LaunchTemplateSpecification": specification}},
            NewInstancesProtectedFromScaleIn=fleet == "sequencer",
            Tags=[{"Key": "openbourse:fleet", "Value": fleet, "PropagateAtLaunch": True, "ResourceId": name}],
        )  # fmt: skip
