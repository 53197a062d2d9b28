"""Checks of pretrained weights: missing, extra and incompatible layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import keras

from keras_wa.errors import UserError
from keras_wa.layers import DWT2D, SqueezeExcite, SubbandNormalization
from keras_wa.models.donors import RESNET50, Application, Donor, Weights

HEAD = "predictions"

# Heads of other libraries: fc of PyTorch, fc1000 and probs of Caffe and older Keras.
_HEADS = (HEAD, "fc", "fc1000", "probs")

# Endings of the layer names of a pretrained trunk: ResNet, DenseNet and VGG. No other
# layer of ours has such a name.
OF_TRUNK = re.compile(r"_conv\d*$|(^|_)bn$")

_STRIDES = {
    "1x1": " (as in keras.applications)",
    "3x3": " (ResNet v1.5, as in torchvision and timm)",
}


def unfilled(
    donors: Weights,
    model: keras.Model,
    origin: str,
    trunks: Mapping[str, Application],
) -> list[str]:
    """Returns a note on the stages of the trunk that a source lacks.

    Raises:
        UserError: the source has nothing of the trunk, or only a part of a stage.
    """
    stages: dict[str, list[str]] = {}
    for layer in model.layers:
        if OF_TRUNK.search(layer.name):
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


def left_out(donor: Donor, model: keras.Model, origin: str) -> Iterator[str]:
    """Yields a note on layers that only the source has, heads aside."""
    known = {layer.name for layer in model.layers if layer.weights}
    extra = [name for name in donor.layers if donor.layers[name] and name not in known]
    extra = [name for name in extra if name not in _HEADS]
    if extra:
        yield (
            f"{origin}: layers that {model.name!r} lacks are left out. They are "
            f"{len(extra)}, the first is {extra[0]!r}."
        )


def other_strides(
    donor: Donor, model: keras.Model, origin: str, trunks: Mapping[str, Application]
) -> Iterator[str]:
    """Yields a note on a ResNet-50 that was trained with another `stride_on`."""
    for prefix, application in trunks.items():
        ours = _stride_on(model, prefix, donor.layers)
        if application != RESNET50 or ours is None:
            continue
        theirs = donor.stride_on
        if donor.model is not None:
            theirs = _stride_on(donor.model, prefix, donor.layers) or ours
        if theirs != ours:
            yield (
                f"{origin}: the weights are of a ResNet-50 with stride_on={theirs!r}"
                f"{_STRIDES.get(theirs, '')} and give other features in one with "
                f"{ours!r}."
            )


def _stride_on(model: keras.Model, prefix: str, donors: Weights) -> str | None:
    """Returns which convolutions have the strides; None if no such stage is filled."""
    layers = {layer.name: layer for layer in model.layers}
    for stage in (3, 4, 5):
        block = f"{prefix}conv{stage}_block1"
        places = {"1x1": f"{block}_1_conv", "3x3": f"{block}_2_conv"}
        if all(name in donors and name in layers for name in places.values()):
            strided = [k for k, name in places.items() if layers[name].strides[0] == 2]
            return "".join(strided) or "neither"
    return None


def misplaced(
    donor: Donor, model: keras.Model, origin: str
) -> tuple[set[str], list[str]]:
    """Returns layers whose weights are for other inputs in the source, and notes.

    The statistics of a normalisation depend on its input: the ROI, each subband, or all
    subbands. Only a whole model in the source shows which. A gate before the addition
    of a block is not comparable to one after it.
    """
    names: list[str] = []
    notes = []
    for layer in model.layers:
        if not donor.layers.get(layer.name):
            continue
        if isinstance(layer, SubbandNormalization):
            ours = input_of(model, layer.name)
            theirs = donor_input_of(donor, layer.name)
            if ours != theirs:
                names.append(layer.name)
                notes.append(
                    f"{origin}: the statistics of {layer.name!r} are left out. They "
                    f"are of: {theirs or 'unknown inputs'}; here of: {ours}."
                )
    gates = [
        layer.name
        for layer in model.layers
        if isinstance(layer, SqueezeExcite)
        and donor.model is not None
        and donor.layers.get(layer.name)
        and _behind_block(donor.model, layer.name) != _behind_block(model, layer.name)
    ]
    if gates:
        notes.append(
            f"{origin}: the gates are left out, since se_position is different there. "
            f"They are {len(gates)}, the first is {gates[0]!r}."
        )
    return {*names, *gates}, notes


def other_stem(
    donor: Donor, model: keras.Model, origin: str, stem: str, place: str
) -> Iterator[str]:
    """Yields a note on a stem that was trained on other inputs.

    Args:
        donor: the source.
        model: the model to fill.
        origin: name of the source in the note.
        stem: name of the first convolution.
        place: name of the layer in `model` whose input the stem needs.
    """
    ours, theirs = input_of(model, place), donor_input_of(donor, stem)
    if theirs and ours != theirs:
        yield (
            f"{origin}: the kernel of {stem!r} was trained on other inputs. There: "
            f"{theirs}; here: {ours}."
        )


def _behind_block(model: keras.Model, gate: str) -> bool:
    """Returns whether a gate follows its block's addition."""
    names = [layer.name for layer in model.layers]
    out = f"{gate.removesuffix('_se')}_out"
    return out in names and names.index(out) < names.index(gate)


def donor_input_of(donor: Donor, name: str) -> str | None:
    """Returns `input_of` in the source; None if unknown."""
    if donor.model is None:
        return None
    try:
        return input_of(donor.model, name)
    except (AttributeError, ValueError):  # No functional model, or a layer used twice.
        return None


def input_of(model: keras.Model, name: str) -> str:
    """Describes the input of a layer: `"1-channel input, DWT2D of haar"`."""
    inputs = model.get_layer(name).input
    words = []
    for layer in keras.Model(model.inputs, inputs).layers:
        if isinstance(layer, keras.layers.InputLayer):
            words.append(f"{layer.batch_shape[-1]}-channel input")
        elif isinstance(layer, DWT2D):
            words.append(f"DWT2D of {layer.wavelet}")
        elif not isinstance(layer, keras.layers.ZeroPadding2D):
            words.append(type(layer).__name__)
    return ", ".join(words)
