"""Reads ResNet-50 of torchvision and timm as weights of keras.applications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from keras_wa.errors import UserError

PIXEL_STD = 1.0
"""It was trained on pixels divided by their standard deviation."""

# Blocks of layer1 to layer4.
_BLOCKS = (3, 4, 6, 3)

# PyTorch's names of a normalisation's arrays, in Keras' order.
_NORM = ("weight", "bias", "running_mean", "running_var")

_HEAD = ("fc.weight", "fc.bias")

# Of batch normalisation, in PyTorch and in ResNet-50 of keras.applications.
_EPSILON, _KERAS_EPSILON = 1e-5, 1.001e-5


def read_safetensors(path: Path) -> dict[str, list[np.ndarray]]:
    """Reads a ResNet-50 of torchvision or timm, or whole stages of it.

    Kernels are transposed to `(height, width, channels, filters)` and get a bias of
    zeros, since convolutions of keras.applications have one. The scale of a
    normalisation is multiplied by
    `sqrt((variance + 1.001e-5) / (variance + 1e-5))`, which compensates for Keras'
    larger epsilon.

    Args:
        path: arrays with the names of `torchvision.models.resnet50`: `conv1.weight`,
            `bn1.running_mean`, `layer1.0.conv1.weight`, `layer1.0.downsample.0.weight`,
            `fc.weight`. The counters `num_batches_tracked` are ignored.

    Returns:
        Layer name of keras.applications -> its arrays, in Keras' order; `fc` becomes
        `predictions`.

    Raises:
        UserError: an array has another name, or a normalisation lacks one.
        safetensors.SafetensorError: a damaged file.
    """
    from safetensors import safe_open  # The models need it for these files alone.

    layers: dict[str, list[np.ndarray]] = {}
    with safe_open(path, framework="numpy") as file:
        names = set(file.keys())
        _check_names(path, names)
        for conv, norm, layer in _convolutions():
            if f"{conv}.weight" in names:
                kernel = file.get_tensor(f"{conv}.weight")
                bias = np.zeros(kernel.shape[:1], "float32")
                # Other dimensions are refused later, by their shape.
                turned = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel
                layers[f"{layer}_conv"] = [turned, bias]
            if f"{norm}.weight" in names:
                arrays = [file.get_tensor(f"{norm}.{name}") for name in _NORM]
                layers[f"{layer}_bn"] = [_rescaled(arrays[0], arrays[3]), *arrays[1:]]
        if _HEAD[0] in names:
            weight, bias = (file.get_tensor(name) for name in _HEAD)
            layers["predictions"] = [weight.T, bias]
    return layers


def _convolutions() -> Iterator[tuple[str, str, str]]:
    """Yields PyTorch's names of convolution and normalisation, and Keras' prefix."""
    yield "conv1", "bn1", "conv1"
    for stage, blocks in enumerate(_BLOCKS, start=1):
        for block in range(blocks):
            theirs, ours = f"layer{stage}.{block}", f"conv{stage + 1}_block{block + 1}"
            if block == 0:
                yield f"{theirs}.downsample.0", f"{theirs}.downsample.1", f"{ours}_0"
            for number in (1, 2, 3):
                yield (
                    f"{theirs}.conv{number}",
                    f"{theirs}.bn{number}",
                    f"{ours}_{number}",
                )


def _check_names(path: Path, names: set[str]) -> None:
    """Refuses other networks, which may share names with ResNet-50."""
    groups: Mapping[str, tuple[str, ...]] = {
        "fc": _HEAD,
        **{
            norm: tuple(f"{norm}.{name}" for name in _NORM)
            for _, norm, _ in _convolutions()
        },
    }
    known = {f"{conv}.weight" for conv, _, _ in _convolutions()}.union(*groups.values())
    for name in sorted(names - known):
        if not name.endswith(".num_batches_tracked"):
            raise UserError(
                f"{path}: not a plain ResNet-50 of torchvision or timm. Received: an "
                f"array {name!r}; expected names such as 'conv1.weight' and "
                "'layer1.0.bn1.running_mean', without a prefix."
            )
    for group in groups.values():
        missing = [name for name in group if name not in names]
        if 0 < len(missing) < len(group):
            raise UserError(
                f"{path}: {missing[0]!r} is missing. Expected all of: "
                f"{', '.join(group)}."
            )


def _rescaled(scale: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Returns the scale that compensates for Keras' epsilon."""
    if scale.shape != variance.shape:
        return scale
    # Negative variances are refused later.
    smooth = np.fmax(variance.astype("float64"), 0) + _EPSILON
    return scale * np.sqrt(1 + (_KERAS_EPSILON - _EPSILON) / smooth)
