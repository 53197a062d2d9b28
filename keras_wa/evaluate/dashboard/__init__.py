"""Exports runs for TensorBoard, beyond the curves in their logs."""
