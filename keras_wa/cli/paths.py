"""Files and folders in the arguments of a command."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_wa.errors import UserError


def expand_home(values: Mapping[str, Any]) -> dict[str, Any]:
    """Expands a leading `~/` to the home folder in the values of arguments.

    A shell does not expand it in `--out=~/x`.
    """

    def expanded(value: Any) -> Any:
        if isinstance(value, list):
            return [expanded(each) for each in value]
        in_home = isinstance(value, str) and f"{value}/".startswith("~/")
        return os.path.expanduser(value) if in_home else value

    # A token may start with `~/`.
    return {k: v if k == "token" else expanded(v) for k, v in values.items()}


def check_writable(path: Path, flag: str) -> None:
    """Checks that an output file can be written, before the command starts its work.

    Its folder is created. An existing path that is not a file (a device) is accepted.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.is_file() or not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UserError(
            f"{flag}. Received: {path} ({error.strerror or error}); expected a file "
            "that can be written."
        ) from error
