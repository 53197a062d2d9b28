"""The settings that determine the ROIs, and functions that load them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from keras_wa.data.dataset import Dataset
from keras_wa.data.options import ReadOptions
from keras_wa.data.pipeline.preparing import prepare
from keras_wa.data.pipeline.reading import Distribute
from keras_wa.data.pipeline.rois import Enhancement, Pixels
from keras_wa.data.pipeline.store import PreparedStore
from keras_wa.data.registry import DATASETS, load_cases
from keras_wa.phantom import PhantomSpec
from keras_wa.settings import Settings, same, setting, whole


@dataclasses.dataclass(frozen=True)
class ReadSettings(Settings):
    """The dataset and how it is read."""

    title: ClassVar[str] = "data set"

    dataset: str | None = setting(
        None,
        metavar="NAME",
        help=f"{', '.join(DATASETS)}, or of a plug-in (default: what is under data/, "
        "else the phantom)",
    )
    data_dir: str | None = setting(
        None, metavar="DIR", help="root folder of the dataset"
    )
    store_dir: str = setting(
        "data/prepared", metavar="DIR", help="where prepared ROIs are kept"
    )
    group_pattern: str | None = setting(
        None,
        metavar="REGEX",
        help="reads the patient out of a file name, for example '^(\\d+[a-z])'",
    )
    lesion: str = same(
        ReadOptions,
        "lesion",
        help="calcification, mass or all, where the data set has several types",
    )
    crop: str = same(
        ReadOptions,
        "crop",
        help="how ROIs are cut out of mammograms: fixed (one field of view for all), "
        "roi (scaled to the lesion) or official (as the data set has them)",
    )
    field_mm: float = same(
        ReadOptions,
        "field_mm",
        metavar="MM",
        help="side of the field of view, of fixed crops and the phantom",
    )
    pixel_spacing: float | None = same(
        ReadOptions,
        "pixel_spacing",
        metavar="MM",
        help="assumed where the files state none",
    )
    drop_without_callback: bool = setting(
        False, help="leave out BENIGN_WITHOUT_CALLBACK, which else is benign"
    )
    for_processing: bool = setting(False, help="accept DICOM images FOR PROCESSING")
    bits_stored: int | None = same(
        ReadOptions,
        "bits_stored",
        help="bits of the values in 16-bit PNG, TIFF and PGM files (default: 16)",
    )
    case_lists: str | None = setting(
        None,
        metavar="DIR",
        help="where CBIS-DDSM's case lists or CMMD's spreadsheet are (default: the "
        "root folder)",
    )
    limit: int | None = whole(
        None, 1, help="use at most N ROIs, whole patients at a time"
    )
    data_seed: int = same(
        PhantomSpec,
        "seed",
        help="seed of the phantom and the split; runs to be compared share it",
    )
    image_size: int = same(
        PhantomSpec, "size", metavar="PX", help="side of the ROI that the model sees"
    )

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


@dataclasses.dataclass(frozen=True)
class PhantomSettings(Settings):
    """The phantom, if it is the dataset."""

    title: ClassVar[str] = "phantom"

    rois: int = whole(
        1872, 1, 10_000_000, help="ROIs in the set, training and test together"
    )
    labelling: str = same(
        PhantomSpec,
        "labelling",
        help="descriptor (the type decides) or clinical (drawn, as likely as in the "
        "clinic)",
    )
    conspicuity: float = same(
        PhantomSpec,
        "conspicuity",
        help="contrast of the calcifications, 1 as on film",
    )
    blur_mm: float | None = same(
        PhantomSpec,
        "blur_mm",
        metavar="MM",
        help="of film and scanner, standard deviation (default: 0.035 to 0.065, by "
        "patient)",
    )
    projected_views: bool = same(
        PhantomSpec,
        "projected_views",
        help="draw a lesion in CC and MLO as projections of the same particles",
    )


@dataclasses.dataclass(frozen=True)
class EnhancementSettings(Settings):
    """CLAHE."""

    title: ClassVar[str] = "enhancement"

    enhance: str = same(Enhancement, "kind", help="clahe or none")
    clip_limit: float = same(Enhancement, "clip_limit", help="clip limit of CLAHE")
    tiles: int = same(Enhancement, "tiles", help="tiles along each side")

    def enhancement(self) -> Enhancement:
        """The enhancement of every ROI: CLAHE or none."""
        return Enhancement(self.enhance, self.clip_limit, self.tiles)


@dataclasses.dataclass(frozen=True)
class DataSettings(EnhancementSettings, PhantomSettings, ReadSettings):
    """All settings that determine the ROIs and their pixels."""

    def phantom_spec(self) -> PhantomSpec:
        """Returns the specification of the phantom."""
        return PhantomSpec(
            seed=self.data_seed,
            size=self.image_size,
            field_mm=self.field_mm,
            labelling=self.labelling,  # type: ignore[arg-type]
            conspicuity=self.conspicuity,
            blur_mm=self.blur_mm,
            projected_views=self.projected_views,
        )


def load_dataset(settings: DataSettings) -> Dataset:
    """Loads the dataset of the settings."""
    phantom = settings.dataset == "phantom"
    return load_cases(
        str(settings.dataset),
        data_dir=settings.data_dir,
        group_pattern=settings.group_pattern,
        limit=settings.limit,
        seed=settings.data_seed,
        # Other data ignore these settings, which may not fit the image size.
        phantom=settings.phantom_spec() if phantom else None,
        phantom_rois=settings.rois,
        options=settings.read_options(),
    )


def load_store(
    settings: DataSettings,
    progress: bool = True,
    distribute: Distribute | None = None,
) -> PreparedStore:
    """Reads and prepares the dataset of the settings, or opens its store."""
    dataset = load_dataset(settings)
    size = settings.image_size
    return prepare(dataset, settings.store_dir, size, progress, distribute)


def enhanced_images(
    store: PreparedStore, settings: EnhancementSettings, progress: bool = True
) -> Pixels:
    """Returns a store's images `(N, size, size)`, enhanced by the settings."""
    enhancement = settings.enhancement()
    if enhancement.kind == "none":
        return store.images
    tiles = (enhancement.tiles, enhancement.tiles)
    return store.enhanced(enhancement.clip_limit, tiles, progress)
