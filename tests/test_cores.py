"""What of the machine this process may use."""

from __future__ import annotations

import os

import pytest

from keras_wa.cores import reading_threads, usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_cores_that_are_kept_from_the_process_are_not_counted() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
        assert reading_threads() == 3
    finally:
        os.sched_setaffinity(0, before)
