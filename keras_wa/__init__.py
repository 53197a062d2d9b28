"""WA-ResNet-50: wavelets and squeeze-and-excitation for breast microcalcifications."""

__version__ = "0.1.0"
