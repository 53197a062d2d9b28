"""Inference: classifiers of raw images, their predictions and result files."""
