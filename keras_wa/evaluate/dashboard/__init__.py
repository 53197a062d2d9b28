"""What TensorBoard is shown of runs that it does not find in their own logs."""
