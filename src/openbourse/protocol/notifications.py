"""Notifications: what people are told, as it crosses a queue. Plain Python alone: a Lambda function imports this file."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

VERSION: Final = 1
BODY_BYTES_MAX: Final = 16_384
"""Far below a queue's own limit; what is longer was not made here."""
FACTS_MAX: Final = 32
ADDRESS_LENGTH_MAX: Final = 254


class Topic(StrEnum):
    """What a notification is about."""

    FILL = "fill"
    CANCEL = "cancel"
    EXPIRY = "expiry"
    DEPOSIT = "deposit"
    WITHDRAWAL_HELD = "withdrawal-held"
    WITHDRAWAL_SETTLED = "withdrawal-settled"
    WITHDRAWAL_RELEASED = "withdrawal-released"
    MUTED = "muted"
    """So many more of this minute were left out."""
    PASSWORD_CHANGED = "security-password-changed"
    FACTOR_SET_UP = "security-factor-set-up"
    FACTOR_REMOVED = "security-factor-removed"
    FACTOR_TAKEN_AWAY = "security-factor-taken-away"
    """Removed by an operator."""
    KEY_MADE = "security-key-made"
    KEY_REMOVED = "security-key-removed"
    NEW_DEVICE = "security-new-device"
    SECURITY_MUTED = "security-muted"
    """So many more of this hour were left out."""


CHOSEN: Final = (Topic.FILL, Topic.CANCEL, Topic.EXPIRY, Topic.DEPOSIT)
"""What a person may choose not to hear of."""
SECURITY: Final = tuple(topic for topic in Topic if topic.startswith("security-"))
"""What is told of an account's safety, whatever anybody has chosen: a thief would choose silence."""
NOISY: Final = (Topic.KEY_MADE, Topic.KEY_REMOVED, Topic.NEW_DEVICE)
"""Of these what one can cause without end; counted apart, so that who makes noise with keys hides no new password."""


class NotificationFault(ValueError):
    """A body that is no notification."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell one person. Sent at least once: whoever delivers it may know by the id that it was delivered."""

    id: str
    """The same at every sending: made of the event's place in the journal, or of the row's number."""
    topic: Topic
    account: int = field(repr=False)
    """For order and grouping only; it does not cross the queue's body."""
    address: str = field(repr=False)
    """Where to. Kept out of `repr`, and so out of logs, as are the facts."""
    time_ms: int
    facts: dict[str, str] = field(repr=False)
    """Decimal texts, symbols, codes, and of an account's safety who did what from where, as the topic needs them."""

    def body(self) -> str:
        """Return what crosses the queue."""
        shown = {
            "version": VERSION,
            "id": self.id,
            "topic": str(self.topic),
            "address": self.address,
            "time_ms": self.time_ms,
            "facts": self.facts,
        }
        return json.dumps(shown, separators=(",", ":"), sort_keys=True)


def read_body(text: str) -> Notification:
    """Return the notification of a body. Raises NotificationFault, which holds nothing of the body."""
    if len(text.encode()) > BODY_BYTES_MAX:
        raise NotificationFault("the body is too long")
    try:
        found = json.loads(text)
    except ValueError:
        raise NotificationFault("the body is no JSON") from None
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise NotificationFault("the body's version is not known")
    facts: Any = found.get("facts")
    address: Any = found.get("address")
    is_whole = (
        isinstance(found.get("id"), str)
        and found.get("topic") in set(Topic)
        and isinstance(address, str)
        and isinstance(found.get("time_ms"), int)
        and isinstance(facts, dict)
        and len(facts) <= FACTS_MAX
        and all(isinstance(value, str) for value in facts.values())
    )
    if not is_whole:
        raise NotificationFault("the body lacks a field, or one is of another kind")
    if not is_address(address):
        raise NotificationFault("the address is none")
    return Notification(found["id"], Topic(found["topic"]), 0, address, found["time_ms"], facts)


def is_address(text: str) -> bool:
    """Tell whether a text may stand in a mail's header: printable, with one @ between other characters, not too long.

    Nor is any of it an encoded word (RFC 2047): what a header makes of it may be another address, or none.
    """
    name, at, host = text.partition("@")
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(' ,;:<>"()[]\\')
    is_plain = is_plain and "=?" not in text
    return bool(at and name and host) and "@" not in host and is_plain and len(text) <= ADDRESS_LENGTH_MAX
