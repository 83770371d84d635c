"""What people and the venue do in a story: from a step's words to commands."""

from collections.abc import Callable
from typing import Final

from openbourse.protocol.amounts import UNIT
from openbourse.protocol.commands import (
    AmendOrder,
    AssignTier,
    CancelAll,
    CancelOrder,
    CancelOrderList,
    CancelReplace,
    CancelRestriction,
    Command,
    DefineTier,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReplaceMode,
    SetAssetLimit,
    SetDiscount,
    SetDiscountPrice,
    SetFee,
    SetHeartbeat,
    SetInstrumentStatus,
    SetKillSwitch,
    SetPermissions,
    SetRules,
    SettleWithdrawal,
    SetVenueRules,
    UseDiscount,
)
from openbourse.protocol.instruments import InstrumentStatus, Permission
from sim.story import WordFault, Words, units, unknown
from sim.story_cast import MARKET, Cast
from sim.story_orders import FORMS, SIDES, read_list, read_order, read_span

_MAIN: Final = "BTCUSDT"
_VENUE_RULES: Final = ("orders", "algo orders", "iceberg orders", "lists")


class Actions:
    """Reads steps with the names of one story."""

    def __init__(self, cast: Cast, order_number: Callable[[str], int], list_number: Callable[[str], int]) -> None:
        self.cast = cast
        self.order_number = order_number
        self.list_number = list_number
        self.venue_verbs: dict[str, Callable[[Words], Command]] = {
            "status": self.status,
            "instrument": lambda words: self.cast.changed(self.symbol(words), " ".join(words)),
            "rules": lambda words: self.cast.ruled(self.symbol(words), " ".join(words)),
            "version": lambda words: SetRules(words.number() // UNIT),
            "fee": self.fee,
            "tier": self.tier,
            "assign": lambda words: AssignTier(self.account(words), self.count(words)),
            "discount": self.discount,
            "limits": self.limits,
            "asset": self.asset_limit,
            "kill": lambda words: SetKillSwitch(self.account(words), 1),
            "revive": lambda words: SetKillSwitch(self.account(words), 0),
            "permit": lambda words: SetPermissions(
                self.account(words), sum(Permission[word.upper()] for word in words)
            ),
            "deposit": self.deposit,
            "settle": lambda words: SettleWithdrawal(self.cast.withdrawal(words.next("a withdrawal"))),
            "release": lambda words: ReleaseWithdrawal(self.cast.withdrawal(words.next("a withdrawal"))),
        }

    def read(self, text: str) -> list[Command]:
        """Return the commands of a step. Raises WordFault."""
        words = Words(text)
        who = words.next("who does something")
        if who == "market":
            return self.market(words)
        if who == "venue":
            verb = words.next("what the venue does")
            if verb not in self.venue_verbs:
                unknown("the venue's", verb)
            command = self.venue_verbs[verb](words)
        else:
            command = self.of_account(self.cast.account(who), words)
        words.end()
        return [command]

    def of_account(self, account: int, words: Words) -> Command:
        """Return what an account does."""
        verb = words.first
        if verb in SIDES:
            return read_order(" ".join(words), account, self.cast)
        words.next("what is done")
        if verb in FORMS:
            return read_list(verb, " ".join(words), account, self.cast)
        match verb:
            case "cancel":
                return self.cancel(account, words)
            case "replace":
                return self.replace(account, words)
            case "amend":
                return self.amend(account, words)
            case "withdraw":
                amount, asset = words.number(2**96), self.cast.asset(words.next("an asset"))
                words.expect("as")
                return HoldWithdrawal(account, asset, amount, self.cast.withdrawal(words.next("its name")))
            case "heartbeat":
                span = 0 if words.take("off") else read_span(words)
                return SetHeartbeat(account, self.instrument(words), span)
            case "discount":
                return UseDiscount(account, int(words.next("on or off") == "on"))
        return unknown("the action", verb)

    def market(self, words: Words) -> list[Command]:
        """`market trades at 100`, `market trades 2 at 100`: two that are nobody else trade."""
        words.expect("trades")
        quantity = words.next("a quantity") if words.is_number() else "1"
        words.expect("at")
        price = words.next("a price")
        words.end()
        seller, buyer = (self.cast.account(name) for name in MARKET)
        return [
            read_order(f"sell {quantity} at {price}", seller, self.cast),
            read_order(f"buy {quantity} at {price} IOC", buyer, self.cast),
        ]

    def target(self, words: Words, number_of: Callable[[str], int] | None = None) -> tuple[int, str]:
        """Read `#a1`, `number of #a1`, `number of #a1 as #a2`: return the id and the client id that are named."""
        if not words.take("number"):
            return 0, words.label()
        words.expect("of")
        number = (number_of or self.order_number)(words.label())
        return number, words.label() if words.take("as") else ""

    def cancel(self, account: int, words: Words) -> Command:
        """`cancel #a1`, `cancel number of #a1`, `cancel list #L`, `cancel everything on BTCUSDT`."""
        if words.take("everything"):
            return CancelAll(account, self.instrument(words), "")
        if words.take("list"):
            number, label = self.target(words, self.list_number)
            return CancelOrderList(account, self.instrument(words, _MAIN), number, label, "")
        order, client_id = self.target(words)
        restriction = words.take("ONLY_NEW", "ONLY_PARTIALLY_FILLED") or "NONE"
        instrument = self.instrument(words, _MAIN)
        return CancelOrder(account, instrument, order, CancelRestriction[restriction], client_id, "")

    def replace(self, account: int, words: Words) -> Command:
        """`replace #a1 with buy 1 at 100 #a2`; ALLOW_FAILURE and restrictions come before `with`."""
        order, client_id = self.target(words)
        restriction = words.take("ONLY_NEW", "ONLY_PARTIALLY_FILLED") or "NONE"
        mode = words.take("ALLOW_FAILURE") or "STOP_ON_FAILURE"
        words.expect("with")
        return CancelReplace(
            mode=ReplaceMode[mode],
            cancel_order=order,
            restriction=CancelRestriction[restriction],
            cancel_client_id=client_id,
            new=read_order(" ".join(words), account, self.cast),
        )

    def amend(self, account: int, words: Words) -> Command:
        """`amend #a1 to 0.5`, `amend #a1 to 0.5 named #a2`."""
        order, client_id = self.target(words)
        words.expect("to")
        quantity = words.number()
        new_id = words.label() if words.take("named") else client_id
        if not new_id:
            raise WordFault("an amendment by number needs a name: named #a1")
        return AmendOrder(
            account=account,
            instrument=self.instrument(words, _MAIN),
            order=order,
            new_quantity=quantity,
            client_id=client_id,
            new_client_id=new_id,
        )

    def status(self, words: Words) -> Command:
        """`venue status HALT`."""
        status = InstrumentStatus[words.next("a status")]
        return SetInstrumentStatus(self.instrument(words, _MAIN), status)

    def fee(self, words: Words) -> Command:
        """`venue fee alice 0.001 0.002 everywhere`, `venue fee alice none`."""
        account = self.account(words)
        maker, taker = self.rates(words)
        return SetFee(account, 0 if words.take("everywhere") else self.instrument(words, _MAIN), maker, taker)

    def rates(self, words: Words) -> tuple[int, int]:
        """Read the maker's and the taker's rate, or `none`."""
        return (-1, -1) if words.take("none") else (words.number(), words.number())

    def tier(self, words: Words) -> Command:
        """`venue tier 7 0.001 0.002`, `venue tier 7 none`."""
        tier = self.count(words)
        return DefineTier(tier, *self.rates(words))

    def discount(self, words: Words) -> Command:
        """`venue discount BNB 0.75`, `venue discount none`, `venue discount price BTC 100`."""
        if words.take("none"):
            return SetDiscount(0, 0)
        if words.take("price"):
            return SetDiscountPrice(self.cast.asset(words.next("an asset")), words.number())
        return SetDiscount(self.cast.asset(words.next("an asset")), words.number())

    def limits(self, words: Words) -> Command:
        """`venue limits orders 3, algo orders 1`: what is not named has no limit."""
        bounds = dict.fromkeys(_VENUE_RULES, 0)
        for part in " ".join(words).split(","):
            name, _, number = part.strip().rpartition(" ")
            if name not in bounds:
                unknown("the limit", part)
            bounds[name] = units(number) // UNIT
        return SetVenueRules(*bounds.values())

    def asset_limit(self, words: Words) -> Command:
        """`venue asset limit BTC 10`."""
        words.expect("limit")
        return SetAssetLimit(self.cast.asset(words.next("an asset")), words.number(2**96))

    def deposit(self, words: Words) -> Command:
        """`venue deposit alice 100 USDT as d1`."""
        name, amount, code = words.next("an account"), words.number(2**97), words.next("an asset")
        return self.cast.deposit(name, code, amount, words.next("its name") if words.take("as") else "")

    def account(self, words: Words) -> int:
        """Read an account."""
        return self.cast.account(words.next("an account"))

    def count(self, words: Words) -> int:
        """Read a whole number."""
        return words.number() // UNIT

    def symbol(self, words: Words) -> str:
        """Read `of ETHUSDT` if it is there."""
        return words.next("an instrument") if words.take("of") else _MAIN

    def instrument(self, words: Words, default: str = "") -> int:
        """Read `on BTCUSDT`; without it the default, or 0 for every instrument."""
        symbol = words.next("an instrument") if words.take("on") else default
        return self.cast.image(symbol).instrument if symbol else 0
