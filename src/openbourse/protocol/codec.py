"""Pieces of the fixed binary layout that commands and events share (docs/engine.md sections 2 and 3)."""

from struct import Struct, error
from typing import Final

from openbourse.protocol.instruments import Instrument, InstrumentRules

VERSION: Final = 1
EXTENDED: Final = 2
"""The frames of rules version 2 that carry an order's extension."""
COMMAND_HEADER: Final = Struct("<IHHQQQq")
"""length, kind, version, session, counter, low_water, not_after_us."""
EVENT_HEADER: Final = Struct("<IHHIQ")
"""length, kind, version, index, sequence."""
IMAGE_FIXED: Final = Struct("<IIBqqqqqqqqqQqQqBqqqqIIqqBBH")
RULES: Final = Struct("<IHIIIIIQqIIIIqqqqqq")
_LOW: Final = 2**64 - 1


class LayoutError(ValueError):
    """Bytes that do not follow the layout."""


def i128(value: int) -> bytes:
    """Return sixteen little-endian bytes, two's complement. Raises OverflowError outside the range."""
    return value.to_bytes(16, "little", signed=True)


def wide(low: int, high: int) -> int:
    """Join the unsigned low and the signed high half of an i128."""
    return low | (high << 64)


def halves(value: int) -> tuple[int, int]:
    """Split an i128 into its unsigned low and signed high half."""
    return value & _LOW, value >> 64


def text(value: str) -> bytes:
    """Return a length byte and the text's bytes. Raises ValueError above 255 bytes."""
    raw = value.encode()
    return bytes((len(raw),)) + raw


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """Return the text at an offset and the offset after it."""
    end = at + 1 + data[at]
    if end > len(data):
        raise LayoutError("text runs past the end")
    return data[at + 1 : end].decode(), end


def encode_image(image: Instrument) -> bytes:
    """Return an instrument's image."""
    return (
        image.instrument.to_bytes(4, "little")
        + text(image.symbol)
        + IMAGE_FIXED.pack(
            image.base,
            image.quote,
            image.status,
            image.price_min,
            image.price_max,
            image.tick,
            image.quantity_min,
            image.quantity_max,
            image.step,
            image.market_quantity_min,
            image.market_quantity_max,
            image.market_step,
            *halves(image.notional_min),
            *halves(image.notional_max),
            image.notional_flags,
            image.bid_up,
            image.bid_down,
            image.ask_up,
            image.ask_down,
            image.average_minutes,
            image.orders_max,
            image.maker_rate,
            image.taker_rate,
            image.stp_default,
            image.stp_allowed,
            image.types_allowed,
        )
    )


def decode_image(data: bytes, at: int) -> tuple[Instrument, int]:
    """Return the instrument image at an offset and the offset after it. Raises LayoutError."""
    try:
        instrument = int.from_bytes(data[at : at + 4], "little")
        symbol, at = read_text(data, at + 4)
        fields = IMAGE_FIXED.unpack_from(data, at)
    except (error, IndexError, UnicodeDecodeError) as fault:
        raise LayoutError("not an instrument image") from fault
    image = Instrument(
        instrument=instrument,
        symbol=symbol,
        base=fields[0],
        quote=fields[1],
        status=fields[2],
        price_min=fields[3],
        price_max=fields[4],
        tick=fields[5],
        quantity_min=fields[6],
        quantity_max=fields[7],
        step=fields[8],
        market_quantity_min=fields[9],
        market_quantity_max=fields[10],
        market_step=fields[11],
        notional_min=wide(fields[12], fields[13]),
        notional_max=wide(fields[14], fields[15]),
        notional_flags=fields[16],
        bid_up=fields[17],
        bid_down=fields[18],
        ask_up=fields[19],
        ask_down=fields[20],
        average_minutes=fields[21],
        orders_max=fields[22],
        maker_rate=fields[23],
        taker_rate=fields[24],
        stp_default=fields[25],
        stp_allowed=fields[26],
        types_allowed=fields[27],
    )
    return image, at + IMAGE_FIXED.size


def encode_rules(image: InstrumentRules) -> bytes:
    """Return an instrument's rules image."""
    return RULES.pack(
        image.instrument,
        image.features,
        image.algo_orders_max,
        image.iceberg_orders_max,
        image.iceberg_parts_max,
        image.lists_max,
        image.amends_max,
        *halves(image.position_max),
        image.trailing_above_min,
        image.trailing_above_max,
        image.trailing_below_min,
        image.trailing_below_max,
        image.percent_up,
        image.percent_down,
        image.range_bid_up,
        image.range_bid_down,
        image.range_ask_up,
        image.range_ask_down,
    )


def decode_rules(data: bytes, at: int) -> tuple[InstrumentRules, int]:
    """Return the rules image at an offset and the offset after it. Raises LayoutError."""
    try:
        f = RULES.unpack_from(data, at)
    except error as fault:
        raise LayoutError("not a rules image") from fault
    image = InstrumentRules(
        instrument=f[0],
        features=f[1],
        algo_orders_max=f[2],
        iceberg_orders_max=f[3],
        iceberg_parts_max=f[4],
        lists_max=f[5],
        amends_max=f[6],
        position_max=wide(f[7], f[8]),
        trailing_above_min=f[9],
        trailing_above_max=f[10],
        trailing_below_min=f[11],
        trailing_below_max=f[12],
        percent_up=f[13],
        percent_down=f[14],
        range_bid_up=f[15],
        range_bid_down=f[16],
        range_ask_up=f[17],
        range_ask_down=f[18],
    )
    return image, at + RULES.size
