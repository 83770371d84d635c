"""Rules, switches, tiers and discounts of version 2 (docs/engine-2.md sections 2, 3 and 8): each command beside its event."""

from struct import Struct
from typing import ClassVar, Final, Self

from openbourse.protocol.codec import decode_rules, encode_rules, halves, wide
from openbourse.protocol.frames import Command, CommandKind, Event, EventKind, PackedCommand, PackedEvent
from openbourse.protocol.instruments import InstrumentRules


class SetRules(PackedCommand, frozen=True):
    """Change the version of the engine's rules."""

    kind: ClassVar = CommandKind.SET_RULES
    layout: ClassVar = Struct("<I")
    version: int


class RulesSet(PackedEvent, frozen=True):
    """The engine's rules from here on."""

    kind: ClassVar = EventKind.RULES_SET
    layout: ClassVar = Struct("<I")
    version: int


class SetInstrumentRules(Command, frozen=True):
    """Change an instrument's features and the bounds that version 2 adds."""

    kind: ClassVar = CommandKind.SET_INSTRUMENT_RULES
    image: InstrumentRules

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return encode_rules(self.image)

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        image, end = decode_rules(data, at)
        return cls(image), end


class InstrumentRulesSet(Event, frozen=True):
    """An instrument's rules from here on."""

    kind: ClassVar = EventKind.INSTRUMENT_RULES_SET
    image: InstrumentRules

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        return cls(sequence, index, decode_rules(data, at)[0])


class SetKillSwitch(PackedCommand, frozen=True):
    """Cancel all of an account's orders and take no more (on: 1), or take orders again (0)."""

    kind: ClassVar = CommandKind.SET_KILL_SWITCH
    layout: ClassVar = Struct("<QB")
    account: int
    on: int


class KillSwitchSet(PackedEvent, frozen=True):
    """An account's kill switch from here on."""

    kind: ClassVar = EventKind.KILL_SWITCH_SET
    layout: ClassVar = Struct("<QB")
    account: int
    on: int


class SetHeartbeat(PackedCommand, frozen=True):
    """Cancel an account's orders on an instrument (0: every one) unless this is sent again within the countdown (0: remove)."""

    kind: ClassVar = CommandKind.SET_HEARTBEAT
    layout: ClassVar = Struct("<QIq")
    account: int
    instrument: int
    countdown_us: int


class HeartbeatSet(PackedEvent, frozen=True):
    """Until when the next heartbeat must come (0: removed)."""

    kind: ClassVar = EventKind.HEARTBEAT_SET
    layout: ClassVar = Struct("<QIq")
    account: int
    instrument: int
    deadline_us: int


class HeartbeatMissed(PackedEvent, frozen=True):
    """A heartbeat did not come in time: the orders it covers are canceled."""

    kind: ClassVar = EventKind.HEARTBEAT_MISSED
    layout: ClassVar = Struct("<QI")
    account: int
    instrument: int


class DefineTier(PackedCommand, frozen=True):
    """Give a tier its rates; both -1 remove it."""

    kind: ClassVar = CommandKind.DEFINE_TIER
    layout: ClassVar = Struct("<Iqq")
    tier: int
    maker_rate: int
    taker_rate: int


class TierDefined(PackedEvent, frozen=True):
    """A tier's rates from here on (both -1: removed)."""

    kind: ClassVar = EventKind.TIER_DEFINED
    layout: ClassVar = Struct("<Iqq")
    tier: int
    maker_rate: int
    taker_rate: int


class AssignTier(PackedCommand, frozen=True):
    """Put an account in a tier (0: in none)."""

    kind: ClassVar = CommandKind.ASSIGN_TIER
    layout: ClassVar = Struct("<QI")
    account: int
    tier: int


class TierAssigned(PackedEvent, frozen=True):
    """An account's tier from here on (0: none)."""

    kind: ClassVar = EventKind.TIER_ASSIGNED
    layout: ClassVar = Struct("<QI")
    account: int
    tier: int


class SetDiscount(PackedCommand, frozen=True):
    """Let commissions be paid in an asset (0: in none) at a rate of their amount."""

    kind: ClassVar = CommandKind.SET_DISCOUNT
    layout: ClassVar = Struct("<Iq")
    asset: int
    rate: int


class DiscountSet(PackedEvent, frozen=True):
    """The discount asset (0: none) and its rate from here on."""

    kind: ClassVar = EventKind.DISCOUNT_SET
    layout: ClassVar = Struct("<Iq")
    asset: int
    rate: int


class SetDiscountPrice(PackedCommand, frozen=True):
    """Say what one unit of the discount asset costs in an asset (0: remove)."""

    kind: ClassVar = CommandKind.SET_DISCOUNT_PRICE
    layout: ClassVar = Struct("<Iq")
    asset: int
    price: int


class DiscountPriceSet(PackedEvent, frozen=True):
    """The discount asset's price in an asset from here on (0: removed)."""

    kind: ClassVar = EventKind.DISCOUNT_PRICE_SET
    layout: ClassVar = Struct("<Iq")
    asset: int
    price: int


class UseDiscount(PackedCommand, frozen=True):
    """Let an account pay commissions in the discount asset (on: 1), or not (0)."""

    kind: ClassVar = CommandKind.USE_DISCOUNT
    layout: ClassVar = Struct("<QB")
    account: int
    on: int


class DiscountUsed(PackedEvent, frozen=True):
    """Whether an account pays commissions in the discount asset from here on."""

    kind: ClassVar = EventKind.DISCOUNT_USED
    layout: ClassVar = Struct("<QB")
    account: int
    on: int


class SetVenueRules(PackedCommand, frozen=True):
    """Bound what an account may have open over all instruments (0: no bound)."""

    kind: ClassVar = CommandKind.SET_VENUE_RULES
    layout: ClassVar = Struct("<IIII")
    orders_max: int
    algo_orders_max: int
    iceberg_orders_max: int
    lists_max: int


class VenueRulesSet(PackedEvent, frozen=True):
    """What an account may have open over all instruments from here on (0: no bound)."""

    kind: ClassVar = EventKind.VENUE_RULES_SET
    layout: ClassVar = Struct("<IIII")
    orders_max: int
    algo_orders_max: int
    iceberg_orders_max: int
    lists_max: int


_LIMIT: Final = Struct("<IQq")


class SetAssetLimit(Command, frozen=True):
    """Bound how much of an asset one order may move (0: no bound)."""

    kind: ClassVar = CommandKind.SET_ASSET_LIMIT
    asset: int
    limit: int

    def body(self) -> bytes:
        """Return the bytes after the header."""
        return _LIMIT.pack(self.asset, *halves(self.limit))

    @classmethod
    def read(cls, data: bytes, at: int) -> tuple[Self, int]:
        """Return the command whose body begins at an offset, and the offset after it."""
        asset, low, high = _LIMIT.unpack_from(data, at)
        return cls(asset, wide(low, high)), at + _LIMIT.size


class AssetLimitSet(Event, frozen=True):
    """How much of an asset one order may move from here on (0: no bound)."""

    kind: ClassVar = EventKind.ASSET_LIMIT_SET
    asset: int
    limit: int

    @classmethod
    def read(cls, data: bytes, at: int, sequence: int, index: int) -> Self:
        """Return the event whose body begins at an offset."""
        asset, low, high = _LIMIT.unpack_from(data, at)
        return cls(sequence, index, asset, wide(low, high))
