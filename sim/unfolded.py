"""Source text whose names of constants are looked up once, where they come from, and not at each use: for machine code.

A member of an enum costs some 150 ns to look up on Python 3.11, which is more than what is mostly done with it.
"""

import ast
from importlib.util import find_spec
from pathlib import Path

_ENUMS = {"IntEnum"}


def enums_of(module: str) -> set[str]:
    """Return the names by which a module knows enums: those it defines, and those it takes from others of ours."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not module.startswith(("openbourse.", "sim.")):
        return set()
    return {name for node in ast.parse(Path(spec.origin).read_text()).body for name in bound_enums(node)}


def bound_enums(node: ast.stmt) -> set[str]:
    """Return the names that a statement of a module gives to enums."""
    if isinstance(node, ast.ClassDef):
        return {node.name} & {node.name for base in node.bases if isinstance(base, ast.Name) and base.id in _ENUMS}
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        known = enums_of(node.module)
        return {alias.asname or alias.name for alias in node.names if alias.name in known}
    return set()


class _Once(ast.NodeTransformer):
    """Puts one name in place of an enum's member, and remembers which."""

    def __init__(self, enums: set[str]) -> None:
        self.enums = enums
        self.used: dict[str, dict[str, None]] = {}

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in self.enums and node.attr.isupper():
            self.used.setdefault(node.value.id, {})[node.attr] = None
            return ast.Name(id=f"{node.value.id}_{node.attr}", ctx=ast.Load())
        self.generic_visit(node)
        return node


def unfolded(source: str) -> str:
    """Return a module's text with each member of an enum bound to a name after the statement that brings the enum."""
    tree = ast.parse(source)
    brought = [(node, bound_enums(node)) for node in tree.body]
    once = _Once(set().union(*(names for _, names in brought)))
    body: list[ast.stmt] = []
    kept = [(node if isinstance(node, ast.ClassDef) and names else once.visit(node), names) for node, names in brought]
    for node, names in kept:
        body.append(node)
        for enum in sorted(names):
            lines = [f"{enum}_{member}: Final = {enum}.{member}" for member in once.used.get(enum, ())]
            body += ast.parse("\n".join(lines)).body
    imports = ast.parse("from typing import Final").body
    tree.body = [*tree.body[:1], *imports, *body[1:]]
    return ast.unparse(ast.fix_missing_locations(tree))
