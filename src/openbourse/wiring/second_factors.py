"""What an operator does for a user who has lost a second factor."""

from openbourse.adapters.identity_valkey import ValkeyAttempts
from openbourse.edge.errors import ApiError
from openbourse.identity.second_factor import SecondFactors
from openbourse.identity.store import Store
from openbourse.settings import ProcessSettings
from openbourse.wiring.stores import Stores


async def remove_second_factor(settings: ProcessSettings, email: str, by: str) -> int:
    """Take a user's second factor away and return the account's id; who did is in the log.

    Raises ValueError for an unknown address and when there is none to take, OSError when the venue is away.
    """
    async with Stores(settings) as stores:
        store = Store(await stores.database())
        user = await store.find_user(email.strip().lower())
        if user is None:
            raise ValueError(f"nobody signs in as {email}")
        second_factors = SecondFactors(store, stores.master_key(), ValkeyAttempts(stores.valkey()))
        try:
            await second_factors.take_away(user.id, by)
        except ApiError as refusal:
            raise ValueError(refusal.message) from refusal
        return user.id
