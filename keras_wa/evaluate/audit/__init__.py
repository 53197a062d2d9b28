"""What a dataset leaks: duplicates, torn patients, and labels that can be guessed."""
