"""The settings of a training run, in one flat, serialisable dataclass."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from keras_wa.data.classes import CLASS_NAMES
from keras_wa.data.leaky_splits import LEAKY_SPLITS
from keras_wa.data.loading import DataSettings
from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.splits import SPLITS
from keras_wa.errors import UserError, unknown_name
from keras_wa.ranges import FLOAT32
from keras_wa.settings import Settings, real, same, setting, whole


@dataclasses.dataclass(frozen=True)
class SplitSettings(Settings):
    """The split into training, validation and test ROIs."""

    title: ClassVar[str] = "split"

    split: str = setting(
        "official",
        choices=SPLITS,
        help="official (the data set's own; drawn by patient where it has none) or "
        "patient-kfold; random-roi and augmented-first leak, to show by how much",
    )
    folds: int = whole(5, 2, 10_000, help="number of folds of patient-kfold")
    fold: int = whole(0, 0, 9_999, help="which fold is the test part")
    validation: float = real(
        0.2,
        0,
        0.5,
        above=True,
        help="part of the training patients used for validation, if the data set has "
        "no official validation part",
    )


@dataclasses.dataclass(frozen=True)
class ModelSettings(Settings):
    """The network and its initial weights."""

    title: ClassVar[str] = "model"

    model: str = setting("wa_resnet50", metavar="NAME", help="see keras-wa models")
    model_options: dict[str, Any] = setting(
        {},
        metavar="KEY=VALUE",
        help="option of the model, for example wavelet=db2; may be repeated",
    )
    classes: int = whole(
        2,
        min(CLASS_NAMES),
        max(CLASS_NAMES),
        help="2: benign, malignant; 3: benign without callback, benign, malignant",
    )
    views: str = setting(
        "one",
        choices=("one", "two"),
        help="one: each ROI by itself; two: the ROIs of a lesion together, such as its "
        "views CC and MLO, for one probability per lesion",
    )
    dwt: str = setting(
        "model",
        choices=("model", "pipeline"),
        help="where the DWT is: the first layer of the model, or the input pipeline",
    )
    weights: str = setting(
        "auto",
        metavar="SOURCE",
        help="imagenet, a file, a folder of pretrain or of a run, hf://user/name for "
        "such a folder, or none (default: imagenet if the model supports it and it is "
        "available)",
    )


@dataclasses.dataclass(frozen=True)
class OptimizationSettings(Settings):
    """The optimization. `keras_wa.training.defaults` resolves `"auto"` and `None`."""

    title: ClassVar[str] = "optimization"

    epochs: int = whole(  # The names of checkpoints have five digits.
        100, 1, 99_999, help="passes over the training set"
    )
    batch_size: int = whole(16, 1, 1_000_000, help="ROIs per step, over all devices")
    optimizer: str = setting(
        "adam",
        choices=("adam", "adamw", "sgd"),
        help="adam, adamw, or sgd with Nesterov momentum 0.9",
    )
    weight_decay: float | None = real(
        None,
        0,
        1,
        help="decoupled weight decay of adamw (default: 0.004) and sgd (default: 0); "
        "biases, scales and gates are excluded",
    )
    ema: float = real(
        0.0,
        0,
        0.999999,
        help="momentum of an exponential moving average of the weights, which is "
        "validated, saved and exported in their place; 0 for no average",
    )
    label_smoothing: float = real(
        0.0, 0, 0.9, help="part of a label that is spread evenly over the classes"
    )
    learning_rate: float | None = real(
        None,
        0,
        FLOAT32.high,
        above=True,
        help="highest learning rate (default: 1e-4 with pretrained weights, 1e-3 from "
        "scratch)",
    )
    trunk_rate: float = real(
        1.0,
        0,
        1,
        help="factor of the learning rate in layers with pretrained weights; 0 "
        "freezes these, but not the moving statistics of batch normalisation",
    )
    schedule: str = setting(
        "auto",
        choices=("auto", "constant", "cosine"),
        help="constant (default with pretrained weights), or cosine down to a "
        "hundredth (default from scratch)",
    )
    warmup_steps: int | None = whole(
        None,
        0,
        help="steps in which the learning rate rises from zero (default: 0 with "
        "pretrained weights, 100 from scratch)",
    )
    class_weights: bool = setting(True, help="weigh both classes equally")
    seed: int = whole(
        0, 0, 2**32 - 1, help="seed of initial weights, order and augmentation"
    )


@dataclasses.dataclass(frozen=True)
class AugmentationSettings(Settings):
    """The augmentation of training ROIs; see `Augmentation`."""

    title: ClassVar[str] = "augmentation"

    augment: bool = setting(True, help="flips and the augmentations below")
    rotation: float = same(
        Augmentation, "rotation", metavar="DEG", help="largest rotation, degrees"
    )
    scale: float = same(Augmentation, "scale", help="largest relative change of size")
    brightness: float = same(
        Augmentation, "brightness", help="largest shift, as a part of the grey range"
    )
    contrast: float = same(Augmentation, "contrast", help="largest relative change")
    gamma: float = same(
        Augmentation,
        "gamma",
        help="largest relative change of the exponent of the grey values",
    )
    random_clahe: float = same(
        Augmentation,
        "random_clahe",
        help="part of the ROIs without CLAHE, or with another clip limit",
    )
    fresh_rois: bool = setting(False, help="draw new phantom ROIs every epoch")


@dataclasses.dataclass(frozen=True)
class ComputingSettings(Settings):
    """Devices, precision, and a server for logs."""

    title: ClassVar[str] = "computing"

    strategy: str = setting(
        "auto",
        choices=("auto", "one-device", "mirrored", "tpu"),
        help="auto (all GPUs), one-device, mirrored or tpu",
    )
    precision: str = setting(
        "float32",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
        help="a Keras dtype policy: float32, mixed_float16 or mixed_bfloat16",
    )
    deterministic: bool = setting(
        False, help="reproduce results exactly, at some cost in speed"
    )
    mlflow: str | None = setting(
        None,
        metavar="URI",
        help="also log settings and metrics to this MLflow tracking server (default: "
        "none)",
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig(
    ComputingSettings,
    AugmentationSettings,
    OptimizationSettings,
    ModelSettings,
    SplitSettings,
    DataSettings,
):
    """The settings of a training; the defaults are the paper's.

    The base classes document the fields. `keras_wa.training.defaults.settled` resolves
    `"auto"` and `None` in the weights, the learning rate and its schedule.

    Raises:
        UserError: a value is out of its range, or two values conflict.

    Example:
        >>> config = TrainConfig(dataset="phantom", epochs=20)
        >>> config.batch_size
        16
    """

    # Set by arguments of `train`, and by `make_ensemble`, not by a flag.
    custom: dict[str, Any] = setting({})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set_weight_decay()
        self._check_trunk_rate()
        if not self.augment and (self.gamma or self.random_clahe):
            raise UserError(
                "`gamma` and `random_clahe` are a part of `augment`. Received: "
                f"augment=False, gamma={self.gamma:g}, "
                f"random_clahe={self.random_clahe:g}; expected augment=True, or 0."
            )
        if self.random_clahe and self.enhance == "none":
            raise UserError(
                "`random_clahe` varies CLAHE. Received: random_clahe="
                f"{self.random_clahe:g}, enhance='none'; expected enhance='clahe', or "
                "random_clahe=0."
            )
        if self.fold and self.split != "patient-kfold":
            raise UserError(
                "`fold` needs split='patient-kfold'. Received: fold="
                f"{self.fold}, split={self.split!r}; expected fold=0."
            )
        if self.fold >= self.folds:
            raise UserError(
                f"`fold` must be below `folds`, {self.folds}. Received: {self.fold}; "
                "the first one is 0."
            )
        self._check_model_options()
        if self.classes == 3 and self.drop_without_callback:
            raise UserError(
                "`drop_without_callback` leaves out one of three classes. Received: "
                "classes=3; expected 2, or drop_without_callback=False."
            )
        if self.fresh_rois and self.dataset not in (None, "phantom"):
            raise UserError(
                "`fresh_rois` draws phantom ROIs and needs `dataset='phantom'`. "
                f"Received: dataset={self.dataset!r}"
            )
        if self.fresh_rois and self.split in LEAKY_SPLITS:
            raise UserError(
                "`fresh_rois` trains on ROIs that are in no split, so there is no leak "
                f"to show. Received: split={self.split!r}; expected 'official' or "
                "'patient-kfold', or fresh_rois=False."
            )

    @property
    def input_wavelet(self) -> str | None:
        """The wavelet that the pipeline applies; `None` if the model applies it."""
        if self.dwt == "model":
            return None
        from keras_wa.models import model_options

        default = model_options(self.model).get("wavelet", "haar")
        return str(self.model_options.get("wavelet", default))

    @property
    def model_title(self) -> str:
        """The model; of an ensemble, the number of members and their models."""
        members = self.custom.get("members")
        if members is None:
            return self.model
        models = dict.fromkeys(member["model"] for member in members)
        return f"ensemble of {len(members)}: {', '.join(models)}"

    def _set_weight_decay(self) -> None:
        """Sets the optimizer's default weight decay, so that the config records it."""
        if self.weight_decay is None:
            usual = 0.004 if self.optimizer == "adamw" else 0.0
            object.__setattr__(self, "weight_decay", usual)
        elif self.weight_decay and self.optimizer == "adam":
            raise UserError(
                "`weight_decay` makes Adam AdamW. Received: optimizer='adam', "
                f"weight_decay={self.weight_decay:g}; expected optimizer='adamw', or "
                "weight_decay=0."
            )

    def _check_trunk_rate(self) -> None:
        if self.trunk_rate != 1 and self.weights == "none":
            raise UserError(
                "`trunk_rate` slows pretrained layers. Received: "
                f"trunk_rate={self.trunk_rate:g}, weights='none'; expected other "
                "weights, or trunk_rate=1."
            )

    def _check_model_options(self) -> None:
        # Imported here: the help of a command lists settings without loading Keras.
        from keras_wa.models import model_options
        from keras_wa.models.registry import check_options

        known = model_options(self.model)
        own_fields = {"image_size", "dwt", "weights", "classes"}
        for option in self.model_options:
            if option in own_fields:
                raise UserError(
                    f"Model option {option!r}: set `{option}` instead, which affects "
                    "more than the model."
                )
            if option not in known:
                raise unknown_name(
                    f"option of model {self.model!r}", option, set(known) - own_fields
                )
        check_options(self.model, self.model_options)
        if self.dwt == "pipeline" and "dwt" not in known:
            raise UserError(
                f"Model {self.model!r} has no subbands. Received: dwt='pipeline'; "
                "expected 'model'."
            )
        if self.classes != 2 and "classes" not in known:
            raise UserError(
                f"Model {self.model!r} has two classes only, benign and malignant. "
                f"Received: classes={self.classes}; expected 2, or another model."
            )
