"""The venue lists itself and brings its engine to its rules; doing it again changes nothing."""

import pytest
from msgspec.structs import replace

from openbourse import listings
from openbourse.edge.intake import Answer
from openbourse.edge.listing import Listing
from openbourse.edge.operations import OrderCounts
from openbourse.engine import Engine
from openbourse.protocol.commands import Command, SetInstrumentRules, SetRules
from openbourse.protocol.events import CommandRejected, decode
from openbourse.protocol.instruments import Instrument, OrderType, SelfTradePrevention
from openbourse.protocol.rejects import RejectReason
from openbourse.wiring.instruments import list_venue
from tests.made_events import encode


class ReferenceIntake:
    """Straight into an engine that knows rules version 2, or one that is told not to."""

    def __init__(self, knows_rules: bool = True) -> None:
        self.engine, self.listing = Engine(), Listing()
        self.submitted: list[Command] = []
        self.knows_rules = knows_rules

    async def submit(self, command: Command, not_after_us: int) -> Answer:
        self.submitted.append(command)
        if isinstance(command, SetRules) and not self.knows_rules:
            refused = CommandRejected(0, 0, command.kind, RejectReason.UNKNOWN_RULES, 0, 0, "")
            return Answer(1, 1, encode([refused]), OrderCounts(0, 0))
        events, _ = self.engine.apply(self.engine.sequence + 1, 1, command.encode())
        self.listing.apply(decode(events))
        return Answer(self.engine.sequence, 1, events, OrderCounts(0, 0))

    async def committed(self) -> int:
        return self.engine.sequence


async def test_a_new_venue_begins_with_rules_2_and_every_feature() -> None:
    intake = ReferenceIntake()
    await list_venue(intake, Listing())
    assert intake.submitted[0] == SetRules(2)
    assert intake.listing.rules_version == 2
    for image in listings.INSTRUMENTS:
        listed = intake.listing.by_symbol[image.symbol]
        assert {kind for kind in OrderType if listed.types_allowed >> kind & 1} == set(OrderType)
        assert listed.stp_allowed >> SelfTradePrevention.TRANSFER & 1
        assert intake.listing.rules_of(image.instrument) == listings.first_rules(image.instrument)


async def test_a_venue_that_is_set_up_is_left_alone() -> None:
    intake = ReferenceIntake()
    await list_venue(intake, Listing())
    count = len(intake.submitted)
    await list_venue(intake, intake.listing)
    assert len(intake.submitted) == count


async def test_another_process_at_the_same_time_changes_nothing() -> None:
    intake = ReferenceIntake()
    await list_venue(intake, Listing())
    before = dict(intake.listing.rules)
    sent = len(intake.submitted)
    await list_venue(intake, Listing())
    assert intake.listing.rules == before
    assert not any(isinstance(command, SetInstrumentRules) for command in intake.submitted[sent:])


async def test_an_older_venue_is_moved_with_what_it_lists() -> None:
    intake = ReferenceIntake(knows_rules=False)
    await list_venue(intake, Listing())
    assert (intake.listing.rules_version, intake.listing.rules) == (1, {})
    assert set(intake.listing.by_symbol) == {image.symbol for image in listings.INSTRUMENTS}
    intake.knows_rules = True
    await list_venue(intake, intake.listing)
    assert intake.listing.rules_version == 2
    assert intake.listing.rules == {
        image.instrument: listings.first_rules(image.instrument) for image in listings.INSTRUMENTS
    }
    assert intake.listing.by_symbol["BTCUSDT"].types_allowed == listings.TYPES


def test_an_instrument_s_id_follows_from_its_symbol_and_is_nobody_else_s() -> None:
    assert listings.instrument_id("ETHBTC", {}) == 3
    number = listings.instrument_id("MSFTUSD", {})
    assert listings.INSTRUMENT_ID_LEAST <= number <= listings.INSTRUMENT_ID_MAX
    image = replace(listings.INSTRUMENTS[0], instrument=number, symbol="OTHERUSD")
    assert listings.instrument_id("MSFTUSD", {number: image}) not in (number, 0)
    listed = replace(image, instrument=2**30, symbol="MSFTUSD")
    assert listings.instrument_id("MSFTUSD", {2**30: listed}) == 2**30, "what it was given before it keeps"
    names = [f"PAIR{count}USD" for count in range(3_500)]
    taken: dict[int, Instrument] = {}
    for symbol in names:
        number = listings.instrument_id(symbol, taken)
        assert number not in taken
        taken[number] = replace(image, instrument=number, symbol=symbol)


def test_no_id_is_given_when_all_are_taken() -> None:
    image = listings.INSTRUMENTS[0]
    numbers = range(listings.INSTRUMENT_ID_LEAST, listings.INSTRUMENT_ID_MAX + 1)
    with pytest.raises(ValueError, match="every id"):
        listings.instrument_id("MSFTUSD", dict.fromkeys(numbers, image))
