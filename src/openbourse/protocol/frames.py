"""Frames: the header around every command and event, and what a command and an event are (docs/engine.md sections 2 and 3)."""

from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, Self

import msgspec

from openbourse.protocol.codec import COMMAND_HEADER, VERSION


class CommandKind(IntEnum):
    """The number of each command in its frame. From 18: rules version 2."""

    CREATE_ASSET = 1
    LIST_INSTRUMENT = 2
    CHANGE_INSTRUMENT = 3
    SET_INSTRUMENT_STATUS = 4
    OPEN_ACCOUNT = 5
    SET_PERMISSIONS = 6
    SET_FEE = 7
    CREDIT_DEPOSIT = 8
    HOLD_WITHDRAWAL = 9
    SETTLE_WITHDRAWAL = 10
    RELEASE_WITHDRAWAL = 11
    PLACE_ORDER = 12
    CANCEL_ORDER = 13
    CANCEL_ALL = 14
    CANCEL_REPLACE = 15
    ADVANCE_TIME = 16
    SET_RULES = 17
    AMEND_ORDER = 18
    PLACE_ORDER_LIST = 19
    CANCEL_ORDER_LIST = 20
    SET_INSTRUMENT_RULES = 21
    SET_KILL_SWITCH = 22
    SET_HEARTBEAT = 23
    DEFINE_TIER = 24
    ASSIGN_TIER = 25
    SET_DISCOUNT = 26
    SET_DISCOUNT_PRICE = 27
    USE_DISCOUNT = 28
    SET_VENUE_RULES = 29
    SET_ASSET_LIMIT = 30


CANCELS: Final = frozenset({CommandKind.CANCEL_ORDER, CommandKind.CANCEL_ALL, CommandKind.CANCEL_ORDER_LIST})
"""What goes before everything else where there is too much to do."""


class EventKind(IntEnum):
    """The number of each event in its frame. From 20: rules version 2."""

    COMMAND_REJECTED = 1
    COMMAND_DUPLICATE = 2
    ASSET_CREATED = 3
    INSTRUMENT_DEFINED = 4
    INSTRUMENT_STATUS_CHANGED = 5
    ACCOUNT_DEFINED = 6
    FEE_SET = 7
    DEPOSIT_CREDITED = 8
    WITHDRAWAL_HELD = 9
    WITHDRAWAL_SETTLED = 10
    WITHDRAWAL_RELEASED = 11
    ORDER_UPDATED = 12
    TRADED = 13
    ORDER_TESTED = 14
    CANCEL_REPLACED = 15
    LEVEL_CHANGED = 16
    BALANCE_CHANGED = 17
    TIME_ADVANCED = 18
    RULES_SET = 19
    LIST_UPDATED = 20
    INSTRUMENT_RULES_SET = 21
    KILL_SWITCH_SET = 22
    HEARTBEAT_SET = 23
    HEARTBEAT_MISSED = 24
    TIER_DEFINED = 25
    TIER_ASSIGNED = 26
    DISCOUNT_SET = 27
    DISCOUNT_PRICE_SET = 28
    DISCOUNT_USED = 29
    VENUE_RULES_SET = 30
    ASSET_LIMIT_SET = 31
    AUCTION_INDICATED = 32


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who sent a command, so that a resend gives the first result. counter 0: no identity."""

    session: int = 0
    counter: int = 0
    low_water: int = 0
    not_after_us: int = 0


NO_IDENTITY: Final = Identity()


class Command(msgspec.Struct, frozen=True, gc=False):
    """A command without its identity; each kind packs its own body."""

    kind: ClassVar[CommandKind]

    @property
    def frame_version(self) -> int:
        """The version of the frame that the body needs."""
        return VERSION

    def body(self) -> bytes:
        """Return the bytes after the header."""
        raise NotImplementedError

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        raise NotImplementedError

    def encode(self, identity: Identity = NO_IDENTITY) -> bytes:
        """Return the whole frame."""
        return frame(self.kind, self.body(), identity, self.frame_version)


class PackedCommand(Command, frozen=True):
    """A command whose body is a fixed struct of its fields in order."""

    layout: ClassVar[Struct]

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return self.layout.pack(*msgspec.structs.astuple(self))

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        return cls(*cls.layout.unpack_from(data, at)), at + cls.layout.size


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event; sequence is its command's, index its place within the command."""

    kind: ClassVar[EventKind]
    sequence: int
    index: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        raise NotImplementedError


class PackedEvent(Event, frozen=True):
    """An event whose body is a fixed struct of its fields in order."""

    layout: ClassVar[Struct]

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(sequence, index, *cls.layout.unpack_from(data, at))


def frame(kind: int, body: bytes, identity: Identity = NO_IDENTITY, version: int = VERSION) -> bytes:
    """Return a command frame around a body."""
    return (
        COMMAND_HEADER.pack(
            COMMAND_HEADER.size + len(body),
            kind,
            version,
            identity.session,
            identity.counter,
            identity.low_water,
            identity.not_after_us,
        )
        + body
    )
