"""What a service is started with is checked before it starts."""

from __future__ import annotations

from typing import Any

import pytest

from keras_wa.errors import UserError
from keras_wa.server.limits import ServerSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    assert ServerSettings(host=host).on_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])
def test_where_others_can_come_a_token_is_needed(host: str) -> None:
    with pytest.raises(UserError, match=r"expected `token` or KERAS_WA_TOKEN"):
        ServerSettings(host=host)
    assert ServerSettings(host=host, token="secret").token == "secret"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"batch": 0}, "`batch` must be at least 1. Received: 0"),
        ({"max_pixels": 0}, "`max_pixels` must be at least 1"),
        ({"concurrency": -1}, "`concurrency` must be at least 1"),
        ({"max_megabytes": 0}, "`max_megabytes` must be above 0"),
        (
            {"timeout": float("nan")},
            "`timeout` must be above 0 and at most 86400. Received: nan",
        ),
        ({"wait_ms": -1}, "`wait_ms` must be at least 0"),
        ({"port": 70000}, "`port` must be 0 to 65535"),
        ({"token": "a\nb"}, "`token`. Received: white space"),
        ({"token": "Ключ"}, "`token`. Received: white space"),
    ],
)
def test_a_value_out_of_its_range_is_named(values: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected.replace(".", r"\.")):
        ServerSettings(**values)
