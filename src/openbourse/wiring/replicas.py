"""A planned change of leader, and who leads and stands by."""

import asyncio
import time
from typing import Final

from openbourse.adapters.connection_postgres import connect
from openbourse.adapters.journal_postgres import PostgresJournal
from openbourse.adapters.region_postgres import PostgresGivenUp
from openbourse.adapters.replicas_postgres import Replicas, ask_for_hand_over, read_replicas
from openbourse.adapters.witness_file import FileWitness
from openbourse.roles import Turn
from openbourse.sequencer.loss import unaccepted_loss
from openbourse.settings import ProcessSettings
from openbourse.wiring.patience import await_database

LOOK_EVERY_S: Final = 0.05


async def replicas(settings: ProcessSettings) -> Replicas:
    """Return who leads and who stands by. Raises OSError when the database is away."""
    return await read_replicas(settings.journal_url, settings.venue.shard)


async def accept_loss(settings: ProcessSettings) -> str:
    """Go on without commands that were acknowledged and are lost; return what they are, or nothing when none are.

    Raises JournalAway.
    """
    # A database that is being restored can be read before it can be written to.
    (await await_database(lambda: connect(settings.journal_url))).terminate()
    journal = PostgresJournal(settings.journal_url, settings.venue.shard)
    try:
        loss = await unaccepted_loss(journal, FileWitness(settings.data_dir, settings.venue.shard))
        if loss is not None:
            await journal.accept_loss(loss.acknowledged)
        return "" if loss is None else str(loss)
    finally:
        await journal.close()


async def take_back(settings: ProcessSettings) -> bool:
    """Have the journal be good again that was given up for the other Region's; tell whether it was. Raises JournalAway."""
    given_up = PostgresGivenUp(settings.journal_url, settings.venue.shard, settings.region_turn or Turn.FIRST)
    try:
        return await given_up.take_back()
    finally:
        given_up.close()


async def hand_over(settings: ProcessSettings, seconds: float) -> Replicas:
    """Have the leader hand over to a standby; return the replicas when another one leads.

    Raises ValueError when nobody leads or could take over, TimeoutError when the leader did not do it in time.
    """
    before = await replicas(settings)
    if not before.leader:
        raise ValueError("nobody leads now")
    if not before.has_successor:
        states = ", ".join(f"{each.holder} is {each.state}" for each in before.standbys) or "there is none"
        raise ValueError(f"no standby could take over at once: {states}")
    await ask_for_hand_over(settings.journal_url, settings.venue.shard)
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        after = await replicas(settings)
        if after.epoch > before.epoch and after.leader:
            return after
        await asyncio.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"{before.leader} still leads after {seconds:g} s; its log says why")
