"""Measures the service: overhead of HTTP, throughput with many clients, and memory.

    python -m benchmarks.service
    python -m benchmarks.service --size 32 --seconds 5 --requests 1000

A model of random weights (WA-ResNet-50 at 224x224 unless told), served by `keras-wa
serve` on this machine; the clients are threads of this process and take their share of
its cores. "directly" is the same file decoded, cut, resized and classified in this
process. The two take turns, so that what else the machine does falls on both; and the
classifier alone is timed before and after each load, whose pace is held against the
mean of the two. Alone it gets two batches of 32 at once, as in the service, which is a
little more than one after the other; both are shown.
`--requests` are sent by 16 clients, and the memory after a tenth of them is compared
with that at the end. At last SIGTERM comes while 64 clients ask. Each line has its
target; ends with 1 if one is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from benchmarks.served import Served, served

# Targets: overhead of HTTP, 99th percentile over median, share of the classifier's
# throughput with this many clients, growth of memory, time to stop.
ADDED_MS, TAIL, SHARE, FULL, GROWTH_MB, STOP_S = 5.0, 3.0, 0.9, 64, 50.0, 5.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="wa_resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=10_000)
    args = parser.parse_args()
    print(f"\n### The service, {args.model} at {args.size}x{args.size}\n")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.keras"
        direct, batched = _classifier(model, args.model, args.size)
        with served(model) as service:
            with contextlib.closing(Client(service.port, args.size)) as client:
                fine = [_one_by_one(direct, client.post, args.repeats)]
            one = _throughput(batched, 1)
            print(f"- the classifier alone, one batch at a time: {one:.1f} ROIs/s")
            alone = _throughput(batched)
            for clients in (16, FULL):
                load = Load(service.port, args.size, clients, seconds=args.seconds)
                load.run()
                before, alone = alone, _throughput(batched)
                fine.append(_show_load(load, before, alone))
            _show_batches(service)
            if args.requests:
                fine.append(_memory(service, args.size, args.requests))
            fine.append(_stop(service, args.size))
    if not all(fine):
        sys.exit(1)


def _classifier(
    path: Path, name: str, size: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Writes the model; gives one request's work, and 32 ROIs' without reading them."""
    from keras_wa.cli.starting import start_keras

    start_keras()
    from keras_wa.data import ReadOptions
    from keras_wa.data.io import decode_image
    from keras_wa.inference.classifier import open_classifier
    from keras_wa.inference.predicting import Target, copies_of, postprocess, read_roi
    from keras_wa.models import create_model

    create_model(name, image_size=size).save(path)
    classifier = open_classifier(path)
    data = _image(size)

    def one() -> object:
        image = decode_image(data, "upload", most_pixels=2**26)
        target = Target(Path("upload"))
        read = [read_roi(classifier, ReadOptions(), target, image)]
        return postprocess(classifier, read, classifier.of_members(copies_of(read, 1)))

    rois = np.random.default_rng(0).integers(0, 256, (32, size, size), "uint8")
    return one, lambda: classifier(rois)


def _image(size: int) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size, size), "uint8")
    return cv2.imencode(".png", cv2.GaussianBlur(noise, (0, 0), 2))[1].tobytes()


class Client:
    """Sends one image repeatedly, on one connection."""

    def __init__(self, port: int, size: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        head = (
            b'Content-Disposition: form-data; name="file"; filename="roi.png"\r\n\r\n'
        )
        self._body = b"--edge\r\n" + head + _image(size) + b"\r\n--edge--\r\n"

    def post(self) -> int:
        """Returns the status of the answer."""
        kind = {"Content-Type": "multipart/form-data; boundary=edge"}
        self._connection.request("POST", "/predict", self._body, kind)
        answer = self._connection.getresponse()
        json.loads(answer.read())
        return answer.status

    def close(self) -> None:
        """Closes the connection; the next request opens another one."""
        self._connection.close()


def _one_by_one(
    direct: Callable[[], object], post: Callable[[], int], repeats: int
) -> bool:
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
    said = f"HTTP adds {added:.1f} ms at the median of {repeats} pairs"
    return _judged(said, f"at most {ADDED_MS:g} ms", added <= ADDED_MS)


def _throughput(batched: Callable[[], object], at_once: int = 2) -> float:
    """Returns the ROIs per second with `at_once` parallel batches of 32."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: batched(), range(2)))
        began = time.perf_counter()
        list(pool.map(lambda _: batched(), range(20)))
        return 20 * 32 / (time.perf_counter() - began)


@dataclasses.dataclass
class Load:
    """Clients that send requests without pause, and their results.

    Attributes:
        seconds, requests: limits after which they stop.
        took: milliseconds of each answer.
        refused: connections that were refused while the service stops.
        errors: other answers than 200, and other failures.
    """

    port: int
    size: int
    clients: int
    seconds: float = float("inf")
    requests: float = float("inf")
    took: list[float] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    refused: int = 0
    rate: float = 0.0

    def run(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Sends requests until a limit is reached."""
        began = time.perf_counter()
        self._end, self._sent = began + self.seconds, itertools.count()
        threads = [threading.Thread(target=self._work) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()
        self.rate = len(self.took) / (time.perf_counter() - began)

    def _work(self) -> None:
        with contextlib.closing(Client(self.port, self.size)) as client:
            self._ask(client)

    def _ask(self, client: Client) -> None:
        while time.perf_counter() < self._end and next(self._sent) < self.requests:
            began = time.perf_counter()
            try:
                status = client.post()
            except ConnectionRefusedError:
                self.refused += 1
                return
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
                client.close()
                continue
            if status != 200:
                self.errors.append(str(status))
            self.took.append(1e3 * (time.perf_counter() - began))


def _show_load(load: Load, before: float, after: float) -> bool:
    p50, p99 = np.percentile(load.took, [50, 99])
    share = load.rate / statistics.mean([before, after])
    name = f"{load.clients} clients for {load.seconds:g} s"
    fine = _judged(
        f"{name}: {len(load.took)} answers, {len(load.errors)} errors",
        "no error",
        not load.errors,
    )
    for error in sorted(set(load.errors)):
        print(f"    - {error}")
    fine &= _judged(
        f"{name}: {_spread(load.took)}, {p99 / p50:.1f} times p50",
        f"at most {TAIL:g} times",
        p99 <= TAIL * p50,
    )
    said = (
        f"{name}: {load.rate:.1f} ROIs/s, {share:.1%} of the classifier alone in "
        f"two batches of 32 at once ({before:.1f} before, {after:.1f} after)"
    )
    if load.clients < FULL:
        print(f"- {said}")
        return fine
    return _judged(said, f"at least {SHARE:.0%}", share >= SHARE) and fine


def _judged(said: str, target: str, fine: bool) -> bool:
    """Prints a line with its target. Returns whether it is met."""
    print(f"- {said} (target: {target}){'' if fine else ': MISSED'}")
    return fine


def _spread(milliseconds: list[float]) -> str:
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _show_batches(service: Served) -> None:
    rois, batches = (
        service.metric(f"keras_wa_batch_rois_{name}") for name in ("sum", "count")
    )
    print(f"- mean batch: {rois / batches:.1f} ROIs")


def _memory(service: Served, size: int, requests: int) -> bool:
    found, sent = {}, 0
    for part in (0.1, 0.4, 0.7, 1.0):
        Load(service.port, size, 16, requests=round(part * requests) - sent).run()
        sent = round(part * requests)
        found[sent] = service.megabytes()
    each = ", ".join(f"{held:.0f} MB after {sent}" for sent, held in found.items())
    first, *_, last = found.values()
    return _judged(
        f"memory: {each} further requests, {last - first:+.0f} MB",
        f"at most {GROWTH_MB:g} MB more",
        last - first <= GROWTH_MB,
    )


def _stop(service: Served, size: int) -> bool:
    """Sends SIGTERM under load: every accepted request must be answered."""
    load = Load(service.port, size, FULL)
    ended: list[tuple[int, float]] = []

    def terminate() -> None:
        while len(load.took) < 200:
            time.sleep(0.01)
        ended.append(service.terminate())

    load.run(terminate)
    code, seconds = ended[0]
    return _judged(
        f"SIGTERM with {FULL} clients: exit code {code} after {seconds:.1f} s; "
        f"{len(load.took)} answers, {len(load.errors)} requests without one "
        f"{sorted(set(load.errors))}, {load.refused} clients found nobody afterwards",
        f"0 within {STOP_S:g} s, every request answered",
        code == 0 and seconds <= STOP_S and not load.errors,
    )


if __name__ == "__main__":
    main()
