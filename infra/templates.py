"""Synthesised templates as plain data: all that the checks, the table and the picture read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

WAITS: Final = "Waits"


@dataclass(frozen=True, slots=True)
class Template:
    """One stack's template."""

    stack: str
    document: Mapping[str, Any]
    size: int
    waits: tuple[str, ...] = ()  # stacks that are deployed before it: of the assembly's manifest, in no template

    def whole(self) -> dict[str, Any]:
        """Return the document, and which stacks it waits for, as one."""
        return {**self.document, WAITS: list(self.waits)}

    @staticmethod
    def of_whole(stack: str, told: Mapping[str, Any], size: int) -> "Template":
        """Return what `whole` was made of."""
        document = {key: value for key, value in told.items() if key != WAITS}
        return Template(stack, document, size, tuple(told[WAITS]))

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
    manifest = json.loads((folder / "manifest.json").read_text())["artifacts"]
    found = []
    for path in sorted(folder.glob("*.template.json")):
        text = path.read_text()
        stack = path.name.removesuffix(".template.json")
        waits = sorted(each for each in manifest[stack].get("dependencies", ()) if not each.endswith(".assets"))
        found.append(Template(stack, json.loads(text), len(text), tuple(waits)))
    return found
