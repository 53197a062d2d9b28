"""What makes the tests, and the programs that they start, quicker."""

import gc
import os

# Python would look through all that TensorFlow makes again and again: a second of the
# start of each process.
gc.set_threshold(50_000, 20, 100)
# Several processes run the tests: more threads in each would wait for one another.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
