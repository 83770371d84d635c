"""Faults follow from the seed, and a full bag has every kind."""

from chaos.faults import SECONDS, WEIGHTS, Kind, draw

A_BAG = sum(WEIGHTS.values())


def test_a_seed_draws_the_same_faults_again_and_another_one_others() -> None:
    assert draw(7, 50) == draw(7, 50)
    assert draw(7, 50) != draw(8, 50)


def test_every_kind_is_drawn_as_often_as_it_weighs_before_the_bag_is_filled_again() -> None:
    drawn = [fault.kind for fault in draw(3, A_BAG)]
    assert {kind: drawn.count(kind) for kind in Kind} == WEIGHTS


def test_kinds_can_be_chosen_and_left_out() -> None:
    assert {fault.kind for fault in draw(1, 40, only=(Kind.KILL_EDGE, Kind.DISK_FULL))} == {
        Kind.KILL_EDGE,
        Kind.DISK_FULL,
    }
    assert Kind.CLOCK_JUMP not in {fault.kind for fault in draw(1, 100, without=(Kind.CLOCK_JUMP,))}


def test_a_fault_lasts_as_long_as_its_kind_may() -> None:
    for fault in draw(5, 200):
        least, most = SECONDS.get(fault.kind, (0.0, 0.0))
        assert least <= fault.seconds <= most
