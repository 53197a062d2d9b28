"""Progress bars on stderr for work that takes more than a second.

Bars are shown within `showing_progress()`, in which every command runs.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

Item = TypeVar("Item")

_shown = False


@contextlib.contextmanager
def showing_progress() -> Iterator[None]:
    """Shows the progress bars of the code in the block."""
    global _shown
    before, _shown = _shown, True
    try:
        yield
    finally:
        _shown = before


class ProgressBar:
    """A progress bar that appears after one second.

    Use it as a context manager, and call `advance` after each step.

    Args:
        description: text beside the bar, such as `"Reading ROIs"`.
        total: number of steps, or `None` if unknown.
        enabled: whether to show a bar.
        delay: seconds after which the bar appears.
        console: console to draw on; by default stderr, within `showing_progress()`.
        unit: `"steps"` or `"bytes"`; for bytes the speed is shown.
    """

    def __init__(
        self,
        description: str,
        total: int | None = None,
        enabled: bool = True,
        delay: float = 1.0,
        console: Console | None = None,
        unit: str = "steps",
    ) -> None:
        self.description = description
        self.total = total
        self.enabled = enabled
        self.delay = delay
        self.console = console
        self.unit = unit
        self.done = 0
        self._bar: Progress | None = None
        self._start = time.monotonic()

    def __enter__(self) -> ProgressBar:
        """Starts the clock."""
        self._start = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops updating the bar."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int = 1) -> None:
        """Advances the bar by `steps`."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.done)
        elif (
            self.enabled
            and (_shown or self.console)
            and time.monotonic() - self._start >= self.delay
        ):
            self._bar = self._show()

    def _show(self) -> Progress:
        # Imported here: it takes a quarter of a second, and most bars never appear.
        from rich import progress
        from rich.console import Console

        count: list[progress.ProgressColumn] = [progress.MofNCompleteColumn()]
        if self.unit == "bytes":
            count = [progress.DownloadColumn(), progress.TransferSpeedColumn()]
        bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            *count,
            progress.TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console or Console(stderr=True),
        )
        bar.add_task(self.description, total=self.total, completed=self.done)
        bar.start()
        return bar


def track(
    iterable: Iterable[Item],
    description: str,
    total: int | None = None,
    enabled: bool = True,
) -> Iterator[Item]:
    """Iterates over items with a `ProgressBar`.

    Args:
        iterable: the items.
        description: text beside the bar.
        total: number of items; by default `len(iterable)` if it has a length.
        enabled: whether to show a bar.

    Yields:
        Each item.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with ProgressBar(description, total, enabled) as bar:
        for item in iterable:
            yield item
            bar.advance()
