"""What the venue lists, made through commands; doing it again changes nothing."""

from collections.abc import Container, Iterable
from typing import Final

import structlog

from openbourse import listings
from openbourse.edge.intake import Intake, IntakeFault
from openbourse.edge.outcome import perform
from openbourse.protocol.amounts import INT64_MAX
from openbourse.protocol.commands import Command, CreateAsset, ListInstrument
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.rejects import RejectReason
from openbourse.settings import ProcessSettings
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

QUANTITY_MAX: Final = INT64_MAX // 1_000


async def list_venue(intake: Intake, known: Container[str]) -> None:
    """List the venue's assets and instruments that are not known yet. Raises IntakeFault."""
    missing = [image for image in listings.INSTRUMENTS if image.symbol not in known]
    if not missing:
        return
    await _perform_all(intake, (CreateAsset(asset, code) for code, asset in listings.ASSETS.items()))
    await _perform_all(intake, (ListInstrument(image) for image in missing))
    log.info("listed", symbols=[image.symbol for image in missing])


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
    image = Instrument(
        instrument=listings.instrument_id(symbol),
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
    async with Stores(settings) as stores:
        intake = await stores.intake()
        try:
            await _perform_all(intake, (CreateAsset(listings.asset_id(code), code) for code in (base, quote)))
            await _perform_all(intake, [ListInstrument(image)])
        except IntakeFault as fault:
            raise ConnectionError(f"the sequencer did not answer: {fault}") from fault


async def _perform_all(intake: Intake, commands: Iterable[Command]) -> None:
    for command in commands:
        reject = await perform(intake, command)
        if reject is not None and reject.reason != RejectReason.ALREADY_EXISTS:
            raise ValueError(f"{type(command).__name__} was refused: {RejectReason(reject.reason).name}")
