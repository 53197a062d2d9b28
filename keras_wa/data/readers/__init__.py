"""Readers of published datasets into case tables."""
