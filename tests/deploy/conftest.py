"""Makes the tiny model and its finished run known to the tests of this folder."""

from tests.tiny_model import finished, float32, store_dir, tiny_model

__all__ = ["finished", "float32", "store_dir", "tiny_model"]
