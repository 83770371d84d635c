"""The templates as last committed: what is tested, drawn and listed where there is no CDK."""

import json
import lzma
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.templates import WAITS, Template

FILE: Final = Path(__file__).with_name("recorded.json.xz")
_ASSET: Final = re.compile(r"[0-9a-f]{64}")


def packed(templates: Sequence[Template]) -> bytes:
    """Return templates as the file has them; a change of the function's code alone changes nothing in it."""
    documents = {each.stack: each.whole() for each in templates}
    text = json.dumps(documents, sort_keys=True, separators=(",", ":"))
    return _ASSET.sub("0" * 64, text).encode()


def record(templates: Sequence[Template]) -> None:
    """Write the file anew."""
    FILE.write_bytes(lzma.compress(packed(templates), preset=9))


def recorded() -> list[Template]:
    """Return the templates of the file."""
    documents = json.loads(lzma.decompress(FILE.read_bytes()))
    return [
        Template.of_whole(stack, told, len(json.dumps({**told, WAITS: None}, separators=(",", ":"))))
        for stack, told in documents.items()
    ]


def is_current(templates: Sequence[Template]) -> bool:
    """Tell whether the file holds these templates."""
    return FILE.exists() and lzma.decompress(FILE.read_bytes()) == packed(templates)
