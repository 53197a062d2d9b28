"""Serving: a trained run as a SavedModel."""
