"""All templates of one environment, with what rules ask of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.environments import Environment
from infra.templates import Template

Properties = Mapping[str, Any]
Rule = Callable[["Assembly"], Iterator[str]]
"""Yields what is wrong, one line each; nothing when all is well."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, and where it stands."""

    template: Template
    name: str
    type: str
    properties: Properties
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.template.stack}/{self.name}"


@dataclass(frozen=True)
class Assembly:
    """The templates of one environment."""

    environment: Environment
    templates: Sequence[Template]

    @cached_property
    def all(self) -> Sequence[Resource]:
        """Every resource."""
        return [
            Resource(template, name, body["Type"], body.get("Properties", {}), body)
            for template in self.templates
            for name, body in template.resources.items()
        ]

    @cached_property
    def _by_type(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for each in self.all:
            found.setdefault(each.type, []).append(each)
        return found

    @cached_property
    def _exports(self) -> Mapping[str, tuple[Template, str]]:
        return {
            output["Export"]["Name"]: (template, _named(output["Value"]))
            for template in self.templates
            for output in template.document.get("Outputs", {}).values()
            if "Export" in output
        }

    def of(self, *types: str) -> list[Resource]:
        """Return the resources of these types, without their `AWS::`."""
        return [each for kind in types for each in self._by_type.get(f"AWS::{kind}", ())]

    def target(self, resource: Resource, value: Any) -> Resource | None:
        """Return the resource that a Ref, a GetAtt or an import of a value names."""
        template, name = resource.template, _named(value)
        if isinstance(value, Mapping) and "Fn::ImportValue" in value:
            found = self._exports.get(str(value["Fn::ImportValue"]))
            if found is None:
                return None
            template, name = found
        body = template.resources.get(name)
        return None if body is None else Resource(template, name, body["Type"], body.get("Properties", {}), body)


def _named(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    if "Ref" in value:
        return str(value["Ref"])
    attribute = value.get("Fn::GetAtt", "")
    return str(attribute[0] if isinstance(attribute, list) else attribute.partition(".")[0])


def attributes(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return key and value pairs, as balancers and tags have them, as a mapping."""
    return {pair["Key"]: pair["Value"] for pair in pairs}


def statements(resource: Resource) -> Iterator[Mapping[str, Any]]:
    """Yield every statement of every policy in a resource."""
    documents = [policy.get("PolicyDocument", {}) for policy in resource.properties.get("Policies", [])]
    documents += [resource.properties.get(key, {}) for key in ("PolicyDocument", "KeyPolicy")]
    for document in documents:
        yield from document.get("Statement", [])


def listed(value: Any) -> list[Any]:
    """Return a list, also where a template has one thing bare."""
    return value if isinstance(value, list) else [value]
