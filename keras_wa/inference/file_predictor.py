"""Classifying files in several processes, block by block."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_wa.data import ReadOptions
from keras_wa.errors import UserError
from keras_wa.inference.predicting import Prediction, Target, predict_targets

if TYPE_CHECKING:
    from keras_wa.inference.classifier import Classifier


@dataclasses.dataclass
class FilePredictor:
    """A function of files that opens its model when it is first called.

    Attributes:
        model: path of the model, see `open_classifier`.
        find: function that finds the ROIs in files, see `find_targets`.
        options: how to crop the ROI of a box.
        tta: number of rotated and flipped copies of each ROI.
        pixels: whether predictions have the pixels of their ROI.
    """

    model: str
    find: Callable[[Iterable[Target]], Iterable[Target]]
    options: ReadOptions
    tta: int
    pixels: bool = True

    @functools.cached_property
    def classifier(self) -> Classifier:
        """The model."""
        from keras_wa.inference.classifier import open_classifier

        return open_classifier(self.model)

    def __call__(self, files: list[Target]) -> list[list[Prediction]]:
        """Returns the predictions of each file."""
        found: dict[Path, list[Prediction]] = {each.file: [] for each in files}
        targets = self.find(files)
        for each in predict_targets(self.classifier, targets, self.options, self.tta):
            own = each if self.pixels else dataclasses.replace(each, roi=None)
            found[each.target.file].append(own)
        return list(found.values())


def in_order(
    files: Sequence[Target],
    blocks: Iterable[tuple[list[Target], list[Any]]],
) -> Iterator[Prediction]:
    """Yields predictions in the order of the files.

    Args:
        files: the files.
        blocks: files with their predictions, in any order; a `UserError` instead of
            those of a file becomes a prediction with that error.
    """
    ended: dict[Path, list[Prediction]] = {}
    left = iter(files)
    following = next(left, None)
    for block, results in blocks:
        for target, result in zip(block, results, strict=True):
            if isinstance(result, UserError):
                result = [Prediction(target, error=f"{target.file}: {result}")]
            ended[target.file] = result
        while following is not None and following.file in ended:
            yield from ended.pop(following.file)
            following = next(left, None)
