"""Every number of every setting has a range, and nothing outside it passes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args, get_type_hints

import pytest

from keras_wa.cli import main
from keras_wa.data import ReadOptions
from keras_wa.data.pipeline.augmentation import Augmentation
from keras_wa.data.pipeline.rois import Enhancement
from keras_wa.errors import UserError
from keras_wa.phantom import PhantomSpec
from keras_wa.ranges import Range
from keras_wa.server.limits import ServerSettings
from keras_wa.settings import Settings, range_of, real, same, whole
from keras_wa.training.config import TrainConfig

RECORDS = (
    TrainConfig,
    PhantomSpec,
    ReadOptions,
    Augmentation,
    Enhancement,
    ServerSettings,
)


def _numbers() -> list[tuple[type, str]]:
    """Every field of every record that takes a number."""
    found = []
    for record in RECORDS:
        for name, hint in get_type_hints(record).items():
            if {int, float} & set(get_args(hint) or (hint,)):
                found.append((record, name))
    return found


def _outside(range_: Range) -> list[Any]:
    """What is no finite number, and the nearest numbers on either side."""
    low: float = range_.low - 1 if range_.whole else math.nextafter(range_.low, -1e300)
    high = range_.high + 1 if range_.whole else math.nextafter(range_.high, math.inf)
    if range_.above:
        low = range_.low
    return [math.nan, math.inf, -math.inf, low, high, 10**400, -(10**400), True, "1"]


@pytest.mark.parametrize(
    ("record", "field"), _numbers(), ids=lambda each: getattr(each, "__name__", each)
)
def test_every_number_of_every_setting_refuses_what_is_outside(
    record: type, field: str
) -> None:
    # A field without a range fails here.
    for value in _outside(range_of(record, field)):
        with pytest.raises(UserError, match="must be") as caught:
            record(**{field: value})
        assert str(caught.value).startswith(f"`{field}` must be")


def test_the_fields_are_those_that_are_meant() -> None:
    assert len(_numbers()) == 30 + 5 + 3 + 7 + 2 + 7
    assert (ServerSettings, "timeout") in _numbers()
    assert (TrainConfig, "augment") not in _numbers()


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (TrainConfig, {"learning_rate": 1e39}),
        (TrainConfig, {"batch_size": 10**30}),
        (TrainConfig, {"model_options": {"se_ratio": 10**30}}),
        (TrainConfig, {"model_options": {"gate_bias": 1e39}}),
        (ServerSettings, {"wait_ms": 1e300}),
        (ServerSettings, {"timeout": 1e300}),
    ],
)
def test_no_range_is_wider_than_what_can_be_computed(
    record: type, values: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match="must be"):
        record(**values)


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        (Range(1, 8, whole=True), [1, 8], [0, 9, 1.0, True, None, "1"]),
        (Range(0, 1, above=True), [5e-324, 1], [0, -0.0, 1.0000001, False]),
        (Range(0, 1, below=True), [0, 0.999999], [1, 1.0, -5e-324]),
        (Range(), [-1.7e308, 0, 10**300], [math.inf, math.nan, 10**400]),
        (Range(0, whole=True), [0, 10**300], [-1, 10**400]),
    ],
)
def test_limits_belong_to_the_range_unless_left_out(
    range_: Range, inside: list[Any], outside: list[Any]
) -> None:
    assert [each for each in inside if each not in range_] == []
    assert [each for each in outside if each in range_] == []


@pytest.mark.parametrize(
    ("range_", "value", "expected"),
    [
        (Range(1, 8, whole=True), 9, "x must be 1 to 8. Received: 9"),
        (Range(1, 8, whole=True), 2.5, "a whole number, 1 to 8. Received: 2.5"),
        (Range(0, 1), "a", "x must be a number, 0 to 1. Received: 'a'"),
        (Range(0, above=True), math.nan, "x must be above 0. Received: nan"),
        (Range(0, above=True), math.inf, "x must be finite. Received: inf"),
        (Range(0, 0.5, above=True), 1.0, "x must be above 0 and at most 0.5."),
        (Range(0, 1, below=True), 1.0, "x must be at least 0 and below 1."),
        (Range(), -math.inf, "x must be finite. Received: -inf"),
    ],
)
def test_the_message_says_what_is_wanted(
    range_: Range, value: Any, expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        range_.check("x", value)
    assert expected in str(caught.value)


@dataclasses.dataclass
class One(Settings):
    some: int | None = whole(None, 1, 5)
    share: float = real(0.5, 0, 1)


@dataclasses.dataclass
class Two(Settings):
    portion: float = same(One, "share")


def test_a_field_that_may_be_left_out_and_one_declared_elsewhere() -> None:
    One()
    assert Two().portion == 0.5
    with pytest.raises(
        UserError, match=r"`portion` must be a number, 0 to 1\. Received: None"
    ):
        Two(None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"`some` must be 1 to 5\. Received: 6"):
        One(6)


COUNTS = [
    ("evaluate", ["run"], "resamples"),
    ("compare", [], "seeds"),
    ("compare", [], "resamples"),
    ("enhance", [], "n"),
    ("enhance", [], "resamples"),
    ("explain", ["run"], "n"),
    ("explain", ["run"], "patch"),
    ("explain", ["run"], "stride"),
    ("explain", ["run"], "random"),
    ("explain", ["run"], "tolerance"),
    ("dashboard", [], "port"),
    ("dashboard", [], "embeddings"),
    ("predict", ["model", "x.png"], "tta"),
    ("predict", ["model", "x.png"], "most"),
    ("predict", ["model", "x.png"], "pixel-spacing"),
    ("audit", [], "limit-images"),
    ("audit", [], "resamples"),
    ("audit", [], "seed"),
    ("models", [], "image-size"),
    ("download", ["cbis-ddsm"], "workers"),
    ("download", ["cbis-ddsm"], "limit-patients"),
    ("phantom", [], "rois"),
]


@pytest.mark.parametrize(("command", "words", "flag"), COUNTS)
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e400", "", "1" + 400 * "0"])
def test_a_flag_outside_its_range_is_named_and_nothing_is_written(
    command: str,
    words: list[str],
    flag: str,
    value: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, *words, f"--{flag}={value}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --{flag} must be ")
    assert f"Received: {value}. See: keras-wa {command} --help" in line
    assert list(tmp_path.iterdir()) == []
