"""Compares the speed of reading ROIs from mammograms with the decoder alone.

    python benchmarks/prepare.py --data-dir DIR --rois 200

Without `--data-dir` a phantom tree is written first (into a temporary folder, removed
at the end). Each measurement is a process of its own, so that memory is its own, and
each file was read once before, so that the disk does not decide. The decoder alone
decodes every file that preparing needs, once, on the same number of threads: pydicom
(`dcmread` and `pixel_array`), and this package's `open_image`.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from keras_wa.cores import usable_cores


def measure(task: str, root: Path, out: Path) -> dict[str, Any]:
    """Runs one task in this process.

    Returns:
        Seconds, peak memory in MB and number of files or ROIs.
    """
    import resource

    import pydicom

    from keras_wa.data import load_cases
    from keras_wa.data.io import open_image
    from keras_wa.data.pipeline import prepare
    from keras_wa.data.pipeline.reading import WORKERS

    dataset = load_cases("cbis-ddsm", root)
    start = time.perf_counter()
    if task == "prepare":
        count = len(prepare(dataset, out, 224, progress=False).cases)
    else:
        decode = {
            "pydicom": lambda path: pydicom.dcmread(path).pixel_array.size,
            "open_image": lambda path: open_image(path).stored.size,
        }[task]
        names = files_read(out)
        start = time.perf_counter()
        with ThreadPoolExecutor(WORKERS) as pool:
            count = sum(
                size > 0 for size in pool.map(decode, map(root.joinpath, names))
            )
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "memory_mb": memory, "count": count}


def files_read(out: Path) -> list[str]:
    """Returns the source files of the ROIs of the only store below a folder."""
    (facts,) = out.glob("*/facts.jsonl")
    sources = (json.loads(line)["sources"] for line in facts.open(encoding="utf-8"))
    return sorted({name for each in sources for name in each})


def in_process(task: str, root: Path, out: Path) -> dict[str, Any]:
    """Runs one task in a fresh process."""
    result = subprocess.run(
        _command(task, root, out), check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(result.stdout.splitlines()[-1])


def kill_and_resume(root: Path, out: Path, rois: int) -> None:
    """Starts to prepare, kills the process halfway, and lets another one finish."""
    process = subprocess.Popen(
        _command("prepare", root, out), stdout=subprocess.DEVNULL
    )
    done = 0
    while done < rois / 2 and process.poll() is None:
        time.sleep(0.05)
        for journal in out.glob("*/journal.jsonl"):
            done = sum(1 for line in journal.open() if line.strip())
    process.send_signal(signal.SIGKILL)
    process.wait()
    print(f"killed with {done} of {rois} ROIs done", flush=True)
    in_process("prepare", root, out)


def content(out: Path) -> dict[str, bytes]:
    """Returns the files of the only store below a folder."""
    (store,) = out.iterdir()
    return {path.name: path.read_bytes() for path in sorted(store.iterdir())}


def _command(task: str, root: Path, out: Path) -> list[str]:
    return [sys.executable, __file__, "--task", task, str(root), str(out)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="a copy of CBIS-DDSM")
    parser.add_argument("--rois", type=int, default=200, help="of the phantom")
    parser.add_argument("--height", type=int, default=2000)
    parser.add_argument("--width", type=int, default=1500)
    parser.add_argument("--compress", default="rle", help="rle or none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--task", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task:
        task, root, out = args.task
        print(json.dumps(measure(task, Path(root), Path(out))))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = args.data_dir or Path(folder, "cbis-ddsm")
        if args.data_dir is None:
            from keras_wa.data.phantom_tree.phantom_lists import phantom_case_lists
            from keras_wa.data.phantom_tree.phantom_tree import write_phantom_tree
            from keras_wa.phantom import PhantomSpec

            write_phantom_tree(
                root,
                phantom_case_lists(PhantomSpec(), args.rois),
                PhantomSpec(),
                image_shape=(args.height, args.width),
                compress=args.compress,
            )
        first = Path(folder, "first")
        in_process("prepare", root, first)
        ratios = []
        for index in range(args.rounds):
            seconds = {
                task: in_process(task, root, first)["seconds"]
                for task in ("pydicom", "open_image")
            }
            whole = in_process("prepare", root, Path(folder, f"out{index}"))
            ratios.append(seconds["open_image"] / whole["seconds"])
            print(
                f"decoder alone: pydicom {seconds['pydicom']:.1f} s, open_image "
                f"{seconds['open_image']:.1f} s; prepare {whole['seconds']:.1f} s for "
                f"{whole['count']} ROIs, {whole['memory_mb']:.0f} MB: "
                f"{ratios[-1]:.0%} of the speed of open_image, "
                f"{seconds['pydicom'] / whole['seconds']:.0%} of pydicom's",
                flush=True,
            )
        again = in_process("prepare", root, Path(folder, "out0"))
        print(f"a second prepare: {again['seconds']:.2f} s", flush=True)
        kill_and_resume(root, Path(folder, "killed"), whole["count"])
        same = content(Path(folder, "killed")) == content(Path(folder, "out0"))
        print(f"killed and resumed: the bytes are {'the same' if same else 'OTHERS'}")
        print(
            f"median: {sorted(ratios)[len(ratios) // 2]:.0%} on {usable_cores()} cores"
        )


if __name__ == "__main__":
    main()
