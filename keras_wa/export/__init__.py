"""Export of a run to a SavedModel or ONNX file that does not need this package."""
