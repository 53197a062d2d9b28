"""Measures how many ROIs of 224x224 the phantom draws per second, in full detail.

python -m benchmarks.phantom
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.compare import Times, compare, print_table, timed_in_turns

_ROIS = 200


def keras_wa() -> Times:
    from keras_wa.phantom import PhantomSpec, phantom_cases, render_rois

    cases = phantom_cases(PhantomSpec(), n=_ROIS)

    def drawing(projected_views: bool) -> Callable[[], object]:
        spec = PhantomSpec(projected_views=projected_views)
        return lambda: render_rois(spec, cases)

    works = {"an ROI": drawing(False), "an ROI, projected views": drawing(True)}
    times = timed_in_turns(works, 4, warm_up=1)
    return {name: [each / _ROIS for each in times[name]] for name in works}


if __name__ == "__main__":
    found = compare("benchmarks.phantom", {"keras_wa": keras_wa})
    if found is not None:
        print_table("Phantom", found, "keras_wa")
