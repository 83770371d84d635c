"""Commands of AWS's command line as pages have them, held against the models that the command line itself is made from."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import Shape
from botocore.waiter import WaiterModel

FENCED = re.compile(r"^```sh[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
ENDS = frozenset("();|&<>\n")
GLOBAL = frozenset({"region", "query", "output", "profile", "no-cli-pager", "max-items"})
OF_THE_LINE_ITSELF = frozenset({("s3", "cp"), ("s3", "ls"), ("s3", "sync"), ("logs", "tail")})
"""Commands that are no operation of a service."""
ADDED = {"ec2 run-instances count": ("MinCount", "MaxCount")}
"""Options that the command line adds, and what they stand for."""
UNKNOWN = "$"
"""Begins what only a shell would know."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: aws {' '.join(self.words)}"


def commands(page: str, text: str) -> Iterator[Command]:
    """Yield the commands of a page, out of its blocks for a shell and out of its sentences."""
    for block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _of_line(page, line)
    for span in INLINE.findall(FENCED.sub("", text)):
        if " ".join(span.split()).startswith("aws ") and "--" in span:
            yield from _of_line(page, " ".join(span.split()))


def _of_line(page: str, line: str) -> Iterator[Command]:
    reader = shlex.shlex(line, posix=True, punctuation_chars="();|&<>")
    reader.whitespace_split = True
    words: list[str] = []
    for word in [*reader, ";"]:
        if set(word) <= ENDS:
            if words and words[0] == "aws":
                yield Command(page, tuple(words[1:]))
            words = []
        elif words or word == "aws":
            words.append(word)


def faults(command: Command) -> Iterator[str]:
    """Yield what the command line would refuse."""
    service, name, *rest = command.words
    if (service, name) in OF_THE_LINE_ITSELF:
        return
    if service not in _session().get_available_services():
        yield f"{command}: no service {service}"
        return
    if name == "wait":
        waiters = _session().get_component("data_loader").load_service_model(service, "waiters-2")
        named = {xform_name(each, "-"): each for each in waiters["waiters"]}
        if rest[0] not in named:
            yield f"{command}: nothing to wait for"
            return
        operation, rest = WaiterModel(waiters).get_waiter(named[rest[0]]).operation, rest[1:]
    else:
        named = {xform_name(each, "-"): each for each in _model(service).operation_names}
        if name not in named:
            yield f"{command}: no operation {name}"
            return
        operation = named[name]
    yield from _of_options(command, _model(service).operation_model(operation).input_shape, _options(rest))


def _of_options(command: Command, shape: Any, given: dict[str, list[str]]) -> Iterator[str]:
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    seen: set[str] = set()
    for option, values in given.items():
        if option in GLOBAL:
            continue
        if added := ADDED.get(" ".join((*command.words[:2], option))):
            seen |= set(added)
            continue
        bare = option.removeprefix("no-")
        if option not in members and not (bare in members and members[bare][1].type_name == "boolean"):
            yield f"{command}: no option --{option}"
            continue
        name, member = members[option if option in members else bare]
        seen.add(name)
        if member.type_name == "boolean" and values:
            yield f"{command}: --{option} takes no value"
        elif member.type_name != "boolean" and not values:
            yield f"{command}: --{option} without a value"
        for value in values:
            yield from (f"{command}: --{option} {fault}" for fault in _of_value(member, value))
    yield from (f"{command}: without {name}" for name in shape.required_members if name not in seen)


def _of_value(shape: Shape, value: str) -> Iterator[str]:
    if value.startswith((UNKNOWN, "{", "[", "file:")):
        return
    if shape.type_name == "list":
        yield from _of_value(shape.member, value)
    elif shape.type_name == "structure":
        keys = re.findall(r"(?:^|,)(\w+)=", value)
        yield from (f"knows no {key}" for key in keys if key not in shape.members)
        yield from (f"without {key}" for key in shape.required_members if key not in keys)
    elif shape.type_name in ("integer", "long") and not value.lstrip("-").isdigit() and UNKNOWN not in value:
        yield f"is no number: {value}"
    elif shape.type_name == "string" and getattr(shape, "enum", []) and value not in shape.enum:
        yield f"is none of {shape.enum}: {value}"


def _options(words: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            option, _, value = word[2:].partition("=")
            found[option] = [value] if value else []
        elif found:
            found[next(reversed(found))].append(word)
        else:
            found[f"a word that is no option: {word}"] = []
    return found


@cache
def _session() -> Any:
    return botocore.session.get_session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)
