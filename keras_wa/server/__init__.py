"""The HTTP service: classifies ROIs of several requests in batches."""
