"""A progress bar on stderr for whatever takes more than a moment.

Bars are shown within `showing_progress()`, as every command of the command line is.
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
    """Shows the progress bars of what runs inside."""
    global _shown
    before, _shown = _shown, True
    try:
        yield
    finally:
        _shown = before


class ProgressBar:
    """Counts work that is done; the bar appears only once a second has passed.

    Use it as a context manager and call `advance` as the work gets done.

    Args:
        description: what is being done, such as `"Reading ROIs"`.
        total: number of steps, or `None` if nobody knows.
        enabled: whether there is a bar at all.
        delay: seconds after which the bar appears.
        console: where it is drawn; by default on stderr, within `showing_progress()`.
        unit: `"steps"`, or `"bytes"`, which are shown with their speed.
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
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int = 1) -> None:
        """Counts `steps` more as done."""
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
        # Not at the top: it takes a quarter of a second, and most bars never appear.
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
    """Passes the items on and counts them on a `ProgressBar`.

    Args:
        iterable: the items.
        description: what is being done with them.
        total: how many they are; by default `len(iterable)` where it has one.
        enabled: whether there is a bar at all.

    Yields:
        Each item.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with ProgressBar(description, total, enabled) as bar:
        for item in iterable:
            yield item
            bar.advance()
