"""A template as an emulator can take it: without what it does not know, with placeholders where that was named."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from infra.templates import Template

BODY_BYTES_MAX: Final = 51_200
"""What CloudFormation takes in a request; ministack holds to it."""


@dataclass
class Shim:
    """What one emulator is spared; and what of that was met."""

    types: Set[str]
    attributes: Set[tuple[str, str]] = frozenset()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """What is there under another name: by a type that is spared, or by the value that a template has."""
    met: set[tuple[str, str]] = field(default_factory=set)

    def spares(self, name: str, kind: str) -> bool:
        """Tell whether a resource is left out: its type is listed, or it is, as type and name with a slash between."""
        return bool({kind, f"{kind}/{name}"} & self.types)

    def apply(self, template: Template) -> dict[str, Any]:
        """Return a template without what is spared."""
        resources = template.resources
        kept = {name: body for name, body in resources.items() if not self.spares(name, body["Type"])}
        document = {key: value for key, value in template.document.items() if key not in ("Rules", "Transform")}
        document["Resources"] = {name: self._body(body, resources, kept) for name, body in kept.items()}
        if "Outputs" in document:
            document["Outputs"] = self._value(document["Outputs"], resources, kept)
        return document

    def _body(self, body: Mapping[str, Any], resources: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        shimmed: dict[str, Any] = self._value({**body}, resources, kept)
        if "DependsOn" in shimmed:
            wanted = shimmed["DependsOn"]
            shimmed["DependsOn"] = [each for each in ([wanted] if isinstance(wanted, str) else wanted) if each in kept]
        return shimmed

    def _value(self, value: Any, resources: Mapping[str, Any], kept: Mapping[str, Any]) -> Any:
        if isinstance(value, Mapping):
            if len(value) == 1 and "Ref" in value and value["Ref"] in resources and value["Ref"] not in kept:
                kind = resources[value["Ref"]]["Type"]
                return self.stand_ins.get(kind, placeholder(value["Ref"]))
            if len(value) == 1 and "Fn::GetAtt" in value:
                name, attribute = value["Fn::GetAtt"]
                wanted = (resources[name]["Type"], attribute)
                if name not in kept or wanted in self.attributes:
                    self.met.add(wanted)
                    return placeholder(name, attribute)
            return {key: self._value(each, resources, kept) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, resources, kept) for each in value]
        is_value = isinstance(value, str) and not value.startswith("AWS::")
        return self.stand_ins.get(value, value) if is_value else value


def placeholder(name: str, attribute: str = "") -> str:
    """Return what stands for something that is not there, another for each of its attributes."""
    if attribute.endswith("Arn"):
        return f"arn:aws:none:us-east-1:123456789012:none/{name}"
    return "-".join(["none", name, *attribute.split(".")] if attribute else ["none", name])


def alone(template: Template, name: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return a template of one resource only, which names what stands already by its id."""

    def known(value: Any) -> Any:
        if isinstance(value, Mapping):
            if "Ref" in value and value["Ref"] in template.resources:
                return ids.get(value["Ref"], placeholder(value["Ref"]))
            if "Fn::GetAtt" in value:
                return placeholder(*value["Fn::GetAtt"])
            return {key: known(each) for key, each in value.items()}
        return [known(each) for each in value] if isinstance(value, list) else value

    body = {key: known(value) for key, value in template.resources[name].items() if key != "DependsOn"}
    return {"Resources": {name: body}}


def in_order(templates: Sequence[Template]) -> list[Template]:
    """Return templates so that each comes after those whose exports it imports."""
    exporter = {
        str(output["Export"]["Name"]): template.stack
        for template in templates
        for output in template.document.get("Outputs", {}).values()
        if "Export" in output
    }
    waits = {each.stack: {exporter.get(name, name) for name in _imports(each.document)} for each in templates}
    ordered: list[Template] = []
    done: set[str] = set()
    while len(ordered) < len(templates):
        ready = [each for each in templates if each.stack not in done and waits[each.stack] <= done]
        if not ready:
            raise ValueError(f"stacks wait for what nobody exports, or for each other: {waits}")
        ordered += ready
        done |= {each.stack for each in ready}
    return ordered


def _imports(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        own = {str(value["Fn::ImportValue"])} if "Fn::ImportValue" in value else set()
        return own.union(*(_imports(each) for each in value.values()))
    return set().union(*(_imports(each) for each in value)) if isinstance(value, list) else set()
