"""Progress bars on stderr for work that takes more than a second.

They are those of `rich.progress`, whose import takes 0.22 s (one core of an AMD EPYC,
2026-11-29) and most bars never appear: it is imported by the first one that does. Bars
are shown within `showing_progress()`, in which every command runs.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

_DELAY_S = 1.0
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
        unit: `"steps"` or `"bytes"`; for bytes the speed is shown.
    """

    def __init__(
        self,
        description: str,
        total: int | None = None,
        enabled: bool = True,
        unit: str = "steps",
    ) -> None:
        self.description, self.total = description, total
        self.enabled, self.unit = enabled, unit
        self.done = 0
        self._bar: Progress | None = None

    def __enter__(self) -> ProgressBar:
        """Starts the clock."""
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops updating the bar."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int = 1) -> None:
        """Advances the bar by `steps`."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.done)
        elif self.enabled and _shown and time.monotonic() - self._start >= _DELAY_S:
            self._bar = self._show()

    def _show(self) -> Progress:
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
            console=Console(stderr=True),
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
    """Iterates over items with a `ProgressBar`; `total` is by default their number."""
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with ProgressBar(description, total, enabled) as bar:
        for item in iterable:
            yield item
            bar.advance()
