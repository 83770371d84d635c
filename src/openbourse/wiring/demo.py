"""The demo role: accounts and test deposits as an operator gives them, trading as anybody does."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import structlog

from openbourse.demo.market import Market, Plan
from openbourse.edge.intake import IntakeFault
from openbourse.settings import ProcessSettings
from openbourse.wiring.accounts import create_accounts, credit
from openbourse.wiring.stores import Stores

log: Final = structlog.get_logger()

RETRY_S: Final = 1.0


async def run_demo(settings: ProcessSettings, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Run the demo market against the venue on this machine until stopped."""
    plan = Plan()
    async with Stores(settings) as stores:
        while not stop.is_set():
            try:
                accounts = await create_accounts(settings, plan.accounts, [], "demo")
                break
            except (OSError, ValueError) as fault:
                log.info("accounts cannot be made yet", why=str(fault))
                await asyncio.sleep(RETRY_S)
        else:
            return
        intake = await stores.intake()

        async def deposit(account: int, code: str, amount: int) -> None:
            try:
                await credit(intake, account, code, amount, secrets.token_bytes(32))
            except IntakeFault as fault:
                raise ConnectionError(str(fault)) from fault

        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
        market = Market(f"http://{host}:{settings.port}", plan, accounts, deposit)
        await market.run(ready, stop)
