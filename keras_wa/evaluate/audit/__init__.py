"""Audits a dataset: duplicates, patient leakage, and shortcuts to the label."""
