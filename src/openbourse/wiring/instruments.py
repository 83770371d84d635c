"""What the venue lists, made through commands; doing it again changes nothing."""

from collections.abc import Iterable
from typing import Final

import structlog

from openbourse import listings
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.listing import Listing
from openbourse.edge.outcome import perform
from openbourse.protocol.amounts import INT64_MAX
from openbourse.protocol.commands import (
    ChangeInstrument,
    Command,
    CreateAsset,
    ListInstrument,
    SetInstrumentRules,
    SetRules,
)
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.rejects import RejectReason
from openbourse.settings import ProcessSettings
from openbourse.wiring.known import known_listing
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

QUANTITY_MAX: Final = INT64_MAX // 1_000


async def list_venue(intake: Intake, known: Listing) -> None:
    """Bring the venue to its rules; list its assets and instruments that are not known yet. Raises IntakeFault."""
    has_rules = await _bring_to_rules(intake, known.rules_version)
    if has_rules:
        for image in [image for image in known.instruments.values() if image.instrument not in known.rules]:
            await _perform_all(intake, [ChangeInstrument(listings.offering_all(image)), _first_rules(image)])
    missing = [image for image in listings.INSTRUMENTS if image.symbol not in known.by_symbol]
    if not missing:
        return
    await _perform_all(intake, (CreateAsset(asset, code) for code, asset in listings.ASSETS.items()))
    for image in missing:
        await _list(intake, image, has_rules)
    log.info("listed", symbols=[image.symbol for image in missing])


async def _bring_to_rules(intake: Intake, version: int) -> bool:
    """Move the engine to the venue's rules; False when its program is older than they are."""
    if version >= listings.RULES_VERSION:
        return True
    reject = await perform(intake, SetRules(listings.RULES_VERSION))
    if reject is None:
        log.info("rules", version=listings.RULES_VERSION)
        return True
    if reject.reason == RejectReason.UNKNOWN_RULES:
        log.warning("the sequencer's program does not know these rules yet", version=listings.RULES_VERSION)
        return False
    raise ValueError(f"SetRules was refused: {RejectReason(reject.reason).name}")


async def _list(intake: Intake, image: Instrument, has_rules: bool) -> None:
    """List an instrument with its first rules; one that is listed already keeps those that it has."""
    reject = await perform(intake, ListInstrument(listings.offering_all(image) if has_rules else image))
    if reject is not None:
        if reject.reason != RejectReason.ALREADY_EXISTS:
            raise ValueError(f"{image.symbol} was refused: {RejectReason(reject.reason).name}")
    elif has_rules:
        await _perform_all(intake, [_first_rules(image)])


def _first_rules(image: Instrument) -> Command:
    return SetInstrumentRules(listings.first_rules(image.instrument))


async def list_symbol(
    settings: ProcessSettings,
    symbol: str,
    base: str,
    quote: str,
    tick: int,
    step: int,
    orders_max: int,
    notional_min: int,
) -> None:
    """List a pair on a running venue; harmless when it is listed. Raises ValueError when refused, OSError when away."""
    async with Stores(settings) as stores:
        known = await known_listing(stores)
        image = Instrument(
            instrument=listings.instrument_id(symbol, known.instruments),
            symbol=symbol,
            base=listings.asset_id(base),
            quote=listings.asset_id(quote),
            price_min=tick,
            price_max=0,
            tick=tick,
            quantity_min=step,
            quantity_max=QUANTITY_MAX - QUANTITY_MAX % step,
            step=step,
            notional_min=notional_min,
            orders_max=orders_max,
        )
        intake = await stores.intake()
        try:
            await _perform_all(intake, (CreateAsset(listings.asset_id(code), code) for code in (base, quote)))
            await _list(intake, image, await _bring_to_rules(intake, version=1))
        except IntakeFault as fault:
            raise ConnectionError(f"the sequencer did not answer: {fault}") from fault
        if symbol not in (await known_listing(stores)).by_symbol:
            raise ValueError(f"{symbol} lost its id to a pair that was listed at the same moment: list it again")


async def _perform_all(intake: Intake, commands: Iterable[Command]) -> None:
    for command in commands:
        reject = await perform(intake, command)
        if reject is not None and reject.reason != RejectReason.ALREADY_EXISTS:
            raise ValueError(f"{type(command).__name__} was refused: {RejectReason(reject.reason).name}")
