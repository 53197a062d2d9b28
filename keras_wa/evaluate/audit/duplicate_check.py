"""Checks for duplicates across parts of the split and across patients."""

from __future__ import annotations

from typing import Any

from keras_wa.evaluate.audit.findings import CheckResult, Group, Verdict
from keras_wa.evaluate.audit.perceptual_hash import SYMMETRIES
from keras_wa.evaluate.audit.same_images import Copies, as_group, linked
from keras_wa.evaluate.text import count

_LISTED = 200
_TITLE = "The same image more than once"
_WORST_FIRST: tuple[Verdict, ...] = ("error", "warning", "note")

_ADVICE = {
    "error": "Leave the copies out, or give them one patient, so that the split keeps "
    "them together: what is tested on must not be trained on.",
    "warning": "Leave the copies out, or give them one patient: another split may tear "
    "them apart, and one of the patients may be the wrong one.",
    "note": "",
}


def check_duplicates(copies: Copies) -> CheckResult:
    """Checks for duplicates.

    A group is an error if it is in more than one part of the split, a warning if it has
    more than one patient of the same part, and a note within a patient, where windows
    of one mammogram may overlap.

    Args:
        copies: the duplicates.

    Returns:
        The finding, with the groups, the worst first.
    """
    cases = copies.cases
    near = copies.pairs[~copies.pairs["identical"]]
    groups = [as_group(cases, rows, "identical") for rows in copies.identical]
    groups += [as_group(cases, rows, "near") for rows in linked(near, len(cases))]
    groups.sort(key=lambda group: _WORST_FIRST.index(_verdict(group)))
    names = cases["roi_id"].astype(str).tolist()
    details: dict[str, Any] = {
        "rois": len(cases),
        "files_compared": copies.files,
        "near_pairs": [
            {
                "rois": [names[first], names[second]],
                "the_second_is": SYMMETRIES[symmetry],
                "correlation": round(correlation, 3),
            }
            for first, second, symmetry, correlation in zip(
                *(
                    near[column].head(_LISTED).tolist()
                    for column in ("first", "second", "symmetry", "correlation")
                ),
                strict=True,
            )
        ],
    }
    looked = count(len(cases), "ROI")
    sentences = []
    for kind, what in (
        ("identical", "come from files that are byte-identical to another one"),
        ("near", "look like another one, as it is or turned or mirrored"),
    ):
        ours = [group for group in groups if group.kind == kind]
        found = [_verdict(group) for group in ours]
        error, warning, note = (found.count(each) for each in _WORST_FIRST)
        rois = sum(len(group.roi_ids) for group in ours)
        details[kind] = {
            "groups": len(ours),
            "rois": rois,
            "across_parts": error,
            "across_patients": warning,
            "within_a_patient": note,
        }
        if ours:
            sentences.append(
                f"{rois} of {looked} {what}: {count(len(ours), 'group')}, of which "
                f"{error} across parts of the split, {warning} across patients of one "
                f"part and {note} within a patient."
            )
    if not groups:
        return CheckResult(
            "duplicates",
            _TITLE,
            "ok",
            f"No two of {looked} are copies of one another, turned and mirrored ones "
            "included.",
            details=details,
        )
    worst = _verdict(groups[0])
    return CheckResult(
        "duplicates",
        _TITLE,
        worst,
        " ".join(sentences),
        _ADVICE[worst],
        groups=groups,
        details=details,
    )


def _verdict(group: Group) -> Verdict:
    if len(set(group.splits)) > 1:
        return "error"
    return "warning" if len(set(group.patients)) > 1 else "note"
