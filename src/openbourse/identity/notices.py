"""What the owner of an account is told of its safety. No fact of it opens anything, and none is of a stranger's wording."""

from collections.abc import Collection
from typing import Final

import msgspec

from openbourse.edge.operations import Call
from openbourse.identity.devices import device_words
from openbourse.protocol.notifications import Topic

KEY_SHOWN: Final = 8
"""Characters of an API key that tell which one it is; 56 others stay unknown."""


class Origin(msgspec.Struct, frozen=True):
    """Where a change came from: the client's address, and its device in words."""

    address: str = ""
    device: str = ""

    def words(self) -> str:
        """Return what the owner reads. Without dots in a name that the client chose: a mail would make a link of it."""
        return ", ".join(each for each in (self.address, self.device.replace(".", " ")) if each) or "not known"


UNKNOWN: Final = Origin()
OPERATOR: Final = Origin(device="the operator of the exchange")


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell."""

    topic: Topic
    facts: dict[str, str]


def origin_of(call: Call) -> Origin:
    """Return where a request comes from."""
    return Origin(call.address, device_words(call.agent))


def password_changed(origin: Origin) -> Notice:
    """Tell of a new password."""
    return _notice(Topic.PASSWORD_CHANGED, origin)


def factor_set_up(origin: Origin) -> Notice:
    """Tell of a second factor, and of the recovery codes that come with it."""
    return _notice(Topic.FACTOR_SET_UP, origin)


def factor_removed(origin: Origin) -> Notice:
    """Tell of a second factor that its owner, or an operator, has removed."""
    return _notice(Topic.FACTOR_TAKEN_AWAY if origin is OPERATOR else Topic.FACTOR_REMOVED, origin)


def key_made(origin: Origin, api_key: str, permissions: Collection[str]) -> Notice:
    """Tell of a new API key."""
    return _notice(Topic.KEY_MADE, origin, key=api_key[:KEY_SHOWN], permissions=", ".join(permissions))


def key_removed(origin: Origin, api_key: str) -> Notice:
    """Tell of an API key that is gone."""
    return _notice(Topic.KEY_REMOVED, origin, key=api_key[:KEY_SHOWN])


def new_device(origin: Origin) -> Notice:
    """Tell of a sign-in from a device that the account was not seen on before."""
    return _notice(Topic.NEW_DEVICE, origin)


def _notice(topic: Topic, origin: Origin, **facts: str) -> Notice:
    return Notice(topic, {"origin": origin.words(), **facts})
