"""How much a service takes on, and from whom."""

from __future__ import annotations

import dataclasses
import ipaddress
import math

from keras_wa.errors import UserError

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
    port: int = 8501
    token: str = ""
    max_megabytes: float = 64
    max_pixels: int = 2**26
    timeout_s: float = 30
    concurrency: int = 128
    batch: int = 32
    wait_ms: float = 1

    def __post_init__(self) -> None:
        for name in ("max_pixels", "concurrency", "batch"):
            if getattr(self, name) < 1:
                raise UserError(
                    f"{_flag(name)} must be at least 1. Received: {getattr(self, name)}"
                )
        for name in ("max_megabytes", "timeout_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise UserError(f"{_flag(name)} must be above 0. Received: {value}")
        if not (math.isfinite(self.wait_ms) and self.wait_ms >= 0):
            raise UserError(f"--wait-ms must be at least 0. Received: {self.wait_ms}")
        if not 0 <= self.port < 2**16:
            raise UserError(f"--port must be 0 to 65535. Received: {self.port}")
        if any(not "!" <= letter <= "~" for letter in self.token):
            raise UserError(
                "--token. Received: white space or characters beyond ASCII; "
                "expected what an HTTP header can carry."
            )
        if not self.token and not self.on_loopback:
            raise UserError(
                f"--host {self.host} can be reached from other machines. Received: no "
                "token; expected --token or KERAS_WA_TOKEN, or --host 127.0.0.1."
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


def _flag(name: str) -> str:
    return f"--{name.removesuffix('_s').replace('_', '-')}"
