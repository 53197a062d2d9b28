"""Checks of duplicates: across parts of the split, across patients, across labels."""

from __future__ import annotations

from keras_wa.evaluate.audit.findings import CheckResult, Group, Verdict
from keras_wa.evaluate.audit.perceptual_hash import SYMMETRIES
from keras_wa.evaluate.audit.same_images import Copies, as_group, linked
from keras_wa.evaluate.text import count

DUPLICATES = ("duplicates", "The same image more than once")
CONFLICTS = ("label conflicts", "The same image under two labels")

_LISTED = 200
_WORST_FIRST: tuple[Verdict, ...] = ("error", "warning", "note")
_KINDS = {
    "identical": "come from files that are byte-identical to another one",
    "near": "look like another one, possibly rotated or mirrored",
}
_ADVICE = {
    "error": "Leave the copies out, or give them one patient, so that the split keeps "
    "them together: test images must not be in training.",
    "warning": "Leave the copies out, or give them one patient: another split may "
    "separate them, and one of the patients may be wrong.",
    "note": "",
}


def check_duplicates(copies: Copies) -> CheckResult:
    """Checks for duplicates; the finding has the groups, the worst first.

    A group is an error if it is in more than one part of the split, a warning if it has
    more than one patient of the same part, and a note within a patient, where windows
    of one mammogram may overlap.
    """
    cases = copies.cases
    near = copies.pairs[~copies.pairs["identical"]]
    groups = [as_group(cases, rows, "identical") for rows in copies.identical]
    groups += [as_group(cases, rows, "near") for rows in linked(near, len(cases))]
    groups.sort(key=lambda group: _WORST_FIRST.index(_verdict(group)))
    names = cases["roi_id"].astype(str).tolist()
    details = {
        "rois": len(cases),
        "files_compared": copies.files,
        "near_pairs": [
            {
                "rois": [names[pair["first"]], names[pair["second"]]],
                "the_second_is": SYMMETRIES[pair["symmetry"]],
                "correlation": round(pair["correlation"], 3),
            }
            for pair in near.head(_LISTED).to_dict("records")
        ],
    }
    looked = count(len(cases), "ROI")
    sentences = []
    for kind, what in _KINDS.items():
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
        sentence = (
            f"No two of {looked} are copies of one another, turned and mirrored ones "
            "included."
        )
        return CheckResult(*DUPLICATES, "ok", sentence, details=details)
    worst = _verdict(groups[0])
    return CheckResult(
        *DUPLICATES,
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


def check_conflicts(copies: Copies) -> CheckResult:
    """Checks for equal images with different labels.

    It is an error for copies of a file, a warning for images that look alike, and a
    note for neighbouring windows in one file. A mammogram may have lesions of both
    labels, so only the windows of the ROIs are compared.
    """
    labels = copies.cases["label"].to_numpy(int)
    first, second = (copies.pairs[name].to_numpy(int) for name in ("first", "second"))
    conflicting = copies.pairs[labels[first] != labels[second]]
    neighbours = conflicting[conflicting["one_file"]]
    identical = conflicting[conflicting["identical"]]
    near = conflicting[~conflicting["identical"] & ~conflicting["one_file"]]
    verdict: Verdict = "ok"
    sentence, advice = "No image has both labels.", ""
    if len(identical) or len(near):
        verdict = "error" if len(identical) else "warning"
        sentence = (
            f"{count(len(identical) + len(near), 'pair')} of ROIs that show the same "
            f"have different labels, {len(identical)} of them from byte-identical "
            "files: one of the two labels must be wrong."
        )
        advice = "Inspect them, and correct the labels or leave both out."
    elif len(neighbours):
        verdict = "note"
        sentence = (
            f"{count(len(neighbours), 'pair')} of ROIs cut from one file show nearly "
            "the same part of it and have different labels, as lesions side by side "
            "may."
        )
        advice = "Cut smaller windows if there are many of them."
    return CheckResult(
        *CONFLICTS,
        verdict,
        sentence,
        advice,
        groups=[
            as_group(copies.cases, rows, kind)
            for kind, pairs in (("identical", identical), ("near", near))
            for rows in linked(pairs, len(labels))
        ],
        details={
            "identical_pairs": len(identical),
            "near_pairs": len(near),
            "pairs_in_one_file": len(neighbours),
        },
    )
