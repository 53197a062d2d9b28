"""From a case table to arrays: the prepared store.

The batches need Keras; import them from `keras_wa.data.pipeline.batches`.
"""

from __future__ import annotations

from keras_wa.data.pipeline.preparing import prepare
from keras_wa.data.pipeline.store import PreparedStore

__all__ = ["PreparedStore", "prepare"]
