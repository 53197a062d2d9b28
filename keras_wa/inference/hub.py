"""Presets on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from keras_wa.errors import UserError, in_one_line

PREFIX = "hf://"


def fetch_preset(name: str, files: list[str]) -> Path:
    """Downloads a preset, or finds it in the cache of `huggingface_hub`.

    Args:
        name: `hf://user/name`, or `hf://user/name@revision`.
        files: names of a preset's files; no others are downloaded.

    Returns:
        The folder; its files are links into the cache.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise UserError(
            f"{name} needs huggingface_hub, which is not installed. Install it: "
            "pip install 'keras_wa[hub]'."
        ) from None
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    try:
        found = snapshot_download(
            repository, revision=revision or None, allow_patterns=files
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise UserError(
            f"{name}: cannot be fetched ({in_one_line(error)}). Expected: "
            "hf://user/name of a preset that you may read."
        ) from error
    return Path(found)
