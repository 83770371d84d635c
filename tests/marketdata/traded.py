"""A season of made-up trades, and the rows that the projector makes of them."""

import random
from typing import Any

from openbourse.marketdata.bars import SECOND_US
from openbourse.marketdata.projector import MarketProjector
from openbourse.marketdata.view import Trade
from openbourse.protocol import events
from openbourse.protocol.amounts import UNIT
from openbourse.protocol.instruments import Side
from tests.projection.recorded import make_tables

DAY_US = 86_400 * SECOND_US
BTCUSDT = 1


def trades(seed: int, count: int, since_us: int, until_us: int) -> list[Trade]:
    """Return trades at random moments, oldest first."""
    chance, made = random.Random(seed), list[Trade]()
    for number, moment in enumerate(sorted(chance.randrange(since_us, until_us) for _ in range(count)), 1):
        price, quantity = chance.randrange(90, 111) * UNIT, chance.randrange(1, 5) * UNIT
        quote = price * quantity // UNIT
        made.append(Trade(number, number, price, quantity, quote, moment, chance.random() < 0.5))
    return made


async def store(pool: Any, made: list[Trade]) -> None:
    """Write what the projector makes of trades into fresh tables."""
    await make_tables(pool)
    projector = MarketProjector()
    for each in made:
        side = Side.SELL if each.buyer_is_maker else Side.BUY
        ids = (each.trade, each.aggregate)
        traded = events.Traded(0, 0, BTCUSDT, *ids, each.price, each.quantity, each.quote, 1, 2, 1, 2, side)
        projector.take(traded, each.time_us)
    async with pool.acquire() as connection, connection.transaction():
        await projector.write(connection)
