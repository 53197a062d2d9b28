"""Checks for equal images with different labels."""

from __future__ import annotations

from keras_wa.evaluate.audit.findings import CheckResult, Verdict
from keras_wa.evaluate.audit.same_images import Copies, as_group, linked
from keras_wa.evaluate.text import count


def check_conflicts(copies: Copies) -> CheckResult:
    """Checks for equal images with different labels.

    A mammogram may have lesions of both labels, so only the windows of the ROIs are
    compared.

    Args:
        copies: the duplicates.

    Returns:
        The finding: an error for copies of a file, a warning for images that look
        alike, a note for neighbouring windows in one file.
    """
    labels = copies.cases["label"].to_numpy(int)
    first, second = (copies.pairs[name].to_numpy(int) for name in ("first", "second"))
    conflicting = copies.pairs[labels[first] != labels[second]]
    neighbours = conflicting[conflicting["one_file"]]
    identical = conflicting[conflicting["identical"]]
    near = conflicting[~conflicting["identical"] & ~conflicting["one_file"]]
    verdict: Verdict = "ok"
    sentence, advice = "No image is there under both labels.", ""
    if len(identical) or len(near):
        verdict = "error" if len(identical) else "warning"
        sentence = (
            f"{count(len(identical) + len(near), 'pair')} of ROIs that show the same "
            f"have different labels, {len(identical)} of them from byte-identical "
            "files: one of the two labels has to be wrong."
        )
        advice = "Look at them, and correct the labels or leave both out."
    elif len(neighbours):
        verdict = "note"
        sentence = (
            f"{count(len(neighbours), 'pair')} of ROIs cut from one file show nearly "
            "the same part of it and have different labels, as lesions side by side "
            "may."
        )
        advice = "Cut smaller windows if there are many of them."
    return CheckResult(
        "label conflicts",
        "The same image under two labels",
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
