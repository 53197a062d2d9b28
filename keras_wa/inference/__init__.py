"""From raw images to probabilities, results and DICOM objects."""
