"""A running venue for stories: the operator's way to it, and accounts on demand."""

import asyncio
import secrets
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import httpx

from openbourse.adapters.secrets import Passwords
from openbourse.identity.store import Store
from openbourse.protocol.commands import Command, OpenAccount
from openbourse.protocol.events import CommandRejected, decode
from openbourse.settings import ProcessSettings
from openbourse.supervisor.stores import find_running
from openbourse.wiring.stores import Stores
from tests.exchange import UNENCRYPTED, Account, Exchange

PATIENCE_US: Final = 10_000_000
ANSWER_S_MAX: Final = 20.0

T = TypeVar("T")


class Operator:
    """The operator's way to a running venue, from plain code."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stores = Stores(settings)
        self._passwords = Passwords()
        self._serial = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S_MAX)

    def perform(self, command: Command) -> CommandRejected | None:
        """Have a command ordered; return the reject, if it was refused."""

        async def submit() -> CommandRejected | None:
            intake = await self._stores.intake()
            answer = await intake.submit(command, time.time_ns() // 1_000 + PATIENCE_US)
            return next((event for event in decode(answer.events) if isinstance(event, CommandRejected)), None)

        return self.run(submit())

    def open_account(self, group: int) -> Account:
        """Open an account in a trade group, with an API key."""
        self._serial += 1
        email = f"story-{secrets.token_hex(6)}@accounts.invalid"

        async def make() -> Account:
            user = await Store(await self._stores.database()).add_user(email, None)
            assert user is not None, "the address is new"
            intake = await self._stores.intake()
            await intake.submit(OpenAccount(user.id, group), time.time_ns() // 1_000 + PATIENCE_US)
            await (await self._stores.users(self._passwords)).open_account(user.id)
            row, secret = await (await self._stores.keys()).make(user.id, "story", ("READ", "TRADE"))
            assert secret is not None, "a key of its own has a secret"
            return Account(email, user.id, row.api_key, secret)

        return self.run(make())

    def close(self) -> None:
        """Leave."""
        self.run(self._stores.closing.aclose())
        self._passwords.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _settings(exchange: Exchange) -> ProcessSettings:
    """Return how to reach a venue; it serves a little before it says so."""
    deadline = time.monotonic() + ANSWER_S_MAX
    while True:
        settings = find_running(exchange.data_dir)
        if settings is not None:
            return settings
        assert time.monotonic() < deadline, "the venue serves, but does not say how to reach it"
        time.sleep(0.1)


class Theatre:
    """A running venue with its operator; every story gets accounts and an instrument of its own."""

    def __init__(self, exchange: Exchange) -> None:
        self.operator = Operator(_settings(exchange))
        self.http = httpx.Client(base_url=exchange.base_url, timeout=10, verify=UNENCRYPTED)
        self.played = 0

    def close(self) -> None:
        """Leave."""
        self.http.close()
        self.operator.close()
