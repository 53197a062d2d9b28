"""Trains and evaluates several systems on one split, and compares them."""
