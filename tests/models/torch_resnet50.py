"""ResNet-50 as PyTorch defines it, in NumPy: random weights and a forward pass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

State = dict[str, np.ndarray]
"""PyTorch's name -> array, kernels `(out, in, height, width)`."""

BLOCKS = (3, 4, 6, 3)


def random_state(layers: int = 4, filters: int = 64, seed: int = 0) -> State:
    """Weights of the stem and the first layers of `torchvision.models.resnet50`."""
    rng = np.random.default_rng(seed)
    state: State = {}

    def conv(name: str, outputs: int, inputs: int, side: int) -> None:
        spread = np.sqrt(2 / (inputs * side * side))
        kernel = spread * rng.standard_normal((outputs, inputs, side, side), "float32")
        state[f"{name}.weight"] = kernel.astype("float16")

    def norm(name: str, size: int, scale: float = 1.0) -> None:
        arrays = {
            "weight": scale * rng.uniform(0.5, 1.5, size),
            "bias": rng.normal(0, 0.1, size),
            "running_mean": rng.normal(0, 0.1, size),
            "running_var": rng.uniform(0.5, 1.5, size),
        }
        state.update({f"{name}.{k}": a.astype("float32") for k, a in arrays.items()})
        state[f"{name}.num_batches_tracked"] = np.array(7)

    conv("conv1", filters, 3, 7)
    norm("bn1", filters)
    inputs = filters
    for layer, blocks in enumerate(BLOCKS[:layers], start=1):
        width = filters * 2 ** (layer - 1)
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            for number, (into, out, side) in enumerate(
                [(inputs, width, 1), (width, width, 3), (width, 4 * width, 1)], start=1
            ):
                conv(f"{name}.conv{number}", out, into, side)
                norm(f"{name}.bn{number}", out, 0.2 if number == 3 else 1.0)
            if block == 0:
                conv(f"{name}.downsample.0", 4 * width, inputs, 1)
                norm(f"{name}.downsample.1", 4 * width)
            inputs = 4 * width
    return state


def conv2d(x: np.ndarray, kernel: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """`torch.nn.functional.conv2d`; `x` is `(batch, channels, height, width)`."""
    x = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    windows = sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
    strided = windows[:, :, ::stride, ::stride]
    y = np.tensordot(strided, kernel.astype("float64"), ([1, 4, 5], [1, 2, 3]))
    return y.transpose(0, 3, 1, 2)


def batch_norm(x: np.ndarray, state: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """`torch.nn.BatchNorm2d` in evaluation: epsilon 1e-5."""
    scale, offset, mean, variance = (
        state[f"{name}.{key}"].astype("float64")[:, None, None]
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + offset


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def bottleneck(x: np.ndarray, state: State, name: str, stride: int) -> np.ndarray:
    """`torchvision.models.resnet.Bottleneck`: the stride is conv2's."""
    y = conv2d(x, state[f"{name}.conv1.weight"], 1, 0)
    y = relu(batch_norm(y, state, f"{name}.bn1"))
    y = conv2d(y, state[f"{name}.conv2.weight"], stride, 1)
    y = relu(batch_norm(y, state, f"{name}.bn2"))
    y = batch_norm(conv2d(y, state[f"{name}.conv3.weight"], 1, 0), state, f"{name}.bn3")
    if f"{name}.downsample.0.weight" in state:
        x = conv2d(x, state[f"{name}.downsample.0.weight"], stride, 0)
        x = batch_norm(x, state, f"{name}.downsample.1")
    return relu(x + y)


def feature_maps(x: np.ndarray, state: State) -> list[np.ndarray]:
    """The maps behind the stem's convolution and each layer that `state` has."""
    maps = [conv2d(x, state["conv1.weight"], 2, 3)]
    x = relu(batch_norm(maps[0], state, "bn1"))
    x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-np.inf)
    x = sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max(axis=(4, 5))
    for layer, blocks in enumerate(BLOCKS, start=1):
        if f"layer{layer}.0.conv1.weight" not in state:
            break
        for block in range(blocks):
            stride = 2 if block == 0 and layer > 1 else 1
            x = bottleneck(x, state, f"layer{layer}.{block}", stride)
        maps.append(x)
    return maps
