"""Pretrained weights: where they come from and how they fit another stem."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_wa.errors import UserError
from keras_wa.models.donors import Weights, imagenet, read_donor, reason

HEAD = "predictions"

_log = logging.getLogger(__name__)

# How the names of the layers end that a pretrained trunk has weights for; no others of
# ours do: those of ResNet and DenseNet, of VGG, and DenseNet's last normalisation.
_OF_TRUNK = re.compile(r"_conv\d*$|(^|_)bn$")

# Standard deviation of ImageNet's pixels, in grey levels, averaged over the colours.
# keras.applications feeds mean-free pixels on that scale to ResNet-50 and VGG, we feed
# subbands of unit variance.
IMAGENET_PIXEL_STD = 57.6

# Relative error of a stem that was carried over: below it is rounding.
_ROUNDING = 1e-6


class Application(NamedTuple):
    """A network of keras.applications whose weights a model can take."""

    name: str
    """Of its class in `keras.applications`."""
    stem: str
    """Its first convolution."""
    pixel_std: float
    """On what scale its input was in training."""


RESNET50 = Application("ResNet50", "conv1_conv", IMAGENET_PIXEL_STD)
VGG16 = Application("VGG16", "block1_conv1", IMAGENET_PIXEL_STD)
VGG19 = Application("VGG19", "block1_conv1", IMAGENET_PIXEL_STD)
DENSENET121 = Application("DenseNet121", "conv1_conv", 1.0)
"""Its pixels were divided by their standard deviation."""


Carry = Callable[[np.ndarray], tuple[np.ndarray, float]]
"""Kernel of a stem on a grey image -> the kernel of a model's stem, relative error."""


def load_pretrained(
    model: keras.Model,
    source: str | Path | None,
    trunks: Mapping[str, Application] | None = None,
    carry: Carry | None = None,
) -> None:
    """Fills a model with pretrained weights, layer by layer name.

    The source may hold a part of the trunk, in whole stages (`conv1` to `conv5` of
    ResNet-50): the others keep their initial weights, and a warning is logged that says
    which stages are filled and which are not. Layers of our own (gates, subband
    normalisation, head) take their weights from the source where it has them and keep
    their initial ones where not; so does a head of another number of classes. A stem of
    three colours becomes `adapt_stem_kernel(its kernel, the model's channels)`, or what
    `carry` makes of it.

    `model.pretrained_layers` then names the layers of the trunk that were filled. A
    source that does not fit leaves the model as it was.

    Args:
        model: a model whose layers carry the names of keras.applications.
        source: `None` or `"none"` leaves the model as it is. `"imagenet"`: the file
            that keras.applications downloads (or has in its cache). Otherwise a file:
            `.keras`, a whole model; `.weights.h5`, weights saved from this very
            architecture; any other `.h5`, the legacy format of keras.applications,
            with or without its top; `.npz`, arrays `<layer name>/<weight>`, the weights
            `kernel`, `bias`, `gamma`, `beta`, `moving_mean` and `moving_variance`, in
            float16 or more.
        trunks: what stands before the layer names of a trunk -> the network that it
            is; by default ResNet-50, its names as they are.
        carry: makes the model's stem kernel, and its relative error, from the kernel
            of a pretrained stem on a grey image of unit variance. An error is logged
            as a warning.

    Raises:
        UserError: the file is missing, unreadable or does not fit, has values that are
            not finite, holds nothing of the trunk or a part of a stage, or cannot be
            downloaded.
    """
    if source in (None, "none"):
        return
    trunks = {"": RESNET50} if trunks is None else trunks
    if source == "imagenet":
        donors: Weights = {
            prefix + layer: arrays
            for prefix, application in trunks.items()
            for layer, arrays in imagenet(application.name).items()
        }
        _copy_layers(donors, model, "imagenet", trunks, carry)
        return
    path = Path(str(source))
    if not path.is_file():
        raise UserError(
            f"No such weights file: {path}. Give a .keras, .h5 or .npz file, "
            "'imagenet' or 'none'."
        )
    try:
        if path.name.endswith(".weights.h5"):
            _load_own(model, path)
            return
        donors = read_donor(path)
    except UserError:
        raise
    except Exception as error:  # A damaged or foreign file can fail in any way.
        raise UserError(
            f"{path}: not weights that {model.name!r} can take ({reason(error)}). "
            "Expected a .keras model, .weights.h5 of this very model, an .h5 file in "
            "the format of keras.applications or an .npz of arrays by layer name."
        ) from error
    _copy_layers(donors, model, str(path), trunks, carry)


def adapt_stem_kernel(
    kernel: np.ndarray, channels: int, pixel_std: float = IMAGENET_PIXEL_STD
) -> np.ndarray:
    """Adapts an RGB stem kernel to grey channels of unit variance.

    The kernel is summed over its colours, which is its response to a grey image, and
    given to every channel, divided by sqrt(channels): uncorrelated channels with the
    spectrum of a grey image then excite the stem as strongly as that image would. The
    factor `pixel_std` keeps the scale on which the pretrained batch normalisation's
    moving statistics were taken.

    Args:
        kernel: `(height, width, 3, filters)`.
        channels: number of input channels wanted.
        pixel_std: standard deviation of the pixels that the kernel was trained on.

    Returns:
        `(height, width, channels, filters)`, the dtype of `kernel`.
    """
    grey = kernel.sum(axis=2, keepdims=True) * pixel_std / np.sqrt(channels)
    return np.repeat(grey, channels, axis=2).astype(kernel.dtype)


def _load_own(model: keras.Model, path: Path) -> None:
    """Loads weights of this very model; they are put back if it fails."""
    before = model.get_weights()
    try:
        model.load_weights(path)
        for layer in model.layers:
            _checked(str(path), layer, layer.get_weights())
    except BaseException:
        model.set_weights(before)
        raise
    _note_trunk(model, [layer.name for layer in model.layers])


def _copy_layers(
    donors: Weights,
    model: keras.Model,
    origin: str,
    trunks: Mapping[str, Application],
    carry: Carry | None,
) -> None:
    """Copies weights to the layers of the same name and adapts the stems."""
    notes = _unfilled(donors, model, origin, trunks)
    stems = {prefix + each.stem: each.pixel_std for prefix, each in trunks.items()}
    fitting: list[tuple[keras.layers.Layer, list[np.ndarray]]] = []
    for layer in model.layers:
        arrays = list(donors.get(layer.name, ()))
        if not layer.weights or not arrays:
            continue
        arrays = _checked(origin, layer, arrays)
        expected = [tuple(weight.shape) for weight in layer.weights]
        if layer.name in stems:
            arrays[0], error = _stem(arrays[0], expected[0], stems[layer.name], carry)
            if error > _ROUNDING:
                notes.append(
                    f"{origin}: the kernel of {layer.name!r} is carried over to the "
                    f"subbands by least squares, with a relative error of {error:.3f}."
                )
        received = [array.shape for array in arrays]
        if received == expected:
            fitting.append((layer, arrays))
        elif layer.name != HEAD:
            raise UserError(
                f"{origin}: layer {layer.name!r} does not fit {model.name!r}. "
                f"Received: shapes {received}; expected: {expected}."
            )
    # Not before: a source that does not fit changes nothing.
    for layer, arrays in fitting:
        layer.set_weights(arrays)
    _note_trunk(model, [layer.name for layer, _ in fitting])
    for note in notes:
        _log.warning("%s", note)


def _note_trunk(model: keras.Model, filled: Sequence[str]) -> None:
    model.pretrained_layers = tuple(n for n in filled if _OF_TRUNK.search(n))


def _unfilled(
    donors: Weights,
    model: keras.Model,
    origin: str,
    trunks: Mapping[str, Application],
) -> list[str]:
    """A note on the stages of the trunk that a source has not.

    Raises:
        UserError: the source has nothing of the trunk, or a stage in part. A
            convolution without its normalisation is no pretrained feature.
    """
    stages: dict[str, list[str]] = {}
    for layer in model.layers:
        if _OF_TRUNK.search(layer.name):
            prefix = next((p for p in trunks if layer.name.startswith(p)), "")
            stage = prefix + layer.name.removeprefix(prefix).split("_")[0]
            stages.setdefault(stage, []).append(layer.name)
    missing = {
        stage: [name for name in names if not donors.get(name)]
        for stage, names in stages.items()
    }
    torn = [s for s in stages if 0 < len(missing[s]) < len(stages[s])]
    filled = [stage for stage in stages if not missing[stage]]
    lost = [name for names in missing.values() for name in names]
    if torn or (lost and not filled):
        applications = ", ".join(application.name for application in trunks.values())
        count = sum(len(names) for names in stages.values())
        first = missing[torn[0]][0] if torn else lost[0]
        raise UserError(
            f"{origin}: {len(lost)} of the {count} layers with weights of the trunk "
            f"are missing, the first is {first!r}. Expected whole stages, with the "
            f"layer names of keras.applications: {applications}."
        )
    if not lost:
        return []
    random = ", ".join(stage for stage in stages if missing[stage])
    return [
        f"{origin}: weights for a part of the trunk. Filled: {', '.join(filled)}. Not "
        f"in the source, at their initial weights: {random} ({len(lost)} layers)."
    ]


def _stem(
    kernel: np.ndarray,
    shape: tuple[int, ...],
    pixel_std: float,
    carry: Carry | None,
) -> tuple[np.ndarray, float]:
    """A donor's stem kernel for a model's stem, and the relative error of that."""
    if kernel.ndim != 4 or kernel.shape == shape:
        return kernel, 0.0
    colours = kernel.shape[2]
    if carry is not None and colours in (1, 3) and kernel.shape[:2] == (7, 7):
        grey = adapt_stem_kernel(kernel, 1, pixel_std) if colours == 3 else kernel
        return carry(grey)
    if carry is None and colours == 3 != shape[2]:
        return adapt_stem_kernel(kernel, shape[2], pixel_std), 0.0
    return kernel, 0.0


def _checked(
    origin: str, layer: keras.layers.Layer, arrays: list[np.ndarray]
) -> list[np.ndarray]:
    """A layer's arrays in float32.

    Raises:
        UserError: there are values that no network computes with.
    """
    names = [weight.name for weight in layer.weights]
    checked = []
    for index, array in enumerate(arrays):
        name = f"{layer.name}/{names[index] if index < len(names) else index}"
        if not array.dtype.name.startswith(("float", "bfloat")):
            raise UserError(
                f"{origin}: {name} is not of floating-point numbers. Received: "
                f"{array.dtype}; expected float16, float32 or float64."
            )
        with np.errstate(over="ignore"):  # What overflows is found as infinite.
            array = array.astype("float32")
        if bad := np.count_nonzero(~np.isfinite(array)):
            found, expected = (
                "NaN or infinite",
                "finite numbers (float16 ends at 65504)",
            )
        elif name.endswith("moving_variance") and (bad := np.count_nonzero(array < 0)):
            found, expected = "negative", "variances"
        else:
            checked.append(array)
            continue
        raise UserError(
            f"{origin}: {name} is damaged. Received: {bad} of {array.size} values "
            f"{found}; expected {expected}."
        )
    return checked
