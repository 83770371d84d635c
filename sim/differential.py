"""Two engines, one stream of commands: every byte of events and state must be equal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from openbourse.protocol.codec import LayoutError
from openbourse.protocol.commands import decode, split
from openbourse.protocol.events import EventKind
from openbourse.protocol.rejects import RejectReason
from sim.reference_codec import read_events
from sim.reference_fields import Malformed
from sim.workload import Workload

_SNAPSHOT_EVERY: Final = 20
_EXCHANGE_EVERY: Final = 60


class AnyEngine(Protocol):
    """What both engines offer."""

    @property
    def sequence(self) -> int: ...
    @property
    def time_us(self) -> int: ...
    @property
    def due_us(self) -> int: ...
    def version(self) -> str: ...
    def apply(self, first_sequence: int, time_us: int, frames: bytes) -> tuple[bytes, bytes]: ...
    def snapshot(self) -> bytes: ...
    def audit(self) -> None: ...


class EngineKind(Protocol):
    """How an engine begins: empty, or from a snapshot."""

    def __call__(self) -> AnyEngine: ...
    def restore(self, data: bytes) -> AnyEngine: ...


@dataclass(frozen=True)
class Difference:
    """Where two engines parted, told so that it can be understood and repeated."""

    seed: int
    batch: int
    text: str

    def __str__(self) -> str:
        return f"seed {self.seed}, batch {self.batch}: {self.text}"


def offsets(ends: bytes) -> list[int]:
    """Return the offsets that `apply` gives as u32s."""
    return [int.from_bytes(ends[at : at + 4], "little") for at in range(0, len(ends), 4)]


def tell_command(data: bytes) -> str:
    """Return a frame as text."""
    try:
        command, identity = decode(data)
    except LayoutError:
        return f"undecodable {data.hex()}"
    return f"{command}\n  {identity}\n  {data.hex()}"


def tell_events(events: bytes) -> str:
    """Return events as text, one a line."""
    try:
        rows = read_events(events)
    except Malformed:
        return f"  undecodable {events.hex()}"
    lines = []
    for kind, record in rows:
        reason = f" {RejectReason(record.reason).name}" if kind == EventKind.COMMAND_REJECTED else ""
        lines.append(f"  {EventKind(kind).name}{reason} {vars(record)}")
    return "\n".join(lines)


def tell_difference(frames: bytes, expected: tuple[bytes, bytes], found: tuple[bytes, bytes]) -> str:
    """Return the first command whose events differ, and both engines' events for it."""
    ours, theirs = offsets(expected[1]), offsets(found[1])
    commands = list(split(frames))
    start = other_start = 0
    for place, command in enumerate(commands):
        end = ours[place] if place < len(ours) else len(expected[0])
        other_end = theirs[place] if place < len(theirs) else len(found[0])
        one, other = expected[0][start:end], found[0][other_start:other_end]
        if one != other or place >= len(ours) or place >= len(theirs):
            return (
                f"command {place} of {len(commands)}: {tell_command(command)}\n"
                f"reference:\n{tell_events(one)}\nother:\n{tell_events(other)}"
            )
        start, other_start = end, other_end
    return f"ends differ: {ours} and {theirs}"


def apply_both(one: AnyEngine, other: AnyEngine, time_us: int, frames: bytes) -> tuple[bytes, str | None]:
    """Give both engines a batch. Return the first one's events, and what differs, if anything."""
    first = one.sequence + 1
    expected = one.apply(first, time_us, frames)
    try:
        found = other.apply(first, time_us, frames)
    except BaseException as fault:  # a panic of the native core is no Exception; everything else goes on up
        if isinstance(fault, KeyboardInterrupt | SystemExit):
            raise
        commands = "\n".join(tell_command(command) for command in split(frames))
        return expected[0], f"the other engine broke with {fault!r} on\n{commands}"
    if expected != found:
        return expected[0], tell_difference(frames, expected, found)
    ours, theirs = [(engine.sequence, engine.time_us, engine.due_us, engine.version()) for engine in (one, other)]
    if ours != theirs:
        return expected[0], f"sequence, time, what is due and version are {ours}, and {theirs}"
    return expected[0], None


def compare_states(one: AnyEngine, other: AnyEngine) -> str | None:
    """Audit both engines; return where their snapshots part, if they do."""
    one.audit()
    try:
        other.audit()
    except (AssertionError, ValueError) as fault:
        return f"the other engine's audit: {fault}"
    state, found = one.snapshot(), other.snapshot()
    if state == found:
        return None
    at = next((at for at in range(min(len(state), len(found))) if state[at] != found[at]), min(len(state), len(found)))
    near = slice(max(at - 24, 0), at + 24)
    return (
        f"snapshots of {len(state)} and {len(found)} bytes differ from byte {at}: {state[near].hex()} "
        f"and {found[near].hex()}"
    )


def exchange(one: AnyEngine, other: AnyEngine, kinds: tuple[EngineKind, EngineKind]) -> tuple[AnyEngine, AnyEngine]:
    """Return each engine restored from the other's snapshot."""
    return kinds[0].restore(other.snapshot()), kinds[1].restore(one.snapshot())


def run_seed(
    seed: int,
    commands: int,
    kinds: tuple[EngineKind, EngineKind],
    progress: Callable[[int], Any] = lambda _count: None,
    watch: Callable[[bytes, bytes], Any] = lambda _frames, _events: None,
    rules: int | None = None,
) -> tuple[int, Difference | None]:
    """Drive both engines with one seed. Return how many commands ran, and the first difference."""
    workload = Workload(seed, rules)
    one, other = kinds[0](), kinds[1]()
    batch = 0
    while one.sequence < commands:
        before = one.sequence
        time_us, frames = workload.batch()
        events, text = apply_both(one, other, time_us, frames)
        progress(one.sequence - before)
        watch(frames, events)
        is_last = one.sequence >= commands
        if text is None and (is_last or batch % _SNAPSHOT_EVERY == 0):
            text = compare_states(one, other)
        if text is None and (is_last or batch % _EXCHANGE_EVERY == _EXCHANGE_EVERY - 1):
            try:
                one, other = exchange(one, other, kinds)
            except ValueError as fault:
                text = f"a snapshot is refused: {fault}"
            else:
                text = compare_states(one, other)
        if text is not None:
            return one.sequence, Difference(seed, batch, text)
        workload.observe(events)
        batch += 1
    return one.sequence, None
