"""What HTTP adds to the classifier, and what many clients get.

    python -m benchmarks.service

WA-ResNet-50 at 224x224 with random weights, served by `keras-wa serve` on this machine;
the clients are threads of this process and take their share of its cores. "directly" is
the same file decoded, cut, resized and classified in this process. The two take turns,
so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

_MODEL = "wa_resnet50"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    args = parser.parse_args()
    print("\n### The service, WA-ResNet-50 at 224x224\n")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.keras"
        direct, batched = _classifier(model)
        body, kind = _form()
        with _served(model) as port:
            post = _client(port, body, kind)
            _one_by_one(direct, post, args.repeats)
            alone = _throughput(batched)
            print(f"- the classifier alone, batches of 32: {alone:.1f} ROIs/s")
            for clients in (16, 64):
                _together(port, body, kind, clients, args.seconds, alone)
            _show_batches(port)


def _classifier(
    path: Path,
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Writes the model; gives one request's work, and 32 ROIs' without reading them."""
    from keras_wa.cli.shared import start_keras

    start_keras()
    from keras_wa.datasets import ReadOptions
    from keras_wa.imaging import decode_image
    from keras_wa.models import create_model
    from keras_wa.serving.classifier import open_classifier
    from keras_wa.serving.predicting import Target, conclude, read_roi, views_of

    create_model(_MODEL).save(path)
    classifier = open_classifier(path)
    data = _image()

    def one() -> object:
        image = decode_image(data, "upload", most_pixels=2**26)
        target = Target(Path("upload"))
        read = [read_roi(classifier, ReadOptions(), target, image)]
        return conclude(classifier, read, classifier(views_of(read, 1)))

    rois = np.random.default_rng(0).integers(0, 256, (32, 224, 224), "uint8")
    return one, lambda: classifier(rois)


def _image() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (224, 224), "uint8")
    return cv2.imencode(".png", cv2.GaussianBlur(noise, (0, 0), 2))[1].tobytes()


def _form() -> tuple[bytes, str]:
    head = b'Content-Disposition: form-data; name="file"; filename="roi.png"\r\n\r\n'
    body = b"--edge\r\n" + head + _image() + b"\r\n--edge--\r\n"
    return body, "multipart/form-data; boundary=edge"


@contextlib.contextmanager
def _served(model: Path) -> Iterator[int]:
    run = "import sys; from keras_wa.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", run, "serve", str(model)]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"^Serving .* at http://127\.0\.0\.1:(\d+)", line)
            if found:
                yield int(found[1])
                break
        process.send_signal(signal.SIGTERM)
        began = time.perf_counter()
        code = process.wait(10)
        print(f"- SIGTERM to exit code {code}: {time.perf_counter() - began:.1f} s")
    finally:
        process.kill()


def _client(port: int, body: bytes, kind: str) -> Callable[[], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post() -> int:
        connection.request("POST", "/predict", body, {"Content-Type": kind})
        answer = connection.getresponse()
        json.loads(answer.read())
        return answer.status

    return post


def _one_by_one(
    direct: Callable[[], object], post: Callable[[], int], repeats: int
) -> None:
    took: dict[str, list[float]] = {"directly": [], "over HTTP": []}
    for i in range(repeats + 5):
        for name, work in (("directly", direct), ("over HTTP", post)):
            began = time.perf_counter()
            work()
            if i >= 5:
                took[name].append(1e3 * (time.perf_counter() - began))
    for name, values in took.items():
        print(f"- one ROI {name}: {_spread(values)}")
    pairs = zip(took["over HTTP"], took["directly"], strict=True)
    added = statistics.median(web - own for web, own in pairs)
    print(f"- HTTP adds {added:.1f} ms (median of {repeats} pairs; target: 5)")


def _throughput(batched: Callable[[], object]) -> float:
    times = []
    for _ in range(8):
        began = time.perf_counter()
        batched()
        times.append(time.perf_counter() - began)
    return 32 / statistics.median(times[2:])


def _together(
    port: int, body: bytes, kind: str, clients: int, seconds: float, alone: float
) -> None:
    took: list[float] = []
    errors: list[str] = []
    end = time.perf_counter() + seconds

    def work() -> None:
        post = _client(port, body, kind)
        while time.perf_counter() < end:
            began = time.perf_counter()
            try:
                status = post()
            except (OSError, http.client.HTTPException) as error:
                errors.append(repr(error))
                post = _client(port, body, kind)
                continue
            if status != 200:
                errors.append(str(status))
            took.append(1e3 * (time.perf_counter() - began))

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(took) / (time.perf_counter() - began)
    print(
        f"- {clients} clients: {len(took)} answers, {len(errors)} errors; "
        f"{rate:.1f} ROIs/s, {rate / alone:.0%} of the classifier alone; "
        f"{_spread(took)}"
    )


def _spread(milliseconds: list[float]) -> str:
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _show_batches(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    numbers = dict(re.findall(r"^keras_wa_batch_rois_(sum|count) (\S+)$", text, re.M))
    mean = float(numbers["sum"]) / float(numbers["count"])
    print(f"- mean batch: {mean:.1f} ROIs")


if __name__ == "__main__":
    main()
