"""Synthesised templates as plain data: all that the checks, the table and the picture read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Template:
    """One stack's template."""

    stack: str
    document: Mapping[str, Any]
    size: int

    @property
    def resources(self) -> Mapping[str, Any]:
        """Return the resources by logical id."""
        resources: Mapping[str, Any] = self.document.get("Resources", {})
        return resources

    def of_type(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical id and properties of the resources of these types."""
        for name, resource in self.resources.items():
            if resource["Type"] in types:
                yield name, resource.get("Properties", {})


def read_templates(folder: Path) -> list[Template]:
    """Read every template of an assembly, in the order of their names."""
    found = []
    for path in sorted(folder.glob("*.template.json")):
        text = path.read_text()
        found.append(Template(path.name.removesuffix(".template.json"), json.loads(text), len(text)))
    return found
