"""Compares `DWT2D` with ptwt, pytorch_wavelets and tensorflow-wavelets.

    python -m benchmarks.dwt

One level, symmetric borders. Forward: 16 images of 224x224 with one channel. Forward
and backward ("both"): 16 feature maps of 56x56 with 64 channels.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.compare import Times, compare, print_table, timed

WAVELETS = ("haar", "db2", "db4")
_REPEATS = 20


def keras_wa(jit: bool = False) -> Times:
    import tensorflow as tf

    from keras_wa.layers import DWT2D

    images, maps = (
        tf.random.uniform((16, 224, 224, 1)),
        tf.random.uniform((16, 56, 56, 64)),
    )
    times: Times = {}
    for wavelet in WAVELETS:
        layer = DWT2D(wavelet=wavelet)

        def both(x: Any, layer: Any = layer) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(tf.square(layer(x)))
            return tape.gradient(loss, x)

        forward = tf.function(layer, jit_compile=jit)
        step = tf.function(both, jit_compile=jit)
        times[f"forward, {wavelet}"] = timed(lambda f=forward: f(images), _REPEATS)
        times[f"both, {wavelet}"] = timed(lambda f=step: f(maps), _REPEATS)
    copy = tf.function(lambda x: tf.identity(x) + 0.0)
    times["a copy of the images"] = timed(lambda: copy(images), _REPEATS)
    return times


def tensorflow_wavelets() -> Times:
    import tensorflow as tf
    from tensorflow_wavelets.Layers.DWT import DWT

    images = tf.random.uniform((16, 224, 224, 1))
    times: Times = {}
    for wavelet in ("haar", "db2"):
        forward = tf.function(DWT(wavelet_name=wavelet, concat=0))
        times[f"forward, {wavelet}"] = timed(lambda f=forward: f(images), _REPEATS)
    return times


def ptwt() -> Times:
    import ptwt
    import torch

    images = torch.rand(16, 224, 224)
    maps = torch.rand(16 * 64, 56, 56, requires_grad=True)
    times: Times = {}
    for wavelet in WAVELETS:

        def forward(x: Any, wavelet: str = wavelet) -> Any:
            low, details = ptwt.wavedec2(x, wavelet, level=1, mode="symmetric")
            return [low, *details]

        def both(forward: Any = forward) -> None:
            maps.grad = None
            sum(band.square().sum() for band in forward(maps)).backward()

        times[f"forward, {wavelet}"] = timed(lambda f=forward: f(images), _REPEATS)
        times[f"both, {wavelet}"] = timed(both, _REPEATS)
    copied = torch.empty_like(images)
    times["a copy of the images"] = timed(lambda: copied.copy_(images), _REPEATS)
    return times


def pytorch_wavelets() -> Times:
    import torch
    from pytorch_wavelets import DWTForward

    images = torch.rand(16, 1, 224, 224)
    maps = torch.rand(16, 64, 56, 56, requires_grad=True)
    times: Times = {}
    for wavelet in WAVELETS:
        layer = DWTForward(J=1, wave=wavelet, mode="symmetric")

        def both(layer: Any = layer) -> None:
            maps.grad = None
            low, (details,) = layer(maps)
            (low.square().sum() + details.square().sum()).backward()

        times[f"forward, {wavelet}"] = timed(lambda f=layer: f(images), _REPEATS)
        times[f"both, {wavelet}"] = timed(both, _REPEATS)
    return times


def print_roofline(found: dict[str, Times]) -> None:
    """Prints the bandwidth of the forward transform, compared with a copy."""
    moved = 2 * 16 * 224 * 224 * 4 / 1e6  # Megabytes: the images in, the bands out.
    names = [
        name for name in ("keras_wa", "keras_wa under XLA", "ptwt") if name in found
    ]
    copies = [found[name]["a copy of the images"] for name in names]
    copy = moved / min(statistics.median(times) for times in copies)
    print(
        "\nRoofline: gigabytes a second, in and out; the fastest copy, from cache, "
        f"{copy:.0f}.\n"
    )
    print("| | " + " | ".join(f"{each} | of the copy" for each in WAVELETS) + " |")
    print("| --- " * (1 + 2 * len(WAVELETS)) + "|")
    for name in names:
        cells = []
        for wavelet in WAVELETS:
            speed = moved / statistics.median(found[name][f"forward, {wavelet}"])
            cells += [f"{speed:.1f}", f"{speed / copy:.0%}"]
        print(f"| {name} | " + " | ".join(cells) + " |")


WORKERS = {
    "keras_wa": keras_wa,
    "keras_wa under XLA": lambda: keras_wa(jit=True),
    "ptwt": ptwt,
    "pytorch_wavelets": pytorch_wavelets,
    "tensorflow-wavelets": tensorflow_wavelets,
}

if __name__ == "__main__":
    found = compare("benchmarks.dwt", WORKERS)
    if found is not None:
        print_table("Wavelets", found, "keras_wa")
        print_roofline(found)
