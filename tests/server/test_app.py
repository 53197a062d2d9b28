"""A request has the answer that the command line gives, or a reason."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from keras_wa.data import ReadOptions
from keras_wa.data.io import Box
from keras_wa.inference.classifier import Classifier
from keras_wa.inference.predicting import Target, predict_targets
from keras_wa.inference.prediction_files import as_record
from keras_wa.metrics.prediction_sets import SET_NAMES, PredictionSets
from keras_wa.server.answers import Record
from tests.data.io.dicom_files import dicom_bytes, dicom_dataset
from tests.inference.dicom_out.sources import digital
from tests.server.clients import encoded, service, smooth

GREY = smooth()


@pytest.fixture(scope="module")
def client(classifier: Classifier) -> Iterator[TestClient]:
    with service(classifier, max_megabytes=2, max_pixels=10_000) as client:
        yield client


def post(client: TestClient, data: bytes, name: str = "x", **fields: Any) -> Any:
    return client.post("/predict", files={"file": (name, data)}, data=fields)


def own_record(
    classifier: Classifier, file: Path, tta: int = 1, **target: Any
) -> dict[str, Any]:
    """What the command line says, under the name that an upload has."""
    options = ReadOptions(crop="roi", pixel_spacing=0.07)
    asked = Target(file, **target)
    (found,) = predict_targets(classifier, [asked], options, tta)
    return as_record(found) | {"file": "upload"}


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, abs=1e-5), name
        elif name == "probabilities":
            assert found[name] == pytest.approx(value, abs=1e-5)
        else:
            assert found[name] == value, name


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".pgm", ".dcm"])
def test_every_format_has_the_record_of_the_command_line(
    client: TestClient, classifier: Classifier, tmp_path: Path, suffix: str
) -> None:
    if suffix == ".dcm":
        data = dicom_bytes(dicom_dataset(GREY))
    else:
        data = encoded(GREY, suffix)
    (tmp_path / f"x{suffix}").write_bytes(data)
    found = post(client, data, pixel_spacing="0.07")
    assert found.status_code == 200, found.text
    Record.model_validate(found.json(), extra="forbid")
    same(found.json(), own_record(classifier, tmp_path / f"x{suffix}"))
    assert found.json()["notes"][-1] == "Research software. Not a medical device."
    assert "phantom" in found.json()["notes"][0]


def test_a_box_is_cut_and_turned_as_by_the_command_line(
    client: TestClient, classifier: Classifier, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(encoded(GREY))
    wanted = own_record(classifier, tmp_path / "x.png", 8, box=Box(10, 5, 20, 24))
    asked = {"box": "10,5,20,24", "crop": "roi", "pixel_spacing": "0.07"}
    found = post(client, encoded(GREY), **asked, tta="8").json()
    same(found, wanted)
    assert found["low"] < found["high"]
    body = {**asked, "roi": GREY.tolist(), "box": [10, 5, 20, 24], "tta": 8}
    same(client.post("/predict", json=body).json(), wanted)


def test_tensorflow_servings_clients_are_understood(
    client: TestClient, classifier: Classifier
) -> None:
    image = base64.b64encode(encoded(GREY)).decode()
    flat = GREY[:32, :32]
    instances = [flat.tolist(), flat[..., None].tolist(), {"b64": image}]
    body = {"signature_name": "serving_default", "instances": instances}
    found = client.post("/v1/models/wa:predict", json=body)
    assert found.status_code == 200, found.text
    predictions = np.array(found.json()["predictions"])
    assert predictions.shape == (3, 2)
    own = classifier(flat[None])[0]
    np.testing.assert_allclose(predictions[:2], [own, own], rtol=0, atol=1e-5)
    assert predictions[2] == pytest.approx(classifier(GREY[None])[0], abs=1e-5)
    status = client.get("/v1/models/wa").json()["model_version_status"]
    assert [each["state"] for each in status] == ["AVAILABLE"]


def test_json_that_would_take_long_to_parse_is_refused(
    classifier: Classifier,
) -> None:
    long = b'{"instances": [' + b" " * 2**24 + b"[[1]]]}"
    full = b'{"instances": [' + b"[]," * 2**20 + b"[[1]]]}"
    with service(classifier) as client:
        for path in ("/v1/models/wa:predict", "/predict"):
            for body in (long, full):
                sent = {"content-type": "application/json"}
                found = client.post(path, content=body, headers=sent)
                assert found.status_code == 413
                assert f"JSON. Received: {len(body)} bytes" in found.json()["error"]


def test_rows_of_an_image_of_0_to_1_do_not_pass_for_grey_levels(
    client: TestClient,
) -> None:
    low = (GREY > 128).astype(int).tolist()
    found = client.post("/predict", json={"roi": low}).json()
    assert "intensity: no grey level is above 1." in found["warnings"][0]
    path = "/v1/models/wa:predict"
    black = base64.b64encode(encoded(0 * GREY)).decode()
    for instances, status in (
        ([low, low], 422),
        ([low, GREY.tolist()], 200),
        ([{"b64": black}], 200),
    ):
        found = client.post(path, json={"instances": instances})
        assert found.status_code == status, found.text
    found = client.post(path, json={"instances": [low, low]}).json()
    assert "instances. Received: no grey level above 1; expected" in found["error"]


def test_an_instance_below_32_px_is_refused_by_its_number(client: TestClient) -> None:
    instances = [GREY.tolist(), GREY[:, :31].tolist()]
    found = client.post("/v1/models/wa:predict", json={"instances": instances})
    assert found.status_code == 422
    assert found.json()["error"] == (
        "instances.1: size of the ROI. Received: 48 by 31 pixels; expected at least 32 "
        "a side."
    )


def test_more_instances_than_ever_fit_are_refused(client: TestClient) -> None:
    found = client.post("/v1/models/wa:predict", json={"instances": [[[1]]] * 129})
    assert found.status_code == 422
    assert found.json() == {
        "error": "instances. Received: 129; expected at most 128 per request."
    }


def test_instances_are_decoded_only_as_far_as_one_image_may_be(
    client: TestClient,
) -> None:
    half = base64.b64encode(encoded(smooth(50, 100))).decode()
    more = base64.b64encode(encoded(smooth(51, 100))).decode()
    for last, status in ((half, 200), (more, 422)):
        instances = [{"b64": half}, GREY.tolist(), {"b64": last}]
        found = client.post("/v1/models/wa:predict", json={"instances": instances})
        assert found.status_code == status, found.text
    said = found.json()["error"]
    assert said.startswith("instances.2: upload: too many pixels. Received: 51 by 100;")
    assert "10000 pixels together; those before it have 5000." in said


def lying_dicom() -> bytes:
    dataset = dicom_dataset(GREY)
    dataset.Rows = dataset.Columns = 90
    return dicom_bytes(dataset)


@pytest.mark.parametrize(
    ("data", "fields", "expected"),
    [
        (b"", {}, "upload: the file is empty"),
        (b"no image", {}, "upload: not a readable image"),
        (encoded(GREY)[:200], {}, "upload: the image is truncated"),
        (encoded(GREY, ".jpg")[:200], {}, "upload: "),
        (encoded(np.zeros((101, 100), "uint8")), {}, "at most 10000 in all"),
        (dicom_bytes(dicom_dataset(np.zeros((101, 100), "u2"))), {}, "at most 10000"),
        (dicom_bytes(dicom_dataset(GREY))[:-9], {}, "PixelData (7FE0,0010)"),
        (lying_dicom(), {}, "expected 8100 for 90 rows by 90 columns"),
        (dicom_bytes(dicom_dataset(GREY))[:300], {}, "upload: "),
        (dicom_bytes(dicom_dataset(GREY, Modality="CT")), {}, "Modality (0008,0060)"),
        (encoded(GREY), {"box": "1,2,3"}, "box.3. Received"),
        (encoded(GREY), {"box": "900,900,9,9", "crop": "roi"}, "outside the image"),
        (encoded(GREY), {"box": "1,1,9,9"}, "Give pixel_spacing, or cut with crop"),
        (encoded(GREY), {"crop": "rio"}, "did you mean 'roi'?"),
        (encoded(GREY), {"mask": "/etc/passwd"}, "expected one of the fields "),
        (encoded(GREY[:31]), {}, "upload: size of the ROI. Received: 31 by 56 pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_upload_is_the_clients_fault_and_told(
    client: TestClient, data: bytes, fields: dict[str, str], expected: str
) -> None:
    found = post(client, data, **fields)
    assert found.status_code == 422, found.text
    assert list(found.json()) == ["error"]
    assert expected in found.json()["error"]


@pytest.mark.parametrize(
    ("kind", "body", "status", "expected"),
    [
        ("multipart/form-data", b"x", 400, "Missing boundary"),
        ("multipart/form-data; boundary=b", b"x", 400, "Invalid multipart data"),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400, "file. Received: none"),
        ("text/plain", b"x", 415, "Received: 'text/plain'"),
        ("application/json", b"{", 422, "body. Received"),
        ("application/json", b'{"roi": [[1, 300]]}', 422, "range(0, 256)"),
    ],
)
def test_a_body_of_another_kind_is_told(
    client: TestClient, kind: str, body: bytes, status: int, expected: str
) -> None:
    found = client.post("/predict", content=body, headers={"content-type": kind})
    assert found.status_code == status
    assert expected in found.json()["error"]


def test_nothing_touches_the_disk(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A temporary file would be an error.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert post(client, encoded(GREY)).status_code == 200
    assert post(client, b"\0" * 1_900_000).status_code == 422


def test_html_in_a_dicom_file_is_never_a_page(
    client: TestClient, tmp_path: Path
) -> None:
    evil = "<script>alert(1)</script>"
    digital(tmp_path, SeriesDescription=evil, Modality=evil)
    found = post(client, (tmp_path / "digital.dcm").read_bytes(), evil)
    assert found.status_code == 422
    assert "<script>" in found.json()["error"], "told as it is, as data"
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert "access-control-allow-origin" not in found.headers


def test_pages_that_load_from_elsewhere_are_not_served(client: TestClient) -> None:
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


def test_a_bare_models_place_on_the_server_is_not_told(
    classifier: Classifier,
) -> None:
    source = Path("/srv/secret/model.keras")
    moved = dataclasses.replace(
        classifier, source=source, notes=(f"{source} is a bare model file.",)
    )
    with service(moved) as client:
        found = post(client, encoded(GREY))
    assert found.json()["notes"][0] == "model.keras is a bare model file."


def test_an_roi_of_a_model_of_two_views_has_no_prediction_set(
    classifier: Classifier,
) -> None:
    assert classifier.decision is not None
    sets = PredictionSets(0.9, 0.7, 0.4, 50, 50)
    decision = dataclasses.replace(classifier.decision, prediction_sets=sets)
    for views, known in (("one", True), ("two", False)):
        model = dataclasses.replace(classifier, decision=decision, views=views)
        with service(model) as client:
            record = post(client, encoded(GREY)).json()
        assert (record["prediction_set"] in SET_NAMES) is known


def test_a_defect_of_the_decoding_is_not_the_clients_fault(
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("/srv/secret")

    with service(classifier) as client:
        monkeypatch.setattr("keras_wa.server.image_paths.image_of", fail)
        found = post(client, encoded(GREY))
    assert found.status_code == 500
    assert found.json() == {
        "error": "Internal error; the log of the service has the details."
    }


def test_a_defect_is_told_without_its_details(classifier: Classifier) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("/srv/secret")

    with service(classifier) as client:
        # Once it is up: a model that fails from the start is not served at all.
        broken = client.app._app  # type: ignore[attr-defined]
        broken.add_api_route("/broken", fail)
        found = client.get("/broken")
    assert found.status_code == 500
    assert "secret" not in found.text
    assert found.headers["x-content-type-options"] == "nosniff"
