"""Filters, features and execution rules are shown as they are in force; what is off is not shown."""

import pytest

from openbourse import listings
from openbourse.edge.listing import Listing
from openbourse.gateway.filters import (
    allowed,
    asset_filters,
    exchange_filters,
    execution_rules,
    symbol_filters,
)
from openbourse.protocol import events as e
from openbourse.protocol.instruments import Feature, InstrumentRules
from tests.served import Venue

IMAGE = listings.INSTRUMENTS[0]
FIRST = listings.first_rules(1)


def named(rules: InstrumentRules) -> dict[object, dict[str, object]]:
    return {shown["filterType"]: shown for shown in symbol_filters(IMAGE, rules)}


def test_the_first_rules_show_every_filter_that_binance_has() -> None:
    shown = named(FIRST)
    assert shown["ICEBERG_PARTS"]["limit"] == 100
    assert shown["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"] == 5
    assert shown["MAX_NUM_ICEBERG_ORDERS"]["maxNumIcebergOrders"] == 10
    assert shown["MAX_NUM_ORDER_LISTS"]["maxNumOrderLists"] == 20
    assert shown["MAX_NUM_ORDER_AMENDS"]["maxNumOrderAmends"] == 10
    assert shown["TRAILING_DELTA"] == {
        "filterType": "TRAILING_DELTA",
        "minTrailingAboveDelta": 10,
        "maxTrailingAboveDelta": 2_000,
        "minTrailingBelowDelta": 10,
        "maxTrailingBelowDelta": 2_000,
    }
    assert not shown.keys() & {"MAX_POSITION", "PERCENT_PRICE"}


def test_what_is_off_is_not_shown() -> None:
    assert set(named(InstrumentRules(instrument=1))) == {
        *("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL", "PERCENT_PRICE_BY_SIDE", "MAX_NUM_ORDERS"),
    }


def test_position_and_percent_price_are_shown_when_set() -> None:
    rules = InstrumentRules(instrument=1, position_max=5 * 10**8, percent_up=5 * 10**8, percent_down=2 * 10**7)
    shown = named(rules)
    assert shown["MAX_POSITION"]["maxPosition"] == "5.00000000"
    assert (shown["PERCENT_PRICE"]["multiplierUp"], shown["PERCENT_PRICE"]["multiplierDown"]) == (
        "5.00000000",
        "0.20000000",
    )


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (0, {"icebergAllowed": False, "quoteOrderQtyMarketAllowed": True, "cancelReplaceAllowed": True}),
        (listings.FEATURES, {"ocoAllowed": True, "opoAllowed": True, "amendAllowed": True, "allowTrailingStop": True}),
        (Feature.NO_QUOTE_MARKET | Feature.PEG, {"quoteOrderQtyMarketAllowed": False, "pegInstructionsAllowed": True}),
    ],
)
def test_features_are_flags(features: int, expected: dict[str, bool]) -> None:
    shown = allowed(InstrumentRules(instrument=1, features=features))
    assert {name: shown[name] for name in expected} == expected


def test_a_price_range_is_an_execution_rule() -> None:
    assert execution_rules(FIRST) == []
    assert execution_rules(InstrumentRules(instrument=1, range_bid_up=101_000_000)) == [
        {"ruleType": "PRICE_RANGE", "bidLimitMultUp": "1.01000000"}
    ]


def test_bounds_of_the_venue_and_of_assets() -> None:
    listing = Listing()
    assert exchange_filters(listing) == []
    listing.apply(
        [e.AssetCreated(1, 0, 1, "USDT"), e.VenueRulesSet(2, 0, 900, 0, 0, 40), e.AssetLimitSet(3, 0, 1, 10**12)]
    )
    assert exchange_filters(listing) == [
        {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 900},
        {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 40},
    ]
    assert asset_filters(IMAGE, listing) == [{"filterType": "MAX_ASSET", "asset": "USDT", "limit": "10000.00000000"}]


async def test_rules_and_own_filters_are_served(venue: Venue) -> None:
    rules = await venue.http.get("/api/v3/executionRules", params={"symbol": "BTCUSDT"})
    assert (rules.json(), rules.headers["X-MBX-USED-WEIGHT-1M"]) == ({"symbolRules": []}, "2")
    both = await venue.http.get("/api/v3/executionRules", params={"symbol": "BTCUSDT", "symbolStatus": "TRADING"})
    assert both.json()["code"] == -1128
    mine = (await venue.signed("GET", "/api/v3/myFilters", symbol="BTCUSDT")).json()
    assert set(mine) == {"exchangeFilters", "symbolFilters", "assetFilters"}
