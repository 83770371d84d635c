"""What is listed follows from the events, in whatever way they are read again."""

import pytest

from openbourse.edge.intake import Overloaded
from openbourse.edge.listing import Listing
from openbourse.marketdata.projector import listing_entry
from openbourse.marketdata.view import event_of
from openbourse.protocol import events as e
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules

IMAGE = Instrument(
    instrument=1,
    symbol="BTCUSDT",
    base=2,
    quote=1,
    price_min=0,
    price_max=0,
    tick=10**6,
    quantity_min=1_000,
    quantity_max=10**12,
    step=1_000,
    notional_min=0,
)
RULES = InstrumentRules(instrument=1, features=Feature.DISCOUNT | Feature.OCO, lists_max=20, position_max=2**70)
TOLD: list[e.Event] = [
    e.AssetCreated(1, 0, 1, "USDT"),
    e.AssetCreated(2, 0, 2, "BTC"),
    e.RulesSet(3, 0, 2),
    e.InstrumentDefined(4, 0, IMAGE),
    e.InstrumentRulesSet(5, 0, RULES),
    e.AccountDefined(6, 0, 1_000, -1, 7),
    e.TierDefined(7, 0, 3, 80_000, 90_000),
    e.TierAssigned(8, 0, 1_000, 3),
    e.DiscountSet(9, 0, 2, 75_000_000),
    e.DiscountUsed(10, 0, 1_000, 1),
    e.KillSwitchSet(11, 0, 1_000, 1),
    e.VenueRulesSet(12, 0, 900, 0, 0, 40),
    e.AssetLimitSet(13, 0, 1, 2**90),
]


def listed(told: list[e.Event]) -> Listing:
    listing = Listing()
    listing.apply(told)
    return listing


def test_rules_switches_tiers_and_discounts_are_known() -> None:
    listing = listed(TOLD)
    assert (listing.rules_version, listing.rules_of(1)) == (2, RULES)
    assert listing.rules_of(9) == InstrumentRules(instrument=9)
    assert listing.rates(1_000, 1) == (80_000, 90_000)
    assert listing.rates(1_001, 1) == (IMAGE.maker_rate, IMAGE.taker_rate)
    discount = listing.discount(1_000, 1)
    assert (discount.is_used, discount.is_offered, discount.asset, discount.rate) == (True, True, 2, 75_000_000)
    assert (listing.disabled, listing.asset_limits) == ({1_000}, {1: 2**90})


def test_an_account_s_own_rates_come_before_its_tier_s() -> None:
    listing = listed([*TOLD, e.FeeSet(14, 0, 1_000, 0, 5, 6)])
    assert listing.rates(1_000, 1) == (5, 6)
    listing.apply([e.FeeSet(15, 0, 1_000, 0, -1, -1)])
    assert listing.rates(1_000, 1) == (80_000, 90_000)


def test_what_was_set_can_be_taken_back() -> None:
    listing = listed(TOLD)
    listing.apply(
        [
            e.TierAssigned(20, 0, 1_000, 0),
            e.TierDefined(21, 0, 3, -1, -1),
            e.DiscountUsed(22, 0, 1_000, 0),
            e.DiscountSet(23, 0, 0, 0),
            e.KillSwitchSet(24, 0, 1_000, 0),
            e.AssetLimitSet(25, 0, 1, 0),
        ]
    )
    assert listing.rates(1_000, 1) == (IMAGE.maker_rate, IMAGE.taker_rate)
    assert (listing.tiers, listing.tier_of, listing.disabled, listing.asset_limits) == ({}, {}, set(), {})
    assert not listing.discount(1_000, 1).is_used


def test_stored_entries_make_the_same_listing() -> None:
    entries = [listing_entry(event) for event in TOLD]
    assert all(entry is not None for entry in entries)
    stored = {entry[:2]: entry[2] for entry in entries if entry is not None}
    read = [event_of(kind, body) for (kind, _), body in sorted(stored.items())]
    assert vars_of(listed(read)) == vars_of(listed(TOLD))


def vars_of(listing: Listing) -> dict[str, object]:
    values = dict(vars(listing))
    # An entry keeps no place in the journal.
    values["venue_rules"] = None if listing.venue_rules is None else listing.venue_rules.orders_max
    return values


def test_a_venue_of_which_nothing_is_known_yet_is_neither_empty_nor_without_a_symbol() -> None:
    listed = Listing()
    for ask in (listed.every, lambda: listed.find("BTCUSDT")):
        with pytest.raises(Overloaded):
            ask()
