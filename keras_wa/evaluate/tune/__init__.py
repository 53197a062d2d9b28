"""Searches settings of a training by their validation AUC."""
