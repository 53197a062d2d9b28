"""The command line: `keras-wa COMMAND`, `python train.py`, `python evaluate.py`."""

from keras_wa.cli.main import main

__all__ = ["main"]
