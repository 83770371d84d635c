"""Where parts are, and what a cut lets through."""

from chaos.network import EVERYWHERE, isolation, rule_of
from chaos.places import ALL, Place, place_at, zone_network, zone_of


def test_every_place_has_an_address_of_its_own_in_its_zone() -> None:
    assert len({place.address for place in ALL}) == len(ALL)
    assert all(zone_of(place.address) == place.zone and place_at(place.address) == place for place in ALL)


def test_a_place_that_is_cut_off_is_so_from_its_own_zone_and_a_zone_goes_on_within_itself() -> None:
    within = 50
    part, zone = Place("b", "sequencer").address, zone_network("b")
    assert [int(rule_of(cut).split()[1]) < within for cut in isolation(part)] == [True, True]
    assert [int(rule_of(cut).split()[1]) > within for cut in isolation(zone)] == [True, True]


def test_an_isolation_cuts_both_ways_and_each_way_is_a_rule_of_its_own() -> None:
    assert isolation("10.77.1.10") == [("10.77.1.10", EVERYWHERE), (EVERYWHERE, "10.77.1.10")]
    assert rule_of(("10.77.1.10", EVERYWHERE)).endswith("from 10.77.1.10 to 10.77.0.0/16 blackhole")
