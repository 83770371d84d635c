"""What a client asks first: ping, time, what is listed and under which rules."""

import time
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation
from openbourse.edge.ratelimit import CONNECTIONS_MAX, RAW_REQUESTS_MAX
from openbourse.protocol.amounts import format_units
from openbourse.protocol.instruments import Instrument, InstrumentStatus, NotionalFlag, OrderType, SelfTradePrevention


def operations(listing: Listing, weight_per_minute: int, orders_per_10s: int, orders_per_day: int) -> list[Operation]:
    """Return the operations."""
    limits: Final = [
        _limit("REQUEST_WEIGHT", "MINUTE", 1, weight_per_minute),
        _limit("ORDERS", "SECOND", 10, orders_per_10s),
        _limit("ORDERS", "DAY", 1, orders_per_day),
    ]
    by_carrier = {
        False: [*limits, _limit("RAW_REQUESTS", "MINUTE", 5, RAW_REQUESTS_MAX)],
        True: [*limits, _limit("CONNECTIONS", "MINUTE", 5, CONNECTIONS_MAX)],
    }

    async def ping(call: Call) -> object:
        return {}

    async def tell_time(call: Call) -> object:
        return {"serverTime": call.time(time.time_ns() // 1_000)}

    async def exchange_info(call: Call) -> object:
        shows_sets = call.params.boolean("showPermissionSets", True)
        return {
            "timezone": "UTC",
            "serverTime": call.time(time.time_ns() // 1_000),
            "rateLimits": by_carrier[call.over_socket],
            "exchangeFilters": [],
            "symbols": [_symbol(image, listing, shows_sets) for image in _asked(call, listing)],
        }

    return [
        Operation(rest=("GET", "/api/v3/ping"), socket="ping", handler=ping),
        Operation(rest=("GET", "/api/v3/time"), socket="time", handler=tell_time),
        Operation(
            rest=("GET", "/api/v3/exchangeInfo"),
            socket="exchangeInfo",
            handler=exchange_info,
            weight=20,
            parameters=frozenset({"symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"}),
        ),
    ]


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _asked(call: Call, listing: Listing) -> list[Instrument]:
    params = call.params
    if sum(name in params for name in ("symbol", "symbols", "permissions")) > 1:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if "symbol" in params:
        return [listing.find(params.symbol())]
    names = params.symbols()
    if names is not None:
        return [listing.find(name) for name in names]
    status = params.choice("symbolStatus", InstrumentStatus, -1122, "Invalid symbolStatus.")
    images = [listing.instruments[number] for number in sorted(listing.instruments)]
    return [image for image in images if status is None or image.status == status]


def _symbol(image: Instrument, listing: Listing, shows_sets: bool) -> dict[str, object]:
    return {
        "symbol": image.symbol,
        "status": InstrumentStatus(image.status).name,
        "baseAsset": listing.assets[image.base],
        "baseAssetPrecision": 8,
        "quoteAsset": listing.assets[image.quote],
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [kind.name for kind in OrderType if image.types_allowed >> kind & 1],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(image),
        "permissions": [],
        "permissionSets": [["SPOT"]] if shows_sets else [],
        "defaultSelfTradePreventionMode": SelfTradePrevention(image.stp_default).name,
        "allowedSelfTradePreventionModes": [mode.name for mode in SelfTradePrevention if image.stp_allowed >> mode & 1],
    }


def _filters(image: Instrument) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format_units(image.price_min),
            "maxPrice": format_units(image.price_max),
            "tickSize": format_units(image.tick),
        },
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
        {
            "filterType": "NOTIONAL",
            "minNotional": format_units(image.notional_min),
            "applyMinToMarket": bool(image.notional_flags & NotionalFlag.MIN_APPLIES_TO_MARKET),
            "maxNotional": format_units(image.notional_max or 9_000_000 * 10**8),
            "applyMaxToMarket": bool(image.notional_flags & NotionalFlag.MAX_APPLIES_TO_MARKET),
            "avgPriceMins": image.average_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": image.orders_max},
    ]
    # A client that computes a price band from a multiplier of 0 finds no price allowed: what is off is not shown.
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
    return shown
