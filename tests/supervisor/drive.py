"""`openbourse up` with the test's own program in the place of the roles: drive.py DATA PORT."""

import asyncio
import sys
from pathlib import Path

from rich.console import Console

from openbourse.settings import ProcessSettings
from openbourse.supervisor.progress import Progress
from openbourse.supervisor.venue import Options, Venue

if __name__ == "__main__":
    settings = ProcessSettings(data_dir=Path(sys.argv[1]), port=int(sys.argv[2]))
    program = (sys.executable, str(Path(__file__).with_name("program.py")))
    try:
        asyncio.run(Venue(Options(settings, standbys=0, program=program), Progress(Console())).run())
    except RuntimeError as error:
        sys.exit(str(error))
