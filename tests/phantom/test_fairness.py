"""What tells the labels apart: shape, and no single number of the pixels."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import scipy.ndimage
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from keras_wa.phantom import PhantomSpec, phantom_cases, render_roi, render_rois

STATISTICS = {
    "mean": lambda pixels: pixels.mean(axis=1),
    "standard deviation": lambda pixels: pixels.std(axis=1),
    "maximum": lambda pixels: pixels.max(axis=1),
    "max - median": lambda pixels: pixels.max(axis=1) - np.median(pixels, axis=1),
}


@functools.cache
def drawn(size, field_mm, conspicuity, n, projected_views=False):
    spec = PhantomSpec(
        size=size,
        field_mm=field_mm,
        conspicuity=conspicuity,
        projected_views=projected_views,
    )
    return render_rois(spec, phantom_cases(spec, n))


@pytest.mark.parametrize("labelling", ["descriptor", "clinical"])
@pytest.mark.parametrize(
    ("size", "field_mm", "conspicuity", "n", "projected_views"),
    [
        (64, 7.3, 1.0, 600, False),
        (64, 7.3, 2.0, 800, False),
        (64, 7.3, 3.0, 600, False),
        # configs/quick.toml
        (128, 7.3, 4.0, 600, False),
        (224, 25.6, 1.0, 250, False),
        (64, 7.3, 2.0, 800, True),
    ],
)
def test_no_one_number_statistic_tells_the_labels(
    size, field_mm, conspicuity, n, projected_views, labelling
):
    images = drawn(size, field_mm, conspicuity, n, projected_views)
    images = images.reshape(n, -1).astype(float)
    labels = phantom_cases(PhantomSpec(labelling=labelling), n)["label"]

    for name, statistic in STATISTICS.items():
        area = roc_auc_score(labels, statistic(images))
        assert max(area, 1 - area) < 0.65, name


def network_auc(images: np.ndarray, labels: np.ndarray) -> float:
    """What a small network reaches on the last 2,000 images, trained on the others."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Rescaling(1 / 64, offset=-2)]
    for filters in (8, 16, 32):
        layers.append(keras.layers.Conv2D(filters, 3, strides=2, activation="relu"))
        layers.append(keras.layers.BatchNormalization(momentum=0.9))
    layers.append(keras.layers.GlobalMaxPooling2D())
    layers.append(keras.layers.Dense(1, activation="sigmoid"))
    network = keras.Sequential(layers)
    network.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    pixels = images[..., None]
    network.fit(pixels[:-2000], labels[:-2000], 32, epochs=8, verbose=0)
    score = network.predict(pixels[-2000:], verbose=0)
    return roc_auc_score(labels[-2000:], score.ravel())


@pytest.mark.slow
def test_a_small_network_learns_from_the_lesions_and_nothing_from_their_surround():
    spec = PhantomSpec(size=64, field_mm=7.3, conspicuity=3.0)
    cases = phantom_cases(spec, 3600)
    rows, labels = cases.to_dict("records"), cases["label"].to_numpy()
    clinical = phantom_cases(PhantomSpec(labelling="clinical"), 3600)["label"]
    surround = np.stack([render_roi(spec, row, lesion=False) for row in rows])

    assert network_auc(render_rois(spec, cases), labels) > 0.65
    for which in (labels, clinical.to_numpy()):
        area = network_auc(surround, which)
        assert max(area, 1 - area) <= 0.55


def shape_features(image: np.ndarray) -> list[float]:
    """How many bright spots, how large, long, hollow and uneven they are."""
    detail = image - scipy.ndimage.uniform_filter(image.astype(float), 21)
    bright = detail > 0.45 * detail.max()
    spots, count = scipy.ndimage.label(bright)
    area = scipy.ndimage.sum(bright, spots, np.arange(1, count + 1))
    kept = np.flatnonzero(area >= 3) + 1
    if len(kept) == 0:
        return [0.0] * 8
    length, peak = [], []
    for spot in kept:
        place = np.nonzero(spots == spot)
        values = np.linalg.eigvalsh(np.cov(place) + np.eye(2) / 12)
        length.append(np.sqrt(values[1] / values[0]))
        peak.append(detail[place].max())
    area = area[kept - 1]
    holes = scipy.ndimage.binary_fill_holes(bright).sum() - bright.sum()
    return [
        len(kept),
        area.mean(),
        area.std() / area.mean(),
        np.mean(length),
        np.max(length),
        np.std(length),
        np.std(peak) / np.mean(peak),
        holes,
    ]


def test_shape_tells_the_labels():
    spec = PhantomSpec(size=64, field_mm=7.3, conspicuity=2.0)
    labels = phantom_cases(spec, 800)["label"].to_numpy()
    features = np.array([shape_features(image) for image in drawn(64, 7.3, 2.0, 800)])
    forest = RandomForestClassifier(100, min_samples_leaf=5, random_state=0)

    forest.fit(features[:500], labels[:500])

    score = forest.predict_proba(features[500:])[:, 1]
    assert roc_auc_score(labels[500:], score) > 0.85
