"""Readers of published data sets into case tables."""
