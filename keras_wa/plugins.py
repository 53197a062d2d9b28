"""Models and datasets of other packages.

A package declares one of its modules as an entry point of the group `keras_wa.models`
or `keras_wa.datasets`. The module is imported when a requested name is not built in. It
registers its models with `keras_wa.models.register_model` or its datasets with
`keras_wa.data.register_dataset`. See `examples/plugin` for an example.
"""

from __future__ import annotations

import functools
import logging
from importlib import metadata

from keras_wa.errors import in_one_line

_log = logging.getLogger(__name__)


@functools.cache
def import_plugins(group: str) -> None:
    """Imports the modules of a group of entry points, once.

    A module that cannot be imported is skipped with a warning.
    """
    for point in metadata.entry_points(group=group):
        try:
            point.load()
        except Exception as error:  # A plugin may raise anything.
            _log.warning(
                "Plug-in %s (%s) cannot be imported: %s: %s",
                *(point.name, point.value, type(error).__name__, in_one_line(error)),
            )
