"""Runs all comparisons and writes one page of results.

    python -m benchmarks.run

The page is `benchmarks/results/<date>-<machine>.md`; what is not installed is left out
(`pip install -e '.[bench]'`). It takes about twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path

from keras_wa.cores import usable_cores
from keras_wa.files import replacing

MODULES = (
    *("training_step", "memory", "gates", "serving", "dwt", "clahe", "optimizer"),
    *("input_pipeline", "waiting", "phantom", "prepare", "evaluation", "service"),
    *("mammogram",),
)
_PACKAGES = (
    *("keras_wa", "tensorflow", "keras", "torch", "ptwt", "pytorch-wavelets"),
    *("tensorflow-wavelets", "onnxruntime", "tf2onnx", "opencv-python-headless"),
    *("pydicom", "scikit-learn", "numpy", "fastapi", "uvicorn"),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    args = parser.parse_args()
    pages = [_head()]
    for module in MODULES:
        print(f"benchmarks.{module}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", f"benchmarks.{module}"]
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        text = ran.stdout or f"\n### {module}\n\nnot run\n"
        if "###" not in text:
            text = f"\n### {module}\n\n{_as_list(text)}"
        pages.append(text)
    args.out.mkdir(parents=True, exist_ok=True)
    today = datetime.date.today().isoformat()
    path = args.out / f"{today}-{platform.machine()}-{usable_cores()}-cores.md"
    with replacing(path) as partial:
        partial.write_text("".join(pages), encoding="utf-8")
    print(path)


def _as_list(lines: str) -> str:
    return "".join(f"- {line}\n" for line in lines.splitlines())


def _head() -> str:
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return (
        f"# Benchmarks, {datetime.date.today().isoformat()}\n\n"
        "`python -m benchmarks.run`: medians over fresh processes in turns; below 1 in "
        "a column `ours / it` we take less.\n\n"
        f"{_processor()}, {usable_cores()} cores, Python {platform.python_version()}; "
        f"{', '.join(versions)}.\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
