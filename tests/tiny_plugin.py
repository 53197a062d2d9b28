"""Registers `tiny` in processes that import it as a plug-in, such as Ray's."""

from __future__ import annotations

from keras_wa.models import register_model
from tests.tiny_model import SOURCE, tiny

register_model(source=SOURCE)(tiny)
