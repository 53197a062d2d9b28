"""The paper's figures stand where the paper has them."""

from __future__ import annotations

import pytest

from keras_wa.evaluate.compare.published import PUBLISHED_ACCURACY, published_accuracy
from keras_wa.models import list_models


def test_each_published_figure_is_of_a_registered_model() -> None:
    assert set(PUBLISHED_ACCURACY) <= set(list_models())


@pytest.mark.parametrize(
    ("model", "accuracy"), [("wa_resnet50", "96.74"), ("wa_block_resnet50", "")]
)
def test_what_the_paper_does_not_print_is_empty(model: str, accuracy: str) -> None:
    assert published_accuracy(model) == accuracy
