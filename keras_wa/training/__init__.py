"""Training: configs, run directories, the fit loop and its callbacks."""
