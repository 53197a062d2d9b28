"""Pictures of subbands show what is in them, on scales that can be compared."""

from __future__ import annotations

import cv2
import keras
import numpy as np
import pytest

from keras_wa.explain.subbands import (
    image_wavelet,
    subband_pictures,
    write_subband_figure,
)
from keras_wa.models.stem import subbands_of_standardised
from tests.explain.networks import gap_network
from tests.tiny_model import tiny


def test_an_edge_is_seen_in_its_own_band_alone():
    rois = np.zeros((2, 16, 16), np.float32)
    rois[0, 7:] = 1.0  # Rows change: a horizontal edge.
    rois[1, :, 7:] = 1.0
    pictures = subband_pictures(rois, "haar")
    assert pictures.shape == (2, 4, 8, 8)
    assert pictures.dtype == np.uint8
    for roi, seen in ((0, 1), (1, 2)):
        assert set(np.unique(pictures[roi, 0])) == {0, 128, 255}
        for band in (1, 2, 3):
            assert (np.ptp(pictures[roi, band]) > 0) == (band == seen)


def test_the_details_share_one_scale_with_zero_as_mid_grey():
    roi = np.zeros((1, 16, 16), np.float32)
    roi[0, 7:] = 1.0
    roi[0, :, 7:] += 0.5
    _, horizontal, vertical, diagonal = subband_pictures(roi, "haar")[0].astype(int)
    assert abs(horizontal - 128).max() == pytest.approx(128, abs=1)
    assert abs(vertical - 128).max() == pytest.approx(64, abs=1)
    assert abs(diagonal - 128).max() <= 1
    pictures = subband_pictures(np.full((1, 8, 8), 0.4, np.float32), "haar")
    assert (pictures[0, 0] == 0).all()
    assert (pictures[0, 1:] == 128).all()


def test_only_a_transform_of_the_roi_itself_counts():
    assert image_wavelet(tiny(wavelet="db2")) == "db2"
    assert image_wavelet(tiny(dwt="pipeline")) is None
    assert image_wavelet(gap_network()) is None
    # The ROI may be standardised before it.
    standardised = subbands_of_standardised(32, "model", "db2")
    (roi,) = keras.utils.get_source_inputs(standardised)
    assert image_wavelet(keras.Model(roi, standardised)) == "db2"


def test_the_figure_has_a_row_an_roi(tmp_path):
    rois = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
    heights = []
    for n in (1, 3):
        path = tmp_path / f"{n}.png"
        write_subband_figure(rois[:n], "haar", ["caption"] * n, path)
        heights.append(cv2.imread(str(path)).shape[0])
    assert heights[1] - heights[0] == 2 * 200
