"""From a run to a SavedModel or ONNX file that needs nothing of this package."""
