"""What is compared, read from a line."""

from __future__ import annotations

import pytest

from keras_wa.comparison.systems import System, parse_systems
from keras_wa.errors import UserError


def test_a_line_becomes_systems_with_their_own_options_and_settings() -> None:
    first, second = parse_systems(
        "resnet50:stem_stride=2:learning_rate=1e-4, wa_resnet50:wavelet=db2"
    )
    assert first == System(
        "resnet50:stem_stride=2:learning_rate=1e-4",
        "resnet50",
        {"stem_stride": 2},
        {"learning_rate": 1e-4},
    )
    assert second == System(
        "wa_resnet50:wavelet=db2", "wa_resnet50", {"wavelet": "db2"}
    )


def test_shared_options_apply_where_the_model_knows_them() -> None:
    shared = {"model_options": {"stem_stride": 1, "wavelet": "db2"}, "epochs": 3}
    plain, own = parse_systems("resnet50,wa_resnet50:stem_stride=2")
    assert plain.config(shared).model_options == {"stem_stride": 1}
    assert own.config(shared).model_options == {"stem_stride": 2, "wavelet": "db2"}
    assert own.config(shared).epochs == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "--models names no model"),
        ("resnet5", "did you mean 'resnet50'?"),
        ("resnet50,resnet50", "names 'resnet50' more than once"),
        ("resnet50:stem_stride", "Received: 'stem_stride'; expected KEY=VALUE"),
        ("resnet50:wavelet=db2", "Received: 'wavelet'; expected an option of resnet50"),
        ("resnet50:epochs=3", "Received: 'epochs'; expected an option of resnet50"),
    ],
)
def test_a_mistake_is_named(line: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected.replace("?", r"\?")):
        parse_systems(line)


def test_a_setting_of_the_wrong_type_names_the_system() -> None:
    (system,) = parse_systems("resnet50:learning_rate=fast")
    with pytest.raises(UserError, match="system resnet50:learning_rate=fast"):
        system.config({})
