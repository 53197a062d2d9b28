"""Measures how many ROIs of 224x224 the phantom draws per second, in full detail.

python -m benchmarks.phantom
"""

from __future__ import annotations

from benchmarks.compare import Times, compare, print_table, timed

_ROIS = 200


def keras_wa() -> Times:
    from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois

    spec = PhantomSpec(size=224)
    cases = phantom_cases(spec, n=_ROIS)
    times = timed(lambda: render_rois(spec, cases), 4, warm_up=1)
    return {"an ROI": [each / _ROIS for each in times]}


if __name__ == "__main__":
    found = compare("benchmarks.phantom", {"keras_wa": keras_wa})
    if found is not None:
        print_table("Phantom", found, "keras_wa")
