"""Models and datasets of other packages.

A package names a module of its own as an entry point of the group `keras_wa.models` or
`keras_wa.datasets`. The module is imported when a name is asked for that is not among
ours, and registers what it has with `keras_wa.models.register_model` or
`keras_wa.data.register_dataset`; `examples/plugin` is such a package.
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

    One that cannot be imported is named in a warning, and the others go on.

    Args:
        group: `"keras_wa.models"` or `"keras_wa.datasets"`.
    """
    for point in metadata.entry_points(group=group):
        try:
            point.load()
        except Exception as error:  # Whatever it is, it is not ours.
            _log.warning(
                "Plug-in %s (%s) cannot be imported: %s: %s",
                *(point.name, point.value, type(error).__name__, in_one_line(error)),
            )
