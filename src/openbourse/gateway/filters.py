"""Filters and execution rules as clients see them (binance-api.md section 3). What is off is not shown."""

from typing import Final

from openbourse.edge.listing import Listing
from openbourse.protocol.amounts import format_units
from openbourse.protocol.instruments import Feature, Instrument, InstrumentRules, NotionalFlag

Shown = list[dict[str, object]]
_ORDER: Final = (
    "PRICE_FILTER",
    "LOT_SIZE",
    "ICEBERG_PARTS",
    "MARKET_LOT_SIZE",
    "TRAILING_DELTA",
    "PERCENT_PRICE",
    "PERCENT_PRICE_BY_SIDE",
    "NOTIONAL",
    "MAX_POSITION",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ORDER_LISTS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ICEBERG_ORDERS",
    "MAX_NUM_ORDER_AMENDS",
)


def symbol_filters(image: Instrument, rules: InstrumentRules) -> Shown:
    """Return the filters of an instrument, in the order that clients are used to."""
    shown = [*_price_filters(image, rules), *_quantity_filters(image, rules), *_count_filters(image, rules)]
    return sorted(shown, key=lambda each: _ORDER.index(str(each["filterType"])))


def exchange_filters(listing: Listing) -> Shown:
    """Return the filters over all instruments."""
    rules = listing.venue_rules
    if rules is None:
        return []
    return _counts(
        ("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", rules.orders_max),
        ("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", rules.algo_orders_max),
        ("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", rules.iceberg_orders_max),
        ("EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists", rules.lists_max),
    )


def asset_filters(image: Instrument, listing: Listing) -> Shown:
    """Return the filters of an instrument's two assets."""
    return [
        {
            "filterType": "MAX_ASSET",
            "asset": listing.assets[asset],
            "limit": format_units(listing.asset_limits[asset]),
        }
        for asset in (image.base, image.quote)
        if asset in listing.asset_limits
    ]


def execution_rules(rules: InstrumentRules) -> Shown:
    """Return the rules that hold while an order is executed."""
    limits = {
        "bidLimitMultUp": rules.range_bid_up,
        "bidLimitMultDown": rules.range_bid_down,
        "askLimitMultUp": rules.range_ask_up,
        "askLimitMultDown": rules.range_ask_down,
    }
    shown: dict[str, object] = {name: format_units(limit) for name, limit in limits.items() if limit}
    return [{"ruleType": "PRICE_RANGE", **shown}] if shown else []


def allowed(rules: InstrumentRules) -> dict[str, object]:
    """Return the features that an instrument offers."""
    has = rules.features
    return {
        "icebergAllowed": bool(has & Feature.ICEBERG),
        "ocoAllowed": bool(has & Feature.OCO),
        "otoAllowed": bool(has & Feature.OTO),
        "opoAllowed": bool(has & Feature.OPO),
        "quoteOrderQtyMarketAllowed": not has & Feature.NO_QUOTE_MARKET,
        "allowTrailingStop": bool(has & Feature.TRAILING),
        "cancelReplaceAllowed": not has & Feature.NO_CANCEL_REPLACE,
        "amendAllowed": bool(has & Feature.AMEND),
        "pegInstructionsAllowed": bool(has & Feature.PEG),
    }


def _price_filters(image: Instrument, rules: InstrumentRules) -> Shown:
    shown: Shown = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format_units(image.price_min),
            "maxPrice": format_units(image.price_max),
            "tickSize": format_units(image.tick),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": format_units(image.notional_min),
            "applyMinToMarket": bool(image.notional_flags & NotionalFlag.MIN_APPLIES_TO_MARKET),
            "maxNotional": format_units(image.notional_max or 9_000_000 * 10**8),
            "applyMaxToMarket": bool(image.notional_flags & NotionalFlag.MAX_APPLIES_TO_MARKET),
            "avgPriceMins": image.average_minutes,
        },
    ]
    # A client that computes a price band from a multiplier of 0 finds no price allowed: a band needs all its bounds.
    if image.bid_up and image.bid_down and image.ask_up and image.ask_down:
        shown.append(
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": format_units(image.bid_up),
                "bidMultiplierDown": format_units(image.bid_down),
                "askMultiplierUp": format_units(image.ask_up),
                "askMultiplierDown": format_units(image.ask_down),
                "avgPriceMins": image.average_minutes,
            }
        )
    if rules.percent_up and rules.percent_down:
        shown.append(
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": format_units(rules.percent_up),
                "multiplierDown": format_units(rules.percent_down),
                "avgPriceMins": image.average_minutes,
            }
        )
    if rules.trailing_above_max or rules.trailing_below_max:
        shown.append(
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": rules.trailing_above_min,
                "maxTrailingAboveDelta": rules.trailing_above_max,
                "minTrailingBelowDelta": rules.trailing_below_min,
                "maxTrailingBelowDelta": rules.trailing_below_max,
            }
        )
    return shown


def _quantity_filters(image: Instrument, rules: InstrumentRules) -> Shown:
    shown: Shown = [
        {
            "filterType": "LOT_SIZE",
            "minQty": format_units(image.quantity_min),
            "maxQty": format_units(image.quantity_max),
            "stepSize": format_units(image.step),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": format_units(image.market_quantity_min),
            "maxQty": format_units(image.market_quantity_max or image.quantity_max),
            "stepSize": format_units(image.market_step),
        },
    ]
    if rules.position_max:
        shown.append({"filterType": "MAX_POSITION", "maxPosition": format_units(rules.position_max)})
    return shown


def _count_filters(image: Instrument, rules: InstrumentRules) -> Shown:
    return _counts(
        ("ICEBERG_PARTS", "limit", rules.iceberg_parts_max),
        ("MAX_NUM_ORDERS", "maxNumOrders", image.orders_max),
        ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", rules.algo_orders_max),
        ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", rules.iceberg_orders_max),
        ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", rules.lists_max),
        ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", rules.amends_max),
    )


def _counts(*bounds: tuple[str, str, int]) -> Shown:
    return [{"filterType": name, field: bound} for name, field, bound in bounds if bound]
