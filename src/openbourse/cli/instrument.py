"""`openbourse instrument`: an instrument's status and rules on a running exchange."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from openbourse.cli.account import parse_amount
from openbourse.cli.faults import give_up
from openbourse.cli.finish import finish
from openbourse.cli.reach import reach

STATUSES = ("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "AUCTION")
AMOUNTS = ("position_max", "percent_up", "percent_down")
AMOUNT_PREFIX = "range_"
SWITCH = {"on": True, "off": False}

app = typer.Typer(help="Instruments of a running exchange on this machine.", no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The exchange's data directory.  [default: ./var/openbourse]", file_okay=False),
]


class RuleError(ValueError):
    """A NAME=VALUE that cannot be understood."""


@app.callback()
def instrument() -> None:
    """Instruments of a running exchange on this machine."""


@app.command()
def status(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    wanted: Annotated[str, typer.Argument(metavar="STATUS", help=", ".join(STATUSES))],
    data: Data = None,
) -> None:
    """Halt an instrument, let it trade again, or begin an auction."""
    if wanted not in STATUSES:
        give_up(f"{wanted!r} is none of {', '.join(STATUSES)}.", code=2)
    settings = reach(data, None)
    from openbourse import wiring
    from openbourse.protocol.instruments import InstrumentStatus

    try:
        finish(wiring.set_status(settings, symbol, InstrumentStatus[wanted]))
    except (ValueError, OSError) as error:
        give_up(f"The status of {symbol} was not changed: {error}")
    Console().print(f"{symbol} {wanted}", highlight=False, markup=False)


@app.command()
def reopen(
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Such as BTCUSDT.  [default: all]")
    ] = None,
    cancel_only: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds in which orders can only end.")] = 30.0,
    auction: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds in which orders collect.")] = 60.0,
    data: Data = None,
) -> None:
    """Bring instruments back after an outage: cancel-only, then a call auction, then trading."""
    settings = reach(data, None)
    from openbourse import wiring
    from openbourse.protocol.instruments import InstrumentStatus

    def told(symbol: str, status: InstrumentStatus) -> None:
        Console().print(f"{symbol} {status.name}", highlight=False, markup=False)

    try:
        finish(wiring.reopen(settings, symbols or [], cancel_only, auction, told))
    except (ValueError, OSError) as error:
        give_up(f"The reopening stopped; run it again: {error}")


@app.command()
def rules(
    symbol: Annotated[str, typer.Argument(help="Such as BTCUSDT.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Such as ICEBERG=off, lists_max=20 or percent_up=1.05."),
    ] = None,
    data: Data = None,
) -> None:
    """Show an instrument's rules, after changing some."""
    try:
        wanted = parse_rules(changes or [])
    except RuleError as error:
        give_up(str(error), code=2)
    settings = reach(data, None)
    from openbourse import wiring
    from openbourse.protocol.amounts import format_units
    from openbourse.protocol.instruments import Feature

    try:
        found = finish(wiring.change_rules(settings, symbol, wanted))
    except (ValueError, OSError) as error:
        give_up(f"The rules of {symbol} were not changed: {error}")
    for feature in Feature:
        Console().print(f"{feature.name:<20} {'on' if feature & found.features else 'off'}", highlight=False)
    for name in found.__struct_fields__[2:]:
        value = getattr(found, name)
        Console().print(f"{name:<20} {format_units(value) if is_amount(name) else value}", highlight=False)


def parse_rules(texts: list[str]) -> dict[str, int | bool]:
    """Return rules by name: a feature on or off, a bound as a number. Raises RuleError for what is not NAME=VALUE."""
    found: dict[str, int | bool] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise RuleError(f"{text!r} is not NAME=VALUE, like ICEBERG=off or lists_max=20.")
        if name in found:
            raise RuleError(f"{name} is given twice.")
        if name.isupper():
            if value not in SWITCH:
                raise RuleError(f"{text!r}: a feature is on or off.")
            found[name] = SWITCH[value]
            continue
        units = parse_amount(value) if is_amount(name) else _whole(value)
        if units is None:
            raise RuleError(f"{text!r}: the value must be digits{', with at most 8 decimals' * is_amount(name)}.")
        found[name] = units
    return found


def is_amount(name: str) -> bool:
    """Tell whether a bound is an amount or a rate, with decimals, rather than a count."""
    return name in AMOUNTS or name.startswith(AMOUNT_PREFIX)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
