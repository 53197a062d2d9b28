"""How the ROIs of a dataset are read: in threads, or distributed by the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from keras_wa.cores import reading_threads
from keras_wa.data.dataset import Dataset

WORKERS = reading_threads()
"""Threads that read and enhance."""

_BLOCK = 64

Distribute = Callable[
    [Callable[[list[int]], list[Any]], Sequence[int]],
    Iterator[tuple[list[int], list[Any]]],
]
"""Applies a function to rows, block by block, such as
`keras_wa.cluster.tasks.run_tasks`; yields the rows of each block, in any order, and
their results or a `UserError` instead."""


def in_threads(
    dataset: Dataset, read: Callable[[list[int]], list[Any]], rows: Sequence[int]
) -> Iterator[tuple[list[int], list[Any]]]:
    """A `Distribute` by threads of this process, in order.

    A dataset with `read_block` gets whole blocks.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(rows), _BLOCK):
            block = list(rows[start : start + _BLOCK])
            if dataset.read_block is not None:
                yield block, read(block)
            else:
                each = pool.map(read, ([row] for row in block))
                yield block, [result for (result,) in each]
