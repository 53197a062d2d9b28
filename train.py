"""Trains a model: see `python train.py --help`."""

import sys

from keras_wa.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
