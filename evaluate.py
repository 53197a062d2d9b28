"""Evaluates a run: see `python evaluate.py --help`."""

import sys

from keras_wa.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
