"""What a process takes from its machine: time, chance, and a port to listen at. A simulation hands in another one."""

import secrets
import socket
import time
from typing import Final, Protocol


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
        """Return a bound socket that keeps callers waiting until it is served."""
        return socket.create_server((host, port))


THIS_MACHINE: Final = ThisMachine()
