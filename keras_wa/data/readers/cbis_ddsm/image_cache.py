"""A cache of decoded images."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from keras_wa.data.io import GreyImage


class RecentImages:
    """Keeps the last few decoded images; safe to use from several threads.

    Two lesions of one mammogram are two ROIs, read consecutively or at the same time. A
    thread that needs an image that another thread is decoding waits for it. Exceptions
    of `decode` are raised, not cached. A decoded mammogram takes about 25 MB.
    """

    def __init__(self, decode: Callable[[str], GreyImage], capacity: int = 4) -> None:
        self._decode = decode
        self._capacity = capacity
        self._lock = threading.Lock()
        self._images: collections.OrderedDict[str, Future[GreyImage]] = (
            collections.OrderedDict()
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the arguments only: another process starts with an empty cache."""
        return RecentImages, (self._decode, self._capacity)

    def __call__(self, path: str) -> GreyImage:
        """Returns the image of a path, decoded or from the cache."""
        with self._lock:
            image = self._images.get(path)
            mine = image is None
            if image is None:
                image = self._images[path] = Future()
            self._images.move_to_end(path)
            while len(self._images) > self._capacity:
                self._images.popitem(last=False)
        if mine:
            try:
                image.set_result(self._decode(path))
            except BaseException as error:
                with self._lock:
                    if self._images.get(path) is image:
                        del self._images[path]
                image.set_exception(error)
        return image.result()
