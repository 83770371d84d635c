"""The notifier role: one worker at a time tells people what happened."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from openbourse.adapters.outlets import open_outlet
from openbourse.edge.listing import Listing
from openbourse.identity.outbox import Outbox
from openbourse.identity.store import Store as IdentityStore
from openbourse.machine import THIS_MACHINE
from openbourse.marketdata.view import read_listing
from openbourse.notifier.deferred import Deferred
from openbourse.notifier.rendering import render
from openbourse.notifier.security import SecuritySending
from openbourse.notifier.sending import CursorMoved, Sending
from openbourse.notifier.store import Store
from openbourse.notifier.telling import Telling
from openbourse.wiring.alone import run_alone
from openbourse.wiring.stores import Stores
from openbourse.wiring.telemetry import Behind

log: Final = structlog.get_logger()

LOCK: Final = 7_006
AGAIN_S: Final = 1.0


async def run_notifier(stores: Stores, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Tell until stopped; a second worker waits until the first is gone."""
    settings = stores.settings
    outlet = open_outlet(settings.notify_url, settings.notify_from, render)
    pool, journal, feed = await stores.database(), stores.journal(), stores.whole_feed()
    store, directory = Store(pool, settings.venue.shard), IdentityStore(pool)
    security = SecuritySending(Outbox(pool), outlet, THIS_MACHINE.now_us)

    async def work() -> None:
        while True:
            cursor = await store.begin((await journal.head()).sequence)
            listing = Listing()
            listing.apply(await read_listing(pool))
            telling = Telling(listing, settings.venue.shard, settings.notify_topics)
            sending = Sending(feed, store, directory, telling, outlet, cursor, THIS_MACHINE.now_us)
            deferred = Deferred(store, sending.addressed, outlet, THIS_MACHINE.now_us)

            async def standing(sending: Sending = sending) -> int:
                return sending.cursor

            behind = Behind(journal.head, standing)
            stores.telemetry.add("notifier", partial(_counters, behind, sending, deferred, security))
            log.info("telling", cursor=cursor)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(behind.run())
                    tasks.create_task(sending.run())
                    tasks.create_task(deferred.run())
                    tasks.create_task(security.run())
            except* (CursorMoved, KeyError) as faults:
                # KeyError: something was listed after what the rows knew when this began; they know it in a moment.
                log.warning("telling interrupted", why=[str(fault) for fault in faults.exceptions])
            await asyncio.sleep(AGAIN_S)

    await run_alone(settings.database_url, LOCK, work, ready, stop)


def _counters(behind: Behind, *parts: Sending | Deferred | SecuritySending) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for part in parts:
        counted.update(part.counters())
    return {**counted, "behind": behind.commands}
