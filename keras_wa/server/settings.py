"""How much a service takes on, and from whom."""

from __future__ import annotations

import dataclasses
import ipaddress

from keras_wa.errors import UserError
from keras_wa.ranges import check_ranges, real, whole

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a service is started with.

    Attributes:
        host: name or address that it listens on.
        port: of TCP; 0 is any that is free.
        token: that a request has to bring; `""` lets in all who reach the host, which
            has to be this machine's own loopback then.
        max_megabytes: size of a request's body, 2**20 bytes each.
        max_pixels: of an image, before it is decoded.
        timeout_s: from a request's arrival to its answer.
        concurrency: predictions under way at once.
        batch: ROIs that the network sees at once.
        wait_ms: how long the first ROI of a batch waits for others.

    Raises:
        UserError: a value is out of its range, or the host needs a token.
    """

    host: str = "127.0.0.1"
    port: int = whole(8501, 0, 2**16 - 1)
    token: str = ""
    max_megabytes: float = real(64, 0, 2**20, above=True)
    max_pixels: int = whole(2**26, 1)
    timeout_s: float = real(30, 0, 86_400, above=True)
    concurrency: int = whole(128, 1)
    batch: int = whole(32, 1)
    wait_ms: float = real(1, 0, 60_000)

    def __post_init__(self) -> None:
        check_ranges(self)
        if any(not "!" <= letter <= "~" for letter in self.token):
            raise UserError(
                "`token`. Received: white space or characters beyond ASCII; "
                "expected what an HTTP header can carry."
            )
        if not self.token and not self.on_loopback:
            raise UserError(
                f"`host={self.host!r}` can be reached from other machines. Received: "
                "no token; expected `token` or KERAS_WA_TOKEN, or `host='127.0.0.1'`."
            )

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the host."""
        if self.host in LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # A name: where it leads to may change.

    @property
    def max_bytes(self) -> int:
        """Of a request's body."""
        return int(self.max_megabytes * 2**20)

    @property
    def held_bytes(self) -> int:
        """Of the bodies of all requests that are under way, which are in memory."""
        return 8 * self.max_bytes

    @property
    def most_waiting(self) -> int:
        """ROIs, turned and mirrored copies counted, that wait for the network."""
        return max(4 * self.batch, self.concurrency)
