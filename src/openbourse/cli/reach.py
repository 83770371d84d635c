"""Finding the exchange that a command is about."""

from pathlib import Path

from openbourse.cli.faults import give_up
from openbourse.settings import ProcessSettings, SettingsError, read_settings


def reach(data: Path | None, port: int | None) -> ProcessSettings:
    """Return settings that reach the exchange: the environment's where it names the databases, else a running one's.

    Ends the command with a line that says what to do when none runs.
    """
    try:
        settings = read_settings()
    except SettingsError as error:
        give_up(str(error), code=2)
    if data is None and settings.journal_url:
        return settings
    from openbourse.supervisor.stores import find_running

    data_dir = settings.data_dir if data is None else data
    running = find_running(data_dir)
    if running is None:
        give_up(
            f"No exchange runs on the data directory {data_dir}. "
            f"Start it with: openbourse up --data {data_dir}   (or name the right one with --data DIR)"
        )
    if port is not None and running.port != port:
        give_up(f"The exchange on {data_dir} serves port {running.port}, not {port}.")
    return running
