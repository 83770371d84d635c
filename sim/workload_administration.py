"""Everything of a workload that is not an order: money in and out, fees, instruments, permissions, oddities."""

import msgspec

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import (
    AdvanceTime,
    ChangeInstrument,
    Command,
    CreateAsset,
    CreditDeposit,
    HoldWithdrawal,
    ListInstrument,
    OpenAccount,
    ReleaseWithdrawal,
    SetFee,
    SetInstrumentStatus,
    SetPermissions,
    SetRules,
    SettleWithdrawal,
)
from openbourse.protocol.instruments import InstrumentStatus, Permission
from sim.workload_known import Known
from sim.workload_trading import EXTREME_AMOUNTS


class Administration:
    """Makes the other commands from what is known."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.random = known.random
        self.deposits = 0
        self.withdrawals = 0

    def credit(self, account: int, asset: int) -> CreditDeposit:
        """Return a new deposit of a useful size."""
        self.deposits += 1
        amount = UNIT * self.random.choice((1, 50, 20_000, 1_000_000, 10**9))
        if self.known.is_giant and asset in (1, 4):
            amount = 2**91 - self.random.randrange(1000)
        return CreditDeposit(account, asset, amount, self.deposits.to_bytes(32, "big"))

    def deposit(self) -> CreditDeposit:
        """Return a deposit: new, credited before, of an odd amount, or of nobody."""
        pick = self.random.choice
        command = self.credit(pick(self.known.accounts), pick(self.known.assets))
        way = self.random.randrange(20)
        if way == 0:
            earlier = self.random.randrange(self.deposits + 1).to_bytes(32, "big")
            return msgspec.structs.replace(command, identity=earlier)
        if way == 1:
            return msgspec.structs.replace(command, amount=pick(EXTREME_AMOUNTS), asset=pick((3, 4, 99)))
        if way == 2:
            return msgspec.structs.replace(command, account=pick((0, 1, 999)))
        return command

    def withdraw(self) -> HoldWithdrawal:
        """Return a withdrawal, sometimes of more than there is, or of an id in use."""
        pick = self.random.choice
        self.withdrawals += 1
        number = self.withdrawals
        if self.known.withdrawals and self.random.random() < 0.1:
            number = next(iter(self.known.withdrawals))
        amount = pick((1, UNIT, 1_000 * UNIT, 10**7 * UNIT))
        if self.random.random() < 0.1:
            amount = pick(EXTREME_AMOUNTS)
        return HoldWithdrawal(pick((*self.known.accounts, 888)), pick((1, 2, 3, 4, 4, 50)), amount, number)

    def end_withdrawal(self) -> Command:
        """Return the settling or the release of a withdrawal that is held, or of none."""
        number = self.random.randrange(self.withdrawals + 2)
        if self.known.withdrawals and self.random.random() < 0.8:
            number = self.random.choice(list(self.known.withdrawals))
        return self.random.choice((SettleWithdrawal, ReleaseWithdrawal))(number)

    def fee(self) -> SetFee:
        """Return rates of an account's own, their removal, or rates that are refused."""
        pick = self.random.choice
        maker, taker = pick(((-1, -1), (0, 0), (50_000, 75_000), (UNIT // 2, 3), (-1, 0), (0, UNIT)))
        return SetFee(pick((*self.known.accounts, 1, 777)), pick((0, 0, 1, 2, 3, 9)), maker, taker)

    def status(self) -> SetInstrumentStatus:
        """Return a change of status: halted instruments mostly open again soon."""
        closed = [image.instrument for image in self.known.images.values() if image.status != InstrumentStatus.TRADING]
        if closed and not (self.known.auction() and self.random.random() < 0.5):
            return SetInstrumentStatus(self.random.choice(closed), InstrumentStatus.TRADING)
        usual = [1] * (40 if self.known.is_exotic else 9)
        return SetInstrumentStatus(self.random.randrange(1, 5), self.random.choice((*usual, 2, 3, 4)))

    def change(self) -> Command:
        """Return an instrument's change: on its own grid, on another, or an unsound one."""
        image = self.known.any_image()
        self.known.changes += self.random.random() < 0.15
        new = self.known.image(image.instrument)
        way = self.random.randrange(12)
        if way == 0:
            field = self.random.choice(
                ("tick", "step", "quantity_min", "market_step", "notional_min", "bid_up", "maker_rate", "price_min")
            )
            new = msgspec.structs.replace(new, **{field: self.random.choice((-1, 0, 1, 7, 2**62))})
        elif way == 1:
            new = msgspec.structs.replace(new, symbol="OTHER")
        elif way == 2:
            return ListInstrument(
                msgspec.structs.replace(new, instrument=self.random.choice((0, 1, 9)), symbol="NINTH")
            )
        elif way == 3:
            allowed = (1, 63, 63, 64) if self.known.is_exotic else (0, 1, 0b11011, 32)
            new = msgspec.structs.replace(new, stp_allowed=self.random.choice(allowed))
        elif way == 4:
            new = msgspec.structs.replace(new, instrument=self.random.choice((0, 9)))
        elif way < 9 and (new.tick, new.step) != (image.tick, image.step):
            new = msgspec.structs.replace(image, average_minutes=new.average_minutes, taker_rate=new.taker_rate)
        return ChangeInstrument(new)

    def permissions(self) -> SetPermissions:
        """Return permissions: mostly everything, so that trading goes on."""
        account = self.random.choice((*self.known.accounts, 1, 666))
        usual = [Permission.ALL] * (40 if self.known.is_exotic else 12)
        return SetPermissions(account, self.random.choice((*usual, 5, 6, 3, 0, 8)))

    def oddity(self) -> Command:
        """Return one of the rare commands, sound or not."""
        pick = self.random.choice
        return pick(
            (
                AdvanceTime(),
                SetRules(pick((1, 1, 3, 0))),
                CreateAsset(pick((0, 1, 5, 6, 2**32 - 1)), pick(("A1", "NEW", "X" * 16, "Y" * 17, "", "sp ce", "é"))),
                OpenAccount(pick((0, 1, 2, 90, 91, 2**64 - 1)), pick((-1, 7, -2, 2**63 - 1))),
                self.status(),
            )
        )
