"""Files and folders that a command is given."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_wa.errors import UserError


def at_home(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with the home folder for a leading `~/`.

    A shell leaves it in `--out=~/x`; pandas would put it in, and nothing else would.
    """

    def expanded(value: Any) -> Any:
        if isinstance(value, list):
            return [expanded(each) for each in value]
        at_home = isinstance(value, str) and f"{value}/".startswith("~/")
        return os.path.expanduser(value) if at_home else value

    # A token may begin with anything.
    return {k: v if k == "token" else expanded(v) for k, v in values.items()}


def make_folder(name: str | Path, flag: str = "--out") -> Path:
    """Makes the folder of a result before the work, which may take long.

    Raises:
        UserError: if it cannot be made; the message names the flag.
    """
    out = Path(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{flag}. Received: {name} ({error.strerror}); expected a folder, or a "
            "place where one can be made."
        ) from error
    return out


def check_writable(path: Path, flag: str) -> None:
    """Refuses a file that cannot be written before the work, which may take long.

    Its folder is made. What is there already and no file, such as a device, is taken.

    Raises:
        UserError: if it cannot be; the message names the flag.
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
