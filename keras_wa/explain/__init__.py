"""Explanations of a trained network: heat maps, gates and subbands, and their scores.

A heat map alone is no evidence: scores are compared with chance and with the same
network with random weights.
"""
