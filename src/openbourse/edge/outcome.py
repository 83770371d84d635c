"""Sending a command for which only yes or no matters, and what a fault of the intake is to a client."""

import time
from typing import Final

from openbourse.edge.errors import ApiError
from openbourse.edge.intake import Answer, Intake, IntakeFault, OrderRateExceeded, OutsideWindow, StatusUnknown
from openbourse.protocol.commands import Command
from openbourse.protocol.events import CommandRejected, EventKind, decode

PATIENCE_US: Final = 10_000_000


async def perform(intake: Intake, command: Command, patience_us: int = PATIENCE_US) -> CommandRejected | None:
    """Have a command ordered; return the reject, or None when it was done. Raises IntakeFault."""
    return rejection(await intake.submit(command, time.time_ns() // 1_000 + patience_us))


def rejection(answer: Answer) -> CommandRejected | None:
    """Return the reject that an answer carries, if it does."""
    for event in decode(answer.events, {EventKind.COMMAND_REJECTED}):
        assert isinstance(event, CommandRejected)
        return event
    return None


def unavailable(fault: IntakeFault | OSError) -> ApiError:
    """Return what a client is told when the sequencer gave no result, or a database that is away none either."""
    match fault:
        case StatusUnknown() | OSError():
            return ApiError(
                -1007,
                "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
                503,
            )
        case OutsideWindow():
            return ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
        case OrderRateExceeded():
            return ApiError(
                -1015,
                f"Too many new orders; current limit is {fault.limit} orders per {fault.interval}.",
                429,
                headers={"Retry-After": str(fault.retry_after_s)},
            )
        case _:
            return ApiError(-1008, "Server is currently overloaded with other requests. Please try again.", 503)
