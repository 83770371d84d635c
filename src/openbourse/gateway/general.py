"""What a client asks first: ping, time, what is listed and under which rules."""

import time
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.listing import Listing
from openbourse.edge.operations import Call, Operation, Security
from openbourse.edge.params import Params
from openbourse.edge.ratelimit import CONNECTIONS_MAX, RAW_REQUESTS_MAX
from openbourse.gateway.filters import allowed, asset_filters, exchange_filters, execution_rules, symbol_filters
from openbourse.protocol.instruments import Instrument, InstrumentStatus, OrderType, SelfTradePrevention

RULES_WEIGHT_MAX: Final = 40
PERMISSION: Final = "SPOT"
"""The only one that symbols have."""


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

    async def rules(call: Call) -> object:
        found = ((image, execution_rules(listing.rules_of(image.instrument))) for image in _asked(call, listing))
        return {"symbolRules": [{"symbol": image.symbol, "rules": shown} for image, shown in found if shown]}

    async def my_filters(call: Call) -> object:
        image = listing.find(call.params.symbol())
        return {
            "exchangeFilters": exchange_filters(listing),
            "symbolFilters": symbol_filters(image, listing.rules_of(image.instrument)),
            "assetFilters": asset_filters(image, listing),
        }

    return [
        Operation(
            rest=("GET", "/api/v3/executionRules"),
            socket="executionRules",
            handler=rules,
            weight=_rules_weight,
            parameters=frozenset({"symbol", "symbols", "symbolStatus"}),
        ),
        Operation(
            rest=("GET", "/api/v3/myFilters"),
            socket="myFilters",
            handler=my_filters,
            weight=40,
            security=Security.READ,
            parameters=frozenset({"symbol"}),
        ),
        Operation(rest=("GET", "/fapi/v1/exchangeInfo"), handler=_no_futures),
        Operation(rest=("GET", "/dapi/v1/exchangeInfo"), handler=_no_futures),
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


async def _no_futures(call: Call) -> object:
    """Answer clients that load every kind of market before they trade one."""
    now = call.time(time.time_ns() // 1_000)
    return {"timezone": "UTC", "serverTime": now, "rateLimits": [], "exchangeFilters": [], "symbols": []}


def _rules_weight(params: Params) -> int:
    if "symbol" in params:
        return 2
    return min(2 * params["symbols"].count(",") + 2, RULES_WEIGHT_MAX) if "symbols" in params else RULES_WEIGHT_MAX


def _limit(kind: str, interval: str, number: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _asked(call: Call, listing: Listing) -> list[Instrument]:
    params = call.params
    named = [name for name in ("symbol", "symbols") if name in params]
    if len(named) + ("permissions" in params) > 1 or (named and "symbolStatus" in params):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if "symbol" in params:
        return [listing.find(params.symbol())]
    names = params.symbols()
    if names is not None:
        return [listing.find(name) for name in names]
    status = params.choice("symbolStatus", InstrumentStatus, -1122, "Invalid symbolStatus.")
    if PERMISSION not in params.names("permissions", (PERMISSION,)):
        return []
    images = listing.every()
    return [image for image in images if status is None or image.status == status]


def _symbol(image: Instrument, listing: Listing, shows_sets: bool) -> dict[str, object]:
    rules = listing.rules_of(image.instrument)
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
        **allowed(rules),
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": symbol_filters(image, rules),
        "permissions": [],
        "permissionSets": [[PERMISSION]] if shows_sets else [],
        "defaultSelfTradePreventionMode": SelfTradePrevention(image.stp_default).name,
        "allowedSelfTradePreventionModes": [mode.name for mode in SelfTradePrevention if image.stp_allowed >> mode & 1],
    }
