"""The named fields of a layout, as an object."""

from types import SimpleNamespace


class Record(SimpleNamespace):
    """The named fields of one layout."""
