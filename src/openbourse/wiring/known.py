"""What a venue lists now, for those who change it."""

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import IntakeFault
from openbourse.edge.listing import Listing
from openbourse.history.barrier import ReadBarrier
from openbourse.history.store import Store
from openbourse.marketdata.view import read_listing
from openbourse.wiring.stores import Stores


async def known_listing(stores: Stores) -> Listing:
    """Return what is listed as of everything that is committed now. Raises ConnectionError."""
    pool, intake = await stores.database(), await stores.intake()
    try:
        await ReadBarrier(intake.committed, Store(pool).cursor).wait()
    except (ApiError, IntakeFault) as fault:
        raise ConnectionError(f"the venue did not answer: {fault}") from fault
    listing = Listing()
    listing.apply(await read_listing(pool))
    return listing
