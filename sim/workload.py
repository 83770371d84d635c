"""Seeded streams of commands: trading that crosses often, administration, resends, extremes, and broken frames.

Streams of even seeds have rules 1, those of odd ones move to rules 2 in their opening.

The generator learns from the events what is open, so that most of what it sends makes sense. Two runs with one seed
that are shown the same events send the same bytes.
"""

from collections import deque
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from openbourse.protocol.commands import Command, CreateAsset, Identity, ListInstrument, OpenAccount, SetRules
from sim.workload_administration import Administration
from sim.workload_exotic import Exotic
from sim.workload_known import Known
from sim.workload_lists import Lists
from sim.workload_switches import Switches
from sim.workload_trading import Trading

_BATCH_SIZES: Final = (1, 1, 2, 5, 20, 50, 100, 200)
_TIME_STEPS_US: Final = (0, 0, 0, 1, 1_000, 900_000, 7_000_000, 61_000_000, 400_000_000)
_LONG_PAUSE_US: Final = 3_700_000_000


class Workload:
    """A stream of batches; `observe` must be shown each batch's events before the next is asked for."""

    def __init__(self, seed: int, rules: int | None = None) -> None:
        self.rules = (2 if seed % 2 else 1) if rules is None else rules
        # Every seventh stream has a crowd that cancels and sweeps less, so that books grow deep.
        self.is_crowded = seed % 7 == 6
        self.known = Known(seed, 60 if self.is_crowded else 12, self.rules)
        self.trading = Trading(self.known)
        self.administration = Administration(self.known)
        self.exotic = Exotic(self.known, self.trading)
        self.lists = Lists(self.known, self.trading, self.exotic)
        self.switches = Switches(self.known)
        self.random = self.known.random
        self.time_us = self.random.randrange(0, 2**45)
        self.sent: deque[bytes] = deque(maxlen=400)
        self.counters = [0] * 6
        self.generation = 0  # of sessions: a broken frame can end one for ever
        self.is_first = True
        kinds = self._kinds() if self.rules == 1 else self._kinds() | self._kinds_of_rules_2()
        self.makers = list(kinds)
        self.weights = list(accumulate(kinds.values()))

    def observe(self, events: bytes) -> None:
        """Learn from a batch's events what is open."""
        self.known.observe(events)

    def _kinds(self) -> dict[Callable[[], Command], int]:
        return {
            self.trading.limit: 2_000 if self.is_crowded else 460,
            self.trading.market: 110,
            self.trading.by_quote: 80,
            self.trading.extreme: 25,
            self.trading.cancel: 130,
            self.trading.cancel_all: 8,
            self.trading.cancel_replace: 90,
            self.administration.deposit: 45,
            self.administration.withdraw: 20,
            self.administration.end_withdrawal: 18,
            self.administration.fee: 12,
            self.administration.status: 16,
            self.administration.change: 8,
            self.administration.permissions: 5,
            self.administration.oddity: 14,
        }

    def _kinds_of_rules_2(self) -> dict[Callable[[], Command], int]:
        return {
            self.trading.limit: 1_200 if self.is_crowded else 330,
            self.exotic.stop: 200,
            self.exotic.limit: 130,
            self.exotic.crossing: 130,
            self.exotic.amend: 70,
            self.exotic.cancel: 40,
            self.exotic.cancel_replace: 30,
            self.lists.place: 200,
            self.lists.cancel: 20,
            self.administration.change: 9,
            self.administration.status: 45,
            self.administration.permissions: 12,
            self.switches.instrument_rules: 6,
            self.switches.phase: 12,
            self.switches.advance: 40,
            self.switches.kill_switch: 10,
            self.switches.heartbeat: 14,
            self.switches.tier: 10,
            self.switches.discount: 20,
            self.switches.venue_rules: 9,
            self.switches.asset_limit: 14,
        }

    def batch(self, size: int | None = None) -> tuple[int, bytes]:
        """Return the next batch: its time and its frames."""
        if self.is_first:
            self.is_first = False
            return self.time_us, self.opening()
        self.time_us += self.random.choice(_TIME_STEPS_US)
        if self.random.random() < 0.002:
            self.time_us += _LONG_PAUSE_US
        self.known.time_us = self.time_us
        if size is None:
            size = self.random.choice(_BATCH_SIZES)
        frames = [self.one() for _ in range(size)]
        if self.random.random() < 0.02:
            frames.append(self.random.randbytes(self.random.randrange(1, 60)))
        return self.time_us, b"".join(frames)

    def opening(self) -> bytes:
        """Return the batch that makes assets, instruments, accounts and their first funds."""
        commands: list[Command] = [CreateAsset(asset, f"A{asset}") for asset in self.known.assets]
        # Some streams trade under rules 1 first.
        is_late = self.known.rules == 2 and self.random.random() < 0.3
        if is_late:
            self.known.rules = 1
        elif self.known.rules == 2:
            commands.append(SetRules(2))
        for number in range(1, 4):
            image = self.known.image(number)
            self.known.images[number] = image
            commands.append(ListInstrument(image))
        for account in self.known.accounts:
            groups = (-1, -1, -1, 7, 8) if self.rules == 1 else (-1, 7, 8) if account > 4 else (7,)
            commands.append(OpenAccount(account, self.random.choice(groups)))
            commands += [self.administration.credit(account, asset) for asset in self.known.assets for _ in range(2)]
        if is_late:
            commands += [self.trading.limit() for _ in range(200)]
            self.known.rules = 2
        if self.rules == 2:
            commands += self.switches.opening()
        return b"".join([command.encode() for command in commands])

    def one(self) -> bytes:
        """Return one frame: mostly a new command with an identity, sometimes a resend or a broken one."""
        chance = self.random.random()
        if chance < 0.02 and self.sent:
            return self.random.choice(self.sent)
        command = self.random.weighted(self.makers, self.weights)()
        data = command.encode(self.identity())
        if chance > 0.985:
            return self.broken(data)
        self.sent.append(data)
        return data

    def identity(self) -> Identity:
        """Return a fresh identity, none, or one that is no longer remembered."""
        chance = self.random.random()
        if chance < 0.3:
            return Identity()
        self.generation += self.random.random() < 0.02
        session = self.random.randrange(len(self.counters))
        self.counters[session] += 1
        counter = self.counters[session]
        if chance < 0.31:
            counter = max(1, counter - self.random.randrange(100))
        low_water = max(0, counter - 50 + self.random.randrange(40)) if chance > 0.9 else 0
        if chance > 0.995:
            low_water = counter + 3
        return Identity(session * 2**60 + self.generation, counter, low_water, self.time_us)

    def broken(self, data: bytes) -> bytes:
        """Return a frame with a flipped bit, cut, lengthened, or of another kind or version."""
        way = self.random.randrange(6)
        changed = bytearray(data)
        if way == 0:
            changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        elif way == 1:
            changed[self.random.randrange(4, len(changed))] ^= 1 << self.random.randrange(8)
        elif way == 2:
            changed[4] = self.random.randrange(25 if self.rules == 1 else 35)
        elif way == 3:
            changed[6] = 2 if self.rules == 1 else self.random.randrange(4)
        else:
            size = self.random.randrange(len(changed) + 10)
            changed = (changed + bytes(10))[:size]
            if way == 4 and size >= 4:
                changed[:4] = size.to_bytes(4, "little")
        return bytes(changed)
