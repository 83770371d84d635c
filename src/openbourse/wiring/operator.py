"""What an operator changes on a running venue: an instrument's status and rules, an account's switches."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from openbourse.edge.intake import IntakeFault
from openbourse.edge.listing import Listing
from openbourse.edge.outcome import perform
from openbourse.protocol.commands import (
    Command,
    SetHeartbeat,
    SetInstrumentRules,
    SetInstrumentStatus,
    SetKillSwitch,
)
from openbourse.protocol.instruments import Feature, InstrumentRules, InstrumentStatus
from openbourse.protocol.rejects import RejectReason
from openbourse.settings import ProcessSettings
from openbourse.wiring.known import known_listing
from openbourse.wiring.stores import Stores


async def set_status(settings: ProcessSettings, symbol: str, status: InstrumentStatus) -> None:
    """Switch an instrument. Raises ValueError when refused, OSError when the venue is away."""
    async with Stores(settings) as stores:
        listing = await known_listing(stores)
        await _perform(stores, SetInstrumentStatus(_number(listing, symbol), status))


async def reopen(
    settings: ProcessSettings,
    symbols: Sequence[str],
    cancel_only_s: float,
    auction_s: float,
    told: Callable[[str, InstrumentStatus], None],
) -> None:
    """Bring instruments back in steps: cancel-only, call auction, trading; every listed one where none is named.

    What an operator switches to something else meanwhile stays so. Raises ValueError when refused, OSError when away.
    """
    async with Stores(settings) as stores:
        listing = await known_listing(stores)
        numbers = {symbol: _number(listing, symbol) for symbol in symbols or sorted(listing.by_symbol)}
        before: InstrumentStatus | None = None
        for status, wait_s in (
            (InstrumentStatus.CANCEL_ONLY, cancel_only_s),
            (InstrumentStatus.AUCTION, auction_s),
            (InstrumentStatus.TRADING, 0.0),
        ):
            if before is not None:
                listing = await known_listing(stores)
            for symbol, number in numbers.items():
                if before in (None, listing.instruments[number].status):
                    await _perform(stores, SetInstrumentStatus(number, status))
                    told(symbol, status)
            before = status
            await asyncio.sleep(wait_s)


async def change_rules(settings: ProcessSettings, symbol: str, changes: Mapping[str, int | bool]) -> InstrumentRules:
    """Change some of an instrument's rules, or none; return them all.

    A name is one of a bound, or that of a feature with a bool. Raises ValueError when refused or a name is unknown,
    OSError when the venue is away.
    """
    async with Stores(settings) as stores:
        listing = await known_listing(stores)
        rules = listing.rules_of(_number(listing, symbol))
        changed = changed_rules(rules, changes)
        if changed != rules:
            await _perform(stores, SetInstrumentRules(changed))
        return changed


def changed_rules(rules: InstrumentRules, changes: Mapping[str, int | bool]) -> InstrumentRules:
    """Return rules with changes by name. Raises ValueError for a name that is neither a bound nor a feature."""
    bounds = {name: value for name, value in changes.items() if not isinstance(value, bool)}
    unknown = set(bounds) - (set(InstrumentRules.__struct_fields__) - {"instrument", "features"})
    features = rules.features
    for name, is_on in changes.items():
        if isinstance(is_on, bool):
            if name not in Feature.__members__:
                unknown.add(name)
                continue
            features = features | Feature[name] if is_on else features & ~Feature[name]
    if unknown:
        raise ValueError(f"no rule is called {', '.join(sorted(unknown))}")
    return msgspec.structs.replace(rules, features=features, **bounds)


async def set_kill_switch(settings: ProcessSettings, account: int, *, on: bool) -> None:
    """Cancel all of an account's orders and take no more, or take orders again. Raises ValueError, OSError as above."""
    async with Stores(settings) as stores:
        await _perform(stores, SetKillSwitch(account, int(on)))


async def set_heartbeat(settings: ProcessSettings, account: int, symbol: str | None, countdown_us: int) -> None:
    """Cancel an account's orders, of one instrument or of all, unless this comes again in time; 0 ends that.

    Raises ValueError when refused, OSError when the venue is away.
    """
    async with Stores(settings) as stores:
        number = 0 if symbol is None else _number(await known_listing(stores), symbol)
        await _perform(stores, SetHeartbeat(account, number, countdown_us))


def _number(listing: Listing, symbol: str) -> int:
    image = listing.by_symbol.get(symbol)
    if image is None:
        raise ValueError(f"{symbol} is not listed")
    return image.instrument


async def _perform(stores: Stores, command: Command) -> None:
    try:
        reject = await perform(await stores.intake(), command)
    except IntakeFault as fault:
        raise ConnectionError(f"the sequencer did not answer: {fault}") from fault
    if reject is not None:
        raise ValueError(f"refused: {RejectReason(reject.reason).name}")
