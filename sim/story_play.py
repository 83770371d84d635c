"""Playing a story on a stage: its settings, then step by step what is done, and whether what is told is so."""

import re
import time
from typing import Final

from openbourse.protocol.commands import AmendOrder, CancelOrder, CancelReplace, Command, PlaceOrder
from sim.story import Line, Story, StoryError, WordFault, Words
from sim.story_actions import Actions
from sim.story_cast import Cast
from sim.story_orders import read_span
from sim.story_seen import Stage
from sim.story_told import Told, Unmet

PATIENCE_S: Final = 4.0
"""How long a stage that shows things a little later may take to show them."""
PAUSE_S: Final = 0.01
_TRIGGERED: Final = re.compile(r"#(\S+)[^;]*\btriggered")


def play(story: Story, stage: Stage) -> None:
    """Play a story to its end. Raises StoryError at the first line that is not as it is told."""
    cast = Cast(story, stage)
    actions = Actions(cast, stage.order_number, stage.list_number)
    try:
        for place, command in cast.opening(story):
            stage.begin_step()
            stage.perform(command)
            if stage.refusals:
                raise StoryError(f"{place}: {command} is refused: {stage.refusals[0]}")
            stage.end_step()
        stage.ready()
        for step in story.steps:
            _step(step, stage, cast, actions)
    finally:
        stage.end()


def _step(step: Line, stage: Stage, cast: Cast, actions: Actions) -> None:
    where = f"{step.place}: {step.left} | {step.right}"
    stage.begin_step()
    try:
        before = {label: stage.order(label) for label in _TRIGGERED.findall(step.right)}
        worked = {label: order.is_working for label, order in before.items() if order is not None}
        commands = _act(step.left, stage, actions)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                Told(stage, cast, _own(commands), worked).check(step.right, _implied(step.left, commands))
                break
            except Unmet as unmet:
                if not stage.is_patient() or time.monotonic() > deadline:
                    raise StoryError(f"{where}\n  {unmet}") from unmet
                time.sleep(PAUSE_S)
    except (WordFault, KeyError) as fault:
        raise StoryError(f"{where}\n  {fault}") from fault
    try:
        stage.end_step()
    except AssertionError as fault:
        raise StoryError(f"{where}\n  broken: {fault}") from fault


def _act(text: str, stage: Stage, actions: Actions) -> list[Command]:
    """Do what a step says; return the commands of it that somebody gave."""
    words = Words(text)
    if not words:
        return []
    if words.first == "time":
        words.next("time")
        words.expect("passes")
        stage.pass_time(read_span(words))
        words.end()
        return []
    if text.split() == ["venue", "resend"]:
        stage.resend()
        return []
    commands = actions.read(text)
    for command in commands:
        stage.perform(command)
    return commands


def _own(commands: list[Command]) -> str:
    """Return the label of the order that a step is about."""
    match commands:
        case [CancelReplace() as command]:
            return command.new.client_id
        case [PlaceOrder() as command] | [CancelOrder() as command]:
            return command.client_id
        case [AmendOrder() as command]:
            return command.new_client_id
    return ""


def _implied(text: str, commands: list[Command]) -> list[tuple[int, int]]:
    """Return the trade that a line `market trades at 100` tells by itself."""
    if not text.startswith("market "):
        return []
    order = commands[0]
    assert isinstance(order, PlaceOrder), "the market places orders"
    return [(order.quantity, order.price)]
