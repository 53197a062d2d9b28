"""Settings and limits of the service."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import ClassVar

from keras_wa.errors import UserError
from keras_wa.settings import Settings, real, setting, whole

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclasses.dataclass(frozen=True)
class ServerSettings(Settings):
    """The settings and limits of the service.

    Raises:
        UserError: a value is out of its range, or the host needs a token.
    """

    title: ClassVar[str] = "service"

    host: str = setting(
        "127.0.0.1", help="address to listen on; 127.0.0.1 is this machine"
    )
    port: int = whole(8501, 0, 2**16 - 1, help="TCP port; 0 for any free one")
    token: str = setting(
        "",
        help="token that each request must send, 'Authorization: Bearer TOKEN'; or set "
        "KERAS_WA_TOKEN, which other users of the machine cannot see. A host that "
        "other machines can reach needs one (default: none)",
    )
    max_megabytes: float = real(
        64, 0, 2**20, above=True, metavar="MB", help="maximum size of a request"
    )
    max_pixels: int = whole(
        2**26, 1, help="maximum number of pixels of an image, height times width"
    )
    timeout: float = real(
        30,
        0,
        86_400,
        above=True,
        metavar="SECONDS",
        help="time limit from a request's arrival to its response",
    )
    concurrency: int = whole(128, 1, help="maximum number of predictions at once")
    batch: int = whole(32, 1, help="maximum number of ROIs in a batch")
    wait_ms: float = real(
        1,
        0,
        60_000,
        metavar="MS",
        help="how long the first ROI of a batch waits for others",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(not "!" <= letter <= "~" for letter in self.token):
            raise UserError(
                "`token`. Received: white space or characters beyond ASCII; "
                "expected a valid HTTP header value."
            )
        if not self.token and not self.on_loopback:
            raise UserError(
                f"`host={self.host!r}` can be reached from other machines. Received: "
                "no token; expected `token` or KERAS_WA_TOKEN, or `host='127.0.0.1'`."
            )

    @property
    def on_loopback(self) -> bool:
        """Whether the host can be reached from this machine only."""
        if self.host in LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # A host name, which may resolve to another address later.

    @property
    def max_bytes(self) -> int:
        """Maximum size of the body of a request."""
        return int(self.max_megabytes * 2**20)

    @property
    def held_bytes(self) -> int:
        """Maximum size of the bodies of all running requests, which are in memory."""
        return 8 * self.max_bytes

    @property
    def most_waiting(self) -> int:
        """Maximum number of ROIs in the queue, including rotated and flipped copies."""
        return max(4 * self.batch, self.concurrency)
