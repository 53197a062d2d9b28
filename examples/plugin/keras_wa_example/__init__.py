"""A model and a dataset of its own for keras_wa."""
