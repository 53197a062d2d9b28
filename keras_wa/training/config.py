"""Everything that decides a training run, in one flat, serialisable record."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from keras_wa.data import CLASS_NAMES, LEAKY_SPLITS, SPLITS, ReadOptions
from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError, unknown_name
from keras_wa.models import check_options, model_options
from keras_wa.phantom import PhantomSpec
from keras_wa.ranges import FLOAT32, check_ranges, real, same, whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CHOICES = {
    "split": SPLITS,
    "enhance": ("clahe", "none"),
    "dwt": ("model", "pipeline"),
    "labelling": ("descriptor", "clinical"),
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": ("auto", "constant", "cosine"),
    "strategy": ("auto", "one-device", "mirrored", "multi-worker", "tpu"),
    "precision": ("float32", "mixed_float16", "mixed_bfloat16"),
}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The paper's run by default.

    What is `"auto"` or `None` among the weights, the learning rate and its schedule is
    decided by `keras_wa.training.defaults.settled`.

    Attributes:
        dataset: name of a dataset, or `None`: what lies under `data/`, else the
            phantom.
        data_dir: root folder of the dataset.
        store_dir: where prepared stores are kept.
        group_pattern: regular expression that reads the patient out of a file name.
        split: `official` or `patient-kfold`; or `random-roi` or `augmented-first`,
            which leak, to show by how much.
        folds, fold: of `patient-kfold`: how many, and which one is the test part.
        validation: part of the training patients kept for validation, unless the data
            set brings a validation part and `split` is `official`.
        lesion: `calcification`, `mass` or `all`, where a dataset has several types.
        crop: how ROIs are cut out of mammograms: `fixed` (a field of view of
            `field_mm`), `roi` (scaled to the lesion) or `official`.
        pixel_spacing: mm, assumed where the files state none.
        drop_without_callback: leave out BENIGN_WITHOUT_CALLBACK of CBIS-DDSM.
        for_processing: accept DICOM images that are meant for processing.
        bits_stored: bits of the values in 16-bit images that are no DICOM, where they
            are fewer than 16.
        case_lists: folder of CBIS-DDSM's case lists, if not in `data_dir`.
        limit: use at most so many ROIs, whole patients at a time.
        seed: decides initial weights, order and augmentation.
        data_seed: decides the phantom and the split. Runs to be compared share it.
        rois: ROIs in a phantom set, training and test together.
        labelling: how the phantom's labels are made.
        conspicuity: contrast of the phantom's calcifications; 1 is like real ones.
        blur_mm: of the phantom, see `PhantomSpec`.
        field_mm: side of the field of view, mm, of the phantom and of `fixed` crops.
        fresh_rois: draw new phantom ROIs every epoch.
        image_size: side of the ROI that the model sees, pixels.
        enhance: `clahe` or `none`.
        clip_limit: CLAHE's clip limit.
        tiles: CLAHE's tiles along each side.
        classes: 2, benign and malignant; or 3, benign without callback, benign and
            malignant.
        model: name of a registered model.
        model_options: further options of the model.
        dwt: DWT as the model's first layer, or in the input pipeline.
        weights: `imagenet`, a file, or `none`; `auto`: those of ImageNet where the
            model takes them and they can be had.
        epochs: passes over the training set.
        batch_size: ROIs a step, over all devices.
        optimizer: `adam`; `adamw`, which is Adam with weight decay; or `sgd`, with
            Nesterov momentum 0.9.
        weight_decay: of `adamw` and `sgd`, decoupled: each step first shrinks a weight
            by this part of it, times the learning rate. Not of biases, of scales and of
            gates. `None`: 0.004 of `adamw`, as in Keras, else 0.
        ema: momentum of an exponential moving average of the weights, which is what is
            validated, kept as the best and exported; 0 keeps none.
        label_smoothing: part of each ROI's label that is shared out evenly over the
            classes, in the loss of the training.
        learning_rate: of the optimizer, at its highest. `None`, and `auto` below: 1e-4
            and constant, as in the paper, for pretrained weights; what works from
            scratch without.
        trunk_rate: factor of the learning rate in the trunk's layers that `weights`
            fills; 0 freezes their weights, not the moving statistics of their batch
            normalisation.
        schedule: `constant`, or `cosine` down to a hundredth over the run.
        warmup_steps: steps over which the learning rate rises from zero.
        class_weights: weigh both classes equally.
        augment: flips, rotations, scale, brightness, contrast, gamma, random CLAHE.
        rotation, scale, brightness, contrast, gamma, random_clahe: see `Augmentation`;
            the last two are 0 unless they are set.
        strategy: how the work is spread over devices; `multi-worker` over processes
            that TF_CONFIG names.
        precision: a Keras dtype policy.
        deterministic: the same numbers run after run, at some cost in speed.

    Raises:
        UserError: a value is out of its range; the message names the field.
    """

    dataset: str | None = None
    data_dir: str | None = None
    store_dir: str = "data/prepared"
    group_pattern: str | None = None
    lesion: str = "calcification"
    crop: str = "fixed"
    pixel_spacing: float | None = same(ReadOptions, "pixel_spacing")
    drop_without_callback: bool = False
    for_processing: bool = False
    bits_stored: int | None = same(ReadOptions, "bits_stored")
    case_lists: str | None = None
    split: str = "official"
    folds: int = whole(5, 2, 10_000)
    fold: int = whole(0, 0, 9_999)
    validation: float = real(0.2, 0, 0.5, above=True)
    limit: int | None = whole(None, 1)
    seed: int = same(PhantomSpec, "seed")
    data_seed: int = same(PhantomSpec, "seed")
    rois: int = whole(1872, 1, 10_000_000)
    labelling: str = "descriptor"
    conspicuity: float = same(PhantomSpec, "conspicuity")
    blur_mm: float | None = same(PhantomSpec, "blur_mm")
    field_mm: float = same(ReadOptions, "field_mm")
    fresh_rois: bool = False
    image_size: int = same(PhantomSpec, "size")
    enhance: str = "clahe"
    clip_limit: float = same(Enhancement, "clip_limit")
    tiles: int = same(Enhancement, "tiles")
    classes: int = whole(2, min(CLASS_NAMES), max(CLASS_NAMES))
    model: str = "wa_resnet50"
    model_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    dwt: str = "model"
    weights: str = "auto"
    epochs: int = whole(100, 1, 99_999)  # As many as the checkpoints' names count.
    batch_size: int = whole(16, 1, 1_000_000)
    optimizer: str = "adam"
    weight_decay: float | None = real(None, 0, 1)
    ema: float = real(0.0, 0, 0.999999)
    label_smoothing: float = real(0.0, 0, 0.9)
    learning_rate: float | None = real(None, 0, FLOAT32.high, above=True)
    trunk_rate: float = real(1.0, 0, 1)
    schedule: str = "auto"
    warmup_steps: int | None = whole(None, 0)
    class_weights: bool = True
    augment: bool = True
    rotation: float = same(Augmentation, "rotation")
    scale: float = same(Augmentation, "scale")
    brightness: float = same(Augmentation, "brightness")
    contrast: float = same(Augmentation, "contrast")
    gamma: float = same(Augmentation, "gamma")
    random_clahe: float = same(Augmentation, "random_clahe")
    strategy: str = "auto"
    precision: str = "float32"
    deterministic: bool = False

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if getattr(self, field) not in choices:
                raise unknown_name(f"`{field}`", getattr(self, field), choices)
        check_ranges(self)
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
                "`fold` is of split='patient-kfold'. Received: fold="
                f"{self.fold}, split={self.split!r}; expected fold=0."
            )
        if self.fold >= self.folds:
            raise UserError(
                f"`fold` must be below `folds`, {self.folds}. Received: {self.fold}; "
                "the first one is 0."
            )
        self.read_options()
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
        """The wavelet that the pipeline applies, `None` where the model does."""
        if self.dwt == "model":
            return None
        default = model_options(self.model).get("wavelet", "haar")
        return str(self.model_options.get("wavelet", default))

    def read_options(self) -> ReadOptions:
        """How the dataset's ROIs are read."""
        return ReadOptions(
            lesion=self.lesion,
            crop=self.crop,
            field_mm=self.field_mm,
            pixel_spacing=self.pixel_spacing,
            drop_without_callback=self.drop_without_callback,
            for_processing=self.for_processing,
            bits_stored=self.bits_stored,
            case_lists=self.case_lists,
        )

    def _set_weight_decay(self) -> None:
        """Puts the optimizer's own weight decay in, so that a run's record names it."""
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
                "`trunk_rate` slows layers that `weights` fills. Received: "
                f"trunk_rate={self.trunk_rate:g}, weights='none'; expected other "
                "weights, or trunk_rate=1."
            )

    def _check_model_options(self) -> None:
        known = model_options(self.model)
        own_fields = {"image_size", "dwt", "weights", "classes"}
        for option in self.model_options:
            if option in own_fields:
                raise UserError(
                    f"Model option {option!r}: set `{option}` itself, which decides "
                    "more than the model."
                )
            if option not in known:
                raise unknown_name(
                    f"option of model {self.model!r}", option, set(known) - own_fields
                )
        check_options(self.model, self.model_options)
        if self.dwt == "pipeline" and "dwt" not in known:
            raise UserError(
                f"Model {self.model!r} takes no subbands. Received: dwt='pipeline'; "
                "expected 'model'."
            )
        if self.classes != 2 and "classes" not in known:
            raise UserError(
                f"Model {self.model!r} tells benign from malignant and nothing else. "
                f"Received: classes={self.classes}; expected 2, or another model."
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str) -> TrainConfig:
        """Builds a config from parsed TOML or JSON.

        Args:
            values: field -> value; fields that are left out keep their default.
            origin: the file they come from, for error messages.

        Raises:
            UserError: an unknown field, or a value of the wrong type.
        """
        types = get_type_hints(cls)
        checked = {}
        for field, value in values.items():
            if field not in types:
                raise UserError(f"{origin}: {unknown_name('field', field, types)}")
            checked[field] = _checked(field, value, types[field], origin)
        return cls(**checked)

    def to_mapping(self) -> dict[str, Any]:
        """The fields as plain JSON types; `from_mapping` gives the config back."""
        return dataclasses.asdict(self)


def _checked(field: str, value: Any, expected: Any, origin: str) -> Any:
    kinds = get_args(expected) or (expected,)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= sys.float_info.max else value
    plain = dict if field == "model_options" else kinds
    wrong_bool = isinstance(value, bool) and bool not in kinds
    if wrong_bool or not isinstance(value, plain):
        names = "table" if plain is dict else " or ".join(k.__name__ for k in kinds)
        raise UserError(f"{origin}: `{field}` must be {names}. Received: {value!r}")
    return value


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Reads the fields that a TOML config sets.

    Raises:
        UserError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:  # Not UTF-8, or not TOML.
        raise UserError(f"{path}: not valid TOML ({error}).") from error
