"""Makes the tiny model known to the tests of this folder."""

from tests.tiny_model import float32, tiny_model

__all__ = ["float32", "tiny_model"]
