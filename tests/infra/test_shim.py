"""Templates for emulators: what is left out is named nowhere, and order follows imports."""

from typing import Any

import pytest

from infra.check.assertions import assembly_of
from infra.check.shim import Shim, alone, in_order
from infra.check.unmade import UNMADE, UNTOLD
from infra.environments import PRODUCTION
from infra.recorded import recorded
from infra.templates import Template


def _template(stack: str, resources: dict[str, Any], **others: Any) -> Template:
    return Template(stack, {"Resources": resources, **others}, 0)


QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"Topic": {"Ref": "Topic"}, "Name": {"Fn::GetAtt": ["Topic", "Arn"]}}}
TOPIC = {"Type": "AWS::SNS::Topic", "DependsOn": "Queue"}


def test_what_is_left_out_is_replaced_wherever_it_was_named() -> None:
    outputs = {"Topic": {"Value": {"Ref": "Topic"}, "Export": {"Name": "topic"}}}
    shim = Shim({"AWS::SNS::Topic"})
    document = shim.apply(_template("a", {"Queue": QUEUE, "Topic": TOPIC}, Outputs=outputs, Transform="Macro"))
    assert document == {
        "Resources": {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"Topic": "none-Topic", "Name": "arn:aws:none:us-east-1:123456789012:none/Topic"},
            }
        },
        "Outputs": {"Topic": {"Value": "none-Topic", "Export": {"Name": "topic"}}},
    }


def test_an_attribute_alone_can_be_spared_and_is_counted() -> None:
    shim = Shim(set(), {("AWS::SNS::Topic", "Arn")})
    document = shim.apply(_template("a", {"Queue": QUEUE, "Topic": TOPIC}))
    assert document["Resources"]["Queue"]["Properties"]["Topic"] == {"Ref": "Topic"}
    assert document["Resources"]["Queue"]["Properties"]["Name"].startswith("arn:")
    assert shim.met == {("AWS::SNS::Topic", "Arn")}


def test_a_resource_alone_names_its_neighbours_by_id() -> None:
    document = alone(_template("a", {"Queue": QUEUE, "Topic": TOPIC}), "Queue", {"Topic": "t-1"})
    assert document["Resources"]["Queue"]["Properties"]["Topic"] == "t-1"
    assert list(document["Resources"]) == ["Queue"]


def test_a_stack_comes_after_those_it_imports_from() -> None:
    late = _template("a", {"Queue": {"Type": "Q", "Properties": {"T": {"Fn::ImportValue": "topic"}}}})
    early = _template("b", {"Topic": TOPIC}, Outputs={"T": {"Value": "v", "Export": {"Name": "topic"}}})
    assert [each.stack for each in in_order([late, early])] == ["b", "a"]
    with pytest.raises(ValueError, match="nobody exports"):
        in_order([late])


def test_the_lists_name_types_that_production_has() -> None:
    resources = assembly_of(PRODUCTION, recorded()).all
    types = {each.type for each in resources} | {f"{each.type}/{each.name}" for each in resources}
    for emulator, unmade in UNMADE.items():
        assert set(unmade) <= types, emulator
        assert {kind for kind, _ in UNTOLD[emulator]} <= types - set(unmade), emulator
