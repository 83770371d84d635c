"""The native core and the reference give equal bytes for every command stream."""

from random import Random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from openbourse.engine import Engine as Native
from openbourse.protocol.commands import (
    AdvanceTime,
    CancelAll,
    CancelOrder,
    CancelReplace,
    ChangeInstrument,
    Command,
    CreateAsset,
    CreditDeposit,
    HoldWithdrawal,
    Identity,
    ListInstrument,
    OpenAccount,
    PlaceOrder,
    ReleaseWithdrawal,
    SetFee,
    SetInstrumentStatus,
    SetPermissions,
    SetRules,
    SettleWithdrawal,
)
from openbourse.protocol.events import CommandRejected, decode
from openbourse.protocol.instruments import Instrument
from openbourse.protocol.rejects import RejectReason
from sim.differential import EngineKind, apply_both, compare_states, exchange, run_seed
from sim.reference import Engine as Reference
from sim.workload import Workload

_KINDS = (Reference, Native)
_COMMANDS_A_SEED = 6_000


def test_seeded_streams_give_equal_bytes() -> None:
    for seed in (*range(1, 13), 2_026):
        commands, difference = run_seed(seed, _COMMANDS_A_SEED, _KINDS)
        assert difference is None, str(difference)
        assert commands >= _COMMANDS_A_SEED


_UNIT = 100_000_000
_ACCOUNTS = st.sampled_from((2, 3, 4, 1, 9))
_INSTRUMENTS = st.sampled_from((1, 1, 1, 2, 7))
_ORDERS = st.integers(0, 12)
_CLIENT_IDS = st.sampled_from(("a", "b", "c", "d", "e", "f"))
_I64 = st.one_of(st.integers(-2, 300), st.integers(-(2**63), 2**63 - 1))
_I128 = st.one_of(st.integers(-2, 3_000), st.integers(-(2**127), 2**127 - 1))
_RATES = st.sampled_from((-1, 0, 1, 100_000, _UNIT // 2, _UNIT))


def _image(number: int, **changes: int) -> Instrument:
    """Return an instrument whose units are small, so that shrunk examples read well."""
    fields = {"tick": 1, "step": _UNIT, "quantity_min": _UNIT, "quantity_max": 2**62, "price_min": 0, "price_max": 0}
    return Instrument(
        instrument=number,
        symbol=f"S{number}",
        base=number,
        quote=3,
        **(
            fields
            | {"notional_min": 0, "average_minutes": 1, "maker_rate": 1_000_000, "taker_rate": 2_000_000}
            | changes
        ),
    )


_PLACE = st.builds(
    PlaceOrder,
    account=_ACCOUNTS,
    instrument=_INSTRUMENTS,
    side=st.sampled_from((1, 2)),
    type=st.sampled_from((1, 1, 1, 2, 3)),
    time_in_force=st.sampled_from((1, 1, 2, 3)),
    stp=st.sampled_from((255, 0, 1, 2, 3, 4)),
    price=st.integers(95, 105),
    quantity=st.integers(1, 9).map(lambda lots: lots * _UNIT),
    client_id=_CLIENT_IDS,
)
_PLACE_MARKET = st.builds(
    PlaceOrder,
    account=_ACCOUNTS,
    instrument=_INSTRUMENTS,
    side=st.sampled_from((1, 2)),
    type=st.just(2),
    time_in_force=st.just(1),
    stp=st.sampled_from((0, 1, 2, 3, 4)),
    flags=st.just(4),
    quote_quantity=st.integers(0, 3_000),
    client_id=_CLIENT_IDS,
)
_PLACE_ANYTHING = st.builds(
    PlaceOrder,
    account=_ACCOUNTS,
    instrument=_INSTRUMENTS,
    side=st.integers(0, 3),
    type=st.integers(0, 8),
    time_in_force=st.integers(0, 4),
    stp=st.integers(0, 255),
    flags=st.integers(0, 8),
    price=_I64,
    quantity=_I64,
    quote_quantity=_I128,
    strategy_id=_I64,
    strategy_type=st.integers(-(2**31), 2**31 - 1),
    client_id=st.text(max_size=40).filter(lambda text: len(text.encode()) < 200),
)
_COMMANDS: st.SearchStrategy[Command] = st.one_of(
    _PLACE,
    _PLACE,
    _PLACE_MARKET,
    _PLACE_ANYTHING,
    st.builds(CancelOrder, _ACCOUNTS, _INSTRUMENTS, _ORDERS, st.integers(0, 3), st.one_of(st.just(""), _CLIENT_IDS)),
    st.builds(CancelAll, _ACCOUNTS, st.sampled_from((0, 1, 2, 7))),
    st.builds(
        CancelReplace,
        mode=st.sampled_from((1, 2)),
        cancel_order=_ORDERS,
        restriction=st.integers(0, 2),
        cancel_client_id=st.one_of(st.just(""), _CLIENT_IDS),
        new=st.one_of(_PLACE, _PLACE_MARKET),
    ),
    st.builds(CreditDeposit, _ACCOUNTS, st.integers(1, 4), _I128, st.binary(min_size=32, max_size=32)),
    st.builds(HoldWithdrawal, _ACCOUNTS, st.integers(1, 4), _I128, st.integers(0, 3)),
    st.builds(SettleWithdrawal, st.integers(0, 3)),
    st.builds(ReleaseWithdrawal, st.integers(0, 3)),
    st.builds(SetFee, _ACCOUNTS, st.sampled_from((0, 1, 2, 7)), _RATES, _RATES),
    st.builds(SetInstrumentStatus, _INSTRUMENTS, st.sampled_from((1, 1, 1, 2, 4, 5))),
    st.builds(SetPermissions, _ACCOUNTS, st.sampled_from((7, 7, 7, 3, 8))),
    st.builds(OpenAccount, st.integers(0, 9), st.sampled_from((-2, -1, 5, 6))),
    st.builds(CreateAsset, st.integers(0, 5), st.sampled_from(("A", "B", "NEW", ""))),
    st.builds(
        lambda kind, number, field, value: kind(
            _image(number, **{field: value % 8 if field == "stp_default" else value})
        ),
        st.sampled_from((ChangeInstrument, ChangeInstrument, ListInstrument)),
        st.integers(0, 3),
        st.sampled_from(("tick", "step", "quantity_min", "market_step", "notional_max", "ask_up", "stp_default")),
        st.sampled_from((0, 1, 2, 100, _UNIT, 2 * _UNIT)),
    ),
    st.builds(AdvanceTime),
    st.builds(SetRules, st.integers(0, 2)),
)
_IDENTITIES = st.one_of(
    st.just(Identity()), st.builds(Identity, st.integers(0, 2), st.integers(0, 6), st.integers(0, 6), st.integers(0, 9))
)
_FRAMES = st.one_of(
    st.builds(lambda command, identity: command.encode(identity), _COMMANDS, _IDENTITIES),
    st.builds(lambda command, identity: command.encode(identity), _COMMANDS, _IDENTITIES),
    st.builds(lambda command, cut: command.encode()[:cut], _COMMANDS, st.integers(1, 80)),
    st.binary(min_size=1, max_size=60),
)
_BATCHES = st.lists(
    st.tuples(st.sampled_from((0, 0, 1, 61_000_000, 3_700_000_000)), st.lists(_FRAMES, max_size=12)), max_size=8
)

_OPENING = b"".join(
    command.encode()
    for command in (
        *(CreateAsset(asset, f"A{asset}") for asset in (1, 2, 3)),
        *(ListInstrument(_image(number)) for number in (1, 2)),
        *(OpenAccount(account, group) for account, group in ((2, -1), (3, 5), (4, 5))),
        *(
            CreditDeposit(account, asset, amount, bytes([account, asset]) * 16)
            for account in (2, 3, 4)
            for asset, amount in ((1, 40 * _UNIT), (2, 40 * _UNIT), (3, 4_000))
        ),
    )
)


@settings(max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(batches=_BATCHES)
@example(batches=[])
def test_any_stream_gives_equal_bytes(batches: list[tuple[int, list[bytes]]]) -> None:
    one, other = Reference(), Native()
    time_us = 1_000_000_000
    for step, frames in [(0, [_OPENING]), *batches]:
        time_us += step
        _, text = apply_both(one, other, time_us, b"".join(frames))
        assert text is None, text
    text = compare_states(one, other)
    assert text is None, text
    restored = exchange(one, other, _KINDS)
    text = compare_states(*restored)
    assert text is None, text


def test_too_many_identities_in_flight_are_refused_alike() -> None:
    one, other = Reference(), Native()
    for first in range(1, 65_600, 8_200):
        frames = [AdvanceTime().encode(Identity(7, counter)) for counter in range(first, first + 8_200)]
        _, text = apply_both(one, other, 1_000, b"".join(frames))
        assert text is None, text
    events, text = apply_both(one, other, 1_000, AdvanceTime().encode(Identity(7, 99_999)))
    assert text is None, text
    assert [event.reason for event in decode(events) if isinstance(event, CommandRejected)] == [
        RejectReason.TOO_MANY_IN_FLIGHT
    ]
    text = compare_states(one, other)
    assert text is None, text


def restored_or_refused(kind: EngineKind, data: bytes) -> bytes | None:
    """Return the snapshot of what was restored, None when it was refused."""
    try:
        return kind.restore(data).snapshot()
    except ValueError:
        return None


def test_damaged_snapshots_are_restored_or_refused_alike() -> None:
    random, workload, engine = Random(11), Workload(11), Native()
    while engine.sequence < 800:
        time_us, frames = workload.batch()
        workload.observe(engine.apply(engine.sequence + 1, time_us, frames)[0])
    good = engine.snapshot()
    refused = 0
    for _ in range(400):
        damaged = bytearray(good)
        for _ in range(random.choice((1, 1, 2))):
            damaged[random.randrange(len(good))] ^= 1 << random.randrange(8)
        if random.random() < 0.1:
            damaged = damaged[: random.randrange(len(good))]
        found = restored_or_refused(Native, bytes(damaged))
        assert found == restored_or_refused(Reference, bytes(damaged)), damaged.hex()
        assert found in (None, bytes(damaged))
        refused += found is None
    assert refused > 200
