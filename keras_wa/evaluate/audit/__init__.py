"""What a dataset leaks: duplicates, patient leakage, and labels that can be guessed."""
