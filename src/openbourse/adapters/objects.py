"""A place for objects by its URL: `file:///directory` or `s3://bucket/prefix`."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from openbourse.adapters.objects_directory import DirectoryObjects
from openbourse.objects import Objects, checked_key


class PlaceUnknown(ValueError):
    """A URL that names no place for objects, or one that needs the extra `aws`."""


def open_objects(url: str, environment: Mapping[str, str] | None = None) -> Objects:
    """Return the place that a URL names; nothing is asked of it yet. Raises PlaceUnknown."""
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc:
        # Credentials above all: whatever stands in a URL ends up in logs and process lists.
        raise PlaceUnknown("a place's URL is file:///directory or s3://bucket/prefix and nothing more")
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return DirectoryObjects(Path(unquote(parts.path)))
        case "s3" if parts.netloc:
            prefix = parts.path.strip("/")
            if prefix:
                checked_key(prefix)
            try:
                from openbourse.adapters.objects_s3 import S3Objects
            except ImportError as fault:
                raise PlaceUnknown(f"s3:// needs the extra aws: pip install 'openbourse[aws]' ({fault})") from fault
            return S3Objects(parts.netloc, prefix, os.environ if environment is None else environment)
    raise PlaceUnknown(f"{parts.scheme or 'nothing'}: is no place for objects; file:///directory and s3://bucket are")
