"""Longer bars made of the kept ones once their time is over, so that many candles are read of few rows.

They follow the kept bars in the projector's own transactions, a bounded step at a time: what was there before they were, or was written
by an older program meanwhile, is caught up in the same way. A row says how far each length is made; from there on readers take shorter bars.
"""

from typing import Any, Final

from openbourse.marketdata.bars import ROLLED, SECOND_US

STEP_BARS_MAX: Final = 2_000
"""Bars that one step joins; one longer bar of each instrument, where that is more."""
_MARK: Final = "SELECT until_us FROM projection_marketdata.rolled WHERE seconds = $1"
_MOVE: Final = """
INSERT INTO projection_marketdata.rolled VALUES ($1, $2) ON CONFLICT (seconds) DO UPDATE SET until_us = excluded.until_us
"""
# The instruments by one look each at the key, however many bars there are.
_INSTRUMENTS: Final = """
WITH RECURSIVE known (instrument) AS (
    (SELECT instrument FROM projection_marketdata.candle ORDER BY instrument LIMIT 1)
    UNION ALL
    SELECT (SELECT next.instrument FROM projection_marketdata.candle AS next WHERE next.instrument > known.instrument
    ORDER BY next.instrument LIMIT 1) FROM known WHERE known.instrument IS NOT NULL
)
SELECT instrument, (
    SELECT open_us FROM projection_marketdata.candle AS kept WHERE kept.instrument = known.instrument AND seconds = $1
    AND open_us >= $2 ORDER BY open_us LIMIT 1
) AS next_us FROM known WHERE instrument IS NOT NULL
"""
_ROLL: Final = """
INSERT INTO projection_marketdata.candle
SELECT asked.instrument, $2::integer, bar.*
FROM unnest($1::integer[]) AS asked (instrument), LATERAL (
    SELECT kept.open_us / $6::bigint * $6::bigint AS opened, (min(ARRAY[kept.open_us, kept.open]))[2], max(kept.high), min(kept.low),
    (max(ARRAY[kept.open_us, kept.close]))[2], sum(kept.volume), sum(kept.quote), sum(kept.count), sum(kept.taker_volume),
    sum(kept.taker_quote), min(kept.first_trade), max(kept.last_trade)
    FROM projection_marketdata.candle AS kept WHERE kept.instrument = asked.instrument AND kept.seconds = $3
    AND kept.open_us >= $4 AND kept.open_us < $5 GROUP BY 1
) AS bar ON CONFLICT DO NOTHING
"""


class RollUp:
    """Makes the longer bars; one belongs to each run of a projector, which ends with the first fault."""

    def __init__(self, step_bars_max: int = STEP_BARS_MAX) -> None:
        self._step_bars_max = step_bars_max
        self._due_us = dict.fromkeys(ROLLED, 0)

    async def write(self, connection: Any, time_us: int) -> None:
        """Make what ended before a moment, before which nothing is traded any more, within the caller's transaction.

        One step of one length: who waits for these rows waits for no more.
        """
        seconds = min(self._due_us, key=self._due_us.__getitem__)
        if time_us >= self._due_us[seconds]:
            self._due_us[seconds] = await self._roll(connection, seconds, ROLLED[seconds], time_us)

    async def _roll(self, connection: Any, seconds: int, source: int, time_us: int) -> int:
        """Make one step of one length; return when the next is due."""
        length = seconds * SECOND_US
        whole, mark = time_us // length * length, await connection.fetchval(_MARK, seconds) or 0
        if mark >= whole:
            # Also where no time is known yet: what was made stays made.
            return whole + length
        known = await connection.fetch(_INSTRUMENTS, source, mark)
        # Nothing is to be made of a time in which nothing was traded.
        begin = min((row["next_us"] for row in known if row["next_us"] is not None), default=whole) // length * length
        periods = max(1, self._step_bars_max // (max(1, len(known)) * (seconds // source)))
        until = min(whole, begin + periods * length)
        numbers = [row["instrument"] for row in known]
        await connection.execute(_ROLL, numbers, seconds, source, begin, until, length)
        await connection.execute(_MOVE, seconds, until)
        return until + length
