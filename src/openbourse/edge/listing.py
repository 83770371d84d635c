"""What is listed: assets, instruments, rules and fees as of the events seen, for lookups by name and by id."""

from collections.abc import Iterable
from typing import Final

import msgspec

from openbourse.edge.errors import invalid_symbol
from openbourse.edge.intake import Overloaded
from openbourse.protocol import events
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules

KINDS: Final = frozenset(
    {
        events.EventKind.ASSET_CREATED,
        events.EventKind.INSTRUMENT_DEFINED,
        events.EventKind.INSTRUMENT_STATUS_CHANGED,
        events.EventKind.FEE_SET,
        events.EventKind.ACCOUNT_DEFINED,
        events.EventKind.RULES_SET,
        events.EventKind.INSTRUMENT_RULES_SET,
        events.EventKind.KILL_SWITCH_SET,
        events.EventKind.TIER_DEFINED,
        events.EventKind.TIER_ASSIGNED,
        events.EventKind.DISCOUNT_SET,
        events.EventKind.DISCOUNT_USED,
        events.EventKind.VENUE_RULES_SET,
        events.EventKind.ASSET_LIMIT_SET,
    }
)


class Discount(msgspec.Struct, frozen=True):
    """Whether and how an account pays its commissions on an instrument in another asset."""

    is_used: bool
    """By the account."""
    is_offered: bool
    """By the instrument."""
    asset: int
    """0: the venue has none."""
    rate: int


class Listing:
    """Assets, instruments with their rules, rates and account permissions; grows by `apply`, is read by everybody."""

    def __init__(self) -> None:
        self.assets: dict[int, str] = {}
        self.asset_ids: dict[str, int] = {}
        self.instruments: dict[int, Instrument] = {}
        self.by_symbol: dict[str, Instrument] = {}
        self.fees: dict[tuple[int, int], tuple[int, int]] = {}
        self.permissions: dict[int, int] = {}
        self.trade_groups: dict[int, int] = {}
        self.disabled: set[int] = set()
        """Accounts whose kill switch is on."""
        self.rules_version = 1
        self.rules: dict[int, InstrumentRules] = {}
        self.venue_rules: events.VenueRulesSet | None = None
        self.asset_limits: dict[int, int] = {}
        self.tiers: dict[int, tuple[int, int]] = {}
        self.tier_of: dict[int, int] = {}
        self.discount_asset = self.discount_rate = 0
        self.discount_users: set[int] = set()

    def apply(self, seen: Iterable[events.Event]) -> None:
        """Take in events of KINDS; others are passed over. Applying one twice changes nothing."""
        for event in seen:
            self._take_listed(event)
            self._take_rules(event)

    def _take_listed(self, event: events.Event) -> None:
        match event:
            case events.AssetCreated():
                self.assets[event.asset] = event.code
                self.asset_ids[event.code] = event.asset
            case events.InstrumentDefined():
                self.define(event.image)
            case events.InstrumentStatusChanged():
                self.define(msgspec.structs.replace(self.instruments[event.instrument], status=event.status))
            case events.FeeSet():
                key = (event.account, event.instrument)
                self.fees.pop(key, None)
                if event.maker_rate >= 0:
                    self.fees[key] = (event.maker_rate, event.taker_rate)
            case events.AccountDefined():
                self.permissions[event.account] = event.permissions
                self.trade_groups[event.account] = event.trade_group

    def _take_rules(self, event: events.Event) -> None:
        match event:
            case events.RulesSet():
                self.rules_version = event.version
            case events.InstrumentRulesSet():
                self.rules[event.image.instrument] = event.image
            case events.VenueRulesSet():
                self.venue_rules = event
            case events.AssetLimitSet():
                _keep(self.asset_limits, event.asset, event.limit)
            case events.TierDefined():
                self.tiers.pop(event.tier, None)
                if event.maker_rate >= 0:
                    self.tiers[event.tier] = (event.maker_rate, event.taker_rate)
            case events.TierAssigned():
                _keep(self.tier_of, event.account, event.tier)
            case events.DiscountSet():
                self.discount_asset, self.discount_rate = event.asset, event.rate
            case events.DiscountUsed():
                _switch(self.discount_users, event.account, event.on)
            case events.KillSwitchSet():
                _switch(self.disabled, event.account, event.on)

    def define(self, image: Instrument) -> None:
        """Put an instrument in force."""
        self.instruments[image.instrument] = image
        self.by_symbol[image.symbol] = image

    def find(self, symbol: str) -> Instrument:
        """Return the instrument of a symbol. Raises ApiError -1121, and Overloaded while nothing is known of the venue."""
        self._require()
        image = self.by_symbol.get(symbol)
        if image is None:
            raise invalid_symbol()
        return image

    def every(self) -> list[Instrument]:
        """Return all instruments by their numbers. Raises Overloaded while nothing is known of the venue."""
        self._require()
        return [self.instruments[number] for number in sorted(self.instruments)]

    def _require(self) -> None:
        # An edge that is starting takes requests before it has read the markets: to call a symbol invalid then, or a venue
        # empty, would have a bot give up for good.
        if not self.instruments:
            raise Overloaded("nothing is listed yet")

    def rules_of(self, instrument: int) -> InstrumentRules:
        """Return an instrument's rules; all off until they are set."""
        return self.rules.get(instrument) or InstrumentRules(instrument=instrument)

    def rates(self, account: int, instrument: int) -> tuple[int, int]:
        """Return an account's maker and taker rate on an instrument, as the engine resolves them."""
        image = self.instruments[instrument]
        return (
            self.fees.get((account, instrument))
            or self.fees.get((account, 0))
            or self.tiers.get(self.tier_of.get(account, 0))
            or (image.maker_rate, image.taker_rate)
        )

    def discount(self, account: int, instrument: int) -> Discount:
        """Return how an account's commissions on an instrument are discounted."""
        return Discount(
            account in self.discount_users,
            bool(self.rules_of(instrument).features & Feature.DISCOUNT),
            self.discount_asset,
            self.discount_rate,
        )


def _keep(kept: dict[int, int], key: int, value: int) -> None:
    kept.pop(key, None)
    if value:
        kept[key] = value


def _switch(switched: set[int], key: int, on: int) -> None:
    if on:
        switched.add(key)
    else:
        switched.discard(key)
