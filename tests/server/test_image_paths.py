"""What the page gets: an image as it is stored, pictures as the model sees them."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from keras_wa.data.io.clahe import clahe
from keras_wa.detection import find_candidates
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.pictures import Pictures
from keras_wa.server import answers
from tests.data.io.dicom_files import decode, dicom_bytes, dicom_dataset
from tests.server.clients import encoded, film, service, smooth


def post(client: TestClient, path: str, data: bytes, **fields: Any) -> dict[str, Any]:
    found = client.post(path, files={"file": data}, data=fields)
    assert found.status_code == 200, found.text
    return found.json()


def pixels_of(view: dict[str, Any]) -> np.ndarray:
    """Stored values, as the page computes them."""
    flat = np.frombuffer(base64.b64decode(view["pixels"]), "<u2")
    return flat.reshape(view["height"], view["width"]).astype(int) + view["least"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": -100, "WindowWidth": 900},
    ],
    ids=["plain", "inverted", "window"],
)
def test_stored_values_and_their_greys_are_the_files(
    client: TestClient, fields: dict[str, Any]
) -> None:
    stored = np.random.default_rng(0).integers(-500, 2000, (40, 30), "int16")
    dataset = dicom_dataset(stored, ImagerPixelSpacing=[0.1, 0.2], **fields)
    view = post(client, "/view", dicom_bytes(dataset))
    answers.View.model_validate(view, extra="forbid")
    np.testing.assert_array_equal(pixels_of(view), stored)
    levels = np.frombuffer(base64.b64decode(view["levels"]), np.uint8)
    np.testing.assert_array_equal(levels[stored - view["least"]], decode(dataset))
    assert view["greatest"] - view["least"] + 1 == len(levels)
    assert view["spacing_mm"] == [0.1, 0.2]


def test_a_part_is_given_and_what_is_too_large_is_averaged(
    client: TestClient,
) -> None:
    image = smooth(64, 96)
    data = encoded(image)
    part = post(client, "/view", data, region="80,-4,40,20")
    assert part["region"] == [80, 0, 16, 16]
    np.testing.assert_array_equal(pixels_of(part), image[:16, 80:])
    small = post(client, "/view", data, side="24", pixel_spacing="0.07")
    means = image.reshape(16, 4, 24, 4).mean((1, 3))
    np.testing.assert_allclose(pixels_of(small), means, rtol=0, atol=0.5)
    assert small["spacing_mm"] == [0.07, 0.07]
    assert post(client, "/view", data)["spacing_mm"] is None
    beyond = client.post("/view", files={"file": data}, data={"region": "96,0,5,5"})
    assert beyond.status_code == 422
    assert beyond.json()["error"] == (
        "region. Received: 96,0,5,5; expected a part of an image of 96 by 64 pixels."
    )


def test_values_of_12_bits_in_16_are_noted_and_right_where_they_are_given(
    client: TestClient, classifier: Classifier
) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    data = encoded(values)
    note = "give them: bits_stored 12 or more."
    (found,) = post(client, "/view", data)["notes"]
    assert found.endswith(note)
    assert post(client, "/predict", data)["warnings"][0] == found
    grey = encoded(np.floor(values / 4095 * 255 + 0.5).astype(np.uint8))
    wanted = post(client, "/predict", grey)["probability"]
    given = post(client, "/predict", data, bits_stored="12")
    assert given["probability"] == pytest.approx(wanted, abs=1e-6)
    assert found not in given["warnings"]
    view = post(client, "/view", data, bits_stored="12")
    np.testing.assert_array_equal(pixels_of(view), values)
    levels = np.frombuffer(base64.b64decode(view["levels"]), np.uint8)
    assert (levels[0], levels[-1], view["notes"]) == (0, 255, [])
    refused = client.post("/view", files={"file": data}, data={"bits_stored": "10"})
    assert refused.status_code == 422
    assert "greatest of 10 bits (by bits_stored;" in refused.json()["error"]
    trained = dataclasses.replace(classifier, bits_stored=12)
    with service(trained) as other:
        assert post(other, "/predict", data)["probability"] == given["probability"]
        assert post(other, "/view", data, bits_stored="16")["notes"] == [found]
        assert other.get("/about").json()["bits_stored"] == 12
        body = {"instances": [{"b64": base64.b64encode(data).decode()}]}
        (classes,) = other.post("/v1/models/wa:predict", json=body).json()[
            "predictions"
        ]
        assert classes == pytest.approx(given["probabilities"], abs=1e-6)
        full = encoded(values * np.uint16(16))
        body = {"instances": [{"b64": base64.b64encode(full).decode()}]}
        error = other.post("/v1/models/wa:predict", json=body).json()["error"]
        assert error.startswith("instances.0: ")
        assert error.endswith(
            "the greatest of 12 bits (by bits_stored; where that is not given, as in "
            "the model's training files). Give bits_stored 16. Instances have no such "
            "field: use /predict."
        )


def decoded(address: str) -> np.ndarray:
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_pictures_show_what_the_network_saw(
    client: TestClient, classifier: Classifier
) -> None:
    roi = smooth(32, 32)
    found = post(client, "/explain", encoded(roi))
    answers.Explanation.model_validate(found, extra="forbid")
    assert found["record"] == post(client, "/predict", encoded(roi))
    shown = {name: decoded(each) for name, each in found["pictures"].items()}
    wanted = Pictures(classifier).of(roi)
    assert list(shown) == ["roi", "seen", "LL", "LH", "HL", "HH", "heat"]
    np.testing.assert_array_equal(shown["roi"], roi)
    np.testing.assert_array_equal(shown["seen"], clahe(roi))
    assert wanted.bands is not None
    bands = [shown[name] for name in ("LL", "LH", "HL", "HH")]
    np.testing.assert_array_equal(bands, wanted.bands)
    assert wanted.heat is not None
    opacity = shown["heat"][..., 3] / 255
    np.testing.assert_allclose(opacity, wanted.heat, rtol=0, atol=0.003)
    assert found["why_no_heat"] is None


def test_clusters_are_found_where_the_detector_finds_them(client: TestClient) -> None:
    image = film()
    found = post(client, "/candidates", encoded(image), pixel_spacing="0.1")
    wanted = find_candidates(image, 0.1)
    assert len(wanted) > 0
    boxes = [
        [left, top, left + width, top + height]
        for left, top, width, height in (each["box"] for each in found["candidates"])
    ]
    assert boxes == [list(each.box) for each in wanted]
    assert [each["score"] for each in found["candidates"]] == pytest.approx(
        [each.score for each in wanted]
    )
    without = client.post("/candidates", files={"file": encoded(image)})
    assert without.status_code == 422
    assert without.json()["error"].startswith(
        "pixel_spacing. Received: none in the file; expected one"
    )


def test_a_spacing_that_was_left_out_is_named_where_one_is_needed(
    client: TestClient,
) -> None:
    data = dicom_bytes(dicom_dataset(smooth(32, 32), PixelSpacing=[70, 70]))
    found = client.post("/candidates", files={"file": data})
    assert found.status_code == 422
    assert found.json()["error"].startswith(
        "pixel_spacing. Received: none in the file [PixelSpacing (0028,0030): left out."
    )


def test_no_more_is_searched_than_a_mammogram_has(client: TestClient) -> None:
    data = encoded(np.zeros((4100, 4100), "uint8"))
    assert len(data) < 2**16
    found = client.post(
        "/candidates", files={"file": data}, data={"pixel_spacing": "0.1"}
    )
    assert found.status_code == 422
    assert found.json()["error"] == (
        "too large to be searched. Received: 4100 by 4100 pixels of 0.1 by 0.1 mm, "
        "4100 by 4100 of 0.1 mm; expected at most 16777216 of these. Give the spacing "
        "of the detector, or crop the breast."
    )
    finer = post(client, "/candidates", data, pixel_spacing="0.05")
    assert finer == {"candidates": []}


def test_the_model_is_described(client: TestClient, classifier: Classifier) -> None:
    about = client.get("/about").json()
    assert about["field_mm"] == 8
    assert about["crop"] == "fixed"
    assert about["image_size"] == 32
    assert classifier.decision is not None
    assert about["threshold"] == classifier.decision.threshold
    assert about["max_bytes"] == 64 * 2**20
    assert about["notes"][-1] == "Research software. Not a medical device."
    assert "/" not in about["model"]
