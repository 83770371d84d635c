"""What a person sees while the exchange starts: one line a part, a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn


class Progress:
    """Shows parts as they start; use it as a context manager around the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._display: RichProgress | None = None
        if console.is_terminal:
            self._display = RichProgress(
                SpinnerColumn(finished_text="[green]✓[/]"),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=console,
            )

    def __enter__(self) -> Self:
        if self._display is not None:
            self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display is not None:
            self._display.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show one part as under way until the block ends; a part that fails is left unfinished."""
        started = time.monotonic()
        task = None if self._display is None else self._display.add_task(name, total=1)
        yield
        if self._display is not None and task is not None:
            self._display.update(task, completed=1)
        else:
            self._console.print(f"{name}: started in {time.monotonic() - started:.1f} s", highlight=False)

    def notice(self, text: str) -> None:
        """Print a line among the others."""
        self._console.print(text, style="yellow", highlight=False, markup=False)

    def say(self, text: str) -> None:
        """Print a line of plain news."""
        self._console.print(text, highlight=False, markup=False)

    def ready(self, url: str) -> None:
        """Print where the exchange is: one plain line that scripts can wait for."""
        self._console.print(f"openbourse is ready: {url}", highlight=False, markup=False, soft_wrap=True)
