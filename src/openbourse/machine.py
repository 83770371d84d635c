"""What a process takes from its machine: time, chance, and a port to listen at. A simulation hands in another one."""

import secrets
import socket
import time
from typing import Final, Protocol

KEEPALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""Seconds of silence before a caller is asked whether it is still there, seconds between such questions, and how many."""


class Machine(Protocol):
    """Everything that is not decided by messages. Waiting is the event loop's, and so are connections."""

    def now_us(self) -> int:
        """Return the clock's time in microseconds; somebody may set it."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back and go on while this process is stopped."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return bytes that nobody can guess."""
        ...

    def listen(self, host: str, port: int) -> socket.socket:
        """Return a bound socket that keeps callers waiting until it is served."""
        ...


class ThisMachine:
    """The machine that this process runs on."""

    def now_us(self) -> int:
        """Return the clock's time in microseconds; somebody may set it."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """Return seconds that never go back and go on while this process is stopped."""
        # Not the event loop's time: that one stands still from one turn of the loop to the next.
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        """Return bytes that nobody can guess."""
        return secrets.token_bytes(count)

    def listen(self, host: str, port: int) -> socket.socket:
        """Return a bound socket that keeps callers waiting until it is served; callers whose machine is gone are noticed.

        One that is lost hangs up never, and would keep its place for as long as nothing is sent to it.
        """
        listener = socket.create_server((host, port))
        # Whoever is accepted inherits these.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE:
            option = getattr(socket, name, None)  # not every system has all of them
            if option is not None:
                listener.setsockopt(socket.IPPROTO_TCP, option, value)
        return listener


THIS_MACHINE: Final = ThisMachine()
