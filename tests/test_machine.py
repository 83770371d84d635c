"""What a process takes from the machine it runs on."""

import socket
import time

from openbourse.machine import KEEPALIVE, THIS_MACHINE


def test_the_clock_counts_microseconds_of_the_epoch() -> None:
    before = time.time_ns() // 1_000
    assert before <= THIS_MACHINE.now_us() <= time.time_ns() // 1_000


def test_seconds_go_on_within_one_turn_of_a_loop() -> None:
    before = THIS_MACHINE.monotonic_s()
    time.sleep(0.002)
    assert THIS_MACHINE.monotonic_s() - before >= 0.002


def test_chance_gives_other_bytes_every_time() -> None:
    assert len({THIS_MACHINE.random_bytes(16) for _ in range(100)}) == 100


def test_a_port_is_bound_at_once() -> None:
    with THIS_MACHINE.listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


def test_a_caller_that_is_gone_without_a_word_is_noticed() -> None:
    """An edge's machine that is lost kept one of the leader's places for connections until another one led."""
    with (
        THIS_MACHINE.listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        asked = [accepted.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name, _ in KEEPALIVE]
    assert asked == [seconds for _, seconds in KEEPALIVE]
