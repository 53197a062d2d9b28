"""What a service is started with is checked before it starts."""

from __future__ import annotations

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


@pytest.mark.parametrize("token", ["a\nb", "Ключ"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(UserError, match=r"`token`\. Received: white space"):
        ServerSettings(token=token)
