"""What an operator sees and decides of withdrawals on a running venue."""

from openbourse.edge.intake import IntakeFault
from openbourse.settings import ProcessSettings
from openbourse.wallet.store import Decision, Store, Withdrawal
from openbourse.wallet.withdrawals import NotAwaiting, Withdrawals
from openbourse.wiring.stores import Stores


async def list_withdrawals(settings: ProcessSettings, *, ended: bool) -> list[Withdrawal]:
    """Return the withdrawals that have not ended, or the newest of all. Raises OSError when the venue is away."""
    async with Stores(settings) as stores:
        store = Store(await stores.database())
        return await (store.newest() if ended else store.undone())


async def show_withdrawal(settings: ProcessSettings, withdrawal: int) -> tuple[Withdrawal, list[Decision]]:
    """Return a withdrawal and what was decided of it. Raises ValueError for an unknown one, OSError as above."""
    async with Stores(settings) as stores:
        store = Store(await stores.database())
        row = await store.find(withdrawal)
        if row is None:
            raise ValueError(f"there is no withdrawal {withdrawal}")
        return row, await store.decisions(withdrawal)


async def decide_withdrawal(
    settings: ProcessSettings, withdrawal: int, decision: str, note: str, by: str
) -> Withdrawal:
    """Decide of a withdrawal: one of wallet.store.STEPS, with its reason or transaction.

    Raises ValueError when it does not await that, OSError when the venue is away.
    """
    async with Stores(settings) as stores:
        withdrawals = Withdrawals(Store(await stores.database()), await stores.intake())
        try:
            match decision:
                case "approve":
                    return await withdrawals.approve(withdrawal, by)
                case "reject":
                    return await withdrawals.reject(withdrawal, note, by)
                case "settle":
                    return await withdrawals.settle(withdrawal, note, by)
                case _:
                    assert decision == "fail"
                    return await withdrawals.fail(withdrawal, note, by)
        except NotAwaiting as refusal:
            raise ValueError(str(refusal)) from refusal
        except IntakeFault as fault:
            # The decision is in its row, and whatever becomes of this process a gateway carries it out.
            raise ConnectionError(
                f"the sequencer did not answer ({fault}). The decision is written down and is carried out as soon as it "
                f"does; see: openbourse withdrawal show {withdrawal}"
            ) from fault
