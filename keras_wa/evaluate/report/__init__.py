"""Evaluates a run: numbers, predictions and report page."""
